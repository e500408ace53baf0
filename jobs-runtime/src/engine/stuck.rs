//! Stuck attempts: attempts whose handler ignores the end of its grace.
//!
//! An attempt ends by itself when its grace is over, unless its handler blocks the thread that runs
//! the attempt. The dispatcher, on its own thread, settles a stuck attempt in its place and frees
//! its slot. The handler may run on, but its result is ignored; its permits are
//! [retained](super::retained_permits) until it returns.

use std::time::Duration;

use super::dispatcher::Dispatcher;
use super::executor::interrupt::Cause;
use super::outcome::{Exit, Finished};
use super::running::Running;
use crate::clock::timestamp;
use crate::store::{Fence, Permits};

/// The time after the grace in which an attempt may still report its own end.
const MARGIN: Duration = Duration::from_secs(1);

impl Running {
    /// The time after which the attempt is stuck. `None` without a time limit or a cancel request.
    fn must_end_by(&self, grace: Duration) -> Option<Duration> {
        let limit = self.policy.timeout_ms.map(Duration::from_millis);
        let timeout = limit.map(|limit| self.since + limit);
        let asked = [timeout, self.cancelled_at].into_iter().flatten().min();
        asked.map(|asked| asked + grace + MARGIN)
    }
}

impl Dispatcher {
    /// Settles the attempts that are stuck.
    pub(super) fn settle_stuck_attempts(&mut self, now: Duration) {
        let grace = self.config.grace;
        let stuck: Vec<Fence> = self
            .running
            .iter()
            .filter(|(_, running)| running.must_end_by(grace).is_some_and(|by| now >= by))
            .map(|(fence, _)| *fence)
            .collect();
        for fence in stuck {
            let Some(running) = self.running.remove(&fence) else {
                continue;
            };
            tracing::error!(
                execution = %running.execution_id,
                attempt = fence.attempt,
                "the handler is stuck: it blocks its thread and ignores every request to end",
            );
            self.slots_of(running.slot_kind).release(&running.awaits);
            self.stuck.insert(fence);
            let cause = running.interrupt.cause();
            // If the task of the attempt gets to run later, it must drop the handler at once.
            running.interrupt.raise(Cause::LeaseLost);
            let exit = match cause {
                Some(Cause::LeaseLost) => continue,
                Some(Cause::Cancel) => Exit::Cancelled(None),
                Some(Cause::GiveBack) => Exit::Released,
                Some(Cause::Timeout) | None => {
                    let limit = running.policy.timeout_ms.unwrap_or_default();
                    Exit::TimedOut(Duration::from_millis(limit))
                }
            };
            let wall = timestamp(&*self.clock);
            let finished = Finished {
                started_at: running.started_at,
                finished_at: wall,
                progress: running.progress.latest(),
                logs: running.logs.close(),
            };
            let budget = (&running.policy, running.spent);
            let execution = (running.job_id.into(), running.execution_id);
            let permits = running.limits.clone().map(|token| Permits {
                token,
                retained: true,
                paused_until: None,
            });
            self.settle_attempt(fence, execution, budget, (exit, permits), finished);
        }
    }
}
