//! `GET /processes`: the workers that have a session.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::route_doc::{Answer, RouteDoc};
use crate::store::ProcessRecord;

/// The workers that have a session.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Processes {
    processes: Vec<ProcessRecord>,
}

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listProcesses",
    "the workers that have a session, and their jobs",
    &[Answer::json::<Processes>(StatusCode::OK, "the workers")],
);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    parameters: QueryParameters,
) -> Result<Json<Processes>, Problem> {
    parameters.finish(&[])?;
    let processes = api.service.store().processes().await?;
    Ok(Json(Processes { processes }))
}
