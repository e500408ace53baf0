//! `GET /executions`: a filtered list of executions, newest first, in pages.
//!
//! A page ends with the cursor `nextCursor` unless it is the last one. The next request passes it
//! as `cursor`; its type is [`Cursor`](crate::store::Cursor).

use axum::Json;
use axum::extract::State;

use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::response::redact::Redactor;
use crate::store::{ExecutionPage, ExecutionQuery};

/// The default number of rows in a page.
pub(in crate::http) const DEFAULT_LIMIT: usize = 50;

/// The largest number of rows in a page.
pub(in crate::http) const MAX_LIMIT: usize = 1_000;

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<ExecutionPage>, Problem> {
    let query = ExecutionQuery {
        limit: parameters.number("limit", 1..=MAX_LIMIT, DEFAULT_LIMIT),
        job_id: parameters.text("jobId"),
        status: parameters.parsed("status"),
        queue: parameters.text("queue"),
        item_id: parameters.text("itemId"),
        correlation_id: parameters.text("correlationId"),
        created_by: parameters.text("createdBy"),
        tag: parameters.text("tag"),
        since: parameters.parsed("since"),
        until: parameters.parsed("until"),
        cursor: parameters.parsed("cursor"),
    };
    parameters.finish()?;

    let mut page = api.service.store().list_executions(query).await?;
    let mut redactor = Redactor::new(&api.service);
    for execution in &mut page.executions {
        redactor.redact(execution).await;
    }
    Ok(Json(page))
}
