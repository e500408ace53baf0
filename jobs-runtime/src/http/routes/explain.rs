//! `GET /executions/{id}/explain`.

use axum::Json;
use axum::extract::State;

use crate::http::Interface;
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::response::problem::Problem;
use crate::http::request::query::Parameters;
use crate::Explanation;

pub(in crate::http) async fn explain(
    State(interface): State<Interface>,
    ExecutionPath(id): ExecutionPath,
    parameters: Parameters,
) -> Result<Json<Explanation>, Problem> {
    parameters.finish()?;
    let explanation = interface.service.explain(id).await?;
    Ok(Json(explanation.ok_or_else(|| unknown_execution(id))?))
}
