//! Limits: the whole way from the attribute to attempts that begin when they may.

use std::collections::BTreeMap;
use std::time::Duration;

use jobs::{AttemptOutcome, Execution, ExecutionStatus, JobContext, JobError, Priority, job};
use jobs_runtime::store::ExecutionRecord;
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::{EngineConfig, Reason, Runtime, RuntimeBuilder};
use tests::jobs::Blocks;

use super::support::Timed;

const SECOND: Duration = Duration::from_secs(1);

/// Takes ten seconds.
#[job(id = "limits.pair", max_concurrent = 2)]
async fn pair(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(10 * SECOND).await;
    Ok(())
}

/// Takes ten seconds, one after the other for each tenant.
#[job(id = "limits.tenant", max_concurrent = (1, per = "tenant"))]
async fn tenant(ctx: &JobContext, tenant: String) -> Result<String, JobError> {
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

/// Five in any ten seconds.
#[job(id = "limits.paced", rate_limit = "30/min")]
async fn paced() -> Result<(), JobError> {
    Ok(())
}

/// Is told to wait for a minute at its first attempt.
#[job(id = "limits.told", rate_limit = "1/s")]
async fn told(ctx: &JobContext) -> Result<u32, JobError> {
    match ctx.attempt() {
        1 => Err(JobError::rate_limited(60 * SECOND)),
        attempt => Ok(attempt),
    }
}

/// Calls the zoo so many times.
#[job(id = "limits.visits")]
async fn visits(
    ctx: &JobContext,
    calls: u32,
    #[default("zoo")] whom: String,
) -> Result<u32, JobError> {
    for _ in 0..calls {
        ctx.limit(&whom, 1).await?;
    }
    Ok(ctx.attempt())
}

/// Asks the zoo, and is told to come back in ten seconds at its first attempt.
#[job(id = "limits.turned-away")]
async fn turned_away(ctx: &JobContext) -> Result<(), JobError> {
    ctx.limit("zoo", 1).await?;
    match ctx.attempt() {
        1 => Err(JobError::rate_limited(10 * SECOND)),
        _ => Ok(()),
    }
}

/// Takes ten seconds.
#[job(id = "limits.mail", queue = "mail")]
async fn mail(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(10 * SECOND).await;
    Ok(())
}

/// Takes ten seconds.
#[job(id = "limits.heavy", aliases = ["limits.heavy-once"])]
async fn heavy(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(10 * SECOND).await;
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

/// When each began, in milliseconds after the first.
async fn starts<T>(runtime: &Timed, executions: &[Execution<T>]) -> Vec<u64> {
    let mut starts = Vec::new();
    for execution in executions {
        let record = runtime.record(execution.id()).await;
        starts.push(record.started_at.expect("it began").as_millis());
    }
    starts.sort_unstable();
    let first = starts[0];
    starts
        .into_iter()
        .map(|at| u64::try_from(at - first).unwrap())
        .collect()
}

async fn all_end<T: serde::de::DeserializeOwned>(runtime: &Timed, executions: &[Execution<T>]) {
    for execution in executions {
        runtime.result(execution).await.expect("it succeeds");
    }
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

#[tokio::test]
async fn starts_keep_the_pace() {
    let runtime = Timed::start().await;
    let all = runtime
        .client()
        .enqueue_all((0..10).map(|_| Paced::new()))
        .await
        .unwrap();
    all_end(&runtime, &all).await;
    let expected: Vec<_> = (0..10).map(|n| n * 2_000).collect();
    assert_eq!(starts(&runtime, &all).await, expected);
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

#[tokio::test]
async fn who_is_told_to_wait_makes_the_rate_wait() {
    let runtime = Timed::start().await;
    let all = runtime
        .client()
        .enqueue_all((0..2).map(|_| Told::new()))
        .await
        .unwrap();
    all_end(&runtime, &all).await;
    let mut begun = Vec::new();
    for execution in &all {
        let attempts = runtime.record(execution.id()).await.attempts;
        let snoozed = AttemptOutcome::Snoozed;
        assert_eq!(attempts[0].outcome, Some(snoozed));
        begun.extend(
            attempts
                .iter()
                .map(|attempt| attempt.started_at.as_millis() / 1_000),
        );
    }
    begun.sort_unstable();
    let first = begun[0];
    let begun: Vec<_> = begun.iter().map(|at| at - first).collect();
    // The first is told to wait, and so does the second; it is told as well.
    assert_eq!(begun, [0, 60, 61, 121], "{begun:?}");
}

fn with_zoo(count: u32, period: Duration) -> RuntimeBuilder {
    Runtime::builder().limit("zoo", count, period)
}

#[tokio::test]
async fn handlers_take_turns_at_a_limit_of_their_own() {
    let runtime = Timed::build(with_zoo(1, SECOND)).await;
    let before = runtime.clock.passed();
    let all = runtime
        .client()
        .enqueue_all([Visits::new(3_u32), Visits::new(4_u32)])
        .await
        .unwrap();
    all_end(&runtime, &all).await;
    assert_eq!(runtime.clock.passed() - before, 6 * SECOND, "seven calls");
}

#[tokio::test]
async fn a_wait_that_is_too_long_costs_no_attempt_of_the_budget() {
    let runtime = Timed::build(with_zoo(1, 100 * SECOND)).await;
    let first = runtime.enqueue(Visits::new(1_u32)).await;
    assert_eq!(runtime.result(&first).await.ok(), Some(1));
    let before = runtime.clock.passed();
    let second = runtime.enqueue(Visits::new(1_u32)).await;
    assert_eq!(runtime.result(&second).await.ok(), Some(2));
    assert_eq!((runtime.clock.passed() - before).as_secs(), 100);
    let record = runtime.record(second.id()).await;
    let outcomes: Vec<_> = record
        .attempts
        .iter()
        .filter_map(|attempt| attempt.outcome)
        .collect();
    let snoozed = AttemptOutcome::Snoozed;
    assert_eq!(outcomes, [snoozed, AttemptOutcome::Succeeded]);
}

#[tokio::test]
async fn a_limit_that_nobody_set_up_is_named() {
    let runtime = Timed::build(with_zoo(1, SECOND)).await;
    let visits = runtime.enqueue(Visits::new(1_u32).whom("aquarium")).await;
    runtime.result(&visits).await.expect_err("no such limit");
    let error = runtime.record(visits.id()).await.error.expect("it failed");
    assert!(
        error.message.contains("`aquarium`") && error.message.contains("zoo"),
        "{error}"
    );
    assert_eq!(
        runtime.record(visits.id()).await.attempts.len(),
        1,
        "it is permanent"
    );
}

#[tokio::test]
async fn who_is_turned_away_makes_the_others_wait() {
    let runtime = Timed::build(with_zoo(10, SECOND)).await;
    let first = runtime.enqueue(TurnedAway::new()).await;
    runtime.clock.settle().await;
    let before = runtime.clock.passed();
    let visits = runtime.enqueue(Visits::new(1_u32)).await;
    runtime.result(&visits).await.expect("it succeeds");
    assert!(runtime.clock.passed() - before >= 9 * SECOND);
    runtime.result(&first).await.expect("it succeeds");
}

/// Why an execution waits, in a sentence that begins with its code.
async fn why<T>(runtime: &Timed, execution: &Execution<T>) -> String {
    let told = runtime.edge().explain(execution.id()).await.unwrap();
    let reason = told.expect("it exists").reason;
    assert!(
        matches!(reason.reason, Reason::ShareTaken { .. }),
        "{reason:?}"
    );
    reason.text
}

#[tokio::test]
async fn a_queue_has_its_share_of_a_process() {
    let config = EngineConfig {
        concurrency: 8,
        queue_concurrency: BTreeMap::from([("mail".to_owned(), 2)]),
        ..EngineConfig::default()
    };
    let runtime = Timed::with(config).await;
    let mails = runtime
        .client()
        .enqueue_all((0..6).map(|_| Mail::new()))
        .await
        .unwrap();
    let others = runtime
        .client()
        .enqueue_all((0..6).map(|_| Heavy::new()))
        .await
        .unwrap();
    runtime.clock.settle().await;
    let told = why(&runtime, &mails[5]).await;
    assert!(told.contains("gives queue `mail` 2 at a time"), "{told}");
    all_end(&runtime, &mails).await;
    all_end(&runtime, &others).await;
    let expected = [0, 0, 10_000, 10_000, 20_000, 20_000];
    assert_eq!(starts(&runtime, &mails).await, expected);
    assert_eq!(
        starts(&runtime, &others).await,
        [0; 6],
        "the other slots are theirs"
    );
}

/// Where twelve urgent ones take ten seconds each, when something begins that is of no urgency.
async fn waits_behind_urgent_ones(ageing: BTreeMap<String, Duration>) -> Duration {
    let config = EngineConfig {
        concurrency: 1,
        ageing,
        ..EngineConfig::default()
    };
    let runtime = Timed::with(config).await;
    let client = runtime.client();
    let mut urgent = Vec::new();
    for _ in 0..6 {
        let enqueue = client.enqueue(Mail::new()).priority(Priority::High);
        urgent.push(enqueue.await.unwrap());
    }
    let enqueue = client.enqueue(Mail::new()).priority(Priority::Low);
    let last = enqueue.await.unwrap();
    for _ in 0..6 {
        let enqueue = client.enqueue(Mail::new()).priority(Priority::High);
        urgent.push(enqueue.await.unwrap());
    }
    all_end(&runtime, &urgent).await;
    runtime.result(&last).await.expect("it succeeds");
    let record = runtime.record(last.id()).await;
    let began = record.started_at.expect("it began").as_millis() - record.run_at.as_millis();
    Duration::from_millis(u64::try_from(began).unwrap())
}

#[tokio::test]
async fn what_is_urgent_goes_first_however_long_the_rest_waits() {
    let waited = waits_behind_urgent_ones(BTreeMap::new()).await;
    assert_eq!(waited, 120 * SECOND);
}

#[tokio::test]
async fn what_has_waited_for_its_queues_age_goes_first() {
    let age = BTreeMap::from([("mail".to_owned(), 55 * SECOND)]);
    let waited = waits_behind_urgent_ones(age).await;
    // Found within a tenth of the age, claimed when the next slot is free; the one behind the running one
    // may have been claimed ahead.
    assert!(waited >= 60 * SECOND && waited <= 80 * SECOND, "{waited:?}");
    let other = BTreeMap::from([("other".to_owned(), SECOND)]);
    assert_eq!(waits_behind_urgent_ones(other).await, 120 * SECOND);
}

#[tokio::test]
async fn a_job_has_its_share_of_a_process() {
    let builder = Runtime::builder()
        .concurrency(8)
        .job_concurrency("limits.heavy", 1);
    let runtime = Timed::build(builder).await;
    let heavy = runtime
        .client()
        .enqueue_all((0..3).map(|_| Heavy::new()))
        .await
        .unwrap();
    let mails = runtime
        .client()
        .enqueue_all((0..3).map(|_| Mail::new()))
        .await
        .unwrap();
    runtime.clock.settle().await;
    let told = why(&runtime, &heavy[2]).await;
    assert!(told.contains("gives its job 1 at a time"), "{told}");
    all_end(&runtime, &heavy).await;
    all_end(&runtime, &mails).await;
    assert_eq!(starts(&runtime, &heavy).await, [0, 10_000, 20_000]);
    assert_eq!(starts(&runtime, &mails).await, [0; 3]);
}

#[tokio::test]
async fn limits_that_cannot_be_kept_stop_the_start() {
    let refused = async |builder: RuntimeBuilder, hint: &str| {
        let error = builder.database("sqlite::memory:").start().await;
        let error = error.expect_err("refused").to_string();
        assert!(error.contains(hint), "{error}");
    };
    refused(
        Runtime::builder().job_concurrency("limits.heavi", 1),
        "limits.heavi",
    )
    .await;
    refused(
        Runtime::builder().job_concurrency("limits.heavy", 0),
        "from 1",
    )
    .await;
    refused(Runtime::builder().queue_concurrency("mail", 0), "from 1").await;
    let ageless = Runtime::builder().ageing("mail", Duration::ZERO);
    refused(ageless, "a time to wait").await;
    refused(with_zoo(0, SECOND), "zoo").await;
    refused(with_zoo(1, Duration::ZERO), "zoo").await;
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
    let obstacle = runtime.edge().explain(second.id()).await.unwrap().unwrap();
    assert!(
        obstacle.reason.text.contains(&first.id().to_string()),
        "{}",
        obstacle.reason.text
    );
    std::fs::write(&gate, "open").unwrap();
    second.result().await.expect("it has the permit now");
}
