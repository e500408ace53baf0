//! Heartbeats of external leases: progress, log lines, and the wait for an interrupt.
//!
//! A heartbeat writes progress and log lines, and changes the beat of its lease in the store: at
//! most once in a sixth of a lease. It can then wait for an interrupt, as a poll waits for work.

use std::sync::PoisonError;
use std::time::Duration;

use jobs::Progress;

use super::leases::{Found, InterruptReason, Lease};
use super::log_lines::ReportedLine;
use super::{ExternalLeases, LeaseError};
use crate::store::{LogBatch, ProgressReport, WriteAnswer};
use crate::time::Timestamp;

/// The tries to write log lines while another transaction holds the lease, and the pause after
/// each.
const APPEND_TRIES: u32 = 5;
const APPEND_PAUSE: Duration = Duration::from_millis(100);

/// A heartbeat of a lease.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    /// Percent and message.
    pub(crate) progress: Option<Progress>,
    pub(crate) logs: Vec<ReportedLine>,
    /// The longest wait for an interrupt.
    pub(crate) wait: Duration,
}

/// The answer to a heartbeat: the lease holds.
#[derive(Debug)]
pub(crate) struct HeartbeatAnswer {
    /// The reason why the worker has to end the attempt.
    pub(crate) interrupt: Option<InterruptReason>,
    /// The time that is left for it.
    pub(crate) grace: Option<Duration>,
    pub(crate) deadline: Option<Timestamp>,
}

impl ExternalLeases {
    /// Writes a heartbeat under the fence of its lease, and waits for an interrupt.
    ///
    /// # Errors
    /// The lease does not hold, before or after the wait, or the store fails.
    pub(crate) async fn heartbeat(
        &self,
        token: &str,
        heartbeat: Heartbeat,
    ) -> Result<HeartbeatAnswer, LeaseError> {
        let lease = match self.find(token).await? {
            Found::Holds(lease) => lease,
            Found::Ended(token) => {
                let reason = self.end_reason(token.execution, token.fence).await?;
                return Err(LeaseError::Lost(reason));
            }
        };
        let Heartbeat {
            progress,
            logs,
            wait,
        } = heartbeat;
        self.write(&lease, progress, logs).await?;
        let inner = &self.0;
        let wait = wait.min(inner.settings.longest_wait());
        let timer = inner.clock().sleep(wait);
        tokio::pin!(timer);
        loop {
            let changed = lease.changed.notified();
            tokio::pin!(changed);
            // Registered before the state is read, so that no change is missed.
            changed.as_mut().enable();
            let state = lease.state();
            if let Some(reason) = state.ended {
                return Err(LeaseError::Lost(reason));
            }
            let answer = HeartbeatAnswer {
                interrupt: state.interrupt.map(|(reason, _)| reason),
                grace: state
                    .interrupt
                    .map(|(reason, at)| self.left(&lease, reason, at)),
                deadline: lease.deadline,
            };
            if state.interrupt.is_some() || wait.is_zero() || inner.stop.is_cancelled() {
                return Ok(answer);
            }
            tokio::select! {
                () = changed => {}
                () = &mut timer => return Ok(answer),
                () = inner.stop.cancelled() => return Ok(answer),
            }
        }
    }

    /// The time that is left after an interrupt.
    fn left(&self, lease: &Lease, reason: InterruptReason, at: Duration) -> Duration {
        let inner = &self.0;
        let until_deadline = lease.deadline.map(|end| end.since(inner.now()));
        let until_grace = (at + inner.settings.grace).saturating_sub(inner.elapsed());
        match (reason, until_deadline) {
            (InterruptReason::Timeout, Some(left)) => left,
            (_, Some(left)) => left.min(until_grace),
            (_, None) => until_grace,
        }
    }

    /// Writes log lines. Tries again while another write of the attempt holds its lease.
    ///
    /// # Errors
    /// The store's, or the lines are not written: the worker sends them again.
    async fn append(&self, batch: LogBatch) -> Result<WriteAnswer, LeaseError> {
        let inner = &self.0;
        for _ in 0..APPEND_TRIES {
            let answers = inner.store().append_logs(vec![batch.clone()]).await?;
            match answers.first() {
                Some(WriteAnswer::Locked) | None => inner.clock().sleep(APPEND_PAUSE).await,
                Some(answer) => return Ok(*answer),
            }
        }
        Err(LeaseError::NotWritten)
    }

    /// Writes progress and log lines. Changes the beat of the lease unless that happened a short
    /// time ago and another write has shown that the lease holds.
    async fn write(
        &self,
        lease: &Lease,
        progress: Option<Progress>,
        logs: Vec<ReportedLine>,
    ) -> Result<(), LeaseError> {
        let (inner, fence) = (&self.0, lease.fence());
        let mut answers = Vec::new();
        if let Some(progress) = progress {
            let report = ProgressReport { fence, progress };
            answers.extend(inner.store().report(vec![report]).await?);
        }
        let lines = {
            let mut limit = lease.logs.lock().unwrap_or_else(PoisonError::into_inner);
            limit.take(logs, inner.now())
        };
        if !lines.is_empty() {
            answers.push(self.append(LogBatch { fence, lines }).await?);
        }
        let now = inner.elapsed();
        let beat_at = lease.state().beat_at;
        let is_beat_due = beat_at.is_none_or(|at| now >= at + inner.settings.lease / 6);
        if answers.is_empty() || is_beat_due {
            answers.extend(inner.store().beat_leases(vec![fence]).await?);
            lease.change(|state| state.beat_at = Some(now));
        }
        let holds = |answer: &WriteAnswer| {
            matches!(
                answer,
                WriteAnswer::Settled | WriteAnswer::Locked | WriteAnswer::Rejected
            )
        };
        if answers.iter().all(holds) {
            return Ok(());
        }
        // This server may be the one that has just ended the attempt.
        let reason = self.end_reason(lease.claimed.execution_id, fence).await?;
        inner.leases.end(lease, reason);
        Err(LeaseError::Lost(reason))
    }
}
