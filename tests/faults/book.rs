//! What handlers really did, written down beside the store.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::{ExecutionId, JobContext, JobError, job};
use tests::mortal::Mortal;

/// What a handler does in one of its attempts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub(crate) enum Step {
    /// Returns at once.
    Succeed,
    /// Sleeps for so many seconds, then returns.
    Sleep(u64),
    /// Fails, to be retried.
    Fail,
    /// Panics.
    Panic,
    /// Sleeps for longer than it may.
    TimeOut,
    /// Asks for a later time.
    Snooze,
    /// Fails for good.
    GiveUp,
    /// Awaits a child.
    Child,
}

/// One call of a handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// On the test's clock.
    pub(crate) begun_at: Duration,
    /// Which process.
    pub(crate) process: usize,
    /// What it returned, if it got so far.
    pub(crate) returned: Option<Result<(), ()>>,
}

/// By execution and attempt.
type Calls = BTreeMap<(ExecutionId, u32), Vec<Call>>;

/// What the handlers of all processes of one test did. A dead process writes nothing more.
#[derive(Clone)]
pub(crate) struct Book {
    calls: Arc<Mutex<Calls>>,
    clock: Arc<dyn jobs::Clock>,
    process: usize,
    life: Option<Arc<Mortal>>,
}

impl Book {
    pub(crate) fn new(clock: Arc<dyn jobs::Clock>) -> Self {
        Self {
            calls: Arc::default(),
            clock,
            process: 0,
            life: None,
        }
    }

    /// The same book in the hands of a process.
    pub(crate) fn of(&self, process: usize, life: &Arc<Mortal>) -> Self {
        Self {
            process,
            life: Some(Arc::clone(life)),
            ..self.clone()
        }
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ids of every execution that a handler was called for.
    pub(crate) fn executions(&self) -> HashSet<ExecutionId> {
        self.calls().keys().map(|(id, _)| *id).collect()
    }

    fn is_dead(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.is_dead())
    }

    fn begin(&self, ctx: &JobContext) {
        if self.is_dead() {
            return;
        }
        let call = Call {
            begun_at: self.clock.elapsed(),
            process: self.process,
            returned: None,
        };
        let key = (ctx.execution_id(), ctx.attempt());
        self.calls().entry(key).or_default().push(call);
    }

    fn end(&self, ctx: &JobContext, returned: Result<(), ()>) {
        if self.is_dead() {
            return;
        }
        let mut calls = self.calls();
        let call = calls.get_mut(&(ctx.execution_id(), ctx.attempt()));
        let call = call.and_then(|calls| calls.last_mut());
        if let Some(call) = call {
            call.returned = Some(returned);
        }
    }
}

/// Does one step of its plan per attempt; the last one again and again.
#[job(id = "fault.steps", timeout = "1m", retries = ["10s", "20s"], max_attempts = 4)]
pub(crate) async fn steps(ctx: &JobContext, book: &Book, plan: Vec<Step>) -> Result<u32, JobError> {
    book.begin(ctx);
    let index = usize::try_from(ctx.attempt()).unwrap_or(1) - 1;
    let step = plan.get(index).or(plan.last()).copied();
    let done = take(ctx, step.unwrap_or(Step::Succeed)).await;
    book.end(ctx, done.as_ref().map(|_| ()).map_err(|_| ()));
    done
}

async fn take(ctx: &JobContext, step: Step) -> Result<u32, JobError> {
    match step {
        Step::Succeed => {}
        Step::Sleep(seconds) => {
            ctx.progress(50, "asleep");
            tracing::info!("asleep");
            ctx.sleep(Duration::from_secs(seconds)).await;
        }
        Step::Fail => return Err("not this time".into()),
        Step::Panic => panic!("as planned"),
        Step::TimeOut => {
            ctx.sleep(Duration::from_secs(3600)).await;
            return Err("out of time".into());
        }
        Step::Snooze => return Err(JobError::snooze(Duration::from_secs(5))),
        Step::GiveUp => return Err(JobError::permanent("never")),
        Step::Child => {
            let child = ctx.enqueue(Steps::new(vec![Step::Sleep(1)])).await?;
            child.result().await?;
        }
    }
    Ok(ctx.attempt())
}
