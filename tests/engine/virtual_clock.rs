//! Delays, retries, timeouts and leases on a virtual clock: the real engine on the real store.

use std::sync::Arc;
use std::time::Duration;

use jobs::{AttemptOutcome, Clock, ExecutionStatus, JobContext, JobError, job};
use jobs_runtime::store::{Renewal, SessionInfo, Store};
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::{EngineConfig, Entropy, RetentionSettings, Runtime};

use tests::jobs::Interval;

use super::record;
use super::support::{another_worker, first_claim};
use super::transactions::Application;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Fails once a day for a year, with jitter.
#[job(id = "time.yearly", timeout = "1h", retries = exponential(base = "1d", factor = 1, max = "1d", count = 365, jitter = 0.2))]
async fn yearly(ctx: &JobContext, fails: u32) -> Result<u32, JobError> {
    match ctx.attempt() {
        attempt if attempt > fails => Ok(attempt),
        // Every third attempt takes too long, the others fail at once.
        attempt if attempt.is_multiple_of(3) => {
            ctx.sleep(2 * HOUR).await?;
            Err("interrupted".into())
        }
        _ => Err("not today".into()),
    }
}

/// Exceeds its time limit and ignores its cancellation.
#[job(id = "time.deaf", timeout = "1h", retries = 0)]
async fn deaf(ctx: &JobContext) -> Result<(), JobError> {
    let forever = std::future::pending::<()>();
    let _ = ctx;
    forever.await;
    Ok(())
}

async fn runtime(clock: &Arc<VirtualClock>, seed: u64) -> Runtime {
    runtime_on(clock, seed, None).await
}

async fn runtime_on(
    clock: &Arc<VirtualClock>,
    seed: u64,
    store: Option<Arc<dyn Store>>,
) -> Runtime {
    let config = EngineConfig {
        // Long intervals, so that a year has few wake-ups.
        lease: 30 * DAY,
        poll: 10 * DAY,
        schedule_poll: 10 * DAY,
        worker: "test".to_owned(),
        ..EngineConfig::default()
    };
    let builder = Runtime::builder()
        .clock(clock.clone())
        .entropy(Entropy::seeded(seed))
        .scheduler(false)
        .retention(RetentionSettings::default().default_of(None, 1_000 * DAY))
        .engine(config);
    let builder = match store {
        Some(store) => builder.store(store),
        None => builder.database("sqlite::memory:"),
    };
    builder.start().await.expect("the runtime starts")
}

/// The attempts of several executions over a year, as text.
async fn history(seed: u64) -> String {
    let clock = VirtualClock::new();
    let runtime = runtime(&clock, seed).await;
    let mut executions = Vec::new();
    for fails in [0, 1, 100, 340, 400] {
        let enqueue = runtime
            .client()
            .enqueue(Yearly::new(fails))
            .delay(HOUR * fails);
        executions.push(enqueue.await.expect("accepted"));
    }
    clock.advance(500 * DAY).await;
    let mut history = String::new();
    for execution in executions {
        let record = record(&runtime, execution.id()).await;
        history.push_str(&format!("{} {}\n", record.id, record.status));
        for attempt in &record.attempts {
            history.push_str(&format!(
                "  {} {} {} {:?} {:?}\n",
                attempt.number,
                attempt.outcome.expect("it ended"),
                attempt.started_at,
                attempt.finished_at,
                attempt.retry_at,
            ));
        }
    }
    history
}

#[tokio::test]
async fn a_year_of_retries_is_the_same_twice() {
    let (first, again) = (history(7).await, history(7).await);
    assert_eq!(first, again);
    assert_eq!(
        first
            .lines()
            .filter(|line| line.contains(" timed_out "))
            .count(),
        33 + 113 + 122
    );
    assert_eq!(
        first
            .lines()
            .filter(|line| line.ends_with(" succeeded"))
            .count(),
        4
    );
    assert_eq!(
        first
            .lines()
            .filter(|line| line.ends_with(" failed"))
            .count(),
        1
    );
    assert_ne!(first, history(8).await, "another seed yields other delays");
}

#[tokio::test]
async fn a_delay_ends_at_its_moment() {
    let clock = VirtualClock::new();
    let runtime = runtime(&clock, 1).await;
    let enqueue = runtime.client().enqueue(Yearly::new(0_u32)).delay(DAY);
    let execution = enqueue.await.expect("accepted");
    clock.advance(DAY - Duration::from_millis(1)).await;
    assert_eq!(
        record(&runtime, execution.id()).await.status,
        ExecutionStatus::Pending
    );
    clock.advance(Duration::from_millis(1)).await;
    let record = record(&runtime, execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Succeeded);
    assert_eq!(record.started_at, Some(record.run_at));
}

