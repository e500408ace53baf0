//! The scheduler on a virtual clock: times, catch-up, overlap, pauses, absent jobs.

use std::time::Duration;

use jobs::{Catalogue, Clock, JobContext, JobError, job};
use jobs_runtime::store::{Absence, ExecutionQuery, ExecutionRecord, ScheduleRun, Skip};
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::{
    EngineConfig, NewSchedule, RetentionSettings, Runtime, RuntimeBuilder, ScheduleEdit,
};

use super::support::{Timed, another_worker};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Runs at three in Paris, and on the first of each month in New York.
#[job(
    id = "scheduled.report",
    schedule = ("30 2 * * *", timezone = "Europe/Paris"),
    schedule = ("0 0 1 * *", timezone = "America/New_York", overlap = "allow")
)]
async fn report(#[default("daily")] kind: String) -> Result<String, JobError> {
    Ok(kind)
}

/// Takes a quarter of an hour more than a schedule's interval.
#[job(id = "scheduled.slow", timeout = "none")]
async fn slow(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(75 * MINUTE).await?;
    Ok(())
}

/// Does nothing.
#[job(id = "scheduled.quick")]
async fn quick(#[default(1)] n: u32) -> Result<u32, JobError> {
    Ok(n)
}

/// Long intervals, so that a year has few wake-ups.
fn rarely() -> EngineConfig {
    EngineConfig {
        lease: 30 * DAY,
        poll: 10 * DAY,
        schedule_poll: 10 * DAY,
        ..EngineConfig::default()
    }
}

fn new_schedule(name: &str, job: &str, cron: &str, edit: &ScheduleEdit) -> NewSchedule {
    let mut rule = jobs::ScheduleRule::new(cron);
    let violations = edit.apply(&mut rule);
    assert!(violations.is_empty(), "{violations:?}");
    NewSchedule {
        name: name.to_owned(),
        job_id: job.to_owned(),
        rule,
        payload: None,
    }
}

fn with(catch_up: &str, overlap: &str) -> ScheduleEdit {
    ScheduleEdit {
        catch_up: Some(catch_up.to_owned()),
        overlap: Some(overlap.to_owned()),
        ..ScheduleEdit::default()
    }
}

async fn create(runtime: &Runtime, name: &str, job: &str, cron: &str, edit: &ScheduleEdit) {
    let new = new_schedule(name, job, cron, edit);
    let created = runtime.service().create_schedule(new).await;
    created.expect("the schedule is valid");
}

async fn executions(runtime: &Runtime, job: &str) -> Vec<ExecutionRecord> {
    let query = ExecutionQuery {
        job_id: Some(job.to_owned()),
        ..ExecutionQuery::newest(1_000)
    };
    let page = runtime.store().list_executions(query).await;
    page.expect("the store answers").executions
}

/// The times of a schedule's executions, oldest first, as hours since the epoch.
async fn hours(runtime: &Runtime, job: &str, schedule: &str) -> Vec<i64> {
    let mut hours: Vec<i64> = executions(runtime, job)
        .await
        .into_iter()
        .filter_map(|execution| execution.scheduled)
        .filter(|scheduled| scheduled.schedule == schedule)
        .map(|scheduled| scheduled.time.as_millis() / 3_600_000)
        .collect();
    hours.reverse();
    hours
}

async fn runs(runtime: &Runtime, name: &str) -> Vec<ScheduleRun> {
    let runs = runtime.store().schedule_runs(name.to_owned(), 100).await;
    let mut runs = runs.expect("the store answers");
    runs.reverse();
    runs
}

fn reasons(runs: &[ScheduleRun]) -> Vec<&str> {
    let reason = |run: &ScheduleRun| match &run.skipped {
        None => "ran".to_owned(),
        Some(skip) => skip.reason.clone(),
    };
    let known = [
        "ran",
        Skip::OVERLAP,
        Skip::MISSED,
        Skip::REJECTED,
        Skip::MERGED,
    ];
    runs.iter()
        .map(|run| {
            *known
                .iter()
                .find(|word| **word == reason(run))
                .expect("known")
        })
        .collect()
}

