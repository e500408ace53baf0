//! `POST /executions/{id}/retry`.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jobs::{ExecutionId, ExecutionStatus};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::request::body::{Fields, MAX_BODY, Text, accept};
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::response::problem::{Code, Problem};
use crate::http::response::errors::Shape;
use crate::http::{Interface, PREFIX};
use crate::store::RetryAnswer;

/// An execution that runs again.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Retried {
    execution_id: ExecutionId,
    status: ExecutionStatus,
}

/// The body may carry another `payload`.
pub(in crate::http) async fn retry(
    State(interface): State<Interface>,
    ExecutionPath(id): ExecutionPath,
    Text(body): Text<MAX_BODY>,
) -> Result<Response, Problem> {
    let mut fields = Fields::read(&body, String::new())?;
    let payload = fields.raw("payload").map(RawValue::get);
    accept(&fields.finish())?;

    let answer = interface
        .service
        .retry_checked(id, payload.map(str::to_owned))
        .await
        .map_err(|refusal| Problem::refused(refusal, Shape::One))?;
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
        RetryAnswer::NotRetryable(status) => {
            let detail =
                format!("execution {id} is {status}; only failed and cancelled ones are retried");
            Err(Problem::new(Code::NotRetryable, detail).with("executionStatus", status.as_str()))
        }
    }
}
