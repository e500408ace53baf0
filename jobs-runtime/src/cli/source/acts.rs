//! An operator's acts on one execution: cancel, retry, edit, delete and erase.

use jobs::{ExecutionId, ExecutionStatus, Priority};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::Source;
use super::jobs::{due_fields, raw_payload};
use crate::Edit;
use crate::cli::failure::Failure;
use crate::cli::remote::{RemoteError, RemoteProblem};
use crate::store::{CancelAnswer, DeleteAnswer, EditAnswer, EraseAnswer, Erasure, RetryAnswer};
use crate::time::Timestamp;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancelled {
    cancel_requested: bool,
}

#[derive(Deserialize)]
struct Erased {
    erased: Erasure,
}

/// The body of an edit. Absent values are `null`, which counts as absent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EditBody {
    priority: Option<u8>,
    delay_ms: Option<u64>,
    run_at: Option<Timestamp>,
    payload: Option<Box<RawValue>>,
}

/// A change of a waiting execution.
pub(in crate::cli) type EditRequest = Edit;

impl Source {
    /// Cancels a waiting execution, or requests the cancellation of a running one.
    pub(in crate::cli) async fn cancel(&self, id: ExecutionId) -> Result<CancelAnswer, Failure> {
        let client = match self {
            Self::Local(runtime) => return Ok(runtime.service().cancel(id).await?),
            Self::Remote(client) => client,
        };
        match client.request("cancelExecution").path(id).json().await {
            Ok(Cancelled { cancel_requested }) => Ok(if cancel_requested {
                CancelAnswer::Requested
            } else {
                CancelAnswer::Cancelled
            }),
            Err(error) => match (refusal(&error), is_unknown(&error)) {
                (Some(("already_final", status)), _) => Ok(CancelAnswer::Final(status)),
                (_, true) => Ok(CancelAnswer::Unknown),
                _ => Err(error.into()),
            },
        }
    }

    /// Retries a failed or cancelled execution, with a new payload if one is given.
    pub(in crate::cli) async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
    ) -> Result<RetryAnswer, Failure> {
        let client = match self {
            Self::Local(runtime) => return Ok(runtime.service().retry(id, payload).await?),
            Self::Remote(client) => client,
        };
        let payload = payload.map(raw_payload).transpose()?;
        let request = client.request("retryExecution").path(id);
        let sent = request.body(&PayloadBody { payload }).send().await;
        let Err(error) = sent else {
            return Ok(RetryAnswer::Queued);
        };
        match (refusal(&error), is_unknown(&error)) {
            (Some(("not_retryable", status)), _) => Ok(RetryAnswer::NotRetryable(status)),
            (_, true) => Ok(RetryAnswer::Unknown),
            _ if error.problem("erased").is_some() => Ok(RetryAnswer::Erased),
            _ => Err(self.of_payload_of(id, error).await),
        }
    }

    /// Changes a waiting execution.
    pub(in crate::cli) async fn edit(
        &self,
        id: ExecutionId,
        edit: EditRequest,
    ) -> Result<EditAnswer, Failure> {
        let client = match self {
            Self::Local(runtime) => return Ok(runtime.service().edit(id, edit).await?),
            Self::Remote(client) => client,
        };
        let (delay_ms, run_at) = due_fields(edit.due);
        let body = EditBody {
            priority: edit.priority.map(Priority::value),
            delay_ms,
            run_at,
            payload: edit.payload.map(raw_payload).transpose()?,
        };
        let request = client.request("editExecution").path(id);
        let Err(error) = request.body(&body).send().await else {
            return Ok(EditAnswer::Changed);
        };
        match (refusal(&error), is_unknown(&error)) {
            (Some(("not_waiting", status)), _) => Ok(EditAnswer::NotWaiting(status)),
            (_, true) => Ok(EditAnswer::Unknown),
            _ => Err(self.of_payload_of(id, error).await),
        }
    }

    /// Deletes a final execution.
    pub(in crate::cli) async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, Failure> {
        let client = match self {
            Self::Local(runtime) => return Ok(runtime.service().delete(id).await?),
            Self::Remote(client) => client,
        };
        let Err(error) = client.request("deleteExecution").path(id).send().await else {
            return Ok(DeleteAnswer::Deleted);
        };
        match (refusal(&error), is_unknown(&error)) {
            (Some(("not_final", status)), _) => Ok(DeleteAnswer::NotFinal(status)),
            (_, true) => Ok(DeleteAnswer::Unknown),
            _ => Err(error.into()),
        }
    }

    /// Erases the payload, the results and the log of a final execution.
    pub(in crate::cli) async fn erase(
        &self,
        id: ExecutionId,
        by: Option<String>,
    ) -> Result<EraseAnswer, Failure> {
        let client = match self {
            Self::Local(runtime) => return Ok(runtime.service().erase(id, by).await?),
            Self::Remote(client) => client,
        };
        let request = client.request("eraseExecution").path(id);
        match request.body(&json!({ "by": by })).json().await {
            Ok(Erased { erased }) => Ok(EraseAnswer::Erased(erased)),
            Err(error) => match (refusal(&error), is_unknown(&error)) {
                (Some(("not_final", status)), _) => Ok(EraseAnswer::NotFinal(status)),
                (_, true) => Ok(EraseAnswer::Unknown),
                _ => Err(error.into()),
            },
        }
    }

    /// The failure of a call with a payload for an execution, whose job the message names.
    async fn of_payload_of(&self, id: ExecutionId, error: RemoteError) -> Failure {
        if error.problem("invalid_payload").is_none() {
            return error.into();
        }
        match self.execution(id, false).await {
            Ok(Some(execution)) => error.of_payload(&execution.job_id),
            _ => error.into(),
        }
    }
}

#[derive(Serialize)]
struct PayloadBody {
    payload: Option<Box<RawValue>>,
}

/// The code of a problem about the status of an execution, and that status.
fn refusal(error: &RemoteError) -> Option<(&str, ExecutionStatus)> {
    let RemoteError::Problem { problem, .. } = error else {
        return None;
    };
    let RemoteProblem {
        code,
        execution_status,
        ..
    } = &**problem;
    execution_status.map(|status| (code.as_str(), status))
}

fn is_unknown(error: &RemoteError) -> bool {
    error.problem("unknown_execution").is_some()
}
