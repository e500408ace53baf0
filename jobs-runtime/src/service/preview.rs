//! The dry run of an enqueue: what would become of each request.
//!
//! A dry run resolves jobs and checks options and payloads as an enqueue does. It asks the store
//! only about requests that existing executions decide about. It writes nothing.

use std::borrow::Cow;

use jobs::runtime::EnqueueRequest;
use jobs::{ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::enqueue::{initial_status, require_batch_size};
use super::error::ServiceError;
use super::redact::Redactor;
use super::{JobService, KnownJob};
use crate::store::{EnqueueAnswer, EnqueuePreview, NewExecution, StoreError, needs_dedup};
use crate::time::Timestamp;

/// The outcome that an enqueue would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum EnqueueOutcome {
    /// The execution would be created.
    New,
    /// The idempotency key names an execution, which would answer the request.
    Replayed,
    /// A live execution has the same unique key and would answer the request.
    Skipped,
    /// A waiting execution has the same unique key and would receive the payload.
    Replaced,
    /// A waiting execution has the same debounce key. It would receive the payload and a new time.
    Merged,
    /// A key names another execution, and the request would be rejected.
    Rejected,
    /// The job's `max_waiting` would be exceeded.
    QueueFull,
}

impl EnqueueOutcome {
    /// Returns the word for what a store has answered.
    pub(crate) fn of(answer: EnqueueAnswer) -> Self {
        match answer {
            EnqueueAnswer::Created => Self::New,
            EnqueueAnswer::Replayed(_) => Self::Replayed,
            EnqueueAnswer::Skipped(_) => Self::Skipped,
            EnqueueAnswer::Merged(_) => Self::Merged,
        }
    }
}

/// The dry run of one request.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TriggerPreview {
    /// The outcome that the enqueue would have.
    pub(crate) outcome: EnqueueOutcome,
    /// The existing execution that decides about the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) execution_id: Option<ExecutionId>,
    /// The code of the problem that the enqueue would be answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<Cow<'static, str>>,
    /// The job id.
    pub(crate) job_id: String,
    /// The status in which a new execution would start.
    pub(crate) status: ExecutionStatus,
    /// The queue.
    queue: String,
    /// The priority, 0–100.
    priority: u8,
    /// The time at which the execution would become ready.
    run_at: Timestamp,
    /// The payload with its defaults. Sensitive fields are masked.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub(crate) payload: Box<RawValue>,
    /// The tags, with those of the job.
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
}

impl JobService {
    /// Checks a batch as an enqueue does, and tells what would become of each request. Writes
    /// nothing.
    pub(crate) async fn preview_batch(
        &self,
        requests: Vec<EnqueueRequest>,
    ) -> Result<Vec<TriggerPreview>, ServiceError> {
        require_batch_size(&requests)?;
        let jobs = self.resolve_jobs(&requests).await?;
        let executions = self.prepare_executions(requests, &jobs).await?;
        let answers = if executions.iter().any(needs_dedup) {
            let store = &self.inner.store;
            store.preview_enqueue(executions.clone()).await?
        } else {
            vec![EnqueuePreview::Created; executions.len()]
        };
        let mut redactor = Redactor::new(self);
        let mut previews = Vec::with_capacity(jobs.len());
        for ((answer, execution), job) in answers.into_iter().zip(executions).zip(&jobs) {
            let mut preview = TriggerPreview::new(answer, execution, job)?;
            redactor
                .redact_payload(job.id(), &mut preview.payload)
                .await;
            previews.push(preview);
        }
        Ok(previews)
    }
}

impl TriggerPreview {
    fn new(
        answer: EnqueuePreview,
        execution: NewExecution,
        job: &KnownJob,
    ) -> Result<Self, ServiceError> {
        let (outcome, execution_id, code) = match answer {
            EnqueuePreview::Created => (EnqueueOutcome::New, None, None),
            EnqueuePreview::Replayed(id) => (EnqueueOutcome::Replayed, Some(id), None),
            EnqueuePreview::Skipped(id) => (EnqueueOutcome::Skipped, Some(id), None),
            EnqueuePreview::Replaced(id) => (EnqueueOutcome::Replaced, Some(id), None),
            EnqueuePreview::Merged(id, _) => (EnqueueOutcome::Merged, Some(id), None),
            EnqueuePreview::IdempotencyConflict(id) => {
                let code = "idempotency_conflict".into();
                (EnqueueOutcome::Rejected, Some(id), Some(code))
            }
            EnqueuePreview::UniqueConflict(id) => {
                let code = "unique_conflict".into();
                (EnqueueOutcome::Rejected, Some(id), Some(code))
            }
            EnqueuePreview::QueueFull(_) => {
                (EnqueueOutcome::QueueFull, None, Some("queue_full".into()))
            }
        };
        let status = initial_status(&execution);
        let run_at = match answer {
            EnqueuePreview::Merged(_, run_at) => run_at,
            _ => execution.run_at.unwrap_or(execution.created_at),
        };
        let payload = RawValue::from_string(execution.payload);
        let payload = payload.map_err(|error| StoreError::Corrupt {
            what: "the payload".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            outcome,
            execution_id,
            code,
            job_id: job.id().to_owned(),
            status,
            queue: execution.queue,
            priority: execution.priority,
            run_at,
            payload,
            tags: execution.tags,
            idempotency_key: execution.idempotency_key.map(|key| key.key),
            correlation_id: execution.correlation_id,
            item_id: execution.item_id,
            created_by: execution.created_by,
        })
    }
}
