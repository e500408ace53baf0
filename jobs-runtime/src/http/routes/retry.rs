//! `POST /executions/{id}/retry`: an operator's retry of a failed or cancelled execution.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jobs::{ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::trigger::PAYLOAD;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::response::errors::RequestKind;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::http::{ApiState, PREFIX};
use crate::store::RetryAnswer;

/// The response to a retry.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Retried {
    execution_id: ExecutionId,
    status: ExecutionStatus,
}

const FIELDS: &[Input] = &[PAYLOAD];

pub(in crate::http) const RETRY: RouteDoc = RouteDoc::new(
    "retryExecution",
    "runs a failed or cancelled execution again, optionally with another payload",
    &[Answer::json::<Retried>(
        StatusCode::ACCEPTED,
        "the execution is queued",
    )],
)
.body(FIELDS)
.problems(&[
    Code::UnknownExecution,
    Code::NotRetryable,
    Code::UniqueConflict,
    Code::QueueFull,
    Code::Erased,
    Code::InvalidPayload,
    Code::UnknownJob,
    Code::JobDisabled,
]);

/// The body may contain a new `payload`. It passes the same checks as at enqueue.
pub(in crate::http) async fn retry(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Response, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let payload = fields.raw(&PAYLOAD).map(RawValue::get);
    reject_violations(&fields.finish())?;

    let answer = api
        .service
        .retry_checked(id, payload.map(str::to_owned))
        .await
        .map_err(|error| Problem::of_service(error, RequestKind::Single))?;
    match answer {
        RetryAnswer::Queued => {
            let location = format!("{PREFIX}/executions/{id}");
            let retried = Retried {
                execution_id: id,
                status: ExecutionStatus::Queued,
            };
            let headers = [(header::LOCATION, location)];
            Ok((StatusCode::ACCEPTED, headers, Json(retried)).into_response())
        }
        RetryAnswer::Unknown => Err(unknown_execution(id)),
        RetryAnswer::Erased => Err(Problem::new(
            Code::Erased,
            format!("the payload of execution {id} was erased; enqueue a new execution"),
        )),
        RetryAnswer::NotRetryable(status) => {
            let detail = format!(
                "execution {id} is {status}; only failed and cancelled executions can be retried"
            );
            Err(Problem::new(Code::NotRetryable, detail).with("executionStatus", status.as_str()))
        }
    }
}
