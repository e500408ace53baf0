//! `PATCH /executions/{id}`: change the payload, priority or due time of a waiting execution.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::value::RawValue;

use super::trigger::{DELAY_MS, PAYLOAD, PRIORITY, RUN_AT, due, priority};
use crate::Edit;
use crate::http::ApiState;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::response::errors::RequestKind;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::service::Redactor;
use crate::store::{EditAnswer, ExecutionRecord};

const FIELDS: &[Input] = &[PRIORITY, DELAY_MS, RUN_AT, PAYLOAD];

pub(in crate::http) const EDIT: RouteDoc = RouteDoc::new(
    "editExecution",
    "changes a waiting execution",
    &[Answer::json::<ExecutionRecord>(
        StatusCode::OK,
        "the execution after the change",
    )],
)
.body(FIELDS)
.problems(&[
    Code::UnknownExecution,
    Code::NotWaiting,
    Code::InvalidPayload,
    Code::UnknownJob,
    Code::JobDisabled,
]);

/// Applies the edit and returns the execution as it is afterwards.
pub(in crate::http) async fn edit(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<ExecutionRecord>, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let edit = Edit {
        priority: priority(&mut fields),
        due: due(&mut fields),
        payload: fields.raw(&PAYLOAD).map(RawValue::get).map(str::to_owned),
    };
    let mut violations = fields.finish();
    if violations.is_empty() && edit.is_empty() {
        violations.push(jobs::Violation {
            pointer: String::new(),
            message: "changes nothing; give `priority`, `delayMs`, `runAt` or `payload`".to_owned(),
        });
    }
    reject_violations(&violations)?;

    let answer = api
        .service
        .edit_checked(id, edit)
        .await
        .map_err(|error| Problem::of_service(error, RequestKind::Single))?;
    match answer {
        EditAnswer::Changed => {
            let execution = api.service.store().execution(id).await?;
            let mut execution = execution.ok_or_else(|| unknown_execution(id))?;
            Redactor::new(&api.service).redact(&mut execution).await;
            Ok(Json(execution))
        }
        EditAnswer::Unknown => Err(unknown_execution(id)),
        EditAnswer::NotWaiting(status) => {
            let detail =
                format!("execution {id} is {status}; only waiting executions can be changed");
            Err(Problem::new(Code::NotWaiting, detail).with("executionStatus", status.as_str()))
        }
    }
}
