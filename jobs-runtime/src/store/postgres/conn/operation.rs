//! Operations: values that a connection task executes, once or several times.

use async_trait::async_trait;

use super::error::DbError;
use super::tx::Tx;
use crate::store::StoreEvent;

/// Result of an operation: its output, and the events to publish after the commit.
pub(in crate::store::postgres) type Outcome<T> = (T, Vec<StoreEvent>);

/// Transaction that an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::postgres) enum TxMode {
    /// One statement, which is its own transaction; or several statements that need no common one.
    Statement,
    /// Several statements in one transaction.
    Transaction,
}

/// One call of the store, with everything that it needs.
///
/// An operation may run several times: after a deadlock, after a lost race, and after a lost
/// connection, when it is unknown whether the first run took effect. A second run must therefore
/// find what the first one did, as [`Store`](crate::store::Store) requires of its calls.
#[async_trait]
pub(in crate::store::postgres) trait Operation:
    Send + Sync + 'static
{
    /// Value that the caller gets.
    type Output: Send + 'static;

    /// Transaction that the operation needs.
    const TX_MODE: TxMode = TxMode::Statement;

    /// True if a second run returns the same output as a first run that took effect unnoticed.
    const REPEATABLE: bool = true;

    /// Executes the operation.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError>;
}

/// The outcome of an operation that publishes no event.
pub(in crate::store::postgres) fn without_events<T>(output: T) -> Outcome<T> {
    (output, Vec::new())
}
