//! Queues, limits, workers, failures, the overview.

use serde::Deserialize;
use serde_json::json;

use super::Source;
use crate::QueueAnswer;
use crate::cli::failure::Failure;
use crate::cli::remote::RemoteError;
use crate::service::{FailureFilter, Failures, Overview};
use crate::store::{ProcessRecord, QueueRecord};

#[derive(Deserialize)]
struct Queues {
    queues: Vec<QueueRecord>,
}

#[derive(Deserialize)]
struct Processes {
    processes: Vec<ProcessRecord>,
}

#[derive(Deserialize)]
struct QueueState {
    changed: bool,
}

impl Source {
    /// The queues, sorted by name.
    pub(in crate::cli) async fn queues(&self) -> Result<Vec<QueueRecord>, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().queues().await?),
            Self::Remote(client) => {
                let Queues { queues } = client.request("listQueues").json().await?;
                Ok(queues)
            }
        }
    }

    /// Pauses a queue.
    pub(in crate::cli) async fn pause(
        &self,
        queue: &str,
        reason: Option<String>,
    ) -> Result<QueueAnswer, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().pause_because(queue, reason).await?),
            Self::Remote(client) => {
                let request = client.request("pauseQueue").path(queue);
                let request = match reason {
                    Some(reason) => request.body(&json!({ "reason": reason })),
                    None => request,
                };
                changed(request.json().await)
            }
        }
    }

    /// Resumes a queue.
    pub(in crate::cli) async fn resume(&self, queue: &str) -> Result<QueueAnswer, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().resume(queue).await?),
            Self::Remote(client) => changed(client.request("resumeQueue").path(queue).json().await),
        }
    }

    /// Forgets the starts and the pause of a rate limit. Returns `false` if there is none.
    pub(in crate::cli) async fn reset_limit(&self, limit: &str) -> Result<bool, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().reset_limit(limit).await?),
            Self::Remote(client) => match client.request("resetLimit").path(limit).send().await {
                Ok(_) => Ok(true),
                Err(error) if error.problem("unknown_limit").is_some() => Ok(false),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The workers that have a session.
    pub(in crate::cli) async fn processes(&self) -> Result<Vec<ProcessRecord>, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.store().processes().await?),
            Self::Remote(client) => {
                let Processes { processes } = client.request("listProcesses").json().await?;
                Ok(processes)
            }
        }
    }

    /// The failed executions by job and error.
    pub(in crate::cli) async fn failures(
        &self,
        filter: FailureFilter,
    ) -> Result<Failures, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().failures(filter).await?),
            Self::Remote(client) => {
                let request = client
                    .request("listFailures")
                    .query("jobId", filter.job_id)
                    .query("queue", filter.queue)
                    .query("since", filter.since);
                Ok(request.json().await?)
            }
        }
    }

    /// The state of the fleet at a glance.
    pub(in crate::cli) async fn overview(&self) -> Result<Overview, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().overview().await?),
            Self::Remote(client) => Ok(client.request("getOverview").json().await?),
        }
    }
}

/// The answer to a pause or a resumption.
fn changed(answer: Result<QueueState, RemoteError>) -> Result<QueueAnswer, Failure> {
    match answer {
        Ok(QueueState { changed: true }) => Ok(QueueAnswer::Changed),
        Ok(QueueState { changed: false }) => Ok(QueueAnswer::Unchanged),
        Err(error) => match error.problem("unknown_queue") {
            Some(problem) => Ok(QueueAnswer::Unknown {
                near: problem.near.clone(),
            }),
            None => Err(error.into()),
        },
    }
}
