//! Time, and what operators do.

use super::{Execution, Model, Outcome, Place};
use crate::conformance::fixtures::*;

impl Model {
    pub(in crate::conformance::model_test) fn cancel_requests(
        &self,
        session: SessionId,
    ) -> Vec<ExecutionId> {
        let asked = self
            .where_lease(|lease| lease.session == session && lease.cancel_requested_at.is_some());
        asked.iter().map(|n| self.executions[*n].new.id).collect()
    }

    pub(in crate::conformance::model_test) fn promote(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Promotion {
        let mut due: Vec<_> = self
            .scheduled()
            .into_iter()
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort_unstable();
        due.truncate(limit);
        for (_, n) in &due {
            self.executions[*n].place = Place::Ready;
        }
        Promotion {
            promoted: due.len(),
            next_due: self.scheduled().into_iter().map(|(at, _)| at).min(),
        }
    }

    fn scheduled(&self) -> Vec<(Timestamp, usize)> {
        let all = self.executions.iter().enumerate();
        let scheduled = all.filter_map(|(n, execution)| match execution.place {
            Place::Scheduled(at) if !execution.deleted => Some((at, n)),
            _ => None,
        });
        scheduled.collect()
    }

    pub(in crate::conformance::model_test) fn cancel(
        &mut self,
        id: ExecutionId,
        now: Timestamp,
    ) -> CancelAnswer {
        let Some(n) = self.find(id) else {
            return CancelAnswer::Unknown;
        };
        let execution = &mut self.executions[n];
        if execution.waits() {
            execution.place = Place::Final(Outcome {
                status: ExecutionStatus::Cancelled,
                finished_at: now,
                attempt: None,
                progress: 0,
                message: None,
                result: None,
            });
            return CancelAnswer::Cancelled;
        }
        match &mut execution.place {
            Place::Leased(lease) => {
                lease.cancel_requested_at.get_or_insert(now);
                CancelAnswer::Requested
            }
            _ => CancelAnswer::Final(execution.status()),
        }
    }

    pub(in crate::conformance::model_test) fn retry(
        &mut self,
        id: ExecutionId,
        payload: Option<String>,
    ) -> RetryAnswer {
        let Some(n) = self.find(id) else {
            return RetryAnswer::Unknown;
        };
        let execution = &mut self.executions[n];
        let status = execution.status();
        match std::mem::replace(&mut execution.place, Place::Ready) {
            Place::Final(outcome) if status != ExecutionStatus::Succeeded => {
                match outcome.attempt {
                    Some(last) => execution.past.push(last),
                    // It was cancelled while it waited: nothing is due any more.
                    None => {
                        if let Some(last) = execution.past.last_mut() {
                            last.record.retry_at = None;
                        }
                    }
                }
                execution.spent = 0;
                execution.retried_by_hand = true;
                if let Some(payload) = payload {
                    execution.new.payload = payload;
                }
                RetryAnswer::Queued
            }
            place => {
                execution.place = place;
                RetryAnswer::NotRetryable(status)
            }
        }
    }

    pub(in crate::conformance::model_test) fn delete(&mut self, id: ExecutionId) -> DeleteAnswer {
        let Some(n) = self.find(id) else {
            return DeleteAnswer::Unknown;
        };
        let status = self.executions[n].status();
        if !status.is_final() {
            return DeleteAnswer::NotFinal(status);
        }
        self.executions[n].deleted = true;
        self.keys.retain(|_, (named, _, _)| *named != id);
        DeleteAnswer::Deleted
    }

    pub(in crate::conformance::model_test) fn ahead(&self, id: ExecutionId) -> Option<u64> {
        let n = self.find(id)?;
        let place = |n: usize| (std::cmp::Reverse(self.executions[n].new.priority), n);
        let ready = |n: &usize| {
            let Execution { place, deleted, .. } = &self.executions[*n];
            matches!(place, Place::Ready) && !deleted
        };
        let same_queue =
            |other: &usize| self.executions[*other].new.queue == self.executions[n].new.queue;
        ready(&n).then(|| {
            let all = (0..self.executions.len()).filter(ready).filter(same_queue);
            all.filter(|other| place(*other) < place(n)).count() as u64
        })
    }
}
