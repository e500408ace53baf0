//! Explanations: the reason why an execution is in its present status.
//!
//! An explanation is derived from the present rows of the store; nothing is recorded for it. The
//! reasons are checked in this order, and the first that applies is returned: expiry, paused queue,
//! no worker for the job or the queue, limit, slot cap, position in the queue.
//!
//! This module imports the service, the store contract, the clock and `time`. It must not import
//! `http`, the command line or the engine.

mod sentence;

use std::time::Duration;

use jobs::{
    EnqueueError, ExecutionError, ExecutionId, ExecutionStatus, HandlerKind, JobDescriptor,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::redact::Redactor;
use crate::JobService;
use crate::clock::timestamp;
use crate::store::{
    AttemptRecord, BlockingLimit, CapScope, ExecutionRecord, ProcessRecord, SessionId, SlotCap,
    StoreError,
};
use crate::time::Timestamp;
use sentence::sentence;

/// The largest number of executions that are counted ahead of one.
const MAX_COUNTED: u64 = 10_000;

/// The status of an execution and the reason for it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job_id: String,
    /// Its status.
    pub status: ExecutionStatus,
    /// The reason for the status.
    pub reason: ExplainedReason,
}

/// A reason as data and as a sentence.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedReason {
    /// The reason, for programs.
    #[serde(flatten)]
    pub reason: Reason,
    /// The reason as a sentence, for people.
    pub text: String,
}

/// The reason why an execution is in its present status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "code",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum Reason {
    /// The execution is final.
    Final {
        /// The end of the execution.
        finished_at: Option<Timestamp>,
        /// The error, unless it succeeded.
        error: Option<ExecutionError>,
    },
    /// A worker executes it.
    Running {
        /// The worker.
        worker: String,
        /// The start of the execution.
        since: Option<Timestamp>,
        /// The number of the running attempt.
        attempt: u32,
        /// The last renewal of the worker's session, by its own clock; `None` if the session is
        /// gone.
        renewed_at: Option<Timestamp>,
    },
    /// A worker executes it, and its cancellation is requested.
    CancelRequested {
        /// The worker.
        worker: String,
        /// The time of the request.
        requested_at: Timestamp,
    },
    /// It was enqueued for a later time.
    Delayed {
        /// The time at which it is due.
        until: Timestamp,
    },
    /// It is debounced: a further request with its key postpones it.
    Debounced {
        /// The time at which it is due without a further request.
        until: Timestamp,
        /// The time by which each request postpones it, in milliseconds.
        delay_ms: u64,
        /// The latest time to which requests can postpone it.
        at_most_until: Option<Timestamp>,
    },
    /// It waits for its next attempt.
    Retry {
        /// The time at which the next attempt is due.
        until: Timestamp,
        /// The number of the last attempt.
        attempt: u32,
        /// The error of the last attempt; `None` if the handler asked for a later time.
        error: Option<ExecutionError>,
    },
    /// It is due, and no worker has promoted it yet.
    Due {
        /// The time at which it became due.
        since: Timestamp,
    },
    /// Its first attempt has not started in time, and no worker has cancelled it yet.
    Expired {
        /// The time by which its first attempt had to start.
        at: Timestamp,
    },
    /// Its queue is paused.
    QueuePaused {
        /// The queue.
        queue: String,
        /// The start of the pause.
        since: Timestamp,
        /// The reason that the operator gave.
        because: Option<String>,
    },
    /// It is blocked by a limit of its job.
    Limited {
        /// The limit, its rule, and the holders of its permits.
        limit: BlockingLimit,
    },
    /// Its job has limits, and the permit allocator has not processed it yet.
    AwaitingAdmission,
    /// No worker has a session.
    NoWorker,
    /// External programs execute its job, and none has leased it yet.
    External,
    /// Its job is disabled.
    JobDisabled,
    /// No program has published its job.
    UnknownJob,
    /// No worker with a session links its job.
    NoWorkerForJob {
        /// The workers with a session.
        workers: Vec<String>,
    },
    /// No worker that links its job takes executions from its queue.
    NoWorkerForQueue {
        /// The queue.
        queue: String,
        /// The workers that link its job.
        workers: Vec<String>,
    },
    /// Every worker that could take it has reached its slot cap for the queue or the job.
    SlotCapReached {
        /// The workers and their slot caps.
        slot_caps: Vec<ReachedSlotCap>,
    },
    /// Other executions of its queue are claimed first.
    Behind {
        /// The number of these executions, counted up to 10,000.
        ahead: u64,
        /// The queue.
        queue: String,
    },
    /// It is the next execution of its queue.
    Next {
        /// The workers that can take it.
        workers: Vec<String>,
    },
}

