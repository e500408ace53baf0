//! `POST /executions/{id}/erase`: remove the payload and the results of a final execution.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::ExecutionId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::ApiState;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::response::errors::RequestKind;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::store::{EraseAnswer, Erasure};

/// The response to an erasure.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Erased {
    execution_id: ExecutionId,
    erased: Erasure,
}

const BY: Input = Input::name("by", "the person or program that requests the erasure");
const FIELDS: &[Input] = &[BY];

pub(in crate::http) const ERASE: RouteDoc = RouteDoc::new(
    "eraseExecution",
    "removes the payload, the results and the log of a final execution; its record stays",
    &[Answer::json::<Erased>(
        StatusCode::OK,
        "the time and the author of the first erasure",
    )],
)
.body(FIELDS)
.problems(&[Code::UnknownExecution, Code::NotFinal]);

/// The body may contain `by`, the author of the request. A repeated request answers with the first
/// erasure.
pub(in crate::http) async fn erase(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<Erased>, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let by = fields.value(&BY, "a text");
    reject_violations(&fields.finish())?;

    let answer = api.service.erase(id, by).await;
    match answer.map_err(|error| Problem::of_service(error.into(), RequestKind::Single))? {
        EraseAnswer::Erased(erased) => Ok(Json(Erased {
            execution_id: id,
            erased,
        })),
        EraseAnswer::Unknown => Err(unknown_execution(id)),
        EraseAnswer::NotFinal(status) => {
            let detail = format!("execution {id} is {status}; only final executions can be erased");
            Err(Problem::new(Code::NotFinal, detail).with("executionStatus", status.as_str()))
        }
    }
}
