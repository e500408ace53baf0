//! Concurrency limits, from the attribute of a job to the start of its attempts.

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
    ctx.sleep(10 * SECOND).await?;
    Ok(())
}

/// Takes ten seconds; one at a time per tenant.
#[job(id = "limits.tenant", max_concurrent = (1, per = "tenant"))]
pub(super) async fn tenant(ctx: &JobContext, tenant: String) -> Result<String, JobError> {
    ctx.sleep(10 * SECOND).await?;
    Ok(tenant)
}

/// Takes ten seconds; one at a time per plan, three for `gold`.
#[job(id = "limits.weighted", max_concurrent = (1, per = "plan", weights = ["gold:3"]))]
async fn weighted(ctx: &JobContext, plan: String) -> Result<(), JobError> {
    drop(plan);
    ctx.sleep(10 * SECOND).await?;
    Ok(())
}

/// Takes three seconds; three at a time per plan, nine for `gold`. The rate allows one start per
/// second over all plans, which a single plan can use up.
#[job(
    id = "limits.shared",
    max_concurrent = (3, per = "plan", weights = ["gold:3"]),
    rate_limit = "60/min",
    retries = 0,
)]
async fn shared(ctx: &JobContext, plan: String) -> Result<(), JobError> {
    drop(plan);
    ctx.sleep(3 * SECOND).await?;
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
async fn max_concurrent_bounds_concurrent_attempts() {
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
async fn each_tenant_has_a_limit_of_its_own() {
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
async fn a_weight_multiplies_the_limit_of_its_key() {
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

/// At a limit that all plans share, a new execution waits behind the waiters of that limit.
/// Executions that wait for their own plan's limit are not before it.
#[tokio::test]
async fn a_backlog_of_one_key_does_not_block_a_shared_limit() {
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
    // Only the executions of the other plans that hold a permit are before it.
    assert_eq!(begun(&late, 15).await, 1);
    // `gold` gets three times as many starts as `free`.
    let (gold, free) = (begun(&gold, 120).await, begun(&free, 120).await);
    assert!(gold + free > 110, "{gold} and {free}");
    assert!((80..=100).contains(&gold), "{gold} and {free}");
}

/// Three workers on one store share the rate and the concurrency limit.
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

/// In real time: a virtual clock cannot see a blocked thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_attempt_retains_its_permit_until_its_handler_returns() {
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
    // Its slot is free but its permit is not: another job runs, this one does not.
    let other = jobs.enqueue(Blocks::new(gate.as_path())).await.unwrap();
    let blocked = async || -> ExecutionRecord { super::record(&runtime, second.id()).await };
    while super::record(&runtime, other.id()).await.status == ExecutionStatus::Queued {
        tokio::task::yield_now().await;
    }
    assert_eq!(blocked().await.status, ExecutionStatus::Queued);
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
