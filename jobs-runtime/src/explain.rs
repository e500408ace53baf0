//! Why an execution is where it is.
//!
//! Put together from what the store knows at the moment of asking; nothing is kept for it. The
//! first reason that holds is told, in the order in which somebody could do something about it.

use jobs::{EnqueueError, ExecutionError, ExecutionId, ExecutionStatus, HandlerKind};
use serde::Serialize;

use crate::Edge;
use crate::clock::timestamp;
use crate::store::{AttemptRecord, ExecutionRecord, ProcessRecord, StoreError};
use crate::time::Timestamp;

/// Executions that are counted ahead of one.
const COUNTED: u64 = 10_000;

/// Why an execution is where it is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job_id: String,
    /// Where it is.
    pub status: ExecutionStatus,
    /// Why.
    pub reason: ToldReason,
}

/// A reason for programs and for people.
#[derive(Clone, Debug, Serialize)]
pub struct ToldReason {
    /// For programs.
    #[serde(flatten)]
    pub reason: Reason,
    /// For people: a sentence.
    pub text: String,
}

/// The first thing that keeps an execution where it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "code",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum Reason {
    /// It has ended.
    Final {
        /// When.
        finished_at: Option<Timestamp>,
        /// By what, unless it succeeded.
        error: Option<ExecutionError>,
    },
    /// A worker executes it.
    Running {
        /// Which one.
        worker: String,
        /// Since when.
        since: Option<Timestamp>,
        /// Which attempt.
        attempt: u32,
        /// When the worker was seen last, by its own time; `None` if its session is gone.
        renewed_at: Option<Timestamp>,
    },
    /// A worker executes it and has been or will be asked to end it.
    CancelRequested {
        /// Which one.
        worker: String,
        /// When somebody asked.
        requested_at: Timestamp,
    },
    /// It was wanted for later.
    Delayed {
        /// When it is due.
        until: Timestamp,
    },
    /// Its last attempt did not succeed, and the next one has to wait.
    Retry {
        /// When it is due.
        until: Timestamp,
        /// The attempt that ended.
        attempt: u32,
        /// How it failed; nothing if the handler asked for a later time.
        error: Option<ExecutionError>,
    },
    /// It is due, and a worker is about to move it into its queue.
    Due {
        /// Since when.
        since: Timestamp,
    },
    /// No worker has a session.
    NoWorker,
    /// Programs outside execute it, and none has taken it yet.
    External,
    /// Its job is disabled.
    JobDisabled,
    /// No program has ever published its job.
    UnknownJob,
    /// Workers have sessions, but none links its job.
    NoWorkerForJob {
        /// Those that have.
        workers: Vec<String>,
    },
    /// Workers link its job, but none of them takes from its queue.
    NoWorkerForQueue {
        /// Its queue.
        queue: String,
        /// Those that link its job.
        workers: Vec<String>,
    },
    /// Others of its queue come first.
    Behind {
        /// How many; not counted further than 10,000.
        ahead: u64,
        /// Its queue.
        queue: String,
    },
    /// It is the next of its queue.
    Next {
        /// Those that can take it.
        workers: Vec<String>,
    },
}

impl Edge {
    /// Why an execution is where it is; `None` if there is no such execution.
    ///
    /// # Errors
    /// The store's.
    pub async fn explain(&self, id: ExecutionId) -> Result<Option<Explanation>, StoreError> {
        let Some(record) = self.store().execution(id).await? else {
            return Ok(None);
        };
        let processes = self.store().processes().await?;
        let reason = match record.status {
            ExecutionStatus::Running => running(&record, &processes),
            ExecutionStatus::Pending => pending(&record, &processes, timestamp(&**self.clock())),
            ExecutionStatus::Queued => self.queued(&record, &processes).await?,
            _ => Reason::Final {
                finished_at: record.finished_at,
                error: record.error.clone(),
            },
        };
        Ok(Some(Explanation {
            execution_id: id,
            reason: ToldReason {
                text: sentence(&reason, &record),
                reason,
            },
            job_id: record.job_id,
            status: record.status,
        }))
    }

    async fn queued(
        &self,
        record: &ExecutionRecord,
        processes: &[ProcessRecord],
    ) -> Result<Reason, StoreError> {
        let able: Vec<_> = processes
            .iter()
            .filter(|process| process.takes_job(&record.job_id))
            .collect();
        if able.is_empty() {
            return Ok(match self.job(&record.job_id).await {
                Ok(job) if job.descriptor().handler == HandlerKind::External => Reason::External,
                Ok(job) if !job.descriptor().enabled => Reason::JobDisabled,
                Err(EnqueueError::UnknownJob { .. }) => Reason::UnknownJob,
                _ if processes.is_empty() => Reason::NoWorker,
                _ => Reason::NoWorkerForJob {
                    workers: names(processes),
                },
            });
        }
        let willing: Vec<_> = able
            .iter()
            .filter(|process| process.takes_queue(&record.queue))
            .copied()
            .collect();
        if willing.is_empty() {
            return Ok(Reason::NoWorkerForQueue {
                queue: record.queue.clone(),
                workers: names(able),
            });
        }
        let ahead = self.store().ahead(record.id, COUNTED).await?;
        Ok(match ahead.unwrap_or(0) {
            0 => Reason::Next {
                workers: names(willing),
            },
            ahead => Reason::Behind {
                ahead,
                queue: record.queue.clone(),
            },
        })
    }
}

