//! Requests by SQL: the checks of an enqueue, after the caller's commit.
//!
//! A caller of the function `enqueue` gets no error of these checks. A request that fails them
//! becomes a failed execution, whose error tells why.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use jobs::runtime::{Due, EnqueueRequest, TriggeredBy};
use jobs::{EnqueueError, ErrorKind, ExecutionError, Priority};

use super::error::ServiceError;
use super::{JobService, KnownJob, options};
use crate::store::{NewExecution, Received, Resolution, ResolveReceived, StoreError, TakenIn};
use crate::telemetry::trace_context;
use crate::time::Timestamp;

/// The time in which a program may publish the job of a request. A deploy thus may install a
/// trigger before the workers that know its job.
const UNKNOWN_JOB_WAIT: Duration = Duration::from_secs(60);

/// The pause between two looks at a request whose job is unknown or cannot be read.
const RETRY: Duration = Duration::from_secs(2);

/// Requests that are checked before the task yields.
const CHECKS_PER_YIELD: usize = 32;

/// The most violations that an error lists.
const MAX_VIOLATIONS: usize = 20;

impl JobService {
    /// Takes in up to `limit` requests by SQL, and returns their number, without those that are
    /// postponed. `None` if no request is due.
    pub(crate) async fn take_in(&self, limit: usize) -> Result<Option<usize>, StoreError> {
        let store = Arc::clone(&self.inner.store);
        let Some(inbox) = store.inbox() else {
            return Ok(None);
        };
        let now = self.now();
        if !inbox.has_received(now).await? {
            return Ok(None);
        }
        let taken = inbox.take_in(limit, now, Arc::new(self.clone())).await?;
        for TakenIn { job_id, .. } in taken.iter().filter(|one| one.created) {
            self.inner.metrics.job(job_id).enqueued.add(1);
        }
        Ok(Some(taken.len()))
    }

    async fn resolve_received(&self, request: &Received, now: Timestamp) -> Resolution {
        let job = match self.enabled_job(&request.job_id).await {
            Ok(job) => job,
            Err(error) => return without_job(request, error, now),
        };
        let new = self.received_execution(request, &job, now);
        match new {
            Ok(new) => Resolution::Enqueue(Box::new(new)),
            Err(error) => reject(request, Some(&*job), error, now),
        }
    }

    fn received_execution(
        &self,
        request: &Received,
        job: &KnownJob,
        now: Timestamp,
    ) -> Result<NewExecution, ServiceError> {
        let mut enqueue = EnqueueRequest {
            priority: request.priority.and_then(Priority::new),
            due: request
                .run_at
                .map_or(Due::Now, |at| Due::At(SystemTime::from(at))),
            expires: request.expires_ms.map(expires).transpose()?,
            idempotency_key: request.idempotency_key.clone(),
            correlation_id: request.correlation_id.clone(),
            item_id: request.item_id.clone(),
            created_by: request.created_by.clone(),
            tags: request.tags.clone(),
            triggered_by: TriggeredBy::Sql,
            trace_parent: trace_context::checked(request.trace_parent.clone()),
            ..EnqueueRequest::new(job.id().to_owned(), request.payload.clone())
        };
        let spans = &self.inner.spans;
        let send = spans.send(Some(job.id()), std::slice::from_mut(&mut enqueue));
        match self.new_execution(0, enqueue, job, now) {
            Ok(mut new) => {
                // The caller has this id already.
                new.id = request.id;
                send.sent(new.id);
                Ok(new)
            }
            Err(error) => {
                send.failed(error.kind());
                Err(error)
            }
        }
    }
}

#[async_trait]
impl ResolveReceived for JobService {
    async fn resolve(&self, requests: &[Received]) -> Result<Vec<Resolution>, StoreError> {
        let now = self.now();
        let mut resolved = Vec::with_capacity(requests.len());
        for (index, request) in requests.iter().enumerate() {
            if index % CHECKS_PER_YIELD == CHECKS_PER_YIELD - 1 {
                tokio::task::yield_now().await;
            }
            resolved.push(self.resolve_received(request, now).await);
        }
        Ok(resolved)
    }
}

/// Resolves a request whose job is not known, or does not accept executions.
fn without_job(request: &Received, error: ServiceError, now: Timestamp) -> Resolution {
    let ServiceError::Request { error, .. } = error else {
        return reject(request, None, error, now);
    };
    let is_passing = match &error {
        EnqueueError::UnknownJob { .. } => {
            now < request.enqueued_at.after(UNKNOWN_JOB_WAIT)
                // A time in the future comes from a wrong clock.
                && request.enqueued_at <= now.after(UNKNOWN_JOB_WAIT)
        }
        EnqueueError::Store(_) => true,
        _ => false,
    };
    if is_passing {
        return Resolution::Postpone(now.after(RETRY), error.to_string());
    }
    reject(request, None, error.into(), now)
}

fn expires(millis: i64) -> Result<Duration, EnqueueError> {
    let millis = u64::try_from(millis);
    let millis = millis.map_err(|_| options::invalid("expires", "it is negative".to_owned()))?;
    Ok(Duration::from_millis(millis))
}

/// Creates the failed execution of a request. It keeps the options that are valid.
fn reject(
    request: &Received,
    job: Option<&KnownJob>,
    error: ServiceError,
    now: Timestamp,
) -> Resolution {
    let valid = |text: &Option<String>| options::text("", text.clone()).ok().flatten();
    let tags = options::tags(&[], request.tags.clone());
    let mut new = NewExecution {
        payload: request.payload.clone(),
        correlation_id: valid(&request.correlation_id),
        item_id: valid(&request.item_id),
        created_by: valid(&request.created_by),
        tags: tags.unwrap_or_default(),
        triggered_by: TriggeredBy::Sql.as_str().to_owned(),
        trace_parent: trace_context::checked(request.trace_parent.clone()),
        ..NewExecution::new(request.id, &request.job_id, now)
    };
    if let Some(job) = job {
        job.id().clone_into(&mut new.job_id);
        job.descriptor().queue.clone_into(&mut new.queue);
        new.policy = job.policy();
        new.priority = job.descriptor().priority.value();
    }
    if let Some(priority) = request.priority {
        new.priority = priority;
    }
    Resolution::Reject(Box::new(new), execution_error(error))
}

fn execution_error(error: ServiceError) -> ExecutionError {
    let kind = match &error {
        ServiceError::Payloads(_) | ServiceError::Malformed { .. } => ErrorKind::InvalidPayload,
        ServiceError::Request { error, .. } => match error {
            EnqueueError::PayloadTooLarge { .. } => ErrorKind::InvalidPayload,
            _ => ErrorKind::Rejected,
        },
    };
    let message = match error.into_enqueue_error(false) {
        EnqueueError::InvalidPayload { violations, .. } => {
            let listed = violations.0.iter().take(MAX_VIOLATIONS);
            let listed = listed.map(|one| format!("{}: {}", one.pointer, one.message));
            listed.collect::<Vec<_>>().join("; ")
        }
        error => error.to_string(),
    };
    ExecutionError { kind, message }
}
