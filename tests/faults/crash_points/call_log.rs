//! A log of handler calls, kept by the test beside the store.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::{ExecutionId, JobContext, JobError, job};
use tests::fault_injecting_store::FaultInjectingStore;

/// The behaviour of a handler in one attempt.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub(crate) enum PlanStep {
    /// Returns at once.
    Succeed,
    /// Sleeps for a number of seconds, then returns.
    Sleep(u64),
    /// Fails, and is retried.
    Fail,
    /// Panics.
    Panic,
    /// Sleeps for longer than the timeout.
    TimeOut,
    /// Snoozes.
    Snooze,
    /// Fails permanently.
    GiveUp,
    /// Awaits a child.
    Child,
}

/// One call of a handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandlerCall {
    /// The start, on the test's clock.
    pub(crate) begun_at: Duration,
    /// The number of the calling process.
    pub(crate) process: usize,
    /// The handler's return value; `None` if it did not return.
    pub(crate) returned: Option<Result<(), ()>>,
}

/// Calls by execution and attempt.
type Calls = BTreeMap<(ExecutionId, u32), Vec<HandlerCall>>;

/// The handler calls of all processes of one test. A dead process records nothing more.
#[derive(Clone)]
pub(crate) struct CallLog {
    calls: Arc<Mutex<Calls>>,
    clock: Arc<dyn jobs::Clock>,
    process: usize,
    process_store: Option<Arc<FaultInjectingStore>>,
}

impl CallLog {
    pub(crate) fn new(clock: Arc<dyn jobs::Clock>) -> Self {
        Self {
            calls: Arc::default(),
            clock,
            process: 0,
            process_store: None,
        }
    }

    /// The same log, for the handlers of one process.
    pub(crate) fn of(&self, process: usize, store: &Arc<FaultInjectingStore>) -> Self {
        Self {
            process,
            process_store: Some(Arc::clone(store)),
            ..self.clone()
        }
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ids of all executions whose handler was called.
    pub(crate) fn executions(&self) -> HashSet<ExecutionId> {
        self.calls().keys().map(|(id, _)| *id).collect()
    }

    fn is_dead(&self) -> bool {
        self.process_store
            .as_ref()
            .is_some_and(|store| store.is_dead())
    }

    fn begin(&self, ctx: &JobContext) {
        if self.is_dead() {
            return;
        }
        let call = HandlerCall {
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

/// Takes one step of its plan per attempt. Attempts beyond the plan repeat its last step.
#[job(id = "fault.steps", timeout = "1m", retries = ["10s", "20s"], max_attempts = 4)]
pub(crate) async fn steps(
    ctx: &JobContext,
    log: &CallLog,
    plan: Vec<PlanStep>,
) -> Result<u32, JobError> {
    log.begin(ctx);
    let index = usize::try_from(ctx.attempt()).unwrap_or(1) - 1;
    let step = plan.get(index).or(plan.last()).copied();
    let result = take(ctx, step.unwrap_or(PlanStep::Succeed)).await;
    log.end(ctx, result.as_ref().map(|_| ()).map_err(|_| ()));
    result
}

async fn take(ctx: &JobContext, step: PlanStep) -> Result<u32, JobError> {
    match step {
        PlanStep::Succeed => {}
        PlanStep::Sleep(seconds) => {
            ctx.progress(50, "asleep");
            tracing::info!("asleep");
            ctx.sleep(Duration::from_secs(seconds)).await?;
        }
        PlanStep::Fail => return Err("this attempt fails by plan".into()),
        // Without the panic hook, whose output would hide the failures of tests.
        PlanStep::Panic => std::panic::resume_unwind(Box::new("this attempt panics by plan")),
        PlanStep::TimeOut => {
            ctx.sleep(Duration::from_secs(3600)).await?;
            return Err("the sleep ended before the timeout".into());
        }
        PlanStep::Snooze => return Err(JobError::snooze(Duration::from_secs(5))),
        PlanStep::GiveUp => return Err(JobError::permanent("a permanent failure by plan")),
        PlanStep::Child => {
            let child = ctx.enqueue(Steps::new(vec![PlanStep::Sleep(1)])).await?;
            child.result().await?;
        }
    }
    Ok(ctx.attempt())
}
