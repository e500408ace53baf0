//! Functions of the application that are told what becomes of attempts.
//!
//! A hook changes nothing: what it is told of has happened. One that panics is logged and left.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use jobs::{AttemptOutcome, ExecutionError, ExecutionId};

use crate::time::Timestamp;

/// An attempt that begins.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptStarted {
    /// The job.
    pub job_id: &'static str,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// Whether the execution fails for good if this attempt fails.
    pub is_last_attempt: bool,
}

/// An attempt that has ended, as the store knows it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptEnded {
    /// The job; for the attempt of a lost worker the id that it was enqueued under, if the job is
    /// not linked here.
    pub job_id: Cow<'static, str>,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// How it went.
    pub outcome: AttemptOutcome,
    /// What went wrong.
    pub error: Option<ExecutionError>,
    /// When the next attempt is due, if one waits for its time.
    pub retry_at: Option<Timestamp>,
    /// Whether the execution has failed for good: its attempts are spent, or no other can help.
    pub is_exhausted: bool,
    /// What the attempt took.
    pub took: Duration,
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

    /// Whether anybody wants to hear of ends.
    pub(crate) fn hear_of_ends(&self) -> bool {
        !self.end.is_empty()
    }

    pub(crate) fn started(&self, started: impl FnOnce() -> AttemptStarted) {
        if !self.start.is_empty() {
            tell(&self.start, &started());
        }
    }

    pub(crate) fn ended(&self, ended: &AttemptEnded) {
        tell(&self.end, ended);
    }
}

fn tell<T>(hooks: &[Hook<T>], event: &T) {
    for hook in hooks {
        if catch_unwind(AssertUnwindSafe(|| hook(event))).is_err() {
            tracing::error!("a hook panicked");
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
