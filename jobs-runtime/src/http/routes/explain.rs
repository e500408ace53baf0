//! `GET /executions/{id}/explain`: the reason why an execution is in its present status.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::Explanation;
use crate::http::ApiState;
use crate::http::request::path::{ExecutionPath, unknown_execution};
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, RouteDoc};

pub(in crate::http) const EXPLAIN: RouteDoc = RouteDoc::new(
    "explainExecution",
    "the reason why an execution is in its present status",
    &[Answer::json::<Explanation>(StatusCode::OK, "the reason")],
)
.problems(&[Code::UnknownExecution]);

pub(in crate::http) async fn explain(
    State(api): State<ApiState>,
    ExecutionPath(id): ExecutionPath,
    parameters: QueryParameters,
) -> Result<Json<Explanation>, Problem> {
    parameters.finish(&[])?;
    let explanation = api.service.explain(id).await?;
    Ok(Json(explanation.ok_or_else(|| unknown_execution(id))?))
}
