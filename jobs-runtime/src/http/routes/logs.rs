//! `GET /executions/{id}/logs`: the log lines of an execution.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};

use super::executions::{REVEAL, check_reveal};
use super::list_executions::MAX_LIMIT;
use crate::http::ApiState;
use crate::http::auth::Caller;
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, NumberRange, RouteDoc};
use crate::service::Redactor;
use crate::store::{LogLevel, LogPage, LogPlace, LogQuery};

const ATTEMPT: Input = Input::value::<u32>("attempt", "lines of this attempt");
const LEVEL: Input =
    Input::value::<LogLevel>("level", "lines of this level or a more important one");
const AFTER: Input = Input::value::<LogPlace>("after", "the `after` of the page before");
const LIMIT: Input = Input::number(
    "limit",
    NumberRange {
        min: 1,
        max: MAX_LIMIT,
        default: MAX_LIMIT,
    },
    "the largest number of lines in the page",
);
const PARAMETERS: &[Input] = &[ATTEMPT, LEVEL, AFTER, LIMIT, REVEAL];

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listLogLines",
    "the log lines of its handler, oldest first",
    &[Answer::json::<LogPage>(StatusCode::OK, "a page of lines")],
)
.query(PARAMETERS)
.problems(&[Code::UnknownExecution]);

/// Lists log lines, oldest first. A client passes the `after` of a page to get the lines that
/// follow it, also those that are written later.
pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    caller: Option<Extension<Caller>>,
    mut parameters: QueryParameters,
) -> Result<Json<LogPage>, Problem> {
    let query = LogQuery {
        execution_id: id,
        attempt: parameters.parsed(&ATTEMPT),
        level: parameters.parsed(&LEVEL),
        after: parameters.parsed(&AFTER),
        limit: parameters.number(&LIMIT),
    };
    let reveal = parameters.parsed::<bool>(&REVEAL).unwrap_or(false);
    parameters.finish(PARAMETERS)?;
    check_reveal(reveal, caller)?;
    let page = api.service.store().logs(query).await?;
    let mut page = page.ok_or_else(|| unknown_execution(id))?;
    if page.lines.is_empty() {
        // A client that follows a log asks again and again: what shows nothing is no act.
        return Ok(Json(page));
    }
    if reveal {
        api.service.record_reveal(id).await;
    } else if let Some(execution) = api.service.store().execution(id).await? {
        let secrets = Redactor::new(&api.service).secrets(&execution).await;
        page.lines
            .iter_mut()
            .for_each(|line| secrets.hide_in_line(line));
    }
    Ok(Json(page))
}
