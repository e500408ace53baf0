//! `GET /throughput`: what ended in each job or queue in the last hour or day, for lists.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::series::WINDOW;
use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::service::{Throughput, ThroughputBy};

const BY: Input = Input::value::<ThroughputBy>("by", "`job`, the default, or `queue`");
const PARAMETERS: &[Input] = &[BY, WINDOW];

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getThroughput",
    "what ended in the last hour or day, by job or by queue",
    &[Answer::json::<Throughput>(StatusCode::OK, "the counts")],
)
.query(PARAMETERS);

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<Throughput>, Problem> {
    let by = parameters.parsed(&BY).unwrap_or(ThroughputBy::Job);
    let window = parameters.parsed(&WINDOW).unwrap_or_default();
    parameters.finish(PARAMETERS)?;
    Ok(Json(api.service.throughput(by, window).await?))
}
