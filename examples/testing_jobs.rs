//! Tests of jobs: a reminder that is sent, retried after an hour, and sent once although its worker
//! dies.
//!
//! ```text
//! cargo test -p examples --test testing_jobs
//! ```
//!
//! A real application has its jobs in a library, and these functions in `tests/`.

#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jobs::testing::{TestContext, block_on};
use jobs::{ExecutionStatus, JobContext, JobError, assert_enqueued, job};
use jobs_runtime::testing::{Crash, TestRuntime};

/// Sends a reminder. The mailbox takes each message id once.
#[job(id = "shop.remind", retries = ["1h"])]
pub async fn remind(ctx: &JobContext, mailbox: &Mailbox, to: String) -> Result<(), JobError> {
    if to == "grace" && ctx.attempt() == 1 {
        return Err("the mail server is away".into());
    }
    let message = format!("{} to {to}", ctx.execution_id());
    mailbox.0.lock().unwrap().insert(message);
    Ok(())
}

/// Creates an account and enqueues its reminder.
#[job(id = "shop.sign-up")]
pub async fn sign_up(ctx: &JobContext, name: String) -> Result<(), JobError> {
    let week = std::time::Duration::from_secs(7 * 24 * 3600);
    ctx.enqueue(Remind::new(name)).delay(week).await?;
    Ok(())
}

/// A fake of the mail server: the messages that it has taken.
#[derive(Default)]
pub struct Mailbox(Mutex<BTreeSet<String>>);

impl Mailbox {
    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[jobs::test(setup = |builder| builder.resource(Mailbox::default()))]
async fn a_failed_reminder_is_sent_an_hour_later(test: &TestRuntime) {
    let reminder = test.client().enqueue(Remind::new("grace")).await.unwrap();
    test.advance("59m").await;
    let waiting = test.execution(reminder.id()).await;
    assert_eq!(waiting.status, ExecutionStatus::Pending);
    test.advance("1m").await;
    reminder.result().await.unwrap();
}

#[jobs::test(setup = |builder| builder.resource(Mailbox::default()))]
async fn a_new_account_is_reminded_after_a_week(test: &TestRuntime) {
    test.client().enqueue(SignUp::new("ada")).await.unwrap();
    test.run_until_idle().await;
    assert_enqueued!(test.enqueued().await, Remind { to: "ada" });
    test.advance("7d").await;
    let reminders = test.executions::<Remind>().await;
    assert_eq!(reminders[0].record.status, ExecutionStatus::Succeeded);
}

#[test]
fn a_worker_that_dies_sends_no_second_reminder() {
    let mailbox = Arc::new(Mailbox::default());
    let shared = Arc::clone(&mailbox);
    jobs_runtime::testing::run_test(
        |builder| builder.shared_resource(shared),
        async |test| {
            test.crash_at_commit(Crash::BeforeCommit);
            let reminder = test.client().enqueue(Remind::new("ada")).await.unwrap();
            test.run_to_end("10m").await;
            assert_eq!(test.execution(reminder.id()).await.attempt, 2);
        },
    );
    assert_eq!(mailbox.len(), 1);
}

#[test]
fn a_reminder_may_run_twice() {
    let mailbox = Arc::new(Mailbox::default());
    let test = TestContext::builder()
        .shared_resource(Arc::clone(&mailbox))
        .build();
    block_on(test.run_twice(Remind::new("ada"), || mailbox.len())).unwrap();
}
