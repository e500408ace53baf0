//! `GET /executions/{id}`, `DELETE /executions/{id}`, `POST /executions/{id}/cancel`: show, delete
//! and cancel an execution.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jobs::{ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::ApiState;
use crate::http::auth::Caller;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::service::Redactor;
use crate::store::{CancelAnswer, DeleteAnswer, ExecutionRecord, Role};

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getExecution",
    "one execution with its attempts",
    &[Answer::json::<ExecutionRecord>(
        StatusCode::OK,
        "the execution",
    )],
)
.query(PARAMETERS)
.problems(&[Code::UnknownExecution]);

pub(super) const REVEAL: Input = Input::value::<bool>(
    "reveal",
    "whether sensitive values are shown, for operators; the audit log records it",
);
const PARAMETERS: &[Input] = &[REVEAL];

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    caller: Option<Extension<Caller>>,
    mut parameters: QueryParameters,
) -> Result<Json<ExecutionRecord>, Problem> {
    let reveal = parameters.parsed::<bool>(&REVEAL).unwrap_or(false);
    parameters.finish(PARAMETERS)?;
    check_reveal(reveal, caller)?;
    let execution = api.service.store().execution(id).await?;
    let mut execution = execution.ok_or_else(|| unknown_execution(id))?;
    if reveal {
        api.service.record_reveal(id).await;
    } else {
        Redactor::new(&api.service).redact(&mut execution).await;
    }
    Ok(Json(execution))
}

/// Rejects callers that may not see sensitive values, if they ask for them.
pub(super) fn check_reveal(reveal: bool, caller: Option<Extension<Caller>>) -> Result<(), Problem> {
    let detail = "sensitive values are shown to the roles operator and admin only";
    if reveal {
        require_operator(caller, detail)
    } else {
        Ok(())
    }
}

/// Rejects viewers, where a parameter and not the route needs the role.
pub(super) fn require_operator(
    caller: Option<Extension<Caller>>,
    detail: &str,
) -> Result<(), Problem> {
    let role = caller.map(|Extension(caller)| caller.role());
    if role.is_some_and(|role| role.allows(Role::Operator)) {
        return Ok(());
    }
    let mut problem = Problem::new(Code::Forbidden, detail).with("needed", Role::Operator.as_str());
    if let Some(role) = role {
        problem = problem.with("role", role.as_str());
    }
    Err(problem)
}

pub(in crate::http) const DELETE: RouteDoc = RouteDoc::new(
    "deleteExecution",
    "deletes a final execution with its attempts and its log",
    &[Answer::empty(
        StatusCode::NO_CONTENT,
        "the execution is deleted",
    )],
)
.problems(&[Code::UnknownExecution, Code::NotFinal]);

/// 204 when a final execution is deleted with its attempts and its log.
pub(in crate::http) async fn delete(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    parameters: QueryParameters,
) -> Result<StatusCode, Problem> {
    parameters.finish(&[])?;
    match api.service.delete(id).await? {
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
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Cancelled {
    execution_id: ExecutionId,
    status: ExecutionStatus,
    /// True if the execution runs and its worker is asked to end it.
    cancel_requested: bool,
}

pub(in crate::http) const CANCEL: RouteDoc = RouteDoc::new(
    "cancelExecution",
    "cancels a waiting execution; requests the cancellation of a running one",
    &[
        Answer::json::<Cancelled>(StatusCode::OK, "the execution is cancelled"),
        Answer::json::<Cancelled>(StatusCode::ACCEPTED, "its worker is asked to end it"),
    ],
)
.body(&[])
.problems(&[Code::UnknownExecution, Code::AlreadyFinal]);

/// 200 when a waiting execution is cancelled, 202 when the cancellation of a running one is
/// requested, 409 when the execution is final.
pub(in crate::http) async fn cancel(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<(StatusCode, Json<Cancelled>), Problem> {
    reject_violations(&BodyFields::read(&body, String::new(), &[])?.finish())?;
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
