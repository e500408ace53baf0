//! `GET /executions`.

use axum::Json;
use axum::extract::State;

use crate::http::Interface;
use crate::http::response::problem::Problem;
use crate::http::request::query::Parameters;
use crate::http::response::redact::Redactor;
use crate::store::{ExecutionPage, ExecutionQuery};

/// Rows of a page unless asked otherwise.
pub(in crate::http) const PAGE: usize = 50;

/// Rows of a page at most.
pub(in crate::http) const MAX_PAGE: usize = 1_000;

pub(in crate::http) async fn page(
    State(interface): State<Interface>,
    mut parameters: Parameters,
) -> Result<Json<ExecutionPage>, Problem> {
    let query = ExecutionQuery {
        limit: parameters.number("limit", 1..=MAX_PAGE, PAGE),
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

    let mut page = interface.service.store().list_executions(query).await?;
    let mut redactor = Redactor::new(&interface.service);
    for execution in &mut page.executions {
        redactor.redact(execution).await;
    }
    Ok(Json(page))
}
