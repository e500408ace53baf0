//! A worker's right to attempts, and what it says with that right.

use std::fmt;
use std::sync::Arc;

use jobs::{AttemptOutcome, ExecutionError, ExecutionId, ExecutionStatus, Progress};
use serde::{Deserialize, Serialize};

use crate::store::{ExecutionPolicy, LogLine, PermitToken, Permits};
use crate::time::Timestamp;

/// Names a worker's session: one start of one worker. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SessionId(pub i64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who opens a session.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// Host and process, for people.
    pub worker: String,
    /// When.
    pub opened_at: Timestamp,
    /// The ids that it claims, aliases included; to explain why an execution waits, nothing else.
    pub job_ids: Vec<String>,
    /// The queues it takes from; every queue if empty.
    pub queues: Vec<String>,
    /// Words of its operator's about it, for people: `gpu`, `eu-west`.
    pub labels: Vec<String>,
    /// What single queues and jobs have of its slots; to explain, nothing else.
    pub slot_caps: Vec<SlotCap>,
}

/// What a queue, or a job, has of a worker's slots at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotCap {
    /// Of what.
    #[serde(flatten)]
    pub of: CapScope,
    /// Attempts at a time.
    pub most: u64,
}

/// Whose attempts a [`SlotCap`] counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CapScope {
    /// Those from a queue.
    Queue(String),
    /// Those of a job, under each of its ids.
    JobIds(Vec<String>),
}

/// An open session as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessRecord {
    /// Which session.
    pub session: SessionId,
    /// Host and process.
    pub worker: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The worker's time at its last renewal.
    pub renewed_at: Timestamp,
    /// The attempts that it holds the leases of.
    pub running: u64,
    /// The ids that it claims; `None` if its program does not tell.
    pub job_ids: Option<Vec<String>>,
    /// The queues that it takes from, every queue if empty; `None` if its program does not tell.
    pub queues: Option<Vec<String>>,
    /// Words of its operator's about it.
    pub labels: Vec<String>,
    /// What single queues and jobs have of its slots, as far as its program tells.
    pub slot_caps: Vec<SlotCap>,
}

/// A session and the counter that its renewals change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionBeat {
    /// Which session.
    pub session: SessionId,
    /// Changes with every renewal.
    pub beat: i64,
    /// Host and process, for people.
    pub worker: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The worker's time at its last renewal; for people, never compared.
    pub renewed_at: Timestamp,
}

/// The answer to a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The session lives on.
    Renewed,
    /// The session was taken over: none of its leases holds.
    Lost,
}

/// A request for leases.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose leases they become.
    pub session: SessionId,
    /// The claimer's number for this claim, to find it again after a lost answer. Used once per
    /// session, from 1.
    pub number: i64,
    /// Ids that the worker can execute, aliases included.
    pub job_ids: Vec<String>,
    /// The queues to take from; every queue if empty.
    pub queues: Vec<String>,
    /// Queues to leave out.
    pub except: Vec<String>,
    /// Take only these executions; any if empty.
    pub only: Vec<ExecutionId>,
    /// How many at most.
    pub limit: usize,
    /// How many of some kinds at most: what is beyond is passed over.
    pub caps: Caps,
    /// The claimer's time.
    pub now: Timestamp,
}

/// How many of some kinds a claim takes at most.
///
/// A claim that passes some over may take fewer than its limit though others stand behind them: whoever
/// got something asks again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Of executions that have limits, whose permits are not to lie idle in a worker's backlog.
    pub limited: Option<usize>,
    /// Of each of these queues.
    pub queues: Vec<(String, usize)>,
    /// Of each of these jobs.
    pub jobs: Vec<(String, usize)>,
}

impl Caps {
    /// Whether nothing is passed over.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether queues or jobs have a cap of their own.
    pub(in crate::store) fn has_shares(&self) -> bool {
        !self.queues.is_empty() || !self.jobs.is_empty()
    }
}

