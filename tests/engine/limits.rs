//! Permits: the whole way from the attribute to attempts that begin when they may.

use std::time::Duration;

use jobs::{Execution, ExecutionStatus, JobContext, JobError, job};
use jobs_runtime::store::ExecutionRecord;
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::{EngineConfig, Runtime};
use tests::jobs::Blocks;

use super::rates::Paced;
use super::support::{SECOND, Timed, all_end, starts};

/// Takes ten seconds.
#[job(id = "limits.pair", max_concurrent = 2)]
async fn pair(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(10 * SECOND).await;
    Ok(())
}

/// Takes ten seconds, one after the other for each tenant.
#[job(id = "limits.tenant", max_concurrent = (1, per = "tenant"))]
pub(super) async fn tenant(ctx: &JobContext, tenant: String) -> Result<String, JobError> {
    ctx.sleep(10 * SECOND).await;
    Ok(tenant)
}

/// Takes ten seconds, one after the other for each plan; three at a time for `gold`.
#[job(id = "limits.weighted", max_concurrent = (1, per = "plan", weights = ["gold:3"]))]
async fn weighted(ctx: &JobContext, plan: String) -> Result<(), JobError> {
    drop(plan);
    ctx.sleep(10 * SECOND).await;
    Ok(())
}

/// Takes three seconds, three at a time for each plan and nine for `gold`, of which any would use up all the
/// starts that there are: one a second, whoever's they are.
#[job(
    id = "limits.shared",
    max_concurrent = (3, per = "plan", weights = ["gold:3"]),
    rate_limit = "60/min",
    retries = 0,
)]
async fn shared(ctx: &JobContext, plan: String) -> Result<(), JobError> {
    drop(plan);
    ctx.sleep(3 * SECOND).await;
    Ok(())
}

/// Blocks its thread until the file is there.
#[job(id = "limits.stuck", timeout = "1s", retries = 0, max_concurrent = 1)]
fn stuck(gate: std::path::PathBuf) -> Result<(), JobError> {
    while !gate.exists() {
        std::thread::yield_now();
    }
    Ok(())
}

#[tokio::test]
async fn no_more_run_at_once_than_the_attribute_says() {
    let runtime = Timed::start().await;
    let all = runtime
        .client()
        .enqueue_all((0..6).map(|_| Pair::new()))
        .await
        .unwrap();
    all_end(&runtime, &all).await;
    let expected = [0, 0, 10_000, 10_000, 20_000, 20_000];
    assert_eq!(starts(&runtime, &all).await, expected);
}

#[tokio::test]
async fn each_tenant_has_a_place_of_its_own() {
    let runtime = Timed::start().await;
    let tenants = ["a", "a", "a", "b", "c", "b"];
    let all = runtime
        .client()
        .enqueue_all(tenants.map(Tenant::new))
        .await
        .unwrap();
    all_end(&runtime, &all).await;
    let expected = [0, 0, 0, 10_000, 10_000, 20_000];
    assert_eq!(starts(&runtime, &all).await, expected);
}

#[tokio::test]
async fn a_plan_with_a_weight_has_more_places() {
    let runtime = Timed::start().await;
    let mut begun = Vec::new();
    for plan in ["gold", "free"] {
        let all = (0..4).map(|_| Weighted::new(plan));
        begun.push(runtime.client().enqueue_all(all).await.unwrap());
    }
    for all in &begun {
        all_end(&runtime, all).await;
    }
    assert_eq!(starts(&runtime, &begun[0]).await, [0, 0, 0, 10_000]);
    let expected = [0, 10_000, 20_000, 30_000];
    assert_eq!(starts(&runtime, &begun[1]).await, expected);
}

/// Whoever comes to a limit that is common to all stands behind those who have come there, and not behind
/// all who were there to come.
#[tokio::test]
async fn a_backlog_takes_its_share_of_a_common_limit() {
    let runtime = Timed::start().await;
    let enqueue = async |plan: &'static str, count: usize| {
        let all = (0..count).map(|_| Shared::new(plan));
        runtime.client().enqueue_all(all).await.unwrap()
    };
    let gold = enqueue("gold", 150).await;
    let free = enqueue("free", 40).await;
    let late = enqueue("late", 1).await;
    all_end(&runtime, &late).await;
    all_end(&runtime, &free).await;
    all_end(&runtime, &gold).await;
    let begun = async |all: &[Execution<()>], seconds: u64| {
        let mut count = 0;
        for execution in all {
            let record = runtime.record(execution.id()).await;
            let latest = record.created_at.after(Duration::from_secs(seconds));
            count += usize::from(record.started_at.unwrap() <= latest);
        }
        count
    };
    // Before it stand the permits of the others, no more.
    assert_eq!(begun(&late, 15).await, 1);
    // Of what starts, the one has three times as much as the other.
    let (gold, free) = (begun(&gold, 120).await, begun(&free, 120).await);
    assert!(gold + free > 110, "{gold} and {free}");
    assert!((80..=100).contains(&gold), "{gold} and {free}");
}

/// Several workers on one store share the pace and the places.
#[tokio::test]
async fn a_fleet_shares_its_limits() {
    let clock = VirtualClock::new();
    let url = format!(
        "sqlite:{}",
        tempfile::tempdir()
            .unwrap()
            .keep()
            .join("jobs.db")
            .display()
    );
    let mut fleet = Vec::new();
    for _ in 0..3 {
        fleet.push(Timed::on(clock.clone(), Runtime::builder().database(&url)).await);
    }
    let one = &fleet[0];
    let paced = one
        .client()
        .enqueue_all((0..5).map(|_| Paced::new()))
        .await
        .unwrap();
    let pairs = one
        .client()
        .enqueue_all((0..5).map(|_| Pair::new()))
        .await
        .unwrap();
    all_end(one, &paced).await;
    all_end(one, &pairs).await;
    let apart = starts(one, &paced).await;
    assert!(
        apart.windows(2).all(|pair| pair[1] - pair[0] >= 2_000),
        "{apart:?}"
    );
    let begun = starts(one, &pairs).await;
    for (n, at) in begun.iter().enumerate().skip(2) {
        assert!(at - begun[n - 2] >= 10_000, "three at once: {begun:?}");
    }
}

/// In real time: a blocked thread is nothing that a test's clock could see.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_attempt_keeps_its_place_until_its_handler_ends() {
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    let config = EngineConfig {
        grace: Duration::from_millis(50),
        poll: SECOND / 2,
        blocking_concurrency: 4,
        ..EngineConfig::default()
    };
    let runtime = super::runtime_with(config).await;
    let jobs = runtime.client();
    let first = jobs.enqueue(Stuck::new(gate.as_path())).await.unwrap();
    let second = jobs.enqueue(Stuck::new(gate.as_path())).await.unwrap();
    first.result().await.expect_err("it timed out");
    // Its slot is another's, but not its permit: other jobs run, and this one does not.
    let other = jobs.enqueue(Blocks::new(gate.as_path())).await.unwrap();
    let held = async || -> ExecutionRecord { super::record(&runtime, second.id()).await };
    while super::record(&runtime, other.id()).await.status == ExecutionStatus::Queued {
        tokio::task::yield_now().await;
    }
    assert_eq!(held().await.status, ExecutionStatus::Queued);
    let blocked_by = runtime
        .service()
        .explain(second.id())
        .await
        .unwrap()
        .unwrap();
    assert!(
        blocked_by.reason.text.contains(&first.id().to_string()),
        "{}",
        blocked_by.reason.text
    );
    std::fs::write(&gate, "open").unwrap();
    second.result().await.expect("it has the permit now");
}
