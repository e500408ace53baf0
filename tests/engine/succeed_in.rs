//! `succeed_in`: the handler's writes and its success in one transaction.

use jobs::{AttemptOutcome, ExecutionStatus, ResultError};
use jobs_runtime::store::ExecutionRecord;
use tests::jobs::Withdraw;
use tests::process::wait_for;

use super::record;
use super::support::take_over;
use super::transactions::Application;

async fn application() -> Application {
    let application = Application::start(true).await;
    sqlx::raw_sql("CREATE TABLE withdrawals (attempt INTEGER NOT NULL)")
        .execute(&application.pool)
        .await
        .expect("a table");
    application
}

/// Runs one withdrawal to its end.
async fn run(application: &Application, then: &str) -> (Result<u32, ResultError>, ExecutionRecord) {
    let withdraw = Withdraw::new(application.file(), then);
    let jobs = application.runtime.client();
    let execution = jobs.enqueue(withdraw).await.expect("accepted");
    let result = execution.result().await;
    (result, record(&application.runtime, execution.id()).await)
}

fn outcomes(record: &ExecutionRecord) -> Vec<Option<AttemptOutcome>> {
    record.attempts.iter().map(|a| a.outcome).collect()
}

#[tokio::test]
async fn the_writes_and_the_success_are_committed_together() {
    let application = application().await;
    let (result, record) = run(&application, "commit").await;
    assert_eq!(result.ok(), Some(1));
    assert_eq!(outcomes(&record), [Some(AttemptOutcome::Succeeded)]);
    assert_eq!(record.progress, 100);
    assert_eq!(application.count("withdrawals").await, 1);
    assert_eq!(application.count("jobs_leases").await, 0);
}

/// The handler rolls back and still returns a result: the attempt fails.
#[tokio::test]
async fn what_is_rolled_back_has_failed_and_is_tried_again() {
    let application = application().await;
    let (result, record) = run(&application, "roll back").await;
    assert_eq!(result.ok(), Some(2));
    use AttemptOutcome::{Failed, Succeeded};
    assert_eq!(outcomes(&record), [Some(Failed), Some(Succeeded)]);
    let error = record.attempts[0].error.as_ref().expect("it failed");
    assert!(error.message.contains("was not committed"), "{error}");
    assert_eq!(application.count("withdrawals").await, 1);
}

#[tokio::test]
async fn nothing_after_the_commit_undoes_the_success() {
    for then in ["fail", "panic", "hang"] {
        let application = application().await;
        let (result, record) = run(&application, then).await;
        assert_eq!(result.ok(), Some(1), "{then}");
        assert_eq!(record.status, ExecutionStatus::Succeeded);
        // After the shutdown, every settlement of the engine has been sent.
        application.runtime.shutdown_now().await;
        let record = super::record(&application.runtime, record.id).await;
        assert_eq!(outcomes(&record), [Some(AttemptOutcome::Succeeded)]);
        assert_eq!(application.count("withdrawals").await, 1);
    }
}

#[tokio::test]
async fn an_attempt_that_was_taken_over_cannot_succeed() {
    let application = application().await;
    let withdraw = Withdraw::new(application.file(), "wait");
    let jobs = application.runtime.client();
    let execution = jobs.enqueue(withdraw).await.expect("accepted");
    let waiting = application.file().with_extension("waiting");
    // The handler runs on this thread, so another thread waits for its file.
    tokio::task::spawn_blocking(move || wait_for("the handler", || waiting.exists()))
        .await
        .expect("it waits");

    let taken = take_over(&**application.runtime.store()).await;
    assert_eq!(taken.len(), 1);
    std::fs::write(application.file().with_extension("go"), "").expect("written");

    // The handler fails, and the store rejects that settlement too.
    application.runtime.shutdown().await;
    let record = record(&application.runtime, execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Running);
    assert_eq!(application.count("withdrawals").await, 0);
    assert_eq!(application.count("jobs_outcomes").await, 0);
    assert_eq!(application.count("jobs_attempts").await, 0);
}
