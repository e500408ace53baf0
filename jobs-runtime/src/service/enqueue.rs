//! Enqueue: turns a batch of requests into executions, all or none.
//!
//! The service finds the job of each request, checks options and payloads, creates ids, and derives
//! limits and keys. It collects the violations of all payloads. Then it calls the store once. The
//! store looks up idempotency, unique and debounce keys (`store/rules/dedup.rs`). A dry run goes
//! the same way, and calls the store's preview instead.

use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::{EnqueueRequest, Enqueued};
use jobs::{EnqueueError, ExecutionStatus, TransactionRef};
use serde_json::json;
use tracing::Instrument;

use super::error::{InvalidPayload, ServiceError};
use super::options::{self, IDEMPOTENCY_KEY_KEPT, MAX_BATCH, MAX_PAYLOAD_BYTES};
use super::payload::check::{CheckedPayload, PayloadError};
use super::{JobService, KnownJob, children, limits, mask};
use crate::store::{EnqueueAnswer, IdempotencyKey, NewExecution, StoreError};
use crate::telemetry::trace_context;
use crate::time::Timestamp;

/// Requests that are checked before the task yields, because a large batch would block its thread.
const CHECKS_PER_YIELD: usize = 256;

/// The number of violations after which the rest of a batch is not checked.
const MAX_VIOLATIONS: usize = 1_000;

/// The execution of one request of an enqueued batch.
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "only the HTTP interface reads all fields")
)]
#[derive(Debug)]
pub(crate) struct EnqueuedRequest {
    pub(crate) enqueued: Enqueued,
    pub(crate) job: Arc<KnownJob>,
    /// The status in which the execution starts. Meaningful only if the request created it.
    pub(crate) status: ExecutionStatus,
    /// The outcome of the request in the store.
    pub(crate) answer: EnqueueAnswer,
}

impl JobService {
    /// Checks a batch and stores it: all requests or none.
    pub(crate) async fn enqueue_batch(
        &self,
        requests: Vec<EnqueueRequest>,
    ) -> Result<Vec<EnqueuedRequest>, ServiceError> {
        self.check_and_store(None, requests).await
    }

    /// Checks a batch and stores it in a caller's transaction.
    pub(crate) async fn enqueue_batch_in(
        &self,
        tx: TransactionRef<'_>,
        requests: Vec<EnqueueRequest>,
    ) -> Result<Vec<EnqueuedRequest>, ServiceError> {
        self.check_and_store(Some(tx), requests).await
    }

    /// Checks a batch and stores it, in a caller's transaction if there is one.
    async fn check_and_store(
        &self,
        tx: Option<TransactionRef<'_>>,
        mut requests: Vec<EnqueueRequest>,
    ) -> Result<Vec<EnqueuedRequest>, ServiceError> {
        require_batch_size(&requests)?;
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let jobs = self.resolve_jobs(&requests).await?;
        let is_one_job = jobs.windows(2).all(|pair| pair[0].id() == pair[1].id());
        let job_id = jobs.first().filter(|_| is_one_job).map(|job| job.id());
        let send = self.inner.spans.send(job_id, &mut requests);
        let stored = self.store_requests(tx, requests, jobs);
        let stored = stored.instrument(send.span()).await;
        match &stored {
            Ok(stored) => {
                if let [one] = stored.as_slice() {
                    send.sent(one.enqueued.execution_id);
                }
            }
            Err(error) => send.failed(error.kind()),
        }
        stored
    }

    /// Stores requests whose jobs are known.
    async fn store_requests(
        &self,
        tx: Option<TransactionRef<'_>>,
        requests: Vec<EnqueueRequest>,
        jobs: Vec<Arc<KnownJob>>,
    ) -> Result<Vec<EnqueuedRequest>, ServiceError> {
        let joins_caller = tx.is_some();
        let may_exist: Vec<_> = requests.iter().map(children::may_exist).collect();
        let mut executions = self.prepare_executions(requests, &jobs).await?;
        let exists = self.find_children(&mut executions, &may_exist).await?;
        let ids: Vec<_> = executions
            .iter()
            .map(|execution| (execution.id, initial_status(execution)))
            .collect();
        let answers = self.store_new(tx, executions, &exists, &jobs).await?;
        self.count_created(&jobs, &answers);
        let enqueued: Vec<_> = answers
            .into_iter()
            .zip(ids)
            .zip(jobs)
            .map(|((answer, (id, status)), job)| EnqueuedRequest {
                enqueued: match answer {
                    EnqueueAnswer::Created => Enqueued {
                        execution_id: id,
                        triggered: true,
                    },
                    EnqueueAnswer::Replayed(execution_id)
                    | EnqueueAnswer::Skipped(execution_id)
                    | EnqueueAnswer::Merged(execution_id) => Enqueued {
                        execution_id,
                        triggered: false,
                    },
                },
                job,
                status,
                answer,
            })
            .collect();
        if !joins_caller {
            self.record_enqueued(&enqueued).await;
        }
        Ok(enqueued)
    }

