//! `PATCH /executions/{id}`.

use axum::Json;
use axum::extract::State;
use serde_json::value::RawValue;

use crate::http::Interface;
use crate::http::request::body::{Fields, MAX_BODY, Text, accept};
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::response::problem::{Code, Problem};
use crate::http::response::redact::Redactor;
use crate::http::response::errors::Shape;
use super::trigger::due;
use crate::Edit;
use crate::store::{EditAnswer, ExecutionRecord};

/// Changes one that waits, and answers with it as it is by now.
pub(in crate::http) async fn edit(
    State(interface): State<Interface>,
    ExecutionPath(id): ExecutionPath,
    Text(body): Text<MAX_BODY>,
) -> Result<Json<ExecutionRecord>, Problem> {
    let mut fields = Fields::read(&body, String::new())?;
    let edit = Edit {
        priority: fields.priority(),
        due: due(&mut fields),
        payload: fields.raw("payload").map(RawValue::get).map(str::to_owned),
    };
    let mut violations = fields.finish();
    if violations.is_empty() && edit.is_empty() {
        violations.push(jobs::Violation {
            pointer: String::new(),
            message: "changes nothing: give `priority`, `delayMs`, `runAt` or `payload`".to_owned(),
        });
    }
    accept(&violations)?;

    let answer = interface
        .service
        .edit_checked(id, edit)
        .await
        .map_err(|refusal| Problem::refused(refusal, Shape::One))?;
    match answer {
        EditAnswer::Changed => {
            let execution = interface.service.store().execution(id).await?;
            let mut execution = execution.ok_or_else(|| unknown_execution(id))?;
            Redactor::new(&interface.service)
                .redact(&mut execution)
                .await;
            Ok(Json(execution))
        }
        EditAnswer::Unknown => Err(unknown_execution(id)),
        EditAnswer::NotWaiting(status) => {
            let detail = format!("execution {id} is {status}; only waiting ones are changed");
            Err(Problem::new(Code::NotWaiting, detail).with("executionStatus", status.as_str()))
        }
    }
}
