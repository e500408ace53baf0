//! `GET /executions/{id}/logs`.

use axum::Json;
use axum::extract::State;

use crate::http::Interface;
use super::list_executions::MAX_PAGE;
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::response::problem::Problem;
use crate::http::request::query::Parameters;
use crate::store::{LogPage, LogQuery};

/// Lines of a page unless asked otherwise: the log of one attempt.
const PAGE: usize = 1_000;

/// Oldest first. The `after` of a page is where the next one begins, also when nothing follows yet.
pub(in crate::http) async fn page(
    State(interface): State<Interface>,
    ExecutionPath(id): ExecutionPath,
    mut parameters: Parameters,
) -> Result<Json<LogPage>, Problem> {
    let query = LogQuery {
        execution_id: id,
        attempt: parameters.parsed("attempt"),
        level: parameters.parsed("level"),
        after: parameters.parsed("after"),
        limit: parameters.number("limit", 1..=MAX_PAGE, PAGE),
    };
    parameters.finish()?;
    let page = interface.service.store().logs(query).await?;
    Ok(Json(page.ok_or_else(|| unknown_execution(id))?))
}
