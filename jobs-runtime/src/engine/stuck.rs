//! Stuck attempts: attempts whose handler ignores the end of its grace.
//!
//! An attempt ends by itself when its grace is over, unless its handler blocks the thread that runs
//! the attempt. The dispatcher, on its own thread, settles a stuck attempt in its place and frees
//! its slot. The handler may run on, but its result is ignored; its permits are
//! [retained](super::retained_permits) until it returns.

use std::time::Duration;

use super::claim::Claims;
use super::completer::Completer;
use super::executor::interrupt::Cause;
use super::outcome::Exit;
use super::running::{Attempts, Running, settle};
use crate::store::Fence;

/// The time after its end in which an attempt may still report that end itself.
const MARGIN: Duration = Duration::from_secs(1);

impl Running {
    /// The time after which the attempt is stuck. `None` without a time limit or a cancel request.
    fn must_end_by(&self, grace: Duration) -> Option<Duration> {
        let limit = self.policy.timeout_ms.map(Duration::from_millis);
        let timeout = limit.map(|limit| self.since + limit);
        let cancelled = self.cancelled_at.map(|at| at + grace);
        let end = [timeout, cancelled].into_iter().flatten().min();
        end.map(|end| end + MARGIN)
    }

    /// The exit of a stuck attempt. `None` if its lease is lost.
    fn stuck_exit(&self) -> Option<Exit> {
        match self.interrupt.cause() {
            Some(Cause::LeaseLost) => None,
            Some(Cause::Cancel) => Some(Exit::Cancelled(None)),
            Some(Cause::GiveBack) => Some(Exit::Released),
            Some(Cause::Timeout) | None => {
                let limit = self.policy.timeout_ms.unwrap_or_default();
                Some(Exit::TimedOut {
                    limit: Duration::from_millis(limit),
                    error: None,
                })
            }
        }
    }
}

impl Attempts {
    /// Settles the attempts that are stuck.
    pub(super) fn settle_stuck(
        &mut self,
        now: Duration,
        claims: &mut Claims,
        completer: &mut Completer,
    ) {
        let grace = self.shared.config.grace;
        let is_stuck = |_: &Fence, running: &mut Running| {
            running.must_end_by(grace).is_some_and(|by| now >= by)
        };
        let stuck: Vec<_> = self.running.extract_if(is_stuck).collect();
        for (fence, running) in stuck {
            tracing::error!(
                execution = %running.execution_id,
                attempt = fence.attempt,
                "the handler is stuck: it blocks its thread and ignores every request to end",
            );
            claims.pool(running.slot_kind).release(&running.awaits);
            self.stuck.insert(fence);
            let exit = running.stuck_exit();
            // If the task of the attempt gets to run later, it must drop the handler at once.
            running.interrupt.raise(Cause::LeaseLost);
            if let Some(exit) = exit {
                let times = (running.started_at, self.shared.wall());
                settle(fence, &running, exit, times, true, completer);
            }
        }
    }
}
