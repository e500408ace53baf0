//! Leases: a worker's claims, the attempts that they lease, and the fence of each.

use jobs::ExecutionId;

use crate::store::{ExecutionPolicy, PermitToken, SessionId};
use crate::time::Timestamp;

/// A request for leases.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The session that the leases will belong to.
    pub session: SessionId,
    /// The worker's number for this claim, from 1 and unique in the session. A repeated claim finds
    /// its leases by this number.
    pub number: i64,
    /// The job ids that the worker can execute, aliases included.
    pub job_ids: Vec<String>,
    /// The queues to take from; every queue if empty.
    pub queues: Vec<String>,
    /// The queues to leave out.
    pub except: Vec<String>,
    /// Takes only these executions; any if empty.
    pub only: Vec<ExecutionId>,
    /// The largest number of executions to take.
    pub limit: usize,
    /// Further bounds: executions beyond them stay ready.
    pub caps: Caps,
    /// The worker's time.
    pub now: Timestamp,
}

/// Bounds of a claim per kind of execution.
///
/// A claim that skips executions because of its caps may take fewer than its limit, although more
/// executions are ready. A worker that has received any claims again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// The largest number of executions that have limits, so that no prefetched execution keeps a
    /// permit idle.
    pub limited: Option<usize>,
    /// The largest number of executions of each of these queues.
    pub queues: Vec<(String, usize)>,
    /// The largest number of executions of each of these job ids.
    pub jobs: Vec<(String, usize)>,
}

impl Caps {
    /// Returns `true` if there are no bounds.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns `true` if queues or jobs have bounds of their own.
    pub(in crate::store) fn has_slot_caps(&self) -> bool {
        !self.queues.is_empty() || !self.jobs.is_empty()
    }
}

/// An attempt that is leased to a session.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The fence: every write about the attempt carries it.
    pub fence: Fence,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The job id under which the execution was enqueued.
    pub job_id: String,
    /// The execution's queue.
    pub queue: String,
    /// The limits whose permits the attempt holds; `None` if it has no limits.
    pub limits: Option<PermitToken>,
    /// The payload: JSON text.
    pub payload: String,
    /// The execution's policy.
    pub policy: ExecutionPolicy,
    /// The number of attempts that the retry budget has already spent.
    pub spent: u32,
    /// The execution's correlation id.
    pub correlation_id: Option<String>,
    /// The execution's tags.
    pub tags: Vec<String>,
    /// The time for which the execution was enqueued: that of its creation, or a later one.
    pub run_at: Timestamp,
    /// The execution's [trace context](crate::store::NewExecution::trace_parent).
    pub trace_parent: Option<String>,
    /// The time at which the lease was given.
    pub claimed_at: Timestamp,
    /// `true` if the cancellation of the attempt was requested.
    pub cancel_requested: bool,
    /// `true` if an earlier attempt of the execution was lost. Known after a take-over only.
    pub lost_before: bool,
    /// The reason why the stored row cannot be executed. Placeholders stand for the values that
    /// cannot be read, and the attempt fails without its handler. Other executions of the claim
    /// are not affected.
    pub unreadable: Option<String>,
}

/// The proof of a lease, checked by every write of a worker. A write takes effect only while all
/// four parts match an existing lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence {
    /// The session that holds the lease.
    pub session: SessionId,
    /// The number of the claim that took the lease.
    pub claim: i64,
    /// The store's row number of the execution.
    pub row: i64,
    /// The attempt.
    pub attempt: u32,
}

/// The answer to a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// The number of executions that became ready.
    pub promoted: usize,
    /// The time of the next promotion that has work; `None` if nothing is scheduled.
    pub next_due: Option<Timestamp>,
}
