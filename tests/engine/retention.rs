//! Retention on a virtual clock: workers delete what has expired, and no table grows for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jobs::{AttemptOutcome, ExecutionId, ExecutionStatus, JobError, job};
use jobs_runtime::store::{
    AttemptEnd, ExecutionQuery, LogLevel, LogLine, MAX_SCHEDULE_RUNS, Next, PublishedJob,
    Settlement, Store,
};
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::time::Timestamp;
use jobs_runtime::{EngineConfig, RetentionSettings, Runtime, RuntimeBuilder};
use tests::database::Database;
use tests::fault_injecting_store::{Death, FaultInjectingStore};

use super::support::{Timed, another_worker, first_claim, stored};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Succeeds or fails. A success is kept for two hours, a failure for five.
#[job(id = "retained.quick", retries = 0, retain = (succeeded = "2h", failed = "5h"))]
async fn quick(fails: bool) -> Result<(), JobError> {
    if fails {
        Err("as requested".into())
    } else {
        Ok(())
    }
}

/// Fails once, under a limit of its tenant, with one live execution per tenant.
#[job(
    id = "retained.limited",
    retries = ["1m"],
    max_attempts = 2,
    max_concurrent = (1, per = "tenant"),
    rate_limit = ("100/min", per = "tenant"),
    unique = (by = ["tenant"]),
    max_waiting = 100,
)]
async fn limited(ctx: &jobs::JobContext, tenant: String) -> Result<(), JobError> {
    match ctx.attempt() {
        1 => Err(format!("not at once, {tenant}").into()),
        _ => Ok(()),
    }
}

/// A worker that polls rarely, so that days pass quickly.
fn unhurried() -> EngineConfig {
    EngineConfig {
        poll: HOUR,
        lease: 6 * HOUR,
        ..EngineConfig::default()
    }
}

async fn exists(runtime: &Timed, id: ExecutionId) -> bool {
    let found = runtime.store().execution(id).await;
    found.expect("the store answers").is_some()
}

#[tokio::test]
async fn a_worker_deletes_executions_after_their_time() {
    // A tenth of the shortest time of the settings is the interval of the passes: an hour.
    let settings =
        RetentionSettings::default().default_of(Some(ExecutionStatus::Cancelled), 10 * HOUR);
    let runtime = Timed::build(Runtime::builder().engine(unhurried()).retention(settings)).await;
    let good = runtime.enqueue(Quick::new(false)).await;
    let bad = runtime.enqueue(Quick::new(true)).await;
    runtime.result(&good).await.expect("it succeeds");
    runtime.result(&bad).await.expect_err("it fails");
    for (hours, expected) in [
        (1.9, (true, true)),
        (3.2, (false, true)),
        (6.2, (false, false)),
    ] {
        let time = Duration::from_secs_f64(hours * 3_600.0);
        let passed = runtime.clock.passed();
        runtime.clock.advance(time.saturating_sub(passed)).await;
        let seen = (
            exists(&runtime, good.id()).await,
            exists(&runtime, bad.id()).await,
        );
        assert_eq!(
            seen, expected,
            "(success, failure) exist after {hours} hours"
        );
    }
    runtime.shutdown().await;
}

#[tokio::test]
async fn settings_of_a_job_override_its_attribute() {
    let settings = RetentionSettings::default().job("retained.quick", None, 12 * HOUR);
    let runtime = Timed::build(Runtime::builder().engine(unhurried()).retention(settings)).await;
    let execution = runtime.enqueue(Quick::new(false)).await;
    runtime.result(&execution).await.expect("it succeeds");
    runtime.clock.advance(11 * HOUR).await;
    assert!(exists(&runtime, execution.id()).await, "after 11 hours");
    runtime.clock.advance(3 * HOUR).await;
    assert!(!exists(&runtime, execution.id()).await, "after 14 hours");
    runtime.shutdown().await;
}

/// `prune` deletes at once, and counts by job and status as its preview did.
#[tokio::test]
async fn a_prune_deletes_what_its_preview_counts() {
    let runtime = Timed::with(unhurried()).await;
    for fails in [false, false, false, true] {
        let execution = runtime.enqueue(Quick::new(fails)).await;
        let _ = runtime.result(&execution).await;
    }
    assert_eq!(runtime.prunable().await.expect("it answers"), []);
    // The loop of the worker must not delete first: time stands still from here on.
    let runtime = {
        let settings = RetentionSettings::default()
            .default_of(None, Duration::from_millis(1))
            .job("retained.quick", None, Duration::from_millis(1));
        runtime.clock.advance(Duration::from_millis(2)).await;
        let builder = Runtime::builder()
            .store(Arc::clone(runtime.store()))
            .workers(false)
            .retention(settings);
        Timed::on(Arc::clone(&runtime.clock), builder).await
    };
    let preview = runtime.prunable().await.expect("it answers");
    let counts: Vec<_> = preview
        .iter()
        .map(|one| (&*one.job_id, one.status, one.count))
        .collect();
    assert_eq!(
        counts,
        [
            ("retained.quick", ExecutionStatus::Failed, 1),
            ("retained.quick", ExecutionStatus::Succeeded, 3),
        ]
    );
    let report = runtime.prune().await.expect("it answers");
    assert_eq!(report.expect("no other process prunes").executions, preview);
    assert_eq!(runtime.prunable().await.expect("it answers"), []);
}

