//! Transfers between stores: executions, and everything that they need, in order and once.

#![allow(clippy::unwrap_used, reason = "an error fails the test")]

mod archive;
mod between_stores;

use std::sync::Arc;
use std::time::Duration;

use jobs::{ExecutionId, Overlap, ScheduleRule};
use jobs_runtime::store::{
    Caps, Claim, DatabaseUrl, ExecutionQuery, FireAnswer, Firing, LogQuery, NewRun, SessionInfo,
    Skip, Store, TransferredExecution, TransferredState, Turn, open,
};
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::time::Timestamp;
use jobs_runtime::{EngineConfig, NewSchedule, Runtime};
use tests::jobs::{Add, Flaky, Logs, Panics};
use tracing_subscriber::layer::SubscriberExt;

/// Opens the store at a URL and applies its migrations.
async fn store(url: &str) -> Arc<dyn Store> {
    let url: DatabaseUrl = url.parse().expect("a URL");
    let store = open(&url).await.expect("the store opens");
    store.migrate().await.expect("the layout is written");
    store
}

/// Fills a store with executions in every state, with attempts, logs, keys and tags.
async fn fill(store: &Arc<dyn Store>, each: usize) {
    let subscriber = tracing_subscriber::registry().with(jobs_runtime::layer());
    let _ = tracing::subscriber::set_global_default(subscriber);
    let clock = VirtualClock::new();
    let builder = || {
        Runtime::builder()
            .store(Arc::clone(store))
            .clock(clock.clone())
    };
    let config = EngineConfig {
        worker: "first".to_owned(),
        ..EngineConfig::default()
    };
    let working = builder().engine(config).start().await.expect("it starts");
    let client = working.client();
    let mut failed = Vec::new();
    for n in 0..each {
        let n = i64::try_from(n).expect("few");
        let key = format!("key {n}");
        let add = client.enqueue(Add::new(n, 40)).idempotency_key(key);
        add.tag("sum").item("item").await.expect("accepted");
        client.enqueue(Flaky::new(3_u32)).await.expect("accepted");
        client.enqueue(Logs::new("ada")).await.expect("accepted");
        let panics = client.enqueue(Panics::new("a \u{0} and a 🦀"));
        failed.push(panics.await.expect("accepted").id());
    }
    clock.advance(Duration::from_secs(3600)).await;
    working.shutdown().await;

    let idle = builder().workers(false).start().await.expect("it starts");
    let client = idle.client();
    let cancelled = client.enqueue(Add::new(1, 1)).await.expect("accepted");
    idle.service()
        .cancel(cancelled.id())
        .await
        .expect("it waits");
    for id in failed.iter().skip(1).step_by(2) {
        idle.service()
            .retry(*id, None)
            .await
            .expect("it has failed");
    }
    for n in 0..each {
        let n = i64::try_from(n).expect("few");
        let priority = match n % 3 {
            0 => jobs::Priority::Low,
            1 => jobs::Priority::High,
            _ => jobs::Priority::Normal,
        };
        let waiting = client.enqueue(Add::new(n, n)).priority(priority);
        waiting.correlation_id("waiting").await.expect("accepted");
        let later = Duration::from_secs(60 + n.unsigned_abs());
        let delayed = client.enqueue(Add::new(n, n)).delay(later);
        delayed.await.expect("accepted");
    }
    add_schedule(&idle).await;
}

/// Adds a paused schedule with a run.
async fn add_schedule(runtime: &Runtime) {
    let new = NewSchedule {
        name: "sums".to_owned(),
        job_id: "test.add".to_owned(),
        rule: ScheduleRule::new("0 30 2 * * MON#1"),
        payload: Some(r#"{"a":1, "b":2}"#.to_owned()),
    };
    let service = runtime.service();
    service.create_schedule(new).await.expect("it is valid");
    service.pause_schedule("sums").await.expect("it exists");
    let time = Timestamp::from_millis(60_000);
    let firing = Firing {
        schedule: "sums".to_owned(),
        revision: 2,
        overlap: Overlap::Skip,
        runs: vec![NewRun {
            time,
            start: Err(Skip::new(Skip::MISSED, "a test")),
        }],
        evaluated_until: time,
        due_at: None,
        now: time,
    };
    let fired = runtime.store().fire(firing).await.expect("it answers");
    assert!(matches!(fired, FireAnswer::Fired(_)), "{fired:?}");
}

/// Returns everything that can be read about the executions of a store, newest first, as text.
async fn read_all(store: &Arc<dyn Store>) -> Vec<String> {
    let page = store
        .list_executions(ExecutionQuery::newest(1_000))
        .await
        .expect("a page");
    assert_eq!(page.next_cursor, None, "one page holds all executions");
    let mut all = Vec::new();
    for execution in page.executions {
        let record = store.execution(execution.id).await.expect("it answers");
        let query = LogQuery {
            execution_id: execution.id,
            attempt: None,
            level: None,
            after: None,
            limit: 1_000,
        };
        let logs = store.logs(query).await.expect("it answers");
        let both = (record.expect("it exists"), logs.expect("it exists"));
        all.push(serde_json::to_string(&both).expect("it is JSON"));
    }
    for schedule in store.schedules().await.expect("it answers") {
        let runs = store.schedule_runs(schedule.name.clone(), 10).await;
        all.push(format!("{schedule:?} {:?}", runs.expect("it answers")));
    }
    all
}

/// Claims every ready execution and returns them in order, with attempt number and spent budget.
async fn claimed(store: &Arc<dyn Store>) -> Vec<(ExecutionId, u32, u32)> {
    let info = SessionInfo {
        worker: "taker".to_owned(),
        opened_at: Timestamp::from_millis(0),
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
        fingerprints: Vec::new(),
        lease: Duration::from_secs(30),
    };
    let session = store.open_session(info).await.expect("it opens");
    let claim = Claim {
        session,
        number: 1,
        job_ids: vec!["test.add".to_owned(), "test.panic".to_owned()],
        queues: Vec::new(),
        except: Vec::new(),
        only: Vec::new(),
        limit: 1_000,
        caps: Caps::default(),
        now: Timestamp::from_millis(0),
    };
    let claimed = store.claim(claim).await.expect("it answers");
    let taken = claimed.iter();
    taken
        .map(|one| (one.execution_id, one.fence.attempt, one.spent))
        .collect()
}

/// A final execution with attempts and log lines, as another store would export it.
async fn sample() -> TransferredExecution {
    let other = store("sqlite::memory:").await;
    fill(&other, 1).await;
    let transfer = other.transfer().expect("it supports transfers");
    let page = transfer.export(None, 100).await.expect("it answers");
    let mut final_ones = page
        .executions
        .into_iter()
        .filter(|one| matches!(one.state, TransferredState::Final(_)) && !one.logs.is_empty());
    let mut sample = final_ones.next().expect("a job with log lines has ended");
    sample.keys.clear();
    sample
}

/// Ends the fleet's turn at retention, as if a minute had passed since its holder died.
async fn end_turn(database: &str) {
    let store = store(database).await;
    let far = Timestamp::from_millis(i64::MAX / 2);
    let turn = |now| Turn {
        task: "retention".to_owned(),
        holder: "the test".to_owned(),
        now,
        until: now,
        latest: now,
        urgent: true,
    };
    assert!(store.take_turn(turn(far)).await.expect("it answers"));
    let ended = store.end_turn(
        "retention".to_owned(),
        "the test".to_owned(),
        Timestamp::default(),
    );
    ended.await.expect("it answers");
}