#[tokio::test]
async fn a_year_of_schedules_has_each_time_once() {
    let kept = RetentionSettings::default().default_of(None, 1_000 * DAY);
    let builder = Runtime::builder().engine(rarely()).retention(kept);
    let runtime = Timed::build(builder).await;
    let start = runtime.clock.now();
    runtime.clock.advance(365 * DAY).await;
    let daily = hours(&runtime, "scheduled.report", "scheduled.report:1").await;
    let monthly = hours(&runtime, "scheduled.report", "scheduled.report:2").await;
    assert_eq!(daily.len(), 365, "from {start:?}");
    assert_eq!(monthly.len(), 12, "{monthly:?}");
    // A day is 24 hours, except where the clock changes.
    let mut gaps: Vec<i64> = daily.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.retain(|gap| *gap != 24);
    gaps.sort_unstable();
    assert_eq!(gaps, [23, 25]);
    let last = executions(&runtime, "scheduled.report").await.remove(0);
    assert_eq!(last.triggered_by, "schedule");
    assert_eq!(last.payload.get(), r#"{"kind":"daily"}"#);
    runtime.shutdown().await;
}

#[tokio::test]
async fn missed_times_are_caught_up_as_the_schedule_says() {
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", directory.path().join("jobs.db").display());
    let builder = || {
        Runtime::builder()
            .database(database.clone())
            .engine(rarely())
    };
    let clock = VirtualClock::new();
    let runtime = Timed::on(clock.clone(), builder()).await;
    for (name, catch_up) in [("none", "none"), ("one", "one"), ("three", "all(3)")] {
        create(
            &runtime,
            name,
            "scheduled.quick",
            "@hourly",
            &with(catch_up, "allow"),
        )
        .await;
    }
    clock.advance(HOUR).await;
    runtime.shutdown().await;
    // No process runs for five times, and the program is back a quarter of an hour later.
    clock.advance(5 * HOUR + 15 * MINUTE).await;
    let runtime = Timed::on(clock.clone(), builder()).await;
    clock.settle().await;
    let count = async |name| hours(&runtime, "scheduled.quick", name).await.len();
    assert_eq!(
        (
            count("none").await,
            count("one").await,
            count("three").await
        ),
        (1, 2, 4)
    );
    assert_eq!(
        reasons(&runs(&runtime, "none").await),
        ["ran", "missed", "missed"]
    );
    assert_eq!(
        reasons(&runs(&runtime, "one").await),
        ["ran", "missed", "ran"]
    );
    assert_eq!(
        reasons(&runs(&runtime, "three").await),
        ["ran", "missed", "ran", "ran", "ran"]
    );
    clock.advance(HOUR).await;
    assert_eq!(
        (
            count("none").await,
            count("one").await,
            count("three").await
        ),
        (2, 3, 5)
    );
    runtime.shutdown().await;
}

#[tokio::test]
async fn an_overlap_is_skipped_queued_or_allowed() {
    let runtime = Timed::with(rarely()).await;
    for overlap in ["skip", "queue", "allow"] {
        create(
            &runtime,
            overlap,
            "scheduled.slow",
            "@hourly",
            &with("one", overlap),
        )
        .await;
    }
    // The first execution starts at the full hour and ends a quarter after the next one.
    runtime.clock.advance(3 * HOUR).await;
    assert_eq!(
        reasons(&runs(&runtime, "skip").await),
        ["ran", "overlap", "ran"]
    );
    assert_eq!(
        reasons(&runs(&runtime, "allow").await),
        ["ran", "ran", "ran"]
    );
    let queued = runs(&runtime, "queue").await;
    assert_eq!(reasons(&queued), ["ran", "ran"]);
    let late = queued[1].fired_at.since(queued[1].time);
    assert!((15 * MINUTE..16 * MINUTE).contains(&late), "{late:?}");
    runtime.shutdown_now().await;
}

#[tokio::test]
async fn a_paused_schedule_lets_its_times_pass() {
    let runtime = Timed::with(rarely()).await;
    create(
        &runtime,
        "s",
        "scheduled.quick",
        "@hourly",
        &with("one", "skip"),
    )
    .await;
    runtime.clock.advance(HOUR).await;
    let paused = runtime.service().pause_schedule("s").await.unwrap();
    assert_eq!(
        (paused.schedule.status, paused.next_times.len()),
        ("paused".into(), 0)
    );
    runtime.clock.advance(3 * HOUR).await;
    assert_eq!(runs(&runtime, "s").await.len(), 1);
    // A manual run works meanwhile.
    let run = runtime.service().run_schedule("s").await.unwrap();
    assert!(run.manual && run.skipped.is_none());
    runtime.clock.advance(MINUTE).await;
    let resumed = runtime.service().resume_schedule("s").await.unwrap();
    assert_eq!(
        (resumed.schedule.status, resumed.next_times.len()),
        ("active".into(), 5)
    );
    runtime.clock.advance(HOUR).await;
    let runs = runs(&runtime, "s").await;
    assert_eq!(reasons(&runs), ["ran", "ran", "ran"]);
    assert_eq!(runs.iter().filter(|run| run.manual).count(), 1);
    runtime.shutdown().await;
}

#[tokio::test]
async fn an_edited_schedule_is_kept_when_its_program_starts_again() {
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", directory.path().join("jobs.db").display());
    let builder = || {
        Runtime::builder()
            .database(database.clone())
            .engine(rarely())
    };
    let clock = VirtualClock::new();
    let runtime = Timed::on(clock.clone(), builder()).await;
    let edit = ScheduleEdit {
        cron: Some("0 4 * * *".to_owned()),
        ..ScheduleEdit::default()
    };
    let name = "scheduled.report:1";
    let edited = runtime.service().edit_schedule(name, edit).await.unwrap();
    assert!(edited.schedule.overridden);
    assert_eq!(edited.schedule.rule.timezone, "Europe/Paris");
    runtime.shutdown().await;
    let runtime = Timed::on(clock.clone(), builder()).await;
    let kept = runtime.service().schedule(name).await.unwrap().schedule;
    assert_eq!((&*kept.rule.cron, kept.overridden), ("0 4 * * *", true));
    assert_eq!(kept.declared.unwrap().cron, "30 2 * * *");
    let deleted = runtime.service().delete_schedule(name).await;
    assert!(deleted.unwrap_err().to_string().contains("declared"));
    runtime.shutdown().await;
}

#[tokio::test]
async fn a_schedule_whose_job_is_gone_is_absent_until_it_is_back() {
    let url = "sqlite::memory:".parse().unwrap();
    let store = jobs_runtime::store::open(&url).await.unwrap();
    let clock = VirtualClock::new();
    let scheduler = |builder: RuntimeBuilder| builder.workers(false).scheduler(true);
    let builder = || Runtime::builder().store(store.clone());
    let runtime = Timed::on(clock.clone(), scheduler(builder())).await;
    create(
        &runtime,
        "s",
        "scheduled.quick",
        "@hourly",
        &with("one", "allow"),
    )
    .await;
    // A worker that links another job only.
    let mut other = another_worker();
    other.job_ids = vec!["other".to_owned()];
    let session = store.open_session(other).await.unwrap();
    clock.advance(4 * MINUTE).await;
    let absent = async || {
        runtime
            .service()
            .schedule("s")
            .await
            .unwrap()
            .schedule
            .absent
    };
    assert_eq!(absent().await, None);
    clock.advance(4 * MINUTE).await;
    assert_eq!(absent().await, Some(Absence::Job));
    clock.advance(3 * HOUR).await;
    assert_eq!(runs(&runtime, "s").await, []);
    store.close_session(session).await.unwrap();
    let mut back = another_worker();
    back.job_ids = vec!["scheduled.quick".to_owned()];
    store.open_session(back).await.unwrap();
    clock.advance(2 * MINUTE).await;
    assert_eq!(absent().await, None);
    assert_eq!(reasons(&runs(&runtime, "s").await), ["missed", "ran"]);
    runtime.shutdown().await;
}

#[tokio::test]
async fn a_payload_is_checked_when_a_schedule_is_created() {
    let runtime = Timed::with(rarely()).await;
    let service = runtime.service();
    let mut new = new_schedule("s", "scheduled.quick", "@hourly", &ScheduleEdit::default());
    new.payload = Some(r#"{"n":"many"}"#.to_owned());
    let error = service.create_schedule(new.clone()).await.unwrap_err();
    assert!(error.to_string().contains("/n"), "{error}");
    new.payload = Some(r#"{"n":7}"#.to_owned());
    new.rule.cron = "61 * * * *".to_owned();
    let error = service.create_schedule(new.clone()).await.unwrap_err();
    assert!(error.to_string().contains("0 to 59"), "{error}");
    new.rule.cron = "*/10 * * * * *".to_owned();
    service.create_schedule(new.clone()).await.unwrap();
    let again = service.create_schedule(new.clone()).await.unwrap_err();
    assert!(again.to_string().contains("exists"), "{again}");
    new.job_id = "scheduled.quik".to_owned();
    let error = service.create_schedule(new).await.unwrap_err();
    assert!(error.to_string().contains("scheduled.quick"), "{error}");
    runtime.clock.advance(MINUTE).await;
    let executions = executions(&runtime, "scheduled.quick").await;
    assert_eq!(executions.len(), 6);
    assert_eq!(executions[0].payload.get(), r#"{"n":7}"#);
    runtime.shutdown().await;
}

#[tokio::test]
async fn a_program_without_a_scheduler_fires_nothing() {
    let builder = Runtime::builder().engine(rarely()).scheduler(false);
    let runtime = Timed::build(builder).await;
    assert!(!Catalogue::linked().unwrap().is_empty());
    runtime.clock.advance(3 * DAY).await;
    assert_eq!(executions(&runtime, "scheduled.report").await.len(), 0);
    runtime.shutdown().await;
}

/// The store tells a scheduler of a schedule that another process has created. The interval of its
/// poll is an hour here.
#[tokio::test]
async fn a_schedule_of_another_process_fires_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite:{}", dir.path().join("jobs.db").display());
    let hourly = EngineConfig {
        schedule_poll: HOUR,
        ..EngineConfig::default()
    };
    let builder = || Runtime::builder().database(&url).workers(false);
    let started = builder().scheduler(true).engine(hourly).start().await;
    let scheduler = started.expect("the runtime starts");
    let other = builder().scheduler(false).start().await;
    let other = other.expect("the runtime starts");

    // The scheduler sleeps until the next month.
    wait_for("the scheduler to sleep", async || {
        let report = scheduler.health().report().await;
        let check = report.checks.iter().find(|one| one.name == "scheduler");
        let words = check.expect("a scheduler").detail.split(' ').nth(2);
        words.is_some_and(|ms| ms.parse::<u64>().is_ok_and(|ms| ms > 500))
    })
    .await;
    let (name, cron) = ("often", "* * * * * *");
    create(
        &other,
        name,
        "scheduled.quick",
        cron,
        &ScheduleEdit::default(),
    )
    .await;
    wait_for("a run", async || !runs(&other, name).await.is_empty()).await;
    other.shutdown().await;
    scheduler.shutdown().await;
}

/// Waits for a condition in real time.
async fn wait_for(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let polled = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let polled = tokio::time::timeout(Duration::from_secs(60), polled).await;
    polled.unwrap_or_else(|_| panic!("waited for {what}"));
}
