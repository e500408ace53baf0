//! What workers write.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Ended, Model, Outcome, Place};
use crate::conformance::fixtures::*;

impl Model {
    /// The execution that a fence is about, and the answer to a write that needs no more than it.
    fn judge(&self, fence: Fence) -> (Option<usize>, WriteAnswer) {
        let found = self.rows.get(&fence.row).copied();
        let found = found.filter(|n| !self.executions[*n].deleted);
        let answer = match found.map(|n| &self.executions[n]) {
            Some(execution) if execution.lease_of(fence).is_some() => WriteAnswer::Settled,
            Some(execution) if execution.was_ended_by(fence) => WriteAnswer::AlreadyMine,
            _ => WriteAnswer::Stale,
        };
        (found, answer)
    }

    pub(in crate::conformance::model_test) fn settle(
        &mut self,
        batch: &[Settlement],
    ) -> Vec<WriteAnswer> {
        let judged: Vec<_> = batch.iter().map(|end| self.judge(end.fence)).collect();
        let mut seen = HashSet::new();
        let mut answers = Vec::new();
        for (settlement, (found, answer)) in batch.iter().zip(judged) {
            let repeated = answer == WriteAnswer::Settled && !seen.insert(settlement.fence);
            answers.push(if repeated {
                WriteAnswer::AlreadyMine
            } else {
                answer
            });
            let Some(n) = found else { continue };
            if answer != WriteAnswer::Stale {
                self.write_lines(n, settlement.fence, &settlement.end.logs);
            }
            if answer == WriteAnswer::Settled && !repeated {
                self.end(n, settlement);
            }
        }
        answers
    }

    fn end(&mut self, n: usize, settlement: &Settlement) {
        let Settlement {
            fence, end, next, ..
        } = settlement;
        let execution = &mut self.executions[n];
        let Place::Leased(lease) = std::mem::replace(&mut execution.place, Place::Ready) else {
            return;
        };
        let told = end.progress.as_ref();
        let progress = told.map_or(0, |told| told.percent).max(lease.progress);
        let message = told.and_then(|told| told.message.clone()).or(lease.message);
        let status = match next {
            Next::Succeed(_) => Some(ExecutionStatus::Succeeded),
            Next::Cancel => Some(ExecutionStatus::Cancelled),
            _ if lease.cancel_requested_at.is_some() => Some(ExecutionStatus::Cancelled),
            Next::Fail => Some(ExecutionStatus::Failed),
            Next::RetryAt(_) | Next::GiveBack => None,
        };
        let retry_at = match next {
            Next::RetryAt(at) if status.is_none() => Some(*at),
            _ => None,
        };
        let ended = Ended {
            record: AttemptRecord {
                number: fence.attempt,
                outcome: Some(end.outcome),
                error: end.error.clone(),
                worker: String::new(),
                started_at: end.started_at,
                finished_at: Some(end.finished_at),
                retry_at,
            },
            said_by: fence.session,
        };
        let worker = self.worker(lease.executed_by);
        let ended = Ended {
            record: AttemptRecord {
                worker,
                ..ended.record
            },
            ..ended
        };
        let execution = &mut self.executions[n];
        if let Some(status) = status {
            let (result, floor) = match next {
                Next::Succeed(result) => (Some(result.clone()), 100),
                _ => (None, 0),
            };
            execution.place = Place::Final(Outcome {
                status,
                finished_at: end.finished_at,
                attempt: Some(ended),
                progress: progress.max(floor),
                message,
                result,
            });
        } else {
            execution.spent += u32::from(end.outcome.spends_budget());
            execution.past.push(ended);
            execution.place = retry_at.map_or(Place::Ready, Place::Scheduled);
        }
    }

    fn write_lines(&mut self, n: usize, fence: Fence, lines: &[Arc<LogLine>]) {
        for line in lines {
            let place = (fence.attempt, line.line);
            let written = self.executions[n].lines.entry(place);
            written.or_insert_with(|| line.message.clone());
        }
    }

    pub(in crate::conformance::model_test) fn append_logs(
        &mut self,
        batch: &LogBatch,
    ) -> WriteAnswer {
        let (found, answer) = self.judge(batch.fence);
        if let Some(n) = found.filter(|_| answer != WriteAnswer::Stale) {
            self.write_lines(n, batch.fence, &batch.lines);
        }
        answer
    }

    pub(in crate::conformance::model_test) fn report(
        &mut self,
        report: &ProgressReport,
    ) -> WriteAnswer {
        let (found, answer) = self.judge(report.fence);
        match found.map(|n| &mut self.executions[n].place) {
            Some(Place::Leased(lease)) if answer == WriteAnswer::Settled => {
                lease.progress = lease.progress.max(report.progress.percent);
                let message = report.progress.message.clone();
                lease.message = message.or(lease.message.take());
                WriteAnswer::Settled
            }
            _ => WriteAnswer::Stale,
        }
    }
}
