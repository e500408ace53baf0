//! Interrupts of a running attempt: timeout, cancel, lost lease and shutdown.
//!
//! The dispatcher, or the attempt's own timer, raises a [`Cause`]. A timeout or a cancel request
//! leaves the handler its grace; a lost lease or a shutdown ends the attempt at once.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// The cause of an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The attempt exceeded the time limit of its job. The handler has the grace to return.
    Timeout,
    /// An operator cancelled the execution. The handler has the grace to return.
    Cancel,
    /// The lease has ended or is about to end. The handler is dropped at once, and its attempt
    /// settles nothing.
    LeaseLost,
    /// The worker shuts down. The handler is dropped at once, and the execution is released.
    GiveBack,
}

/// The interrupt of one attempt, shared by the dispatcher and the attempt's task.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    cause: OnceLock<Cause>,
    asked: CancellationToken,
    dropped: OnceLock<Cause>,
    now: CancellationToken,
}

impl Interrupt {
    /// Interrupts the attempt. The first cause is kept, unless a later one drops the attempt at
    /// once.
    pub(crate) fn raise(&self, cause: Cause) {
        if matches!(cause, Cause::LeaseLost | Cause::GiveBack) {
            let _ = self.dropped.set(cause);
            self.now.cancel();
        }
        let _ = self.cause.set(cause);
        self.asked.cancel();
    }

    /// The cancellation token of the handler's context.
    pub(crate) fn token(&self) -> CancellationToken {
        self.asked.clone()
    }

    /// The cause of the interrupt, if there is one. A cause that drops the attempt at once takes
    /// precedence.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.dropped.get().or(self.cause.get()).copied()
    }

    /// Completes when any cause is raised.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Completes when a cause is raised that leaves no grace.
    pub(crate) async fn now(&self) {
        self.now.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_cause_is_kept_until_one_drops_the_attempt() {
        let interrupt = Interrupt::default();
        interrupt.raise(Cause::Timeout);
        interrupt.raise(Cause::Cancel);
        assert_eq!(interrupt.cause(), Some(Cause::Timeout));
        assert!(!interrupt.now.is_cancelled());
        interrupt.raise(Cause::LeaseLost);
        assert_eq!(interrupt.cause(), Some(Cause::LeaseLost));
        interrupt.now().await;
    }
}