#[tokio::test]
async fn a_deaf_handler_is_dropped_at_its_timeout() {
    let clock = VirtualClock::new();
    let runtime = runtime(&clock, 1).await;
    let execution = runtime
        .client()
        .enqueue(Deaf::new())
        .await
        .expect("accepted");
    let begun = clock.now();
    clock.advance(HOUR - Duration::from_millis(1)).await;
    assert_eq!(
        record(&runtime, execution.id()).await.status,
        ExecutionStatus::Running
    );
    clock.advance(Duration::from_millis(1)).await;
    let record = record(&runtime, execution.id()).await;
    assert_eq!(record.attempts[0].outcome, Some(AttemptOutcome::TimedOut));
    let end = record.finished_at.expect("it ended");
    assert_eq!(end.since(begun.into()), HOUR);
}

/// Runs once a day.
#[job(id = "time.daily", timeout = "1m", retries = 0)]
async fn daily(ctx: &JobContext, days: u32) -> Result<u32, JobError> {
    if ctx.attempt() < days {
        return Err(JobError::snooze(DAY));
    }
    ctx.sleep(Duration::from_secs(1)).await?;
    Ok(ctx.attempt())
}

/// Polls and renewals of an idle worker are skipped: at the default intervals a year has millions.
#[tokio::test]
async fn a_year_of_a_daily_job_takes_seconds_with_default_settings() {
    let clock = VirtualClock::new();
    let runtime = Runtime::builder()
        .database("sqlite::memory:")
        .clock(clock.clone())
        .scheduler(false)
        .start()
        .await
        .expect("the runtime starts");
    let execution = runtime.client().enqueue(Daily::new(365_u32)).await;
    let execution = execution.expect("accepted");
    let begun = tests::process::now();
    clock.advance(365 * DAY).await;
    let record = record(&runtime, execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Succeeded);
    assert_eq!(record.attempts.len(), 365);
    for pair in record.attempts.windows(2) {
        assert_eq!(pair[0].retry_at, Some(pair[1].started_at), "to the moment");
    }
    assert_eq!(runtime.health().refused_writes().total(), 0);
    // With its polls, an idle year took hours.
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(300), "{took:?}");
}

/// An idle worker that skips its polls notices another worker on the same store.
#[tokio::test]
async fn an_idle_worker_takes_over_from_one_that_started_later() {
    let clock = VirtualClock::new();
    let survivor = Runtime::builder()
        .database("sqlite::memory:")
        .clock(clock.clone())
        .jobs(["time.deaf"])
        .scheduler(false)
        .start()
        .await
        .expect("the runtime starts");
    clock.advance(DAY).await;
    let info = SessionInfo {
        worker: "later".to_owned(),
        ..another_worker()
    };
    let store = survivor.store();
    let later = store.open_session(info).await.expect("the store answers");
    let execution = survivor.client().enqueue(Daily::new(1_u32)).await;
    let execution = execution.expect("accepted");
    let claim = first_claim(later, &["time.daily"]);
    let claimed = store.claim(claim).await.expect("the store answers");
    assert_eq!(claimed.len(), 1);
    clock.advance(2 * EngineConfig::default().lease).await;
    let record = record(&survivor, execution.id()).await;
    assert_eq!(record.attempts[0].outcome, Some(AttemptOutcome::Lost));
}

#[tokio::test]
async fn leases_of_a_silent_worker_are_taken_over_after_a_whole_lease() {
    let clock = VirtualClock::new();
    let enqueuer = Runtime::builder()
        .database("sqlite::memory:")
        .clock(clock.clone())
        .workers(false)
        .start()
        .await
        .expect("the runtime starts");
    let enqueue = enqueuer.client().enqueue(Yearly::new(0_u32));
    let execution = enqueue.await.expect("accepted");
    // A worker that claims and never renews its session.
    let store = enqueuer.store();
    let info = SessionInfo {
        worker: "silent".to_owned(),
        lease: 30 * DAY,
        ..another_worker()
    };
    let silent = store.open_session(info).await.expect("the store answers");
    let claim = first_claim(silent, &["time.yearly"]);
    let claimed = store.claim(claim).await.expect("the store answers");
    assert_eq!(claimed.len(), 1);

    let survivor = runtime_on(&clock, 1, Some(store.clone())).await;
    clock.advance(30 * DAY - HOUR).await;
    assert_eq!(
        record(&survivor, execution.id()).await.status,
        ExecutionStatus::Running
    );
    clock.advance(20 * DAY).await;
    let record = record(&survivor, execution.id()).await;
    let outcomes: Vec<_> = record
        .attempts
        .iter()
        .map(|a| a.outcome.expect("it ended"))
        .collect();
    assert_eq!(outcomes, [AttemptOutcome::Lost, AttemptOutcome::Succeeded]);
    assert_eq!(record.attempts[0].worker, "silent");
}

