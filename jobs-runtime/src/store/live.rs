//! Live events: what the store calls of this process did, in detail and without a query.
//!
//! A [`LiveStore`] passes calls to its store. It remembers the attempts that this process executes,
//! so that a progress report or a log line, which carry a fence only, name their execution. It
//! sends a [`LiveEvent`] for each change while it has a subscriber. Calls of other processes cause
//! no live event: their changes arrive as [`StoreEvent`](super::StoreEvent)s.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jobs::{AttemptOutcome, ExecutionError, ExecutionId, ExecutionStatus, Progress};
use tokio::sync::broadcast;

use super::{
    Claimed, DelegatingStore, EnqueueAnswer, Fence, LogBatch, LogLine, NewExecution, Next,
    ProgressReport, Settlement, Store, StoreError, WriteAnswer,
};
use crate::time::Timestamp;

/// Events that are kept for a subscriber that lags.
const CAPACITY: usize = 4_096;

/// A change by a store call of this process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LiveEvent {
    /// The execution.
    pub execution: Arc<LiveExecution>,
    /// The change.
    pub change: LiveChange,
}

/// The execution of a live event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveExecution {
    /// The id.
    pub id: ExecutionId,
    /// The job.
    pub job_id: String,
    /// The queue.
    pub queue: String,
}

/// A change of an execution.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LiveChange {
    /// It was created, in this status.
    Enqueued(ExecutionStatus),
    /// This attempt was claimed by a worker.
    Started(u32),
    /// This attempt has reported progress.
    Progress(u32, Progress),
    /// This attempt has ended.
    AttemptEnded {
        /// The number of the attempt.
        attempt: u32,
        /// The outcome.
        outcome: AttemptOutcome,
        /// The error.
        error: Option<ExecutionError>,
        /// The time of the next attempt, if one follows after a delay.
        retry_at: Option<Timestamp>,
    },
    /// This attempt has logged a line.
    Log(u32, Arc<LogLine>),
}

/// The live events of a store handle.
#[derive(Debug)]
pub struct LiveEvents {
    sender: broadcast::Sender<LiveEvent>,
    /// The attempts that this process executes, by row and attempt.
    running: Mutex<HashMap<(i64, u32), Arc<LiveExecution>>>,
}

