//! `GET /failures`: failed executions grouped by job and by the fingerprint of their error.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::list_executions::{JOB_ID, QUEUE};
use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::service::{FailureFilter, Failures};
use crate::time::Timestamp;

const SINCE: Input = Input::value::<Timestamp>(
    "since",
    "failures at this time or later; of the last day if it is absent",
);
const PARAMETERS: &[Input] = &[JOB_ID, QUEUE, SINCE];

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listFailures",
    "the failed executions by job and error",
    &[Answer::json::<Failures>(StatusCode::OK, "the groups")],
)
.query(PARAMETERS);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<Failures>, Problem> {
    let filter = FailureFilter {
        job_id: parameters.text(&JOB_ID),
        queue: parameters.text(&QUEUE),
        since: parameters.parsed(&SINCE),
    };
    parameters.finish(PARAMETERS)?;
    Ok(Json(api.service.failures(filter).await?))
}
