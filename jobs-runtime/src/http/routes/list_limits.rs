//! `GET /limits`: the limits with their permits in use.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::list_executions::LIMIT;
use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::store::LimitRecord;

const JOB_ID: Input = Input::text("jobId", "limits of this job");
const PARAMETERS: &[Input] = &[JOB_ID, LIMIT];

/// The limits, by job.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Limits {
    limits: Vec<LimitRecord>,
}

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listLimits",
    "the limits that executions name, with permits in use and waiting executions",
    &[Answer::json::<Limits>(StatusCode::OK, "the limits, by job")],
)
.query(PARAMETERS);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<Limits>, Problem> {
    let job_id = parameters.text(&JOB_ID);
    let limit = parameters.number(&LIMIT);
    parameters.finish(PARAMETERS)?;
    let limits = api.service.store().limits(job_id, limit).await?;
    Ok(Json(Limits { limits }))
}
