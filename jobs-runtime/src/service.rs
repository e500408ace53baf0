//! The service behind HTTP, the command line and the typed client.
//!
//! The service resolves a job, validates the options and the payload, and enqueues. All callers use
//! it, so they know the same jobs, get the same errors and store the same executions:
//!
//! ```text
//! request ──▶ known job ──▶ options ──▶ payload: size, JSON, defaults, schema ──▶ store
//!               404           400                 413   400             422
//! ```
//!
//! A batch is stored completely or not at all: every request is checked before the first one is
//! stored.
//!
//! | module | contents |
//! |---|---|
//! | `registry`, `job`, `job_view` | the known jobs, linked or published by another program |
//! | `enqueue`, `options`, `limits` | conversion of a request to an execution with its limits |
//! | `preview` | the dry run of an enqueue |
//! | `payload` | the payload check; it finds the violations of a 422 |
//! | `bulk` | bulk operations: preview, start, batches |
//! | `overview` | statistics of the last hour, day and week |
//! | `failures` | failed executions by job and error |
//! | `edit`, `queues` | operators' actions: edit, retry with a payload, pause, resume |
//! | `schedules` | publication and changes of schedules; the executions that they create |
//! | `tokens` | access tokens |
//! | `audit` | the actor of a request, and the entry of each act |
//! | `inbox` | the checks of requests by SQL |
//! | `wait` | waiting for the result of an execution |
//! | `explain` | the reason why an execution is in its present status |
//! | `redact`, `mask` | masks sensitive payload fields; masks that callers send back |
//! | `error`, `suggest` | errors with the index of the request, and similar names |
//!
//! The folder may import the store contract, the clock, `schedule`, `retention`, `fingerprint`,
//! `telemetry` and the crate `jobs`. It must not import `http`, the command line or a particular
//! store. Of the engine it uses one function, which lends the executor slot of a handler that waits
//! for a result.

mod registry;

mod audit;
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "only the HTTP interface starts operations")
)]
mod bulk;
mod children;
mod edit;
mod enqueue;
mod error;
pub(crate) mod explain;
#[cfg(feature = "http")]
mod failures;
mod inbox;
mod job;
#[cfg(feature = "http")]
mod job_view;
mod limits;
mod mask;
mod options;
#[cfg(feature = "http")]
mod overview;
mod payload;
#[cfg(feature = "http")]
mod preview;
mod queues;
mod raw_object;
mod redact;
mod schedules;
#[cfg(feature = "http")]
mod series;
mod suggest;
#[cfg(feature = "http")]
mod throughput;
mod tokens;
mod wait;

pub(crate) use payload::check::schema_accepts;

use std::fmt;
use std::sync::Arc;

use jobs::runtime::{Backend, EnqueueRequest, Enqueued, Finished};
use jobs::{
    BoxFuture, Catalogue, Client, Clock, EnqueueError, ExecutionId, ResultError, TransactionRef,
};
use serde_json::json;
use tokio::sync::Notify;

use crate::Entropy;
use crate::clock::timestamp;
use crate::retention::{Retention, RetentionSettings};
use crate::store::{
    CancelAnswer, DeleteAnswer, EditAnswer, EraseAnswer, RetryAnswer, Store, StoreError,
};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::spans::Spans;
use crate::time::Timestamp;
use registry::JobRegistry;
use wait::ResultWaiter;

#[cfg(feature = "http")]
pub(crate) use audit::Actor;
pub(crate) use bulk::FoundMatches;
#[cfg(feature = "http")]
pub(crate) use bulk::{BulkPreview, check as check_operation};
pub use edit::Edit;
#[cfg(feature = "http")]
pub(crate) use enqueue::EnqueuedRequest;

#[cfg(feature = "http")]
pub(crate) use error::{InvalidPayload, ServiceError};
#[cfg(feature = "cli")]
pub(crate) use failures::FailureGroup;
#[cfg(feature = "http")]
pub(crate) use failures::{FailureFilter, Failures};
pub use job::{KnownJob, SchemaError};
#[cfg(feature = "http")]
pub(crate) use job_view::JobView;
pub use options::{IDEMPOTENCY_KEY_KEPT, MAX_BATCH, MAX_PAYLOAD_BYTES, MAX_TAGS, MAX_TEXT_CHARS};
#[cfg(feature = "http")]
pub(crate) use overview::{JobStats, Overview};
#[cfg(feature = "cli")]
pub(crate) use overview::{Percentiles, WindowStats};
pub(crate) use payload::violation::push_segment;
#[cfg(feature = "http")]
pub(crate) use preview::{EnqueueOutcome, TriggerPreview};
pub use queues::QueueAnswer;
#[cfg(feature = "http")]
pub(crate) use raw_object::RawObject;
#[cfg(feature = "http")]
pub(crate) use redact::Redactor;
#[cfg(feature = "cli")]
pub(crate) use redact::Secrets;
pub(crate) use redact::hide_secrets;
pub use schedules::{NewSchedule, ScheduleDetails, ScheduleEdit, ScheduleError, ScheduleView};
#[cfg(feature = "http")]
pub(crate) use series::{Series, SeriesOf, SeriesWindow};
#[cfg(feature = "http")]
pub(crate) use suggest::similar_names;
#[cfg(feature = "http")]
pub(crate) use throughput::{Throughput, ThroughputBy};
#[cfg(feature = "http")]
pub(crate) use tokens::secret;
pub use tokens::{CreatedToken, NewToken, TokenError, TokenState, TokenView};