impl ProcessRecord {
    /// Whether it executes this job, as far as it tells.
    fn takes_job(&self, id: &str) -> bool {
        let ids = self.job_ids.as_ref();
        ids.is_none_or(|ids| ids.iter().any(|taken| taken == id))
    }

    /// Whether it takes from this queue, as far as it tells.
    fn takes_queue(&self, queue: &str) -> bool {
        let queues = self.queues.as_ref();
        queues.is_none_or(|queues| queues.is_empty() || queues.iter().any(|taken| taken == queue))
    }
}

fn running(record: &ExecutionRecord, processes: &[ProcessRecord]) -> Reason {
    let worker = last(record).map_or_else(String::new, |attempt| attempt.worker.clone());
    if let Some(requested_at) = record.cancel_requested_at {
        return Reason::CancelRequested {
            worker,
            requested_at,
        };
    }
    let mut sessions = processes.iter().rev();
    let session = sessions.find(|process| process.worker == worker);
    Reason::Running {
        renewed_at: session.map(|session| session.renewed_at),
        worker,
        since: record.started_at,
        attempt: record.attempt,
    }
}

fn pending(record: &ExecutionRecord, processes: &[ProcessRecord], now: Timestamp) -> Reason {
    match last(record) {
        _ if record.run_at <= now && processes.is_empty() => Reason::NoWorker,
        _ if record.run_at <= now => Reason::Due {
            since: record.run_at,
        },
        Some(attempt) if attempt.retry_at.is_some() => Reason::Retry {
            until: record.run_at,
            attempt: attempt.number,
            error: attempt.error.clone(),
        },
        _ => Reason::Delayed {
            until: record.run_at,
        },
    }
}

fn last(record: &ExecutionRecord) -> Option<&AttemptRecord> {
    record.attempts.last()
}

fn names<'p>(processes: impl IntoIterator<Item = &'p ProcessRecord>) -> Vec<String> {
    let names = processes.into_iter().map(|process| process.worker.clone());
    names.collect()
}

/// The reason for people.
fn sentence(reason: &Reason, record: &ExecutionRecord) -> String {
    let job = &record.job_id;
    match reason {
        Reason::Final { finished_at, error } => {
            let mut text = record.status.to_string();
            if let Some(at) = finished_at {
                text.push_str(&format!(" at {at}"));
            }
            match (record.attempt, error) {
                (0, Some(error)) => text.push_str(&format!(": {error}")),
                (attempt, Some(error)) => {
                    text.push_str(&format!(" with attempt {attempt}: {error}"));
                }
                (_, None) => {}
            }
            text
        }
        Reason::Running {
            worker,
            since,
            attempt,
            renewed_at,
        } => {
            let since = since.map_or_else(String::new, |at| format!(" since {at}"));
            let seen = match renewed_at {
                Some(at) => format!("; the worker was seen last at {at}"),
                None => "; its worker's session is gone, another will find that out".to_owned(),
            };
            format!("attempt {attempt} runs on {worker}{since}{seen}")
        }
        Reason::CancelRequested {
            worker,
            requested_at,
        } => format!(
            "its cancellation was requested at {requested_at}; it runs on {worker} until its \
             handler returns or its grace is over"
        ),
        Reason::Delayed { until } => format!("it was wanted for later and is due at {until}"),
        Reason::Retry {
            until,
            attempt,
            error: Some(error),
        } => format!("attempt {attempt} ended: {error}; the next one is due at {until}"),
        Reason::Retry { until, attempt, .. } => {
            format!("attempt {attempt} asked for a later time; the next one is due at {until}")
        }
        Reason::Due { since } => {
            format!("it is due since {since}; a worker is about to move it into its queue")
        }
        Reason::NoWorker => {
            "no worker has a session: nothing is executed; `run` or `work` start one".to_owned()
        }
        Reason::External => {
            format!("programs outside execute job `{job}`, and none of them has taken it yet")
        }
        Reason::JobDisabled => format!("job `{job}` is disabled (`enabled = false`)"),
        Reason::UnknownJob => format!(
            "no program has ever published a job `{job}`: the crate of the job is not linked into \
             any worker, or its id has changed without an alias"
        ),
        Reason::NoWorkerForJob { workers } => format!(
            "no worker that has a session links job `{job}`: {}",
            workers.join(", ")
        ),
        Reason::NoWorkerForQueue { queue, workers } => format!(
            "no worker that links job `{job}` takes from queue `{queue}`: {}",
            workers.join(", ")
        ),
        Reason::Behind { ahead, queue } if *ahead >= COUNTED => {
            format!("{COUNTED} or more others of queue `{queue}` come first")
        }
        Reason::Behind { ahead: 1, queue } => format!("1 other of queue `{queue}` comes first"),
        Reason::Behind { ahead, queue } => {
            format!("{ahead} others of queue `{queue}` come first")
        }
        Reason::Next { workers } => format!(
            "it is the next of its queue, for when one of these has a free slot: {}",
            workers.join(", ")
        ),
    }
}
