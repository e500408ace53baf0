//! The contract as a few plain structures: what a store has to answer.
//!
//! No index, no transaction, no encoding: where an execution is, who holds it, what it was.

mod leases;
mod operator;
mod writes;

use std::collections::{BTreeMap, HashMap};

use crate::conformance::fixtures::*;

/// All that a store knows.
#[derive(Default)]
pub(super) struct Model {
    /// In the order of their creation.
    pub(super) executions: Vec<Execution>,
    pub(super) sessions: Vec<Session>,
    keys: HashMap<(String, String), (ExecutionId, String, Timestamp)>,
    /// What the store calls an execution in its fences.
    rows: HashMap<i64, usize>,
}

pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) worker: String,
    pub(super) opened_at: Timestamp,
    pub(super) renewed_at: Timestamp,
    pub(super) open: bool,
    pub(super) renewals: u32,
    /// The greatest number of a claim that took something.
    last_claim: i64,
}

pub(super) struct Execution {
    pub(super) new: NewExecution,
    pub(super) place: Place,
    /// The number of the running or last attempt.
    pub(super) attempt: u32,
    spent: u32,
    /// Attempts that others follow or followed.
    pub(super) past: Vec<Ended>,
    /// By attempt and number.
    pub(super) lines: BTreeMap<(u32, u32), String>,
    pub(super) retried_by_hand: bool,
    pub(super) deleted: bool,
}

/// Where an execution is: its status.
pub(super) enum Place {
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
    /// None if it was cancelled while it waited.
    pub(super) attempt: Option<Ended>,
    pub(super) progress: u8,
    pub(super) message: Option<String>,
    pub(super) result: Option<String>,
}

/// An ended attempt and the session that said so.
pub(super) struct Ended {
    pub(super) record: AttemptRecord,
    said_by: SessionId,
}

/// What a claim shall answer.
pub(super) enum Claiming {
    Lost,
    /// What the number holds, and whether it was asked for before.
    Holds(Vec<usize>, Asked),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Now,
    Before,
}

impl Execution {
    pub(super) fn status(&self) -> ExecutionStatus {
        match &self.place {
            Place::Ready => ExecutionStatus::Queued,
            Place::Scheduled(_) => ExecutionStatus::Pending,
            Place::Leased(_) => ExecutionStatus::Running,
            Place::Final(outcome) => outcome.status,
        }
    }

    fn waits(&self) -> bool {
        matches!(self.place, Place::Ready | Place::Scheduled(_))
    }

    fn lease_of(&self, fence: Fence) -> Option<&Lease> {
        match &self.place {
            Place::Leased(lease)
                if (lease.session, lease.claim) == (fence.session, fence.claim)
                    && self.attempt == fence.attempt =>
            {
                Some(lease)
            }
            _ => None,
        }
    }

    /// Whether the session of the fence has said how that attempt ended.
    fn was_ended_by(&self, fence: Fence) -> bool {
        let last = match &self.place {
            Place::Final(outcome) => outcome.attempt.as_ref(),
            _ => None,
        };
        let mut ended = self.past.iter().chain(last);
        ended.any(|ended| ended.said_by == fence.session && ended.record.number == fence.attempt)
    }
}

impl Model {
    pub(super) fn find(&self, id: ExecutionId) -> Option<usize> {
        let alive = |execution: &Execution| execution.new.id == id && !execution.deleted;
        self.executions.iter().position(alive)
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

    /// Whoever has leases has these.
    pub(super) fn leased_by(&self, session: SessionId) -> Vec<usize> {
        self.where_lease(|lease| lease.session == session)
    }

    fn where_lease(&self, is: impl Fn(&Lease) -> bool) -> Vec<usize> {
        let leased = |execution: &Execution| match &execution.place {
            Place::Leased(lease) => !execution.deleted && is(lease),
            _ => false,
        };
        let all = 0..self.executions.len();
        all.filter(|n| leased(&self.executions[*n])).collect()
    }

    /// Learns what the store calls an execution; `false` if it calls another one so, or this one
    /// differently.
    pub(super) fn learn(&mut self, row: i64, execution: usize) -> bool {
        let known = self.rows.iter().find(|(_, n)| **n == execution);
        known.is_none_or(|(known, _)| *known == row)
            && *self.rows.entry(row).or_insert(execution) == execution
    }

    /// The answers, or the place of a conflict and the execution that its key names.
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
            let place = (new.job_id.clone(), key.key.clone());
            match self.keys.get(&place) {
                Some((id, digest, until)) if *until > new.created_at => {
                    return match *digest == key.payload_digest {
                        true => Ok(EnqueueAnswer::Replayed(*id)),
                        false => Err(*id),
                    };
                }
                _ => {}
            }
            let named = (new.id, key.payload_digest.clone(), key.expires_at);
            self.keys.insert(place, named);
        }
        self.executions.push(Execution {
            new: new.clone(),
            place: match new.run_at.filter(|at| *at > new.created_at) {
                Some(at) => Place::Scheduled(at),
                None => Place::Ready,
            },
            attempt: 0,
            spent: 0,
            past: Vec::new(),
            lines: BTreeMap::new(),
            retried_by_hand: false,
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
