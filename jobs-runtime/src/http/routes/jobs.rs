//! `GET /jobs`, `GET /jobs/{id}`: the known jobs with their schemas and policies.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::JobDescriptor;
use schemars::JsonSchema;
use serde::Serialize;

use super::list_executions::LIMIT;
use crate::http::ApiState;
use crate::http::request::path::JobPath;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, NumberRange, RouteDoc};
use crate::service::JobView;

/// A page of jobs, sorted by id.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct JobPage {
    jobs: Vec<JobView>,
    total: usize,
    limit: usize,
    offset: usize,
}

const OFFSET: Input = Input::number(
    "offset",
    NumberRange {
        min: 0,
        max: usize::MAX,
        default: 0,
    },
    "the number of jobs to skip",
);
const QUEUE: Input = Input::text("queue", "jobs of this queue");
const TAG: Input = Input::text("tag", "jobs with this tag");
const WORDS: Input = Input::text(
    "q",
    "words that the id, label, description or tags contain, each of them",
);
const PARAMETERS: &[Input] = &[LIMIT, OFFSET, QUEUE, TAG, WORDS];

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listJobs",
    "the jobs, sorted by id",
    &[Answer::json::<JobPage>(StatusCode::OK, "a page of jobs")],
)
.query(PARAMETERS);

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getJob",
    "one job with its schemas",
    &[Answer::json::<JobView>(StatusCode::OK, "the job")],
)
.problems(&[Code::UnknownJob]);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<JobPage>, Problem> {
    let limit = parameters.number(&LIMIT);
    let offset = parameters.number(&OFFSET);
    let queue = parameters.text(&QUEUE);
    let tag = parameters.text(&TAG);
    let words = parameters.text(&WORDS);
    parameters.finish(PARAMETERS)?;

    let mut jobs = api.service.jobs().await?;
    jobs.retain(|job| {
        let job = job.descriptor();
        queue.as_ref().is_none_or(|queue| job.queue == *queue)
            && tag.as_ref().is_none_or(|tag| job.tags.contains(tag))
            && words.as_ref().is_none_or(|words| mentions(job, words))
    });
    Ok(Json(JobPage {
        total: jobs.len(),
        limit,
        offset,
        jobs: jobs
            .iter()
            .skip(offset)
            .take(limit)
            .map(|job| api.service.view_of(job))
            .collect(),
    }))
}

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    JobPath(id): JobPath,
    parameters: QueryParameters,
) -> Result<Json<JobView>, Problem> {
    parameters.finish(&[])?;
    let job = api.service.job(&id).await?;
    Ok(Json(api.service.view_of(&job)))
}

/// Returns whether every word occurs in the id, label, description or tags of a job.
fn mentions(job: &JobDescriptor, words: &str) -> bool {
    let texts = [&job.id, &job.label, &job.description].map(|text| text.to_lowercase());
    let tags: Vec<_> = job.tags.iter().map(|tag| tag.to_lowercase()).collect();
    words
        .to_lowercase()
        .split_whitespace()
        .all(|word| texts.iter().chain(&tags).any(|text| text.contains(word)))
}