/// The number of rows of each table.
fn counts(file: &Path) -> BTreeMap<String, i64> {
    let mut database = Database::open(file);
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'jobs\\_%'
        ESCAPE '\\'";
    let tables = database.texts(tables.to_owned());
    let count = |table: String| {
        let rows = database.number(&format!("SELECT COUNT(*) FROM {table}"));
        (table, rows)
    };
    tables.into_iter().map(count).collect()
}

/// Executes one job with log lines in a session of its own, and publishes another version of it.
async fn a_foreign_worker(runtime: &Timed, day: u32) {
    let store = &**runtime.store();
    let now: Timestamp = jobs::Clock::now(&*runtime.clock).into();
    let id = ExecutionId::from_bytes((1_u128 << 64 | u128::from(day)).to_be_bytes());
    let mut new = stored(id, "foreign");
    new.created_at = now;
    store.enqueue(vec![new]).await.expect("enqueued");
    let session = store.open_session(another_worker()).await.expect("opened");
    let mut claimed = store
        .claim(first_claim(session, &["foreign"]))
        .await
        .expect("claimed");
    let claimed = claimed.pop().expect("one is ready");
    let line = LogLine {
        line: 1,
        at: now,
        level: LogLevel::Info,
        target: "foreign".to_owned(),
        message: format!("day {day}"),
        fields: None,
    };
    let settlement = Settlement {
        fence: claimed.fence,
        execution_id: id,
        end: AttemptEnd {
            outcome: AttemptOutcome::Succeeded,
            started_at: now,
            finished_at: now,
            error: None,
            progress: None,
            logs: vec![line.into()],
        },
        next: Next::Succeed("null".to_owned()),
        permits: None,
    };
    store.settle(vec![settlement]).await.expect("settled");
    store.renew(session, now).await.expect("renewed");
    store.close_session(session).await.expect("closed");

    let job = runtime
        .service()
        .job("retained.quick")
        .await
        .expect("known");
    let mut version = job.descriptor().clone();
    version.id = "foreign".to_owned();
    version.aliases = Vec::new();
    version.retention = jobs::JobRetention::default();
    let published = PublishedJob {
        descriptor: version,
        fingerprint: format!("version {day}"),
        published_at: now,
    };
    store.publish(vec![published]).await.expect("published");
}

/// One day of work: a worker starts, executes, rests and stops.
async fn a_day(clock: &Arc<VirtualClock>, builder: RuntimeBuilder, day: u32) {
    let begun = clock.passed();
    let runtime = Timed::on(Arc::clone(clock), builder).await;
    for n in 0..3 {
        let quick = Quick::new(n == 0);
        let keyed = runtime
            .client()
            .enqueue(quick)
            .idempotency_key(format!("day {day}, {n}"));
        let execution = keyed.await.expect("accepted");
        let _ = runtime.result(&execution).await;
        let execution = runtime
            .enqueue(Limited::new(format!("tenant {day}.{n}")))
            .await;
        runtime.result(&execution).await.expect("it succeeds");
    }
    a_foreign_worker(&runtime, day).await;
    let passed = clock.passed() - begun;
    clock.advance(DAY - passed).await;
    runtime.shutdown().await;
}

/// A simulated month on SQLite. Every day brings new keys, limits, sessions, versions of a job,
/// attempts and log lines. From the second week on, no table has more rows than before.
#[tokio::test]
async fn no_table_grows_over_a_month() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("jobs.db");
    let clock = VirtualClock::new();
    // Limits are swept by the first pass of a process, at a random time in its first minutes. What
    // expires on a day does so hours later, so each day counts the same rows.
    let settings = RetentionSettings::default()
        .default_of(None, 28 * HOUR)
        .default_of(Some(ExecutionStatus::Failed), 52 * HOUR);
    let mut days: Vec<BTreeMap<String, i64>> = Vec::new();
    for day in 0..30 {
        let builder = Runtime::builder()
            .database(format!("sqlite:{}?synchronous=normal", file.display()))
            .engine(unhurried())
            .retention(settings.clone());
        a_day(&clock, builder, day).await;
        // The helper has a runtime of its own, which must not block this one.
        let file = file.clone();
        let counted = std::thread::spawn(move || counts(&file)).join();
        days.push(counted.expect("the tables can be counted"));
    }
    let table = |name: &str| days.iter().map(|day| day[name]).collect::<Vec<_>>();
    for name in days[0].keys() {
        let rows = table(name);
        if name == "jobs_schedule_runs" {
            // Each schedule keeps its last 100 runs; a month has fewer.
            let bound = MAX_SCHEDULE_RUNS as i64 * table("jobs_schedules")[0];
            assert!(rows.iter().all(|rows| *rows <= bound), "{rows:?}");
            continue;
        }
        // Sessions and publications stay for a week longer than any execution.
        let most = rows[11..18].iter().max();
        let later = rows[25..].iter().max();
        assert!(
            later <= most,
            "{name} grows: rows at the end of each day: {rows:?}"
        );
    }
    for name in [
        "jobs_executions",
        "jobs_attempts",
        "jobs_logs",
        "jobs_sessions",
        "jobs_catalogue",
        "jobs_limits",
        "jobs_limited",
        "jobs_unique_keys",
        "jobs_idempotency_keys",
    ] {
        let rows = table(name);
        assert!(
            rows.iter().any(|rows| *rows > 0),
            "the month fills {name}: {rows:?}"
        );
    }
}

