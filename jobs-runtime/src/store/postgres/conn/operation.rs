//! What is done on a connection: a value, so that it can be done again.

use async_trait::async_trait;

use super::error::Fault;
use super::tx::Db;
use crate::store::StoreEvent;

/// What became of a transition: its answer, and what to tell those who listen.
pub(in crate::store::postgres) type Done<T> = (T, Vec<StoreEvent>);

/// How a transition uses its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::postgres) enum Shape {
    /// One statement, which is its own transaction; or several that need none in common.
    Statement,
    /// Several statements that hold together.
    Transaction,
}

/// Something done to the store by one call, with all that it needs.
///
/// It may be run several times: after a deadlock, after a race that was lost, and after a
/// connection was lost, when it is unknown whether it took effect. Transitions are therefore made
/// so that a second run finds what the first did; [`Store`](crate::store::Store) demands the same
/// of its calls.
#[async_trait]
pub(in crate::store::postgres) trait Transition:
    Send + Sync + 'static
{
    /// What the caller gets.
    type Answer: Send + 'static;

    /// How it uses its connection.
    const SHAPE: Shape;

    /// Whether a second run answers like the first, if that took effect without an answer.
    const REPEATABLE: bool = true;

    /// Does it.
    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault>;
}

/// An answer that nobody else needs to hear of.
pub(in crate::store::postgres) fn quietly<T>(answer: T) -> Done<T> {
    (answer, Vec::new())
}
