//! Tells the application's hooks which attempts have ended.
//!
//! Once the store has taken a settlement, and only then: a stale one is somebody else's to tell.
//! Hooks run one after the other in a task of the application's runtime, never on the dispatcher's
//! thread.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jobs::{ExecutionId, ExecutionStatus};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::EngineParts;
use super::hooks::AttemptEnded;
use crate::clock::busy::held;
use crate::store::{Fence, Next, Settlement, Store, WriteAnswer};

/// Ends that slow hooks may leave waiting; more are dropped, and the log says so.
const WAITING: usize = 10_000;

/// What hooks get to hear the last ends when the worker stops.
const LAST_NEWS: Duration = Duration::from_secs(5);

/// Ends on their way to the hooks.
#[derive(Debug, Default)]
pub(super) struct News {
    /// `None` if nobody wants to hear.
    line: Option<mpsc::Sender<Item>>,
    unsettled: HashMap<Fence, AttemptEnded>,
}

#[derive(Debug)]
enum Item {
    Known(AttemptEnded),
    /// Settled before by somebody's transaction or by a call whose answer was lost: the store knows
    /// how.
    Look(AttemptEnded),
}

/// Completes when hooks have heard everything.
#[derive(Debug, Clone)]
pub(super) struct Heard(watch::Receiver<bool>);

impl Heard {
    pub(super) async fn everything(mut self) {
        // An error means that the application's runtime is gone. In real time: hooks are not ours.
        let heard = self.0.wait_for(|heard| *heard);
        if tokio::time::timeout(LAST_NEWS, heard).await.is_err() {
            tracing::warn!("hooks did not return within {LAST_NEWS:?}");
        }
    }
}

impl News {
    /// Starts the task that tells.
    pub(super) fn start(parts: &EngineParts, executors: &Handle) -> (Self, Heard) {
        let (told, heard) = watch::channel(false);
        let (hooks, store) = (parts.hooks.clone(), Arc::clone(&parts.store));
        if !hooks.hear_of_ends() {
            told.send_replace(true);
            return (Self::default(), Heard(heard));
        }
        let (line, mut items) = mpsc::channel(WAITING);
        let tell = async move {
            while let Some(item) = items.recv().await {
                match item {
                    Item::Known(ended) => hooks.ended(&ended),
                    Item::Look(ended) => hooks.ended(&as_stored(ended, &*store).await),
                }
            }
            told.send_replace(true);
        };
        executors.spawn(held(&parts.clock, tell));
        let news = Self {
            line: Some(line),
            unsettled: HashMap::new(),
        };
        (news, Heard(heard))
    }

    /// Keeps an end until the store has taken it.
    pub(super) fn expect(&mut self, job_id: Cow<'static, str>, settlement: &Settlement) {
        if self.line.is_none() {
            return;
        }
        let Settlement {
            fence,
            execution_id,
            end,
            next,
            permits: _,
        } = settlement;
        let ended = AttemptEnded {
            job_id,
            execution_id: *execution_id,
            attempt: fence.attempt,
            outcome: end.outcome,
            error: end.error.clone(),
            retry_at: match next {
                Next::RetryAt(at) => Some(*at),
                _ => None,
            },
            is_exhausted: matches!(next, Next::Fail),
            took: end.finished_at.since(end.started_at),
        };
        self.unsettled.insert(*fence, ended);
    }

    /// Something else is said in the place of what the store refused.
    pub(super) fn replaced(&mut self, settlement: &Settlement) {
        if let Some(ended) = self.unsettled.get_mut(&settlement.fence) {
            ended.outcome = settlement.end.outcome;
            ended.error.clone_from(&settlement.end.error);
            ended.retry_at = None;
            ended.is_exhausted = true;
        }
    }

    /// The store has not taken the end, and will not be told again.
    pub(super) fn forget(&mut self, settlement: &Settlement) {
        self.unsettled.remove(&settlement.fence);
    }

    /// The store has answered.
    pub(super) fn settled(&mut self, settlement: &Settlement, answer: WriteAnswer) {
        let Some(line) = &self.line else { return };
        let Some(ended) = self.unsettled.remove(&settlement.fence) else {
            return;
        };
        let item = match answer {
            WriteAnswer::Settled => Item::Known(ended),
            WriteAnswer::AlreadyMine => Item::Look(ended),
            WriteAnswer::Stale | WriteAnswer::Rejected | WriteAnswer::Locked => return,
        };
        if line.try_send(item).is_err() {
            tracing::warn!(
                execution = %settlement.execution_id,
                "hooks are too slow: they do not hear of the end of this attempt"
            );
        }
    }
}

/// The end as the store has it; as it was said, if the store does not answer.
async fn as_stored(ended: AttemptEnded, store: &dyn Store) -> AttemptEnded {
    let id: ExecutionId = ended.execution_id;
    let Ok(Some(execution)) = store.execution(id).await else {
        return ended;
    };
    let is_last = execution.attempt == ended.attempt;
    let found = execution
        .attempts
        .into_iter()
        .find(|attempt| attempt.number == ended.attempt);
    match found.map(|attempt| (attempt.outcome, attempt.error, attempt.retry_at)) {
        Some((Some(outcome), error, retry_at)) => AttemptEnded {
            outcome,
            error,
            retry_at,
            is_exhausted: is_last && execution.status == ExecutionStatus::Failed,
            ..ended
        },
        _ => ended,
    }
}
