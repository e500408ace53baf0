//! The model: a store in a few plain structures, without indexes, transactions and encodings.
//!
//! It computes the expected answer to each call. It imports the types of the store contract, and
//! must not call a store or import the runner.

mod leases;
mod operator;
mod writes;

use std::collections::{BTreeMap, HashMap};

use crate::conformance::fixtures::*;

/// The data of a store.
#[derive(Default)]
pub(super) struct Model {
    /// All executions, in the order of their creation.
    pub(super) executions: Vec<Execution>,
    pub(super) sessions: Vec<Session>,
    /// Idempotency keys by job id and text: execution, payload digest, expiry.
    keys: HashMap<(String, String), (ExecutionId, String, Timestamp)>,
    /// The store's row numbers of the executions, as its fences contain them.
    rows: HashMap<i64, usize>,
}

pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) worker: String,
    pub(super) opened_at: Timestamp,
    pub(super) renewed_at: Timestamp,
    pub(super) open: bool,
    pub(super) renewals: u32,
    /// The largest number of a claim that has taken leases.
    last_claim: i64,
}

pub(super) struct Execution {
    pub(super) new: NewExecution,
    pub(super) state: State,
    /// The number of the running or last attempt.
    pub(super) attempt: u32,
    spent: u32,
    /// Ended attempts that a further attempt follows.
    pub(super) past: Vec<Ended>,
    /// Log lines, by attempt and line number.
    pub(super) lines: BTreeMap<(u32, u32), String>,
    pub(super) retried_manually: bool,
    pub(super) deleted: bool,
}

/// The state of an execution.
pub(super) enum State {
    Ready,
    Scheduled(Timestamp),
    Leased(Lease),
    Final(Outcome),
}

pub(super) struct Lease {
    pub(super) session: SessionId,
    claim: i64,
    pub(super) executed_by: SessionId,
    pub(super) claimed_at: Timestamp,
    pub(super) progress: u8,
    pub(super) message: Option<String>,
    pub(super) cancel_requested_at: Option<Timestamp>,
}

pub(super) struct Outcome {
    pub(super) status: ExecutionStatus,
    pub(super) finished_at: Timestamp,
    /// `None` if it was cancelled while it waited.
    pub(super) attempt: Option<Ended>,
    pub(super) progress: u8,
    pub(super) message: Option<String>,
    pub(super) result: Option<String>,
}

/// An ended attempt and the session that has settled it.
pub(super) struct Ended {
    pub(super) record: AttemptRecord,
    settled_by: SessionId,
}

/// The expected answer to a claim or a take-over.
pub(super) enum ExpectedClaim {
    /// The session is lost.
    Lost,
    /// These executions, for a first or a repeated call.
    Leases(Vec<usize>, ClaimCall),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimCall {
    First,
    Repeated,
}

impl Execution {
    pub(super) fn status(&self) -> ExecutionStatus {
        match &self.state {
            State::Ready => ExecutionStatus::Queued,
            State::Scheduled(_) => ExecutionStatus::Pending,
            State::Leased(_) => ExecutionStatus::Running,
            State::Final(outcome) => outcome.status,
        }
    }

    fn has_lost_attempt(&self) -> bool {
        let mut ended = self.past.iter().map(|ended| ended.record.outcome);
        ended.any(|outcome| outcome == Some(AttemptOutcome::Lost))
    }

    fn is_waiting(&self) -> bool {
        matches!(self.state, State::Ready | State::Scheduled(_))
    }

    fn lease_of(&self, fence: Fence) -> Option<&Lease> {
        match &self.state {
            State::Leased(lease)
                if (lease.session, lease.claim) == (fence.session, fence.claim)
                    && self.attempt == fence.attempt =>
            {
                Some(lease)
            }
            _ => None,
        }
    }

