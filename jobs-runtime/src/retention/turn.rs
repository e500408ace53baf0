//! The fleet's turn at pruning: one process at a time, and a rest after each pass.

use std::sync::Arc;
use std::time::Duration;

use jobs::Clock;

use crate::clock::timestamp;
use crate::store::{Store, StoreError, Turn};

/// The time for which a process holds the turn before it has to take it again. After a crash,
/// another process prunes when it is over.
pub(crate) const TURN: Duration = Duration::from_secs(60);

/// The longest rest that is believed. A later time comes from a wrong clock.
const LONGEST_REST: Duration = Duration::from_secs(2 * 86_400);

/// The task's name in the store.
pub(crate) const TASK: &str = "retention";

/// A process's claim to the turn.
pub(super) struct PruneTurn {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    holder: String,
}

impl PruneTurn {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, holder: String) -> Self {
        Self {
            store,
            clock,
            holder,
        }
    }

    /// Takes the turn or keeps it. Returns whether this process has it. An urgent process does not
    /// wait for the end of the rest.
    pub(super) async fn take(&self, urgent: bool) -> Result<bool, StoreError> {
        let now = timestamp(&*self.clock);
        let turn = Turn {
            task: TASK.to_owned(),
            holder: self.holder.clone(),
            now,
            until: now.after(TURN),
            latest: now.after(LONGEST_REST),
            urgent,
        };
        self.store.take_turn(turn).await
    }

    /// Ends the turn. No process takes the next one before the rest is over.
    pub(super) async fn end(&self, rest: Duration) -> Result<(), StoreError> {
        let until = timestamp(&*self.clock).after(rest.min(LONGEST_REST));
        let (task, holder) = (TASK.to_owned(), self.holder.clone());
        self.store.end_turn(task, holder, until).await
    }
}