/// An attempt leased to a session.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The right to it.
    pub fence: Fence,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The id it was enqueued under.
    pub job_id: String,
    /// The queue it waited in.
    pub queue: String,
    /// The limits whose permits it holds, if there are any.
    pub limits: Option<PermitToken>,
    /// JSON text.
    pub payload: String,
    /// The policy it runs by.
    pub policy: ExecutionPolicy,
    /// Attempts already spent.
    pub spent: u32,
    /// What it belongs to.
    pub correlation_id: Option<String>,
    /// When the lease was given.
    pub claimed_at: Timestamp,
    /// Whether its cancellation was requested.
    pub cancel_requested: bool,
    /// Why its row cannot be executed as it stands: what could not be read is replaced by a
    /// stand-in, and the attempt fails without its handler. One such row spoils no other's claim.
    pub unreadable: Option<String>,
}

/// What every write of a worker must still hold: the lease of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence {
    /// The holder.
    pub session: SessionId,
    /// The claim that it was leased by.
    pub claim: i64,
    /// The store's own key of the execution.
    pub row: i64,
    /// The attempt.
    pub attempt: u32,
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The right to say so.
    pub fence: Fence,
    /// The execution.
    pub execution_id: ExecutionId,
    /// How it went.
    pub end: AttemptEnd,
    /// What follows.
    pub next: Next,
    /// What becomes of its permits; `None` of an execution that was claimed
    /// [without limits](Claimed::limits). Where that is not so, its permits come back all the same: it
    /// costs the store another look.
    pub permits: Option<Permits>,
}

impl Settlement {
    /// Whether the handler still runs and keeps its permits.
    pub(crate) fn retains_permits(&self) -> bool {
        self.permits
            .as_ref()
            .is_some_and(|permits| permits.retained)
    }

    /// What its execution ends as; `None` if another attempt follows. What was asked to be cancelled
    /// and did not succeed is cancelled.
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

/// How an attempt went.
#[derive(Clone, Debug)]
pub struct AttemptEnd {
    /// In one word.
    pub outcome: AttemptOutcome,
    /// What went wrong.
    pub error: Option<ExecutionError>,
    /// When the handler began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The last report of progress, if any came after the last one noted.
    pub progress: Option<Progress>,
    /// What was logged and has not been acknowledged yet.
    pub logs: Vec<Arc<LogLine>>,
}

/// What follows an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The execution has succeeded with this result: JSON text.
    Succeed(String),
    /// The execution has failed.
    Fail,
    /// The execution is cancelled.
    Cancel,
    /// Another attempt, not before this time.
    RetryAt(Timestamp),
    /// Another attempt at once: the execution goes back to its place.
    GiveBack,
}

/// A running attempt's progress.
#[derive(Clone, Debug)]
pub struct ProgressReport {
    /// The right to say so.
    pub fence: Fence,
    /// How far it is.
    pub progress: Progress,
}

/// What became of a fenced write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteAnswer {
    /// It holds now.
    Settled,
    /// The same session had written it before: the answer to that was lost.
    AlreadyMine,
    /// The lease does not hold: nothing changed.
    Stale,
    /// Somebody else's transaction keeps it from being written, a handler's own that stays open perhaps:
    /// nothing changed, and the same may be said again later.
    Locked,
    /// The database will not have it: nothing changed, and nothing else was kept from being written.
    Rejected,
}

/// What a promotion did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Executions that are ready now.
    pub promoted: usize,
    /// When the next one is due.
    pub next_due: Option<Timestamp>,
}

/// What became of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It waited and is cancelled.
    Cancelled,
    /// It runs, and its worker will be told.
    Requested,
    /// It is final already.
    Final(ExecutionStatus),
    /// There is no such execution.
    Unknown,
}

/// What became of a request to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteAnswer {
    /// It is gone.
    Deleted,
    /// Only final executions can be deleted.
    NotFinal(ExecutionStatus),
    /// There is no such execution, any more or ever.
    Unknown,
}

/// What became of an operator's retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAnswer {
    /// It is queued again.
    Queued,
    /// Only failed and cancelled executions can be retried.
    NotRetryable(ExecutionStatus),
    /// There is no such execution.
    Unknown,
}
