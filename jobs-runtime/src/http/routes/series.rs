//! `GET /series`: throughput, times and depth over the last hour or day, for charts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::service::{Series, SeriesOf, SeriesWindow};

const JOB_ID: Input = Input::text("jobId", "the series of this job; absent: of the fleet");
const QUEUE: Input = Input::text("queue", "the series of this queue, unless `jobId` is given");
pub(in crate::http) const WINDOW: Input =
    Input::value::<SeriesWindow>("window", "`hour`, the default, or `day`");
const PARAMETERS: &[Input] = &[JOB_ID, QUEUE, WINDOW];

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getSeries",
    "what ended and what waited in each minute of the last hour, or each quarter of an hour of the \
     last day",
    &[Answer::json::<Series>(StatusCode::OK, "the series")],
)
.query(PARAMETERS);

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<Series>, Problem> {
    let (job, queue) = (parameters.text(&JOB_ID), parameters.text(&QUEUE));
    let window = parameters
        .parsed::<SeriesWindow>(&WINDOW)
        .unwrap_or_default();
    parameters.finish(PARAMETERS)?;
    let of = match (job, queue) {
        (Some(job), _) => SeriesOf::Job(job),
        (None, Some(queue)) => SeriesOf::Queue(queue),
        (None, None) => SeriesOf::Fleet,
    };
    Ok(Json(api.service.series(of, window).await?))
}