    /// Adds the entry of a trigger to the audit log: about the execution, or about a batch.
    async fn record_enqueued(&self, enqueued: &[EnqueuedRequest]) {
        let Some(first) = enqueued.first() else {
            return;
        };
        let job_id = first.job.id();
        if let [one] = enqueued {
            let after = json!({"jobId": job_id, "triggered": one.enqueued.triggered});
            let id = one.enqueued.execution_id.to_string();
            self.record_trigger(id, after).await;
        } else {
            let ids = (
                first.enqueued.execution_id,
                enqueued.last().map(|last| last.enqueued.execution_id),
            );
            let after = json!({
                "executions": enqueued.len(), "first": ids.0, "last": ids.1,
            });
            self.record_trigger(job_id.to_owned(), after).await;
        }
    }

    /// Counts the created executions, those of a caller's transaction before its commit.
    fn count_created(&self, jobs: &[Arc<KnownJob>], answers: &[EnqueueAnswer]) {
        let mut answers = answers.iter();
        for jobs in jobs.chunk_by(Arc::ptr_eq) {
            let answers = answers.by_ref().take(jobs.len());
            let created = answers.filter(|&answer| *answer == EnqueueAnswer::Created);
            let created = created.count() as u64;
            if created > 0 {
                self.inner.metrics.job(jobs[0].id()).enqueued.add(created);
            }
        }
    }

    /// Returns the job of each request. Consecutive requests of one job are resolved once.
    pub(super) async fn resolve_jobs(
        &self,
        requests: &[EnqueueRequest],
    ) -> Result<Vec<Arc<KnownJob>>, ServiceError> {
        let mut jobs: Vec<Arc<KnownJob>> = Vec::with_capacity(requests.len());
        for (index, request) in requests.iter().enumerate() {
            let job = match jobs.last() {
                Some(last) if last.id() == request.job_id => last.clone(),
                _ => self
                    .job(&request.job_id)
                    .await
                    .and_then(require_enabled)
                    .map_err(|error| ServiceError::at(index, error))?,
            };
            jobs.push(job);
        }
        Ok(jobs)
    }

