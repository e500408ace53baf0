//! Attempts whose handler ignores every request to end.
//!
//! An attempt ends by itself at the end of its grace, unless its handler blocks the thread that
//! would notice. The dispatcher, on its own thread, settles such an attempt in its place and gives
//! its slot to another; what the handler does after that changes nothing.

use std::time::Duration;

use super::dispatcher::Dispatcher;
use super::executor::interrupt::Cause;
use super::outcome::{Conclusion, Course};
use super::running::Running;
use crate::clock::timestamp;
use crate::store::{Fence, Permits};

/// What an attempt gets beyond its grace to say by itself that it is over.
const MARGIN: Duration = Duration::from_secs(1);

impl Running {
    /// When the attempt must have ended, if there is such a moment.
    fn must_end_by(&self, grace: Duration) -> Option<Duration> {
        let limit = self.policy.timeout_ms.map(Duration::from_millis);
        let timeout = limit.map(|limit| self.since + limit);
        let asked = [timeout, self.cancelled_at].into_iter().flatten().min();
        asked.map(|asked| asked + grace + MARGIN)
    }
}

impl Dispatcher {
    /// Settles what should have ended by itself.
    pub(super) fn settle_stuck(&mut self, now: Duration) {
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
            self.lane(running.lane).leave(&running.awaits);
            self.stuck.insert(fence);
            let cause = running.interrupt.cause();
            // Should it get to run after all, it is too late.
            running.interrupt.raise(Cause::LeaseLost);
            let conclusion = match cause {
                Some(Cause::LeaseLost) => continue,
                Some(Cause::Cancel) => Conclusion::Cancelled(None),
                Some(Cause::GiveBack) => Conclusion::Released,
                Some(Cause::Timeout) | None => {
                    let limit = running.policy.timeout_ms.unwrap_or_default();
                    Conclusion::TimedOut(Duration::from_millis(limit))
                }
            };
            let wall = timestamp(&*self.clock);
            let course = Course {
                started_at: running.started_at,
                finished_at: wall,
                progress: running.progress.latest(),
                logs: running.logs.close(),
            };
            let budget = (&running.policy, running.spent);
            let whose = (running.job_id.into(), running.execution_id);
            let permits = running.limits.clone().map(|token| Permits {
                token,
                retained: true,
                paused_until: None,
            });
            self.conclude(fence, whose, budget, (conclusion, permits), course);
        }
    }
}