/// A worker whose slots for a queue or a job are all in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReachedSlotCap {
    /// The worker.
    pub worker: String,
    /// The queue or the job, and the largest number of attempts at a time.
    #[serde(flatten)]
    pub slot_cap: SlotCap,
}

impl JobService {
    /// Explains the present status of an execution; `None` if there is no such execution.
    ///
    /// # Errors
    /// The store's.
    pub async fn explain(&self, id: ExecutionId) -> Result<Option<Explanation>, StoreError> {
        let Some(mut record) = self.store().execution(id).await? else {
            return Ok(None);
        };
        Redactor::new(self).redact(&mut record).await;
        let processes = self.store().processes().await?;
        let reason = match record.status {
            ExecutionStatus::Pending | ExecutionStatus::Queued if self.is_expired(&record) => {
                Reason::Expired {
                    at: record.expires_at.unwrap_or_default(),
                }
            }
            ExecutionStatus::Running => running(&record, &processes),
            ExecutionStatus::Pending => self.pending(&record, &processes).await,
            ExecutionStatus::Queued => self.queued(&record, &processes).await?,
            _ => Reason::Final {
                finished_at: record.finished_at,
                error: record.error.clone(),
            },
        };
        Ok(Some(Explanation {
            execution_id: id,
            reason: ExplainedReason {
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
        let queues = self.store().queues().await?;
        let queue = queues.iter().find(|queue| queue.queue == record.queue);
        if let Some(queue) = queue
            && let Some(since) = queue.paused_at
        {
            return Ok(Reason::QueuePaused {
                queue: record.queue.clone(),
                since,
                because: queue.pause_reason.clone(),
            });
        }
        let for_job: Vec<_> = processes
            .iter()
            .filter(|process| process.takes_job(&record.job_id))
            .collect();
        if for_job.is_empty() {
            return Ok(match self.job(&record.job_id).await {
                Ok(job) if job.descriptor().handler == HandlerKind::External => {
                    self.blocked_by(record).await?.unwrap_or(Reason::External)
                }
                Ok(job) if !job.descriptor().enabled => Reason::JobDisabled,
                Err(EnqueueError::UnknownJob { .. }) => Reason::UnknownJob,
                _ if processes.is_empty() => Reason::NoWorker,
                _ => Reason::NoWorkerForJob {
                    workers: names(processes),
                },
            });
        }
        let for_queue: Vec<_> = for_job
            .iter()
            .filter(|process| process.takes_queue(&record.queue))
            .copied()
            .collect();
        if for_queue.is_empty() {
            return Ok(Reason::NoWorkerForQueue {
                queue: record.queue.clone(),
                workers: names(for_job),
            });
        }
        if let Some(limited) = self.blocked_by(record).await? {
            return Ok(limited);
        }
        let (free, slot_caps) = self.split_by_slot_cap(record, &for_queue).await?;
        if free.is_empty() {
            return Ok(Reason::SlotCapReached { slot_caps });
        }
        let queue = record.queue.clone();
        Ok(match self.store().ahead(record.id, MAX_COUNTED).await? {
            None => Reason::AwaitingAdmission,
            Some(0) => Reason::Next {
                workers: names(free),
            },
            Some(ahead) => Reason::Behind { ahead, queue },
        })
    }

    /// Returns the workers below their slot caps, and the reached slot caps of the other workers.
    async fn split_by_slot_cap<'p>(
        &self,
        record: &ExecutionRecord,
        workers: &[&'p ProcessRecord],
    ) -> Result<(Vec<&'p ProcessRecord>, Vec<ReachedSlotCap>), StoreError> {
        let mut leases_by_scope: Vec<(CapScope, Vec<(SessionId, u64)>)> = Vec::new();
        let (mut free, mut all_reached) = (Vec::new(), Vec::new());
        for &process in workers {
            let mut reached = None;
            for slot_cap in process
                .slot_caps
                .iter()
                .filter(|slot_cap| slot_cap.counts(record))
            {
                if !leases_by_scope
                    .iter()
                    .any(|(scope, _)| *scope == slot_cap.of)
                {
                    let leases = self.store().leases_of(slot_cap.of.clone()).await?;
                    leases_by_scope.push((slot_cap.of.clone(), leases));
                }
                let of_session = leases_by_scope
                    .iter()
                    .filter(|(scope, _)| *scope == slot_cap.of)
                    .flat_map(|(_, leases)| leases)
                    .find(|(session, _)| *session == process.session);
                if of_session.map_or(0, |(_, leases)| *leases) >= slot_cap.most {
                    reached = Some(slot_cap.clone());
                    break;
                }
            }
            match reached {
                None => free.push(process),
                Some(slot_cap) => all_reached.push(ReachedSlotCap {
                    worker: process.worker.clone(),
                    slot_cap,
                }),
            }
        }
        Ok((free, all_reached))
    }

    /// Returns whether a waiting execution has expired and is not cancelled yet.
    fn is_expired(&self, record: &ExecutionRecord) -> bool {
        let now = timestamp(&**self.clock());
        record.expires_at.is_some_and(|at| at <= now)
    }

    /// Returns the limit that blocks the execution, if there is one.
    async fn blocked_by(&self, record: &ExecutionRecord) -> Result<Option<Reason>, StoreError> {
        let now = timestamp(&**self.clock());
        let limit = self.store().blocked_by(record.id, now).await?;
        Ok(limit.map(|limit| Reason::Limited { limit }))
    }

    async fn pending(&self, record: &ExecutionRecord, processes: &[ProcessRecord]) -> Reason {
        let now = timestamp(&**self.clock());
        let until = record.run_at;
        match last_attempt(record) {
            _ if until <= now && processes.is_empty() => Reason::NoWorker,
            _ if until <= now => Reason::Due { since: until },
            Some(attempt) if attempt.retry_at.is_some() => Reason::Retry {
                until,
                attempt: attempt.number,
                error: attempt.error.clone(),
            },
            Some(_) => Reason::Delayed { until },
            // Without the job's definition, a debounced execution counts as delayed.
            None => match self.job(&record.job_id).await {
                Ok(job) => delayed_or_debounced(record, job.descriptor()),
                Err(_) => Reason::Delayed { until },
            },
        }
    }
}

impl SlotCap {
    /// Returns whether the slot cap counts attempts of this execution.
    fn counts(&self, record: &ExecutionRecord) -> bool {
        match &self.of {
            CapScope::Queue(queue) => *queue == record.queue,
            CapScope::JobIds(ids) => ids.contains(&record.job_id),
        }
    }
}

impl ProcessRecord {
    /// Returns whether the process executes this job. A process that lists no jobs counts as one
    /// that does.
    fn takes_job(&self, id: &str) -> bool {
        let ids = self.job_ids.as_ref();
        ids.is_none_or(|ids| ids.iter().any(|taken| taken == id))
    }

    /// Returns whether the process takes executions from this queue. An empty or missing list means
    /// all queues.
    fn takes_queue(&self, queue: &str) -> bool {
        let queues = self.queues.as_ref();
        queues.is_none_or(|queues| queues.is_empty() || queues.iter().any(|taken| taken == queue))
    }
}

fn running(record: &ExecutionRecord, processes: &[ProcessRecord]) -> Reason {
    let worker = last_attempt(record).map_or_else(String::new, |attempt| attempt.worker.clone());
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

/// Returns the reason for a pending execution before its first attempt.
fn delayed_or_debounced(record: &ExecutionRecord, job: &JobDescriptor) -> Reason {
    let until = record.run_at;
    match &job.limits.debounce {
        None => Reason::Delayed { until },
        Some(rule) => Reason::Debounced {
            until,
            delay_ms: rule.delay_ms,
            at_most_until: rule.at_most_ms.map(|at_most| {
                let at_most = Duration::from_millis(at_most);
                record.created_at.after(at_most)
            }),
        },
    }
}

fn last_attempt(record: &ExecutionRecord) -> Option<&AttemptRecord> {
    record.attempts.last()
}

fn names<'p>(processes: impl IntoIterator<Item = &'p ProcessRecord>) -> Vec<String> {
    let names = processes.into_iter().map(|process| process.worker.clone());
    names.collect()
}
