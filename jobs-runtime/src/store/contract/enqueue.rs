//! Enqueue: the catalogue, new executions, callers' transactions.

use async_trait::async_trait;
use jobs::TransactionRef;

use crate::store::{
    EnqueueAnswer, EnqueuePreview, InboxStore, NewExecution, PublishedJob, StoreError,
};

/// The part of a store that takes new executions. Errors: see [`Store`](crate::store::Store).
#[async_trait]
pub trait EnqueueStore: Send + Sync {
    /// Publishes the jobs that a program has linked.
    ///
    /// A job that is published under a new fingerprint is added; under a known fingerprint only
    /// its time of publication changes. Atomic and repeatable.
    async fn publish(&self, jobs: Vec<PublishedJob>) -> Result<(), StoreError>;

    /// Creates executions: all of the batch, or none. Returns one answer per execution, in order.
    ///
    /// For each execution the store checks, in this order:
    ///
    /// 1. the execution id: an id that exists answers [`EnqueueAnswer::Created`] and writes
    ///    nothing;
    /// 2. the idempotency key: a key that has not expired answers
    ///    [`EnqueueAnswer::Replayed`] with the execution that it names;
    /// 3. the [unique key](crate::store::UniqueKey): a live execution with the same key is answered
    ///    ([`EnqueueAnswer::Skipped`]), or receives the payload ([`EnqueueAnswer::Merged`]); with
    ///    [`OnConflict::Replace`](jobs::OnConflict) a running one does neither, and another is
    ///    created beside it;
    /// 4. the [debounce key](crate::store::DebounceKey): an execution with the same key that is not
    ///    due yet receives the payload and the new time ([`EnqueueAnswer::Merged`]);
    /// 5. [`max_waiting`](crate::store::EnqueueRules::max_waiting).
    ///
    /// An execution without limits is ready, or scheduled until its time. An execution with limits
    /// is ready at once if the store can take all of its permits. Otherwise it is blocked until
    /// [`promote`](crate::store::WorkerStore::promote) admits it.
    ///
    /// Repeatable, because the caller chooses the ids.
    ///
    /// # Errors
    /// Each of these rejects the whole batch:
    /// * [`StoreError::IdempotencyConflict`] if an idempotency key names an execution with another
    ///   payload;
    /// * [`StoreError::UniqueConflict`] if the unique key's rule is to reject;
    /// * [`StoreError::QueueFull`] if `max_waiting` would be exceeded.
    async fn enqueue(&self, batch: Vec<NewExecution>) -> Result<Vec<EnqueueAnswer>, StoreError>;

    /// Decides about executions as [`enqueue`](Self::enqueue) does, and writes nothing. Returns one
    /// decision per execution, in order.
    ///
    /// A decision takes the executions before it in the batch into account. A rejected execution is
    /// reported in its place, and counts as not created. The call takes no lock, so another caller
    /// may change the answer before the enqueue.
    async fn preview_enqueue(
        &self,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueuePreview>, StoreError>;

    /// Does the same as [`enqueue`](Self::enqueue) within the caller's transaction.
    ///
    /// The executions exist once the caller commits. An error leaves the transaction as it was
    /// before the call. If the caller drops the future, all of the batch is written or nothing.
    ///
    /// # Errors
    /// Those of [`enqueue`](Self::enqueue); [`StoreError::WrongDatabase`] if the transaction is on
    /// another database; [`StoreError::Transaction`] if the transaction cannot be written to.
    async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError>;

    /// Emits the events of a caller's transaction in this process, after the caller has committed.
    fn committed(&self);

    /// Returns the interface to requests that arrive by SQL, or `None` if the store takes none.
    fn inbox(&self) -> Option<&dyn InboxStore> {
        None
    }
}