    /// Checks every request and builds its execution. Collects the violations of all payloads.
    pub(super) async fn prepare_executions(
        &self,
        requests: Vec<EnqueueRequest>,
        jobs: &[Arc<KnownJob>],
    ) -> Result<Vec<NewExecution>, ServiceError> {
        let now = self.now();
        let mut executions = Vec::with_capacity(requests.len());
        let mut invalid: Vec<InvalidPayload> = Vec::new();
        let mut reported = 0;
        for (index, (request, job)) in requests.into_iter().zip(jobs).enumerate() {
            if index % CHECKS_PER_YIELD == CHECKS_PER_YIELD - 1 {
                tokio::task::yield_now().await;
            }
            match self.new_execution(index, request, job, now) {
                Ok(execution) => executions.push(execution),
                Err(ServiceError::Payloads(mut payloads)) => {
                    reported += payloads
                        .iter()
                        .map(|one| one.violations.len())
                        .sum::<usize>();
                    invalid.append(&mut payloads);
                    if reported >= MAX_VIOLATIONS {
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if invalid.is_empty() {
            Ok(executions)
        } else {
            Err(ServiceError::Payloads(invalid))
        }
    }

    pub(super) fn new_execution(
        &self,
        index: usize,
        request: EnqueueRequest,
        job: &KnownJob,
        now: Timestamp,
    ) -> Result<NewExecution, ServiceError> {
        let at = |error| ServiceError::at(index, error);
        let descriptor = job.descriptor();
        let key = options::text("idempotency key", request.idempotency_key).map_err(at)?;
        let correlation_id = options::text("correlation id", request.correlation_id).map_err(at)?;
        let item_id = options::text("item id", request.item_id).map_err(at)?;
        let created_by = options::text("created by", request.created_by).map_err(at)?;
        let tags = options::tags(&descriptor.tags, request.tags).map_err(at)?;
        let mut run_at = options::run_at(now, request.due).map_err(at)?;
        let payload = check_payload(index, request.payload, job)?;
        let exact = job.exact(&payload.value, &payload.text);
        let rules = limits::rules(descriptor, &exact);
        let payload_digest = || limits::payload_key(&[], &exact);
        if let Some(debounce) = &rules.debounce {
            run_at = Some(options::postpone(run_at.unwrap_or(now), debounce.delay_ms));
        }
        let expires = request
            .expires
            .or(descriptor.expires_ms.map(Duration::from_millis));
        let expires_at = expires
            .map(|expires| options::expires_at(run_at.unwrap_or(now), expires))
            .transpose()
            .map_err(at)?;
        let id = match (request.parent_id, request.child) {
            // A child with a key of its own is found by that.
            (Some(parent), Some(child)) if key.is_none() => {
                children::child_id(parent, child, &descriptor.id, &payload_digest())
            }
            _ => self.inner.entropy.execution_id(&*self.inner.clock),
        };
        let shard = limits::shard(descriptor, &exact);
        Ok(NewExecution {
            id: shard.map_or(id, |shard| id.with_shard(shard)),
            // A request that uses an alias is stored under the current id of the job.
            job_id: descriptor.id.clone(),
            queue: descriptor.queue.clone(),
            priority: request.priority.unwrap_or(descriptor.priority).value(),
            policy: job.policy(),
            created_at: now,
            run_at,
            expires_at,
            idempotency_key: key.map(|key| IdempotencyKey {
                key,
                payload_digest: payload_digest(),
                expires_at: now.after(IDEMPOTENCY_KEY_KEPT),
            }),
            payload: payload.text,
            correlation_id,
            item_id,
            created_by,
            tags,
            parent_id: request.parent_id,
            triggered_by: request.triggered_by.as_str().to_owned(),
            trace_parent: trace_context::checked(request.trace_parent),
            rules,
        })
    }
}

impl JobService {
    /// Returns the job with this id or alias, if it accepts executions.
    pub(super) async fn enabled_job(&self, id: &str) -> Result<Arc<KnownJob>, ServiceError> {
        Ok(self.job(id).await.and_then(require_enabled)?)
    }
}

/// Rejects a batch that is too large.
pub(super) fn require_batch_size(requests: &[EnqueueRequest]) -> Result<(), EnqueueError> {
    if requests.len() <= MAX_BATCH {
        return Ok(());
    }
    let reason = format!("{} requests; {MAX_BATCH} are allowed", requests.len());
    Err(options::invalid("batch", reason))
}

fn require_enabled(job: Arc<KnownJob>) -> Result<Arc<KnownJob>, EnqueueError> {
    if job.descriptor().enabled {
        Ok(job)
    } else {
        Err(EnqueueError::Disabled {
            job_id: job.id().to_owned(),
        })
    }
}

pub(super) fn initial_status(execution: &NewExecution) -> ExecutionStatus {
    match execution.run_at {
        Some(_) => ExecutionStatus::Pending,
        None => ExecutionStatus::Queued,
    }
}

pub(super) fn check_payload(
    index: usize,
    payload: String,
    job: &KnownJob,
) -> Result<CheckedPayload, ServiceError> {
    let check = job
        .payload_check()
        .map_err(|error| ServiceError::at(index, EnqueueError::Store(Box::new(error))))?;
    let checked = check.check(payload).map_err(|error| match error {
        PayloadError::TooLarge(size) => ServiceError::at(
            index,
            EnqueueError::PayloadTooLarge {
                size,
                limit: MAX_PAYLOAD_BYTES,
            },
        ),
        PayloadError::Malformed(reason) => ServiceError::Malformed {
            index,
            job_id: job.id().to_owned(),
            reason,
        },
        PayloadError::Invalid(violations) => ServiceError::Payloads(vec![InvalidPayload {
            index,
            job_id: job.id().to_owned(),
            violations,
        }]),
    })?;
    let violations = mask::violations(&checked.value, &job.descriptor().sensitive);
    if violations.is_empty() {
        Ok(checked)
    } else {
        Err(ServiceError::Payloads(vec![InvalidPayload {
            index,
            job_id: job.id().to_owned(),
            violations,
        }]))
    }
}

/// Converts the store's error for a batch whose requests have these jobs.
pub(super) fn service_error(error: StoreError, jobs: &[Arc<KnownJob>]) -> ServiceError {
    match error {
        StoreError::IdempotencyConflict {
            index,
            key,
            execution_id,
        } => ServiceError::at(
            index,
            EnqueueError::IdempotencyConflict {
                job_id: jobs
                    .get(index)
                    .map(|job| job.id().to_owned())
                    .unwrap_or_default(),
                key,
                execution_id,
            },
        ),
        StoreError::UniqueConflict {
            index,
            execution_id,
        } => ServiceError::at(
            index,
            EnqueueError::UniqueConflict {
                job_id: jobs
                    .get(index)
                    .map(|job| job.id().to_owned())
                    .unwrap_or_default(),
                execution_id,
            },
        ),
        StoreError::QueueFull {
            index,
            job_id,
            max_waiting,
        } => ServiceError::at(
            index,
            EnqueueError::QueueFull {
                job_id,
                max_waiting,
            },
        ),
        StoreError::WrongDatabase { found, expected } => {
            EnqueueError::WrongDatabase { found, expected }.into()
        }
        StoreError::Transaction(reason) => EnqueueError::Transaction(reason).into(),
        error => error.into(),
    }
}
