//! The known jobs, triggers, the OpenAPI document.

use std::time::Duration;

use jobs::runtime::{Due, EnqueueRequest};
use jobs::{EnqueueError, ExecutionId, Priority};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Source;
use crate::cli::failure::Failure;
use crate::service::{EnqueueOutcome, JobView, TriggerPreview};
use crate::time::Timestamp;

/// What became of a trigger.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Trigger {
    pub(in crate::cli) id: ExecutionId,
    pub(in crate::cli) outcome: EnqueueOutcome,
}

#[derive(Deserialize)]
struct JobPage {
    jobs: Vec<JobView>,
    total: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Triggered {
    execution_id: ExecutionId,
    triggered: bool,
    /// Absent in the answer of an older server.
    outcome: Option<EnqueueOutcome>,
}

impl Source {
    /// The known jobs, sorted by id.
    pub(in crate::cli) async fn jobs(&self) -> Result<Vec<JobView>, Failure> {
        let client = match self {
            Self::Local(runtime) => {
                let service = runtime.service();
                let jobs = service.jobs().await?;
                return Ok(jobs.iter().map(|job| service.view_of(job)).collect());
            }
            Self::Remote(client) => client,
        };
        let mut jobs = Vec::new();
        loop {
            let request = client.request("listJobs").query("limit", Some(1_000));
            let page: JobPage = request.query("offset", Some(jobs.len())).json().await?;
            let is_last = page.jobs.is_empty();
            jobs.extend(page.jobs);
            if is_last || jobs.len() >= page.total {
                return Ok(jobs);
            }
        }
    }

    /// The job with this id or alias.
    pub(in crate::cli) async fn job(&self, id: &str) -> Result<JobView, Failure> {
        match self {
            Self::Local(runtime) => {
                let service = runtime.service();
                let job = service.job(id).await?;
                Ok(service.view_of(&job))
            }
            Self::Remote(client) => {
                let shown = client.request("getJob").path(id).json().await;
                shown.map_err(|error| match error.problem("unknown_job") {
                    Some(problem) => EnqueueError::UnknownJob {
                        job_id: id.to_owned(),
                        near: problem.near.clone(),
                    }
                    .into(),
                    None => Failure::from(error),
                })
            }
        }
    }

    /// The OpenAPI document.
    pub(in crate::cli) async fn openapi(&self) -> Result<Value, Failure> {
        match self {
            Self::Local(runtime) => Ok(crate::http::openapi_document(runtime.service()).await?),
            Self::Remote(client) => Ok(client.request("getOpenApi").json().await?),
        }
    }

    /// Enqueues an execution.
    pub(in crate::cli) async fn trigger(
        &self,
        request: EnqueueRequest,
    ) -> Result<Trigger, Failure> {
        match self {
            Self::Local(runtime) => {
                let accepted = runtime.service().enqueue_batch(vec![request]).await;
                let accepted = accepted.map_err(|error| error.into_enqueue_error(false))?;
                let one = accepted.first();
                let one = one.ok_or_else(|| Failure::failed("the store returned no execution"))?;
                Ok(Trigger {
                    id: one.enqueued.execution_id,
                    outcome: EnqueueOutcome::of(one.answer),
                })
            }
            Self::Remote(client) => {
                let job = request.job_id.clone();
                let call = client.request("triggerJob").path(&job);
                let call = call.body(&TriggerBody::of(request, false)?);
                let answer = call.json::<Triggered>().await;
                let answer = answer.map_err(|error| error.of_payload(&job))?;
                let outcome = if answer.triggered {
                    EnqueueOutcome::New
                } else {
                    answer.outcome.unwrap_or(EnqueueOutcome::Replayed)
                };
                Ok(Trigger {
                    id: answer.execution_id,
                    outcome,
                })
            }
        }
    }

    /// Tells what a trigger would do; writes nothing.
    pub(in crate::cli) async fn preview(
        &self,
        request: EnqueueRequest,
    ) -> Result<TriggerPreview, Failure> {
        match self {
            Self::Local(runtime) => {
                let previews = runtime.service().preview_batch(vec![request]).await;
                let mut previews = previews.map_err(|error| error.into_enqueue_error(false))?;
                let preview = previews.pop();
                preview.ok_or_else(|| Failure::failed("no request was previewed"))
            }
            Self::Remote(client) => {
                let job = request.job_id.clone();
                let call = client.request("triggerJob").path(&job);
                let call = call.body(&TriggerBody::of(request, true)?);
                let answer = call.json().await;
                answer.map_err(|error| error.of_payload(&job))
            }
        }
    }
}

/// The body of a trigger. Absent values are `null`, which counts as absent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TriggerBody {
    payload: Box<RawValue>,
    priority: Option<u8>,
    delay_ms: Option<u64>,
    run_at: Option<Timestamp>,
    expires_ms: Option<u64>,
    idempotency_key: Option<String>,
    correlation_id: Option<String>,
    item_id: Option<String>,
    created_by: Option<String>,
    tags: Vec<String>,
    dry_run: bool,
}

impl TriggerBody {
    fn of(request: EnqueueRequest, dry_run: bool) -> Result<Self, Failure> {
        let (delay_ms, run_at) = due_fields(Some(request.due));
        Ok(Self {
            payload: raw_payload(request.payload)?,
            priority: request.priority.map(Priority::value),
            delay_ms,
            run_at,
            expires_ms: request.expires.map(millis),
            idempotency_key: request.idempotency_key,
            correlation_id: request.correlation_id,
            item_id: request.item_id,
            created_by: request.created_by,
            tags: request.tags,
            dry_run,
        })
    }
}

/// The payload as it is written, without a change to its numbers.
pub(super) fn raw_payload(payload: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(payload)
        .map_err(|error| Failure::usage(format!("the payload is not valid JSON: {error}")))
}

/// The fields `delayMs` and `runAt`.
pub(super) fn due_fields(due: Option<Due>) -> (Option<u64>, Option<Timestamp>) {
    match due {
        None | Some(Due::Now) => (None, None),
        Some(Due::After(delay)) => (Some(millis(delay)), None),
        Some(Due::At(time)) => (None, Some(time.into())),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