/// Workers with different settings share a store: a session keeps its own lease, also while the
/// setting changes from worker to worker.
#[tokio::test]
async fn a_session_is_taken_over_after_its_own_lease() {
    for (lease, lease_of_the_watcher, held, lost) in [(30, 2, 29, 5), (2, 30, 1, 20)] {
        let [lease, lease_of_the_watcher, held, lost] =
            [lease, lease_of_the_watcher, held, lost].map(Duration::from_secs);
        let clock = VirtualClock::new();
        let config = EngineConfig {
            lease: lease_of_the_watcher,
            ..EngineConfig::default()
        };
        let watcher = Runtime::builder()
            .database("sqlite::memory:")
            .clock(clock.clone())
            .engine(config)
            .jobs(["time.deaf"])
            .start()
            .await
            .expect("the runtime starts");
        let enqueue = watcher.client().enqueue(Yearly::new(0_u32));
        let execution = enqueue.await.expect("accepted");
        let store = watcher.store();
        let info = SessionInfo {
            lease,
            ..another_worker()
        };
        let session = store.open_session(info).await.expect("it answers");
        let claim = first_claim(session, &["time.yearly"]);
        let claimed = store.claim(claim).await.expect("it answers");
        assert_eq!(claimed.len(), 1);
        let outcome = async || record(&watcher, execution.id()).await.attempts[0].outcome;

        for _ in 0..4 {
            clock.advance(lease / 3).await;
            let renewed = store.renew(session, claimed[0].claimed_at).await;
            assert_eq!(renewed.expect("it answers"), Renewal::Renewed, "{lease:?}");
        }
        clock.advance(held).await;
        assert_eq!(
            outcome().await,
            None,
            "{lease:?} beside {lease_of_the_watcher:?}"
        );
        clock.advance(lost).await;
        let lost = Some(AttemptOutcome::Lost);
        assert_eq!(
            outcome().await,
            lost,
            "{lease:?} beside {lease_of_the_watcher:?}"
        );
    }
}

/// The store rejects every renewal: running attempts are dropped before another worker may take
/// them over.
#[tokio::test]
async fn work_is_dropped_when_four_fifths_of_a_lease_are_over() {
    let clock = VirtualClock::new();
    let builder = Runtime::builder().clock(clock.clone());
    let application = Application::start_with(builder).await;
    let file = application.file().with_extension("intervals");
    let wrote = |line: &str| {
        let lines = std::fs::read_to_string(&file).unwrap_or_default();
        lines.lines().any(|found| found == line)
    };
    let interval = Interval::new(file.as_path(), 60_000_u64);
    let execution = application.runtime.client().enqueue(interval).await;
    let id = execution.expect("accepted").id();
    clock.settle().await;
    assert!(wrote(&format!("begin {id} 1")));
    let begun = clock.passed();
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON jobs_sessions
        BEGIN SELECT RAISE(ABORT, 'not now'); END";
    sqlx::raw_sql(refuse)
        .execute(&application.pool)
        .await
        .expect("a trigger");

    assert_eq!(begun, Duration::ZERO, "as old as the session");
    let drop_after = EngineConfig::default().lease * 4 / 5;
    clock.advance(drop_after - Duration::from_millis(1)).await;
    assert!(
        !wrote(&format!("end {id} 1")),
        "a renewal may still succeed"
    );
    clock.advance(Duration::from_millis(1)).await;
    assert!(wrote(&format!("end {id} 1")));
    // The leases still hold, so the attempt is released and spends no budget.
    let record = record(&application.runtime, id).await;
    assert_eq!(record.attempts[0].outcome, Some(AttemptOutcome::Released));
}
