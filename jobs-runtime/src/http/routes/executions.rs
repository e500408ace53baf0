//! `GET /executions/{id}`, `DELETE /executions/{id}`, `POST /executions/{id}/cancel`: show, delete
//! and cancel an execution.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::{ExecutionId, ExecutionStatus};
use serde::Serialize;

use crate::http::ApiState;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::response::redact::Redactor;
use crate::store::{CancelAnswer, DeleteAnswer, ExecutionRecord};

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    parameters: QueryParameters,
) -> Result<Json<ExecutionRecord>, Problem> {
    parameters.finish()?;
    let execution = api.service.store().execution(id).await?;
    let mut execution = execution.ok_or_else(|| unknown_execution(id))?;
    Redactor::new(&api.service).redact(&mut execution).await;
    Ok(Json(execution))
}

/// 204 when a final execution is deleted with its attempts and its log.
pub(in crate::http) async fn delete(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    parameters: QueryParameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    match api.service.store().delete(id).await? {
        DeleteAnswer::Deleted => Ok(StatusCode::NO_CONTENT),
        DeleteAnswer::Unknown => Err(unknown_execution(id)),
        DeleteAnswer::NotFinal(status) => {
            let detail =
                format!("execution {id} is {status}; only final executions can be deleted");
            Err(Problem::new(Code::NotFinal, detail).with("executionStatus", status.as_str()))
        }
    }
}

/// The response to a cancel request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Cancelled {
    execution_id: ExecutionId,
    status: ExecutionStatus,
    /// True if the execution runs and its worker is asked to end it.
    cancel_requested: bool,
}

/// 200 when a waiting execution is cancelled, 202 when the cancellation of a running one is
/// requested, 409 when the execution is final.
pub(in crate::http) async fn cancel(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<(StatusCode, Json<Cancelled>), Problem> {
    reject_violations(&BodyFields::read(&body, String::new())?.finish())?;
    let (code, status) = match api.service.cancel(id).await? {
        CancelAnswer::Cancelled => (StatusCode::OK, ExecutionStatus::Cancelled),
        CancelAnswer::Requested => (StatusCode::ACCEPTED, ExecutionStatus::Running),
        CancelAnswer::Unknown => return Err(unknown_execution(id)),
        CancelAnswer::Final(status) => {
            let detail = format!("execution {id} is already {status}");
            return Err(
                Problem::new(Code::AlreadyFinal, detail).with("executionStatus", status.as_str())
            );
        }
    };
    Ok((
        code,
        Json(Cancelled {
            execution_id: id,
            status,
            cancel_requested: status == ExecutionStatus::Running,
        }),
    ))
}