/// The tables that a script creates, without the prefix of the store.
fn tables(script: &str) -> BTreeSet<&str> {
    let names = script.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("CREATE TABLE ")?;
        let rest = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
        let name = rest.split([' ', '(']).next()?;
        Some(name.trim_start_matches("jobs.").trim_start_matches("jobs_"))
    });
    names.collect()
}

/// `docs/retention.md` names, for every table of both layouts, the rule that bounds it.
#[test]
fn every_table_has_a_rule_that_bounds_it() {
    let document = include_str!("../../docs/retention.md");
    let rows = document.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let names = cells.next()?.trim_end_matches('`');
        let rule = cells.next().unwrap_or_default().trim_end_matches(" |");
        (!rule.is_empty()).then_some(names)
    });
    let ruled: BTreeSet<&str> = rows.flat_map(|names| names.split("`, `")).collect();
    let sqlite = [
        include_str!("../../jobs-runtime/src/store/sqlite/migrations/0001_layout.sql"),
        include_str!("../../jobs-runtime/src/store/sqlite/sql/migrate/ledger_create.sql"),
    ];
    let postgres = [
        include_str!("../../jobs-runtime/src/store/postgres/migrations/0001_layout.sql"),
        include_str!("../../jobs-runtime/src/store/postgres/sql/migrate/ledger_create.sql"),
    ];
    for (store, scripts) in [("SQLite", sqlite), ("PostgreSQL", postgres)] {
        let tables: BTreeSet<&str> = scripts.into_iter().flat_map(tables).collect();
        assert!(tables.len() > 15, "{store}: too few tables: {tables:?}");
        let unruled: Vec<_> = tables.difference(&ruled).collect();
        assert!(
            unruled.is_empty(),
            "{store}: docs/retention.md has no rule for {unruled:?}"
        );
    }
}

/// A process dies at each call of a pass in turn, before or after the call takes effect. Another
/// one then deletes the rest, and nothing that has not expired.
#[tokio::test]
async fn a_pass_that_dies_at_any_call_is_completed_by_another_process() {
    for death in [Death::BeforeCall, Death::AfterCall] {
        for call in 1.. {
            let first = Timed::with(unhurried()).await;
            for fails in [false, false, true] {
                let execution = first.enqueue(Quick::new(fails)).await;
                let _ = first.result(&execution).await;
            }
            let kept = first.enqueue(Limited::new("kept".to_owned())).await;
            first.result(&kept).await.expect("it succeeds");
            first.clock.advance(Duration::from_millis(2)).await;

            let settings = RetentionSettings::default();
            let settings = settings.job("retained.quick", None, Duration::from_millis(1));
            let other = async |store: Arc<dyn Store>| {
                let builder = Runtime::builder().store(store).workers(false);
                Timed::on(
                    Arc::clone(&first.clock),
                    builder.retention(settings.clone()),
                )
                .await
            };
            // The calls of the start are not part of the pass.
            let dying = FaultInjectingStore::new(Arc::clone(first.store()), i64::MAX, death);
            let runtime = other(Arc::clone(&dying) as Arc<dyn Store>).await;
            dying.die_at(call);
            let interrupted = runtime.prune().await;
            let survivor = other(Arc::clone(first.store())).await;
            let pruned = {
                let runtime = survivor.shared();
                first
                    .clock
                    .run_until(async move { runtime.prune().await })
                    .await
            };
            pruned
                .expect("it answers")
                .expect("the turn of the dead process is over");
            let listed = first
                .store()
                .list_executions(ExecutionQuery::newest(9))
                .await;
            let left: Vec<_> = listed.expect("it answers").executions;
            let left: Vec<_> = left.iter().map(|one| one.id).collect();
            assert_eq!(left, [kept.id()], "{death:?} at call {call}");
            if interrupted.is_ok() {
                assert!(call > 5, "a pass has more than {call} calls");
                break;
            }
        }
    }
}
