//! Queues, limits, workers, failures, the overview.

use serde::Deserialize;

use super::Source;
use crate::QueueAnswer;
use crate::cli::failure::Failure;
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

    /// Pauses a queue, or resumes it.
    pub(in crate::cli) async fn set_paused(
        &self,
        queue: &str,
        paused: bool,
    ) -> Result<QueueAnswer, Failure> {
        let client = match self {
            Self::Local(runtime) if paused => return Ok(runtime.service().pause(queue).await?),
            Self::Local(runtime) => return Ok(runtime.service().resume(queue).await?),
            Self::Remote(client) => client,
        };
        let operation = if paused { "pauseQueue" } else { "resumeQueue" };
        match client.request(operation).path(queue).json().await {
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
