//! Telling a running attempt to end.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// Why an attempt is asked to end early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It ran longer than its job allows. It gets the grace to end.
    Timeout,
    /// Its execution is no longer wanted. It gets the grace to end.
    Cancel,
    /// Its lease does not hold or is about to end: it is dropped at once and says nothing.
    LeaseLost,
    /// The worker shuts down: it is dropped at once and the execution given back.
    GiveBack,
}

/// The line from the dispatcher to one attempt.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    cause: OnceLock<Cause>,
    asked: CancellationToken,
    dropped: OnceLock<Cause>,
    now: CancellationToken,
}

impl Interrupt {
    /// Interrupts the attempt. The first cause stands, until one that drops the attempt at once.
    pub(crate) fn raise(&self, cause: Cause) {
        if matches!(cause, Cause::LeaseLost | Cause::GiveBack) {
            let _ = self.dropped.set(cause);
            self.now.cancel();
        }
        let _ = self.cause.set(cause);
        self.asked.cancel();
    }

    /// What the handler sees as its cancellation.
    pub(crate) fn token(&self) -> CancellationToken {
        self.asked.clone()
    }

    /// Why the attempt was asked to end; what drops it at once stands before the rest.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.dropped.get().or(self.cause.get()).copied()
    }

    /// Completes when the attempt is asked to end.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Completes when the attempt is to be dropped without grace.
    pub(crate) async fn now(&self) {
        self.now.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::*;

    #[tokio::test]
    async fn the_first_cause_stands_and_a_drop_ends_the_grace() {
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
