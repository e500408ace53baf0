//! Fenced writes of a worker about an attempt: settlements and reports of progress.

use std::sync::Arc;

use jobs::{AttemptOutcome, ExecutionError, ExecutionId, ExecutionStatus, Progress};

use crate::store::{Fence, LogLine, Permits};
use crate::time::Timestamp;

/// The end of an attempt and what follows it.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The fence of the attempt.
    pub fence: Fence,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The result of the attempt.
    pub end: AttemptEnd,
    /// The execution's next state.
    pub next: Next,
    /// The attempt's permits; `None` for an execution that was claimed
    /// [without limits](super::lease::Claimed::limits). If that is wrong, the permits are released
    /// all the same, at the cost of a further lookup.
    pub permits: Option<Permits>,
}

impl Settlement {
    /// Returns `true` if the handler still runs and the attempt keeps its permits.
    pub(crate) fn retains_permits(&self) -> bool {
        self.permits
            .as_ref()
            .is_some_and(|permits| permits.retained)
    }

    /// Returns the final status of the execution, or `None` if another attempt follows.
    ///
    /// If a cancellation was requested, everything but a success becomes a cancellation.
    pub(in crate::store) fn final_status(&self, cancel_requested: bool) -> Option<ExecutionStatus> {
        match self.next {
            Next::Succeed(_) => Some(ExecutionStatus::Succeeded),
            Next::Cancel => Some(ExecutionStatus::Cancelled),
            _ if cancel_requested => Some(ExecutionStatus::Cancelled),
            Next::Fail => Some(ExecutionStatus::Failed),
            Next::RetryAt(_) | Next::GiveBack => None,
        }
    }
}

/// The result of an attempt.
#[derive(Clone, Debug)]
pub struct AttemptEnd {
    /// The outcome.
    pub outcome: AttemptOutcome,
    /// The error; `None` after a success.
    pub error: Option<ExecutionError>,
    /// The time at which the handler started.
    pub started_at: Timestamp,
    /// The time at which the attempt ended.
    pub finished_at: Timestamp,
    /// The last progress of the handler, if the store has not received it yet.
    pub progress: Option<Progress>,
    /// The log lines that the store has not acknowledged yet.
    pub logs: Vec<Arc<LogLine>>,
}

/// The next state of an execution after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The execution has succeeded with this result: JSON text.
    Succeed(String),
    /// The execution has failed.
    Fail,
    /// The execution is cancelled.
    Cancel,
    /// Another attempt follows, not before this time.
    RetryAt(Timestamp),
    /// Another attempt follows at once. The execution returns to its old place in its queue.
    GiveBack,
}

/// The progress of a running attempt.
#[derive(Clone, Debug)]
pub struct ProgressReport {
    /// The fence of the attempt.
    pub fence: Fence,
    /// The progress.
    pub progress: Progress,
}

/// The answer to a fenced write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteAnswer {
    /// This call has written it.
    Settled,
    /// The same session had written it before; that answer was lost.
    AlreadyMine,
    /// The lease does not exist any more. Nothing was written.
    Stale,
    /// An open transaction, for example one of a handler, has locked the lease. Nothing was
    /// written; repeat the call later.
    Locked,
    /// The database rejects this row. Nothing was written for it, and no other row is affected.
    Rejected,
}