/// Resolves, validates and enqueues; also edits, cancels, retries and explains. Cheap to clone.
#[derive(Clone)]
pub struct JobService {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    registry: JobRegistry,
    results: ResultWaiter,
    /// Notified when a bulk operation starts.
    operation_changes: Arc<Notify>,
    /// Notified after a change of a schedule.
    schedule_changes: Arc<Notify>,
    retention: RetentionSettings,
    metrics: Arc<Metrics>,
    audit: audit::Pending,
    spans: Spans,
}

/// The settings of a service that a runtime chooses.
#[derive(Default)]
pub(crate) struct ServiceSettings {
    /// The times for which executions are kept.
    pub(crate) retention: RetentionSettings,
    /// The metrics of the process.
    pub(crate) metrics: Arc<Metrics>,
    /// The spans of the process.
    pub(crate) spans: Spans,
}

impl JobService {
    /// Creates the service of a program with these linked jobs.
    ///
    /// # Errors
    /// A linked job has an invalid payload schema.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the service may keep the catalogue one day; callers should not depend on that"
    )]
    pub fn new(
        store: Arc<dyn Store>,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Result<Self, SchemaError> {
        let settings = ServiceSettings::default();
        Self::with_settings(store, &catalogue, clock, entropy, settings)
    }

    /// Creates the service of a program with these settings.
    pub(crate) fn with_settings(
        store: Arc<dyn Store>,
        catalogue: &Catalogue,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
        settings: ServiceSettings,
    ) -> Result<Self, SchemaError> {
        let ServiceSettings {
            retention,
            metrics,
            spans,
        } = settings;
        Ok(Self {
            inner: Arc::new(Inner {
                registry: JobRegistry::new(store.clone(), catalogue, clock.clone())?,
                results: ResultWaiter::new(store.clone(), clock.clone()),
                operation_changes: Arc::default(),
                schedule_changes: Arc::default(),
                store,
                clock,
                entropy,
                retention,
                metrics,
                audit: audit::Pending::default(),
                spans,
            }),
        })
    }

    /// Returns the store of the executions.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Returns the clock that gives executions their times.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Returns the metrics of the process.
    #[cfg(feature = "http")]
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }

    /// Returns the spans of the process.
    #[cfg(feature = "http")]
    pub(crate) fn spans(&self) -> &Spans {
        &self.inner.spans
    }

    /// Creates a typed client of this service.
    pub fn client(&self) -> Client {
        Client::new(Arc::new(self.clone()))
    }

    /// Creates one execution per request, durably: all of them or none. The results are in the
    /// order of the requests.
    ///
    /// # Errors
    /// A request is invalid or in conflict, or the store fails; then nothing is stored. In a batch
    /// of several requests, the pointer of a violation begins with the index of the request:
    /// `/3/workspaceId`.
    pub async fn enqueue(
        &self,
        requests: Vec<EnqueueRequest>,
    ) -> Result<Vec<Enqueued>, EnqueueError> {
        let batch = requests.len() > 1;
        match self.enqueue_batch(requests).await {
            Ok(accepted) => Ok(accepted.into_iter().map(|one| one.enqueued).collect()),
            Err(error) => Err(error.into_enqueue_error(batch)),
        }
    }

    /// Like [`enqueue`](Self::enqueue), within a caller's transaction on the database of the store.
    ///
    /// # Errors
    /// Those of [`enqueue`](Self::enqueue), and [`EnqueueError::WrongDatabase`]. The transaction is
    /// then unchanged.
    pub async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        requests: Vec<EnqueueRequest>,
    ) -> Result<Vec<Enqueued>, EnqueueError> {
        let batch = requests.len() > 1;
        match self.enqueue_batch_in(tx, requests).await {
            Ok(accepted) => Ok(accepted.into_iter().map(|one| one.enqueued).collect()),
            Err(error) => Err(error.into_enqueue_error(batch)),
        }
    }

    /// Lists the known jobs, sorted by id: the linked jobs, and the jobs that other programs have
    /// published into the store.
    ///
    /// # Errors
    /// The store's.
    pub async fn jobs(&self) -> Result<Vec<Arc<KnownJob>>, StoreError> {
        self.inner.registry.all().await
    }

    /// Returns the job with this id or alias.
    ///
    /// # Errors
    /// [`EnqueueError::UnknownJob`] with similar ids, or the store's.
    pub async fn job(&self, id: &str) -> Result<Arc<KnownJob>, EnqueueError> {
        self.inner.registry.job(id).await
    }

    /// Returns the names of the sensitive fields in stored payloads of a job.
    async fn sensitive_fields(&self, job_id: &str) -> Result<Vec<String>, StoreError> {
        self.inner.registry.sensitive_fields(job_id).await
    }

    /// Waits until the execution is final.
    ///
    /// # Errors
    /// [`ResultError::Unknown`], or the store's.
    pub async fn finished(&self, id: ExecutionId) -> Result<Finished, ResultError> {
        self.inner.results.finished(id).await
    }

    /// Cancels a waiting execution, or requests the cancellation of a running one. The worker of a
    /// running execution reads the request with its heartbeat.
    ///
    /// # Errors
    /// The store's.
    pub async fn cancel(&self, id: ExecutionId) -> Result<CancelAnswer, StoreError> {
        let before = self.state_before(id).await;
        let answer = self.inner.store.cancel(id, self.now()).await?;
        let after = match answer {
            CancelAnswer::Cancelled => json!({"status": "cancelled"}),
            CancelAnswer::Requested => json!({"cancelRequested": true}),
            CancelAnswer::Final(_) | CancelAnswer::Unknown => return Ok(answer),
        };
        self.record_act("execution.cancel", id.to_string(), before, Some(after))
            .await;
        Ok(answer)
    }

    /// Retries a failed or cancelled execution for an operator, optionally with a new payload. The
    /// new payload passes the same checks as at enqueue and gets the same defaults.
    ///
    /// # Errors
    /// The payload is invalid, or the store's.
    pub async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
    ) -> Result<RetryAnswer, EnqueueError> {
        self.retry_checked(id, payload)
            .await
            .map_err(|error| error.into_enqueue_error(false))
    }

    /// Edits a waiting execution: all changes or none. A new payload passes the same checks as at
    /// enqueue; it must keep the fields that limits and keys derive from.
    ///
    /// # Errors
    /// The edit is invalid, or the store's.
    pub async fn edit(&self, id: ExecutionId, edit: Edit) -> Result<EditAnswer, EnqueueError> {
        self.edit_checked(id, edit)
            .await
            .map_err(|error| error.into_enqueue_error(false))
    }

    /// Deletes a final execution with its attempts and its log lines.
    ///
    /// # Errors
    /// The store's.
    pub async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, StoreError> {
        let before = self.state_before(id).await;
        let answer = self.inner.store.delete(id).await?;
        if answer == DeleteAnswer::Deleted {
            self.record_act("execution.delete", id.to_string(), before, None)
                .await;
        }
        Ok(answer)
    }

    /// Erases the payload, the results and the log of a final execution. Records the author and the
    /// time.
    ///
    /// # Errors
    /// The author's name is invalid, or the store's.
    pub async fn erase(
        &self,
        id: ExecutionId,
        by: Option<String>,
    ) -> Result<EraseAnswer, EnqueueError> {
        let by = options::text("by", by)?;
        let before = self.state_before(id).await;
        let answer = self.inner.store.erase(id, by, self.now()).await;
        let answer = answer.map_err(|error| EnqueueError::Store(Box::new(error)))?;
        if let EraseAnswer::Erased(erasure) = &answer {
            let after = json!({"erased": erasure});
            self.record_act("execution.erase", id.to_string(), before, Some(after))
                .await;
        }
        Ok(answer)
    }

    /// Checks a result of an external worker against the result schema of its job.
    ///
    /// # Errors
    /// Every violation. A schema that cannot be used accepts nothing.
    #[cfg(feature = "http")]
    pub(crate) fn check_result(
        &self,
        job: &KnownJob,
        result: &str,
    ) -> Result<(), Vec<jobs::Violation>> {
        match job.result_check() {
            Ok(check) => check.check(result),
            Err(reason) => Err(vec![jobs::Violation {
                pointer: String::new(),
                message: format!("the result schema cannot be used: {reason}"),
            }]),
        }
    }

    /// Returns the source of ids and random numbers.
    #[cfg(feature = "http")]
    pub(crate) fn entropy(&self) -> &Entropy {
        &self.inner.entropy
    }

    /// Returns how long final executions of a job are kept.
    pub fn retention(&self, job: &KnownJob) -> Retention {
        self.inner.retention.of(job.descriptor())
    }

    /// Publishes the linked jobs into the store, for programs that do not link them.
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

    /// Returns the id and the fingerprint of each linked job.
    pub(crate) fn fingerprints(&self) -> Vec<(String, String)> {
        self.inner.registry.fingerprints()
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
        // A handler that waits for a child lends its executor slot, which the child may need.
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