    /// Returns `true` if the session of the fence has settled the attempt.
    fn was_ended_by(&self, fence: Fence) -> bool {
        let last = match &self.state {
            State::Final(outcome) => outcome.attempt.as_ref(),
            _ => None,
        };
        let mut ended = self.past.iter().chain(last);
        ended.any(|ended| ended.settled_by == fence.session && ended.record.number == fence.attempt)
    }
}

impl Model {
    pub(super) fn find(&self, id: ExecutionId) -> Option<usize> {
        let exists = |execution: &Execution| execution.new.id == id && !execution.deleted;
        self.executions.iter().position(exists)
    }

    pub(super) fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id)
    }

    fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    pub(super) fn worker(&self, id: SessionId) -> String {
        self.session(id)
            .map_or_else(String::new, |s| s.worker.clone())
    }

    /// Returns the executions that are leased to a session.
    pub(super) fn leased_by(&self, session: SessionId) -> Vec<usize> {
        self.where_lease(|lease| lease.session == session)
    }

    fn where_lease(&self, is: impl Fn(&Lease) -> bool) -> Vec<usize> {
        let leased = |execution: &Execution| match &execution.state {
            State::Leased(lease) => !execution.deleted && is(lease),
            _ => false,
        };
        let all = 0..self.executions.len();
        all.filter(|n| leased(&self.executions[*n])).collect()
    }

    /// Records the row number of an execution. Returns `false` if the number belongs to another
    /// execution, or this one has another number.
    pub(super) fn check_row(&mut self, row: i64, execution: usize) -> bool {
        let known = self.rows.iter().find(|(_, n)| **n == execution);
        known.is_none_or(|(known, _)| *known == row)
            && *self.rows.entry(row).or_insert(execution) == execution
    }

    /// Returns the answers, or the index of a conflict and the execution that its key names.
    pub(super) fn enqueue(
        &mut self,
        batch: &[NewExecution],
    ) -> Result<Vec<EnqueueAnswer>, (usize, ExecutionId)> {
        let (written, keys) = (self.executions.len(), self.keys.clone());
        let mut answers = Vec::new();
        for (index, new) in batch.iter().enumerate() {
            answers.push(match self.enqueue_one(new) {
                Ok(answer) => answer,
                Err(named) => {
                    self.executions.truncate(written);
                    self.keys = keys;
                    return Err((index, named));
                }
            });
        }
        Ok(answers)
    }

    fn enqueue_one(&mut self, new: &NewExecution) -> Result<EnqueueAnswer, ExecutionId> {
        if self.find(new.id).is_some() {
            return Ok(EnqueueAnswer::Created);
        }
        if let Some(key) = &new.idempotency_key {
            let name = (new.job_id.clone(), key.key.clone());
            match self.keys.get(&name) {
                Some((id, digest, until)) if *until > new.created_at => {
                    return if *digest == key.payload_digest {
                        Ok(EnqueueAnswer::Replayed(*id))
                    } else {
                        Err(*id)
                    };
                }
                _ => {}
            }
            let named = (new.id, key.payload_digest.clone(), key.expires_at);
            self.keys.insert(name, named);
        }
        self.executions.push(Execution {
            new: new.clone(),
            state: match new.run_at.filter(|at| *at > new.created_at) {
                Some(at) => State::Scheduled(at),
                None => State::Ready,
            },
            attempt: 0,
            spent: 0,
            past: Vec::new(),
            lines: BTreeMap::new(),
            retried_manually: false,
            deleted: false,
        });
        Ok(EnqueueAnswer::Created)
    }

    pub(super) fn open(&mut self, id: SessionId, worker: &str, now: Timestamp) {
        self.sessions.push(Session {
            id,
            worker: worker.to_owned(),
            opened_at: now,
            renewed_at: now,
            open: true,
            renewals: 0,
            last_claim: 0,
        });
    }

    pub(super) fn renew(&mut self, id: SessionId, now: Timestamp) -> Renewal {
        match self.session_mut(id) {
            Some(session) if session.open => {
                session.renewals += 1;
                session.renewed_at = now;
                Renewal::Renewed
            }
            _ => Renewal::Lost,
        }
    }

    pub(super) fn close(&mut self, id: SessionId) {
        if !self.leased_by(id).is_empty() {
            return;
        }
        if let Some(session) = self.session_mut(id) {
            session.open = false;
        }
    }
}
