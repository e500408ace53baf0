//! Poison rows: executions that cannot be read and settlements that the database rejects. Each one
//! fails alone.

use jobs::{AttemptOutcome, ErrorKind, Execution, ExecutionStatus, ResultError};
use jobs_runtime::Runtime;
use jobs_runtime::store::{ProgressReport, Renewal, Store, StoreError};
use tests::jobs::Echo;

use super::record;
use super::support::{another_worker, first_claim};
use super::transactions::Application;

async fn alter(application: &Application, sql: &'static str) {
    let altered = sqlx::raw_sql(sql).execute(&application.pool).await;
    altered.expect("the statement is right");
}

const TEXTS: [&str; 4] = ["a", "b", "c", "d"];

/// Enqueues [`TEXTS`], alters their rows and starts a worker.
async fn executed_after(sql: &'static str) -> (Application, Vec<Execution<String>>, Runtime) {
    let application = Application::start(false).await;
    let jobs = application.runtime.client();
    let executions = jobs.enqueue_all(TEXTS.map(Echo::new)).await;
    let executions = executions.expect("accepted");
    alter(&application, sql).await;
    let store = application.runtime.store().clone();
    let worker = Runtime::builder().store(store).start().await;
    (application, executions, worker.expect("the runtime starts"))
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_alone_and_its_handler_is_not_called() {
    let (application, executions, worker) = executed_after(
        "UPDATE jobs_executions SET retry = 'nonsense' WHERE payload LIKE '%\"b\"%';
         UPDATE jobs_executions SET max_attempts = -1 WHERE payload LIKE '%\"c\"%'",
    )
    .await;
    for (execution, text) in executions.iter().zip(TEXTS) {
        let result = execution.result().await;
        if ["a", "d"].contains(&text) {
            assert_eq!(result.ok().as_deref(), Some(text));
            continue;
        }
        match result {
            Err(ResultError::Failed(error)) => assert_eq!(error.kind, ErrorKind::InvalidPayload),
            // A row that cannot be executed cannot always be read for display.
            Err(ResultError::Store(_)) => {}
            other => panic!("`{text}`: {other:?}"),
        }
    }
    worker.idle().await;
    let failed = "jobs_outcomes WHERE status = 'failed' AND error_kind = 'invalid_payload'";
    assert_eq!(application.count(failed).await, 2);
    assert_eq!(application.count("jobs_leases").await, 0);
    worker.shutdown().await;
}

/// The database cannot even return the row: the claim postpones it and returns the others.
#[tokio::test]
async fn a_payload_that_is_not_text_is_postponed_and_blocks_no_other() {
    let (application, executions, worker) = executed_after(
        "UPDATE jobs_executions SET payload = CAST(x'7b2274657874223a22ff227d' AS TEXT)
         WHERE payload LIKE '%\"b\"%'",
    )
    .await;
    for (execution, text) in executions.iter().zip(TEXTS) {
        if text != "b" {
            assert_eq!(execution.result().await.ok().as_deref(), Some(text));
        }
    }
    assert_eq!(application.count("jobs_scheduled").await, 1);
    assert_eq!(application.count("jobs_outcomes").await, 3);
    worker.shutdown().await;
}

#[tokio::test]
async fn a_result_that_the_store_refuses_fails_its_attempt_and_no_other() {
    let application = Application::start(true).await;
    alter(
        &application,
        "CREATE TRIGGER refuse BEFORE INSERT ON jobs_outcomes WHEN NEW.result LIKE '%poison%'
         BEGIN SELECT RAISE(ABORT, 'not in my table'); END",
    )
    .await;
    let jobs = application.runtime.client();
    let texts = (0..40).map(|n| Echo::new(if n == 17 { "poison" } else { "food" }));
    let executions = jobs.enqueue_all(texts).await.expect("accepted");
    for (n, execution) in executions.iter().enumerate() {
        let result = execution.result().await;
        if n != 17 {
            assert_eq!(result.ok().as_deref(), Some("food"));
            continue;
        }
        let Err(ResultError::Failed(error)) = result else {
            panic!("it cannot be stored: {result:?}");
        };
        assert_eq!(error.kind, ErrorKind::InvalidResult);
        assert!(error.message.contains("not in my table"), "{error}");
        let record = record(&application.runtime, execution.id()).await;
        assert_eq!(record.attempts[0].outcome, Some(AttemptOutcome::Failed));
    }
}

/// The database rejects the settlement and its replacement. The others are stored, and the lease
/// remains until another worker takes it over.
#[tokio::test]
async fn a_settlement_that_cannot_be_stored_blocks_no_other() {
    let application = Application::start(true).await;
    alter(
        &application,
        "CREATE TRIGGER refuse BEFORE INSERT ON jobs_outcomes
         WHEN (SELECT payload FROM jobs_executions WHERE seq = NEW.seq) LIKE '%poison%'
         BEGIN SELECT RAISE(ABORT, 'not in my table'); END",
    )
    .await;
    let jobs = application.runtime.client();
    let poison = jobs.enqueue(Echo::new("poison")).await.expect("accepted");
    let texts = (0..40).map(|_| Echo::new("food"));
    for execution in jobs.enqueue_all(texts).await.expect("accepted") {
        assert_eq!(execution.result().await.ok().as_deref(), Some("food"));
    }
    // A shutdown returns after the last settlement.
    application.runtime.shutdown().await;
    let record = record(&application.runtime, poison.id()).await;
    assert_eq!(record.status, ExecutionStatus::Running);
    let sessions = application.runtime.store().sessions().await;
    assert_eq!(sessions.expect("it answers").len(), 1);
}

/// A take-over closes the session, then moves its leases in slices. A worker that resumes in
/// between has lost its session, and a second rescuer takes the remaining leases over.
#[tokio::test]
async fn a_half_finished_take_over_is_continued_by_another_worker() {
    let application = Application::start(false).await;
    let jobs = application.runtime.client();
    let texts = ["a", "b", "c"].map(Echo::new);
    jobs.enqueue_all(texts).await.expect("accepted");
    let store: &dyn Store = &**application.runtime.store();
    let open = async || store.open_session(another_worker()).await.expect("opened");
    let (dead, first, second) = (open().await, open().await, open().await);
    let claimed = store.claim(first_claim(dead, &["test.echo"])).await;
    assert_eq!(claimed.expect("it answers").len(), 3);
    let find = async || {
        let sessions = store.sessions().await.expect("it answers");
        sessions.into_iter().find(|beat| beat.session == dead)
    };
    let watched = find().await.expect("it is open");

    let mut slice = first_claim(first, &[]);
    slice.limit = 1;
    let taken = store.take_over(watched.clone(), slice).await;
    let taken = taken.expect("it answers");
    assert_eq!(taken.len(), 1);
    let now = taken[0].claimed_at;
    let renewal = store.renew(dead, now).await.expect("it answers");
    assert_eq!(renewal, Renewal::Lost);
    let mut more = first_claim(dead, &["test.echo"]);
    more.number = 2;
    let refused = store.claim(more).await;
    assert!(
        matches!(refused, Err(StoreError::SessionLost)),
        "{refused:?}"
    );

    // The first rescuer is lost too.
    let found = find().await.expect("it holds leases");
    assert_eq!(found.beat, watched.beat);
    let rest = store.take_over(found, first_claim(second, &[])).await;
    let rest = rest.expect("it answers");
    assert_eq!(rest.len(), 2);
    assert_eq!(find().await, None);
    let report = ProgressReport {
        fence: jobs_runtime::store::Fence {
            session: dead,
            ..rest[0].fence
        },
        progress: jobs::Progress {
            percent: 1,
            message: None,
        },
    };
    let answers = store.report(vec![report]).await.expect("it answers");
    assert_eq!(answers, [jobs_runtime::store::WriteAnswer::Stale]);
}
