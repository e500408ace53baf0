//! `GET /executions/{id}`, `DELETE /executions/{id}`, `POST /executions/{id}/cancel`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::{ExecutionId, ExecutionStatus};
use serde::Serialize;

use crate::http::Interface;
use crate::http::request::body::{Fields, MAX_BODY, Text, accept};
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::response::problem::{Code, Problem};
use crate::http::request::query::Parameters;
use crate::http::response::redact::Redactor;
use crate::store::{CancelAnswer, DeleteAnswer, ExecutionRecord};

pub(in crate::http) async fn show(
    State(interface): State<Interface>,
    ExecutionPath(id): ExecutionPath,
    parameters: Parameters,
) -> Result<Json<ExecutionRecord>, Problem> {
    parameters.finish()?;
    let execution = interface.service.store().execution(id).await?;
    let mut execution = execution.ok_or_else(|| unknown_execution(id))?;
    Redactor::new(&interface.service)
        .redact(&mut execution)
        .await;
    Ok(Json(execution))
}

/// 204 when a final execution is gone with everything that was kept of it.
pub(in crate::http) async fn delete(
    State(interface): State<Interface>,
    ExecutionPath(id): ExecutionPath,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    match interface.service.store().delete(id).await? {
        DeleteAnswer::Deleted => Ok(StatusCode::NO_CONTENT),
        DeleteAnswer::Unknown => Err(unknown_execution(id)),
        DeleteAnswer::NotFinal(status) => {
            let detail = format!("execution {id} is {status}; only final ones are deleted");
            Err(Problem::new(Code::NotFinal, detail).with("executionStatus", status.as_str()))
        }
    }
}

/// What became of a request to cancel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Cancelled {
    execution_id: ExecutionId,
    status: ExecutionStatus,
    /// Whether its worker has been asked to end it.
    cancel_requested: bool,
}

/// 200 when a waiting execution is cancelled, 202 when a running one has been asked to end.
pub(in crate::http) async fn cancel(
    State(interface): State<Interface>,
    ExecutionPath(id): ExecutionPath,
    Text(body): Text<MAX_BODY>,
) -> Result<(StatusCode, Json<Cancelled>), Problem> {
    accept(&Fields::read(&body, String::new())?.finish())?;
    let (code, status) = match interface.service.cancel(id).await? {
        CancelAnswer::Cancelled => (StatusCode::OK, ExecutionStatus::Cancelled),
        CancelAnswer::Requested => (StatusCode::ACCEPTED, ExecutionStatus::Running),
        CancelAnswer::Unknown => return Err(unknown_execution(id)),
        CancelAnswer::Final(status) => {
            let detail = format!("execution {id} is {status} already");
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
