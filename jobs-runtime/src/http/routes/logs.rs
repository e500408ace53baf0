//! `GET /executions/{id}/logs`: the log lines of an execution.

use axum::Json;
use axum::extract::State;

use super::list_executions::MAX_LIMIT;
use crate::http::ApiState;
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::store::{LogPage, LogQuery};

/// The default number of lines in a page.
const DEFAULT_LIMIT: usize = 1_000;

/// Lists log lines, oldest first. A client passes the `after` of a page to get the lines that
/// follow it, also those that are written later.
pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    mut parameters: QueryParameters,
) -> Result<Json<LogPage>, Problem> {
    let query = LogQuery {
        execution_id: id,
        attempt: parameters.parsed("attempt"),
        level: parameters.parsed("level"),
        after: parameters.parsed("after"),
        limit: parameters.number("limit", 1..=MAX_LIMIT, DEFAULT_LIMIT),
    };
    parameters.finish()?;
    let page = api.service.store().logs(query).await?;
    Ok(Json(page.ok_or_else(|| unknown_execution(id))?))
}
