//! What operators change about an execution: its payload, its time, its place in the queue.

use jobs::runtime::Due;
use jobs::{ExecutionId, ExecutionStatus as Status, Priority, Violation};
use serde_json::Value;

use super::enqueue::check_payload;
use super::error::{InvalidPayload, ServiceError};
use super::{JobService, limits, options};
use crate::store::{EditAnswer, ExecutionEdit, ExecutionRecord, RetryAnswer};

/// What is to change about a waiting execution.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Before or after others of its queue.
    pub priority: Option<Priority>,
    /// When it becomes available.
    pub due: Option<Due>,
    /// Another payload: JSON text.
    pub payload: Option<String>,
}

impl Edit {
    /// Whether nothing is to change.
    pub fn is_empty(&self) -> bool {
        let Self {
            priority,
            due,
            payload,
        } = self;
        priority.is_none() && due.is_none() && payload.is_none()
    }
}

impl JobService {
    /// Changes an execution that waits, all that is asked for or nothing.
    pub(crate) async fn edit_checked(
        &self,
        id: ExecutionId,
        edit: Edit,
    ) -> Result<EditAnswer, ServiceError> {
        let store = &self.inner.store;
        let now = self.now();
        let run_at = match edit.due {
            None => None,
            Some(due) => Some(options::run_at(now, due)?.unwrap_or(now)),
        };
        let payload = match edit.payload {
            None => None,
            Some(payload) => {
                let Some(execution) = store.execution(id).await? else {
                    return Ok(EditAnswer::Unknown);
                };
                let (Status::Pending | Status::Queued) = execution.status else {
                    return Ok(EditAnswer::NotWaiting(execution.status));
                };
                Some(self.edited(&execution, payload).await?)
            }
        };
        let edit = ExecutionEdit {
            priority: edit.priority.map(Priority::value),
            run_at,
            payload,
        };
        Ok(store.edit(id, edit, now).await?)
    }

    /// An operator's retry, with another payload if one is given.
    pub(crate) async fn retry_checked(
        &self,
        id: ExecutionId,
        payload: Option<String>,
    ) -> Result<RetryAnswer, ServiceError> {
        let store = &self.inner.store;
        let payload = match payload {
            None => None,
            Some(payload) => {
                let Some(execution) = store.execution(id).await? else {
                    return Ok(RetryAnswer::Unknown);
                };
                Some(self.edited(&execution, payload).await?)
            }
        };
        Ok(store.retry(id, payload, self.now()).await?)
    }

    /// Another payload for an execution: checked and completed like one that is enqueued. What its
    /// limits and its keys were made of stays.
    async fn edited(
        &self,
        execution: &ExecutionRecord,
        payload: String,
    ) -> Result<String, ServiceError> {
        let job = self.job(&execution.job_id).await?;
        let payload = check_payload(0, payload, &job)?;
        let before: Value = serde_json::from_str(execution.payload.get()).unwrap_or_default();
        let fixed = limits::fixed_fields(job.descriptor(), &before, &payload.value);
        if fixed.is_empty() {
            return Ok(payload.text);
        }
        let violations = fixed.into_iter().map(|fixed| {
            let mut pointer = String::new();
            if let Some(field) = &fixed.field {
                super::push_step(&mut pointer, field);
            }
            let key = fixed.key;
            let message =
                format!("must stay: `{key}` counts this execution by it; enqueue another");
            Violation { pointer, message }
        });
        Err(ServiceError::Payloads(vec![InvalidPayload {
            index: 0,
            job_id: job.id().to_owned(),
            violations: violations.collect(),
        }]))
    }
}
