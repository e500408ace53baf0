//! What steps say, in the words of a store.

use std::time::Duration;

use super::super::step::{AnyFence, End, How, Item, Wrong};
use super::{JOBS, Play, QUEUES, back};
use crate::conformance::fixtures::*;

impl Play {
    pub(in crate::conformance::model_test) fn new_execution(
        &mut self,
        item: &Item,
    ) -> NewExecution {
        let count = self.ids.len() as u64;
        let at = std::time::SystemTime::from(T0) + Duration::from_millis(count);
        let id = ExecutionId::from_parts(at, [7; 10]);
        self.ids.push(id);
        let mut new = new(JOBS[usize::from(item.job) % JOBS.len()]);
        new.id = id;
        new.queue = QUEUES[usize::from(item.queue) % QUEUES.len()].to_owned();
        new.priority = [50, 75, 0][usize::from(item.priority) % 3];
        new.payload = format!(r#"{{"n":{}}}"#, item.payload);
        new.created_at = self.now;
        new.run_at = item.delay.map(|seconds| {
            let millis = self.now.as_millis() + 1_000 * i64::from(seconds);
            Timestamp::from_millis(millis)
        });
        new.idempotency_key = item.key.map(|key| IdempotencyKey {
            key: format!("k{key}"),
            payload_digest: new.payload.clone(),
            expires_at: self.now.after(Duration::from_secs(45)),
        });
        new
    }

    pub(in crate::conformance::model_test) fn new_claim(
        &mut self,
        session: u8,
        limit: u8,
        change: impl FnOnce(&mut Claim),
    ) -> Claim {
        let session = self.session(session);
        let mut number = 0;
        for (_, last) in self.sessions.iter_mut().filter(|(id, _)| *id == session) {
            *last += 1;
            number = *last;
        }
        let mut claim = claim(session, number, &[], limit.into());
        claim.now = self.now;
        change(&mut claim);
        claim
    }

    pub(in crate::conformance::model_test) fn fence(
        &self,
        any: &AnyFence,
    ) -> Option<(Fence, ExecutionId)> {
        let (mut fence, id) = *back(&self.fences, any.which)?;
        match any.wrong {
            Wrong::Nothing => {}
            Wrong::Claim => fence.claim += 1,
            Wrong::Attempt => fence.attempt += 1,
            Wrong::Session => {
                let mut others = self.sessions.iter().map(|(session, _)| *session);
                fence.session = others.rfind(|other| *other != fence.session)?;
            }
        }
        Some((fence, id))
    }

    pub(in crate::conformance::model_test) fn settlement(&self, end: &End) -> Option<Settlement> {
        let (fence, execution_id) = self.fence(&end.fence)?;
        let later =
            |seconds: u8| Next::RetryAt(self.now.after(Duration::from_secs(seconds.into())));
        let result = || format!(r#"{{"attempt":{}}}"#, fence.attempt);
        let (outcome, next) = match end.how {
            How::Success => (AttemptOutcome::Succeeded, Next::Succeed(result())),
            How::Failure => (AttemptOutcome::Failed, Next::Fail),
            How::Panic => (AttemptOutcome::Panicked, Next::Fail),
            How::Cancel => (AttemptOutcome::Cancelled, Next::Cancel),
            How::Release => (AttemptOutcome::Released, Next::GiveBack),
            How::Retry { seconds } => (AttemptOutcome::Failed, later(seconds)),
            How::TimedOut { seconds } => (AttemptOutcome::TimedOut, later(seconds)),
            How::Lost { seconds } => (AttemptOutcome::Lost, later(seconds)),
            How::Snooze { seconds } => (AttemptOutcome::Snoozed, later(seconds)),
        };
        let error = error_of(outcome).map(|kind| ExecutionError {
            kind,
            message: format!("attempt {}", fence.attempt),
        });
        Some(Settlement {
            fence,
            execution_id,
            end: AttemptEnd {
                outcome,
                error,
                started_at: self.now,
                finished_at: self.now.after(Duration::from_millis(250)),
                progress: end.percent.map(|percent| Progress {
                    percent,
                    message: (percent % 2 == 0).then(|| format!("ended at {percent}")),
                }),
                logs: (1..=u32::from(end.lines))
                    .map(|n| line(n, "last"))
                    .collect(),
            },
            next,
            permits: None,
        })
    }
}

fn error_of(outcome: AttemptOutcome) -> Option<ErrorKind> {
    match outcome {
        AttemptOutcome::Failed => Some(ErrorKind::Failed),
        AttemptOutcome::TimedOut => Some(ErrorKind::TimedOut),
        AttemptOutcome::Panicked => Some(ErrorKind::Panicked),
        AttemptOutcome::Lost => Some(ErrorKind::Lost),
        AttemptOutcome::Cancelled => Some(ErrorKind::Cancelled),
        _ => None,
    }
}
