//! Why an execution is where it is.
//!
//! Put together from what the store knows at the moment of asking; nothing is kept for it. The
//! first reason that holds is told, in the order in which somebody could do something about it.

mod sentence;

use std::time::Duration;

use jobs::{
    EnqueueError, ExecutionError, ExecutionId, ExecutionStatus, HandlerKind, JobDescriptor,
};
use serde::Serialize;

use crate::JobService;
use crate::clock::timestamp;
use crate::store::{
    AttemptRecord, BlockingLimit, CapScope, ExecutionRecord, ProcessRecord, SessionId, SlotCap,
    StoreError,
};
use crate::time::Timestamp;
use sentence::sentence;

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
    /// It waits for others of its key, which would put it off further.
    Debounced {
        /// When it is due, if none comes.
        until: Timestamp,
        /// Milliseconds by which each puts it off.
        delay_ms: u64,
        /// Beyond which none does.
        at_most_until: Option<Timestamp>,
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
    /// Nothing is claimed from its queue until somebody resumes it.
    QueuePaused {
        /// Its queue.
        queue: String,
        /// Since when.
        since: Timestamp,
    },
    /// A limit of its job has no permit for it.
    Limited {
        /// Which limit, what it allows, and who has its permits.
        limit: BlockingLimit,
    },
    /// Its job has limits, and a worker is about to look whether they let it in.
    AtTheDoor,
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
    /// Workers could take it, but its queue, or its job, has all of its share of their slots.
    ShareTaken {
        /// Those workers, and the share that is taken.
        shares: Vec<TakenSlots>,
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

/// What a queue, or a job, has of a worker's slots, and all of that.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TakenSlots {
    /// Which worker.
    pub worker: String,
    /// Of what, and how many attempts at a time.
    #[serde(flatten)]
    pub share: SlotCap,
}

impl JobService {
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
            ExecutionStatus::Pending => self.pending(&record, &processes).await,
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
        let queues = self.store().queues().await?;
        let queue = queues.iter().find(|queue| queue.queue == record.queue);
        if let Some(since) = queue.and_then(|queue| queue.paused_at) {
            let queue = record.queue.clone();
            return Ok(Reason::QueuePaused { queue, since });
        }
        let able: Vec<_> = processes
            .iter()
            .filter(|process| process.takes_job(&record.job_id))
            .collect();
        if able.is_empty() {
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
        if let Some(limited) = self.blocked_by(record).await? {
            return Ok(limited);
        }
        let (free, taken) = self.with_room(record, &willing).await?;
        if free.is_empty() {
            return Ok(Reason::ShareTaken { shares: taken });
        }
        let queue = record.queue.clone();
        Ok(match self.store().ahead(record.id, COUNTED).await? {
            None => Reason::AtTheDoor,
            Some(0) => Reason::Next {
                workers: names(free),
            },
            Some(ahead) => Reason::Behind { ahead, queue },
        })
    }

    /// Those among the workers whose shares have room for it, and the shares of the others.
    async fn with_room<'p>(
        &self,
        record: &ExecutionRecord,
        workers: &[&'p ProcessRecord],
    ) -> Result<(Vec<&'p ProcessRecord>, Vec<TakenSlots>), StoreError> {
        let mut known: Vec<(CapScope, Vec<(SessionId, u64)>)> = Vec::new();
        let (mut free, mut all_taken) = (Vec::new(), Vec::new());
        for &process in workers {
            let mut is_taken = None;
            for share in process
                .slot_caps
                .iter()
                .filter(|share| share.counts(record))
            {
                if !known.iter().any(|(of, _)| *of == share.of) {
                    let held = self.store().leases_of(share.of.clone()).await?;
                    known.push((share.of.clone(), held));
                }
                let of_session = known
                    .iter()
                    .filter(|(of, _)| *of == share.of)
                    .flat_map(|(_, held)| held)
                    .find(|(session, _)| *session == process.session);
                if of_session.map_or(0, |(_, held)| *held) >= share.most {
                    is_taken = Some(share.clone());
                    break;
                }
            }
            match is_taken {
                None => free.push(process),
                Some(share) => all_taken.push(TakenSlots {
                    worker: process.worker.clone(),
                    share,
                }),
            }
        }
        Ok((free, all_taken))
    }

    /// The limit that holds it back, if one does.
    async fn blocked_by(&self, record: &ExecutionRecord) -> Result<Option<Reason>, StoreError> {
        let now = timestamp(&**self.clock());
        let limit = self.store().blocked_by(record.id, now).await?;
        Ok(limit.map(|limit| Reason::Limited { limit }))
    }

    async fn pending(&self, record: &ExecutionRecord, processes: &[ProcessRecord]) -> Reason {
        let now = timestamp(&**self.clock());
        let until = record.run_at;
        match last(record) {
            _ if until <= now && processes.is_empty() => Reason::NoWorker,
            _ if until <= now => Reason::Due { since: until },
            Some(attempt) if attempt.retry_at.is_some() => Reason::Retry {
                until,
                attempt: attempt.number,
                error: attempt.error.clone(),
            },
            Some(_) => Reason::Delayed { until },
            // A job that nobody can look up now is told about as if it had no such key.
            None => match self.job(&record.job_id).await {
                Ok(job) => debounced(record, job.descriptor()),
                Err(_) => Reason::Delayed { until },
            },
        }
    }
}

impl SlotCap {
    /// Whether an attempt of this execution is counted by it.
    fn counts(&self, record: &ExecutionRecord) -> bool {
        match &self.of {
            CapScope::Queue(queue) => *queue == record.queue,
            CapScope::JobIds(ids) => ids.contains(&record.job_id),
        }
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

/// What waits before its first attempt, by its job's keys.
fn debounced(record: &ExecutionRecord, job: &JobDescriptor) -> Reason {
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

fn last(record: &ExecutionRecord) -> Option<&AttemptRecord> {
    record.attempts.last()
}

fn names<'p>(processes: impl IntoIterator<Item = &'p ProcessRecord>) -> Vec<String> {
    let names = processes.into_iter().map(|process| process.worker.clone());
    names.collect()
}
