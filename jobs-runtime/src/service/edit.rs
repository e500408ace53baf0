//! Operators' edits of waiting executions, and retries with a new payload.

use jobs::runtime::Due;
use jobs::{ExecutionId, ExecutionStatus as Status, Priority, Violation};
use serde_json::json;

use super::enqueue::{check_payload, service_error};
use super::error::{InvalidPayload, ServiceError};
use super::payload::check::CheckedPayload;
use super::{JobService, KnownJob, limits, mask, options};
use crate::store::{EditAnswer, EnqueueRules, ExecutionEdit, ExecutionRecord, RetryAnswer};

/// The changes to a waiting execution. A field that is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// The new priority.
    pub priority: Option<Priority>,
    /// The new due time.
    pub due: Option<Due>,
    /// The new payload, as JSON text.
    pub payload: Option<String>,
}

impl Edit {
    /// Returns whether the edit changes nothing.
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
    /// Like [`edit`](Self::edit), with the detailed error.
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
                Some(self.check_new_payload(&execution, payload).await?)
            }
        };
        let before = self.state_before(id).await;
        let after = json!({
            "priority": edit.priority.map(Priority::value),
            "runAt": run_at,
            "payloadChanged": payload.is_some(),
        });
        let edit = ExecutionEdit {
            priority: edit.priority.map(Priority::value),
            run_at,
            payload,
            queue: None,
        };
        let answer = store.edit(id, edit, now).await?;
        if answer == EditAnswer::Changed {
            self.record_act("execution.edit", id.to_string(), before, Some(after))
                .await;
        }
        Ok(answer)
    }

    /// Like [`retry`](Self::retry), with the detailed error.
    pub(crate) async fn retry_checked(
        &self,
        id: ExecutionId,
        payload: Option<String>,
    ) -> Result<RetryAnswer, ServiceError> {
        let store = &self.inner.store;
        let Some(execution) = store.execution(id).await? else {
            return Ok(RetryAnswer::Unknown);
        };
        let payload = match payload {
            None => None,
            Some(payload) => Some(self.check_new_payload(&execution, payload).await?),
        };
        // A job that no program has published any more has no rules.
        let job = self.inner.registry.find(&execution.job_id).await?;
        let rules = job.as_ref().map_or_else(EnqueueRules::default, |job| {
            stored_rules(job, payload.as_deref().unwrap_or(execution.payload.get()))
        });
        let after = json!({"status": "queued", "payloadChanged": payload.is_some()});
        let answer = store.retry(id, payload, rules, self.now()).await;
        let answer = answer.map_err(|error| service_error(error, &Vec::from_iter(job)))?;
        if answer == RetryAnswer::Queued {
            let before = json!({"jobId": execution.job_id, "status": execution.status});
            self.record_act("execution.retry", id.to_string(), Some(before), Some(after))
                .await;
        }
        Ok(answer)
    }

    /// Checks and completes a new payload for an existing execution. Rejects a change of the fields
    /// that its limits and keys derive from.
    async fn check_new_payload(
        &self,
        execution: &ExecutionRecord,
        payload: String,
    ) -> Result<String, ServiceError> {
        let job = self.job(&execution.job_id).await?;
        let sensitive = self.sensitive_fields(&execution.job_id).await?;
        let payload = mask::restore(payload, &execution.payload, &sensitive);
        let payload = check_payload(0, payload, &job)?;
        let before = present_form(&job, execution.payload.get());
        let changed = limits::changed_key_fields(
            job.descriptor(),
            &job.exact(&before.value, &before.text),
            &job.exact(&payload.value, &payload.text),
        );
        if changed.is_empty() {
            return Ok(payload.text);
        }
        let violations = changed.into_iter().map(|changed| {
            let mut pointer = String::new();
            if let Some(field) = &changed.field {
                super::push_segment(&mut pointer, field);
            }
            let rule = changed.rule;
            let message = format!(
                "must not change, because `{rule}` of the job uses it; enqueue another execution"
            );
            Violation { pointer, message }
        });
        Err(ServiceError::Payloads(vec![InvalidPayload {
            index: 0,
            job_id: job.id().to_owned(),
            violations: violations.collect(),
        }]))
    }
}

/// The rules of an execution with this stored payload.
pub(super) fn stored_rules(job: &KnownJob, payload: &str) -> EnqueueRules {
    let present = present_form(job, payload);
    let payload = job.exact(&present.value, &present.text);
    limits::rules(job.descriptor(), &payload)
}

/// A stored payload with the names and the defaults that the job has now: its keys are compared
/// with those of new executions. A payload that the job does not accept any more stays as it is.
fn present_form(job: &KnownJob, stored: &str) -> CheckedPayload {
    check_payload(0, stored.to_owned(), job).unwrap_or_else(|_| CheckedPayload {
        text: stored.to_owned(),
        value: serde_json::from_str(stored).unwrap_or_default(),
    })
}
