//! Hooks: functions of the application that are called when an attempt starts or ends.
//!
//! A hook cannot change the outcome: it is called once the store has it. A hook that panics is
//! logged; the attempt and the other hooks are not affected.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::guarded;
use jobs::{AttemptOutcome, ExecutionError, ExecutionId};

use crate::store::{Claimed, Next, Settlement};
use crate::time::Timestamp;

/// An attempt that starts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptStarted {
    /// The id of the job.
    pub job_id: &'static str,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// True if the execution fails for good when this attempt fails.
    pub is_last_attempt: bool,
}

/// An attempt that has ended, as the store has recorded it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptEnded {
    /// The id of the job. If the job is not linked here, which can happen for the attempt of a lost
    /// worker, the id that the execution was enqueued under.
    pub job_id: Cow<'static, str>,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The execution's queue.
    pub queue: String,
    /// The execution's tags.
    pub tags: Vec<String>,
    /// The execution's correlation id.
    pub correlation_id: Option<String>,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The outcome of the attempt.
    pub outcome: AttemptOutcome,
    /// The error of an attempt that did not succeed.
    pub error: Option<ExecutionError>,
    /// The time of the next attempt, if one follows after a delay.
    pub retry_at: Option<Timestamp>,
    /// True if the execution has failed for good: its attempts are spent, or the error is
    /// permanent.
    pub is_exhausted: bool,
    /// The duration of the attempt.
    pub took: Duration,
}

impl AttemptEnded {
    /// The end of an attempt, as its settlement says.
    pub(crate) fn of(
        job_id: Cow<'static, str>,
        labels: HookLabels,
        settlement: &Settlement,
    ) -> Self {
        let Settlement {
            fence,
            execution_id,
            end,
            next,
            permits: _,
        } = settlement;
        let HookLabels {
            queue,
            tags,
            correlation_id,
        } = labels;
        Self {
            job_id,
            execution_id: *execution_id,
            queue,
            tags,
            correlation_id,
            attempt: fence.attempt,
            outcome: end.outcome,
            error: end.error.clone(),
            retry_at: match next {
                Next::RetryAt(at) => Some(*at),
                _ => None,
            },
            is_exhausted: matches!(next, Next::Fail),
            took: end.finished_at.since(end.started_at),
        }
    }
}

/// What a hook is told of an execution, and its settlement does not say.
#[derive(Clone, Debug)]
pub(crate) struct HookLabels {
    queue: String,
    tags: Vec<String>,
    correlation_id: Option<String>,
}

impl HookLabels {
    pub(crate) fn of(claimed: &Claimed) -> Self {
        Self {
            queue: claimed.queue.clone(),
            tags: claimed.tags.clone(),
            correlation_id: claimed.correlation_id.clone(),
        }
    }
}

type Hook<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// All hooks of a runtime.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    start: Vec<Hook<AttemptStarted>>,
    end: Vec<Hook<AttemptEnded>>,
}

impl Hooks {
    pub(crate) fn on_start(&mut self, hook: impl Fn(&AttemptStarted) + Send + Sync + 'static) {
        self.start.push(Arc::new(hook));
    }

    pub(crate) fn on_finish(&mut self, hook: impl Fn(&AttemptEnded) + Send + Sync + 'static) {
        self.end.push(Arc::new(hook));
    }

    pub(crate) fn on_exhausted(&mut self, hook: impl Fn(&AttemptEnded) + Send + Sync + 'static) {
        self.on_finish(move |ended| {
            if ended.is_exhausted {
                hook(ended);
            }
        });
    }

    /// True if a hook for ended attempts is registered.
    pub(crate) fn has_end_hooks(&self) -> bool {
        !self.end.is_empty()
    }

    pub(crate) fn started(&self, started: impl FnOnce() -> AttemptStarted) {
        if !self.start.is_empty() {
            call(&self.start, &started());
        }
    }

    pub(crate) fn ended(&self, ended: &AttemptEnded) {
        call(&self.end, ended);
    }
}

fn call<T>(hooks: &[Hook<T>], event: &T) {
    for hook in hooks {
        if let Err(panic) = guarded(|| hook(event)) {
            tracing::error!(panic, "a hook panicked");
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("start", &self.start.len())
            .field("end", &self.end.len())
            .finish()
    }
}
