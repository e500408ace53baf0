//! Interrupts of a running attempt: timeout, cancel, lost lease and shutdown.
//!
//! The dispatcher, or the attempt's own timer, raises a [`Cause`], which asks the handler to end. A
//! lost lease ends the attempt at once. After any other cause the handler has a grace:
//!
//! | cause | the handler is dropped |
//! |---|---|
//! | timeout | at its timeout; it is asked a tenth of the timeout earlier, at most `grace` |
//! | cancel request | after `grace`, at its timeout at the latest |
//! | shutdown | when the dispatcher [ends](Interrupt::end) it |

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// The cause of an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The timeout of the attempt comes close.
    Timeout,
    /// An operator cancelled the execution.
    Cancel,
    /// The lease has ended or is about to end. The handler is dropped at once, and its attempt
    /// settles nothing.
    LeaseLost,
    /// The worker shuts down, or its lease is in doubt. The execution is released.
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
    /// Asks the handler to end. The first cause is kept. A lost lease also [ends](Self::end) the
    /// attempt.
    pub(crate) fn raise(&self, cause: Cause) {
        if cause == Cause::LeaseLost {
            return self.end(cause);
        }
        let _ = self.cause.set(cause);
        self.asked.cancel();
    }

    /// Ends the attempt at once: the handler is dropped. The cause takes precedence over those that
    /// were raised.
    pub(crate) fn end(&self, cause: Cause) {
        let _ = self.dropped.set(cause);
        self.now.cancel();
        let _ = self.cause.set(cause);
        self.asked.cancel();
    }

    /// The cancellation token of the handler's context.
    pub(crate) fn token(&self) -> CancellationToken {
        self.asked.clone()
    }

    /// The cause of the interrupt, if there is one. The cause that ended the attempt takes
    /// precedence.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.dropped.get().or(self.cause.get()).copied()
    }

    /// Completes when any cause is raised.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Completes when the attempt is to end at once.
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
