//! `GET /overview` and `GET /jobs/{id}/stats`: statistics of the last hour, day and week.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::http::ApiState;
use crate::http::request::path::JobPath;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, RouteDoc};
use crate::service::{JobStats, Overview};

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getOverview",
    "throughput, waiting times, queues, failing jobs and workers at a glance",
    &[Answer::json::<Overview>(StatusCode::OK, "the overview")],
);

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    parameters: QueryParameters,
) -> Result<Json<Overview>, Problem> {
    parameters.finish(&[])?;
    Ok(Json(api.service.overview().await?))
}

pub(in crate::http) const STATS: RouteDoc = RouteDoc::new(
    "getJobStats",
    "one job's executions of the last hour, day and week",
    &[Answer::json::<JobStats>(StatusCode::OK, "the statistics")],
)
.problems(&[Code::UnknownJob]);

pub(in crate::http) async fn stats(
    State(api): State<ApiState>,
    JobPath(id): JobPath,
    parameters: QueryParameters,
) -> Result<Json<JobStats>, Problem> {
    parameters.finish(&[])?;
    Ok(Json(api.service.job_stats(&id).await?))
}
