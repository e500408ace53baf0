//! The service: what stands between a request to enqueue and the store.
//!
//! Every way in comes through here (the typed client, HTTP, the command line), so that all of them
//! know the same jobs, refuse the same mistakes and store the same thing:
//!
//! ```text
//! request ──▶ known job ──▶ options ──▶ payload: size, JSON, defaults, schema ──▶ store
//!               404           400                   413   400            422
//! ```
//!
//! A batch is accepted as a whole or refused as a whole; nothing is stored before everything has
//! been checked.

mod registry;

mod edit;
mod enqueue;
mod error;
pub(crate) mod explain;
mod job;
mod limits;
mod options;
mod payload;
mod queues;
mod suggest;
mod wait;

use std::fmt;
use std::sync::Arc;

use jobs::runtime::{Backend, EnqueueRequest, Enqueued, Finished};
use jobs::{
    BoxFuture, Catalogue, Client, Clock, EnqueueError, ExecutionId, ResultError, TransactionRef,
};

use crate::Entropy;
use crate::clock::timestamp;
use crate::store::{CancelAnswer, EditAnswer, RetryAnswer, Store, StoreError};
use crate::time::Timestamp;
use registry::Registry;
use wait::ResultWaiter;

pub use edit::Edit;
#[cfg(feature = "http")]
pub(crate) use enqueue::Accepted;
#[cfg(feature = "http")]
pub(crate) use error::{InvalidPayload, ServiceError};
pub use job::{KnownJob, SchemaError};
pub use options::{IDEMPOTENCY_KEY_KEPT, MAX_BATCH, MAX_PAYLOAD_BYTES, MAX_TAGS, MAX_TEXT_CHARS};
pub(crate) use payload::violation::push_step;
pub use queues::QueueAnswer;
#[cfg(feature = "http")]
pub(crate) use suggest::near_misses;

/// Takes requests in: validates them, completes them, stores them. Cheap to clone.
#[derive(Clone)]
pub struct JobService {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    registry: Registry,
    hub: ResultWaiter,
}

impl JobService {
    /// The service of a program with these jobs linked.
    ///
    /// # Errors
    /// A linked job's payload schema that cannot be checked against.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "how much of the catalogue is kept is no business of the callers"
    )]
    pub fn new(
        store: Arc<dyn Store>,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Result<Self, SchemaError> {
        Ok(Self {
            inner: Arc::new(Inner {
                registry: Registry::new(store.clone(), &catalogue, clock.clone())?,
                hub: ResultWaiter::new(store.clone(), clock.clone()),
                store,
                clock,
                entropy,
            }),
        })
    }

    /// Where accepted requests go.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// The time that requests are stamped with.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// A client that enqueues here.
    pub fn client(&self) -> Client {
        Client::new(Arc::new(self.clone()))
    }

    /// Creates executions: all of them, durably, or none. Answers in the order of the requests.
    ///
    /// # Errors
    /// Why nothing was stored. The violations of a batch of several requests name the request in
    /// the first step of their pointers: `/3/workspaceId`.
    pub async fn enqueue(
        &self,
        requests: Vec<EnqueueRequest>,
    ) -> Result<Vec<Enqueued>, EnqueueError> {
        let batch = requests.len() > 1;
        match self.accept(requests).await {
            Ok(accepted) => Ok(accepted.into_iter().map(|one| one.enqueued).collect()),
            Err(refusal) => Err(refusal.into_error(batch)),
        }
    }

    /// Like [`enqueue`](Self::enqueue), within a transaction of the caller's on the store's own
    /// database.
    ///
    /// # Errors
    /// Why the transaction is as it was; [`EnqueueError::WrongDatabase`] above all.
    pub async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        requests: Vec<EnqueueRequest>,
    ) -> Result<Vec<Enqueued>, EnqueueError> {
        let batch = requests.len() > 1;
        match self.accept_in(tx, requests).await {
            Ok(accepted) => Ok(accepted.into_iter().map(|one| one.enqueued).collect()),
            Err(refusal) => Err(refusal.into_error(batch)),
        }
    }

    /// Every known job, sorted by id: the linked ones, and those that other programs have
    /// published into the store.
    ///
    /// # Errors
    /// The store's.
    pub async fn jobs(&self) -> Result<Vec<Arc<KnownJob>>, StoreError> {
        self.inner.registry.all().await
    }

    /// The job of that id or alias.
    ///
    /// # Errors
    /// [`EnqueueError::UnknownJob`] with ids that look like it, or the store's.
    pub async fn job(&self, id: &str) -> Result<Arc<KnownJob>, EnqueueError> {
        self.inner.registry.job(id).await
    }

    /// Waits until the execution is final.
    ///
    /// # Errors
    /// [`ResultError::Unknown`], or the store's.
    pub async fn finished(&self, id: ExecutionId) -> Result<Finished, ResultError> {
        self.inner.hub.finished(id).await
    }

    /// Cancels a waiting execution, or asks for the cancellation of a running one.
    ///
    /// # Errors
    /// The store's.
    pub async fn cancel(&self, id: ExecutionId) -> Result<CancelAnswer, StoreError> {
        self.inner.store.cancel(id, self.now()).await
    }

    /// An operator's retry of a failed or cancelled execution, with another payload if one is
    /// given: checked and completed like one that is enqueued.
    ///
    /// # Errors
    /// What is wrong with the payload, or the store's.
    pub async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
    ) -> Result<RetryAnswer, EnqueueError> {
        self.retry_checked(id, payload)
            .await
            .map_err(|refusal| refusal.into_error(false))
    }

    /// Changes an execution that waits, all that is asked for or nothing; another payload is checked
    /// and completed like one that is enqueued, and keeps the fields that limits count by.
    ///
    /// # Errors
    /// What is wrong with the edit, or the store's.
    pub async fn edit(&self, id: ExecutionId, edit: Edit) -> Result<EditAnswer, EnqueueError> {
        self.edit_checked(id, edit)
            .await
            .map_err(|refusal| refusal.into_error(false))
    }

    /// Writes the linked jobs into the store, so that programs without them know them too.
    ///
    /// # Errors
    /// The store's.
    pub async fn publish(&self) -> Result<(), StoreError> {
        let jobs = self.inner.registry.publications(self.now());
        if jobs.is_empty() {
            return Ok(());
        }
        self.inner.store.publish(jobs).await
    }

    fn now(&self) -> Timestamp {
        timestamp(&*self.inner.clock)
    }
}

impl Backend for JobService {
    fn enqueue(
        &self,
        requests: Vec<EnqueueRequest>,
    ) -> BoxFuture<'_, Result<Vec<Enqueued>, EnqueueError>> {
        Box::pin(Self::enqueue(self, requests))
    }

    fn enqueue_in<'a>(
        &'a self,
        tx: TransactionRef<'a>,
        requests: Vec<EnqueueRequest>,
    ) -> BoxFuture<'a, Result<Vec<Enqueued>, EnqueueError>> {
        Box::pin(Self::enqueue_in(self, tx, requests))
    }

    fn committed(&self) {
        self.inner.store.committed();
    }

    fn finished(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<Finished, ResultError>> {
        // A handler that awaits a child must not keep the slot that the child needs.
        let finished = Self::finished(self, execution_id);
        Box::pin(crate::engine::lend_slot_while(execution_id, finished))
    }
}

impl fmt::Debug for JobService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobService")
            .field("store", &self.inner.store.describe())
            .finish_non_exhaustive()
    }
}
