//! `GET /executions/{id}/explain`.

use axum::Json;
use axum::extract::State;

use super::Interface;
use super::path::{ExecutionPath, unknown_execution};
use super::problem::Problem;
use super::query::Parameters;
use crate::Explanation;

pub(super) async fn explain(
    State(interface): State<Interface>,
    ExecutionPath(id): ExecutionPath,
    parameters: Parameters,
) -> Result<Json<Explanation>, Problem> {
    parameters.finish()?;
    let explanation = interface.service.explain(id).await?;
    Ok(Json(explanation.ok_or_else(|| unknown_execution(id))?))
}