impl LiveEvents {
    pub(super) fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.sender.subscribe()
    }

    /// Returns what an event about each new execution needs; nothing without a subscriber.
    pub(super) fn describe(
        &self,
        batch: &[NewExecution],
    ) -> Vec<(Arc<LiveExecution>, ExecutionStatus)> {
        if self.sender.receiver_count() == 0 {
            return Vec::new();
        }
        let described = batch.iter().map(|new| {
            let execution = LiveExecution {
                id: new.id,
                job_id: new.job_id.clone(),
                queue: new.queue.clone(),
            };
            let status = match new.run_at {
                Some(_) => ExecutionStatus::Pending,
                None => ExecutionStatus::Queued,
            };
            (Arc::new(execution), status)
        });
        described.collect()
    }

    pub(super) fn enqueued(
        &self,
        described: Vec<(Arc<LiveExecution>, ExecutionStatus)>,
        answers: &[EnqueueAnswer],
    ) {
        for ((execution, status), answer) in described.into_iter().zip(answers) {
            if *answer == EnqueueAnswer::Created {
                self.send(&execution, LiveChange::Enqueued(status));
            }
        }
    }

    pub(super) fn claimed(&self, claimed: &[Claimed]) {
        for one in claimed {
            let execution = self.remember(one);
            self.send(&execution, LiveChange::Started(one.fence.attempt));
        }
    }

    /// Remembers attempts of a dead session. Their handlers do not run here.
    pub(super) fn taken_over(&self, claimed: &[Claimed]) {
        for one in claimed {
            self.remember(one);
        }
    }

    fn remember(&self, claimed: &Claimed) -> Arc<LiveExecution> {
        let execution = Arc::new(LiveExecution {
            id: claimed.execution_id,
            job_id: claimed.job_id.clone(),
            queue: claimed.queue.clone(),
        });
        let place = (claimed.fence.row, claimed.fence.attempt);
        self.running().insert(place, Arc::clone(&execution));
        execution
    }

    /// Returns the events of progress reports that the store is about to get.
    pub(super) fn reports(&self, batch: &[ProgressReport]) -> Vec<Pending> {
        let events = batch.iter().map(|report| {
            let progress = LiveChange::Progress(report.fence.attempt, report.progress.clone());
            self.pending(report.fence, || vec![progress])
        });
        events.collect()
    }

    /// Returns the events of log lines that the store is about to get.
    pub(super) fn lines(&self, batch: &[LogBatch]) -> Vec<Pending> {
        let events = batch
            .iter()
            .map(|one| self.pending(one.fence, || lines(one.fence.attempt, &one.lines)));
        events.collect()
    }

    /// Returns the events of settlements that the store is about to get.
    pub(super) fn ends(&self, batch: &[Settlement]) -> Vec<Pending> {
        let events = batch.iter().map(|settlement| {
            let (end, attempt) = (&settlement.end, settlement.fence.attempt);
            self.pending(settlement.fence, || {
                let mut changes = lines(attempt, &end.logs);
                changes.push(LiveChange::AttemptEnded {
                    attempt,
                    outcome: end.outcome,
                    error: end.error.clone(),
                    retry_at: match settlement.next {
                        Next::RetryAt(at) => Some(at),
                        _ => None,
                    },
                });
                changes
            })
        });
        events.collect()
    }

    /// Sends the events of the rows that the store has written.
    pub(super) fn announce(&self, pending: Vec<Pending>, answers: &[WriteAnswer]) {
        for (pending, answer) in pending.into_iter().zip(answers) {
            if *answer != WriteAnswer::Settled {
                continue;
            }
            let Some(execution) = self.execution_of(pending.fence) else {
                continue;
            };
            for change in pending.changes {
                self.send(&execution, change);
            }
        }
    }

    /// Sends the events of settlements, and forgets their attempts.
    pub(super) fn settled(&self, pending: Vec<Pending>, answers: &[WriteAnswer]) {
        let ended = pending.iter().zip(answers);
        // A locked row is settled again.
        let ended = ended.filter(|(_, answer)| **answer != WriteAnswer::Locked);
        let ended: Vec<_> = ended.map(|(pending, _)| pending.fence).collect();
        self.announce(pending, answers);
        let mut running = self.running();
        for fence in ended {
            running.remove(&(fence.row, fence.attempt));
        }
    }

    /// Returns the changes of an attempt; none without a subscriber.
    fn pending(&self, fence: Fence, changes: impl FnOnce() -> Vec<LiveChange>) -> Pending {
        let changes = if self.sender.receiver_count() == 0 {
            Vec::new()
        } else {
            changes()
        };
        Pending { fence, changes }
    }

    fn send(&self, execution: &Arc<LiveExecution>, change: LiveChange) {
        // Fails without a subscriber.
        let _ = self.sender.send(LiveEvent {
            execution: Arc::clone(execution),
            change,
        });
    }

    fn execution_of(&self, fence: Fence) -> Option<Arc<LiveExecution>> {
        let running = self.running();
        running.get(&(fence.row, fence.attempt)).cloned()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<(i64, u32), Arc<LiveExecution>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes of an attempt that are sent when the store has written them.
pub(super) struct Pending {
    fence: Fence,
    changes: Vec<LiveChange>,
}

fn lines(attempt: u32, lines: &[Arc<LogLine>]) -> Vec<LiveChange> {
    let lines = lines.iter();
    lines
        .map(|line| LiveChange::Log(attempt, Arc::clone(line)))
        .collect()
}

/// A store that announces the changes by its calls.
pub(crate) struct LiveStore {
    store: Arc<dyn Store>,
    live: LiveEvents,
}

impl LiveStore {
    /// Wraps a store, unless it announces changes already.
    pub(crate) fn wrap(store: Arc<dyn Store>) -> Arc<dyn Store> {
        if store.live_events().is_some() {
            return store;
        }
        let (sender, _) = broadcast::channel(CAPACITY);
        let running = Mutex::default();
        Arc::new(Self {
            store,
            live: LiveEvents { sender, running },
        })
    }
}

impl DelegatingStore for LiveStore {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        call.await
    }

    fn live(&self) -> Option<&LiveEvents> {
        Some(&self.live)
    }
}
