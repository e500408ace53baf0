//! The hook notifier: calls the application's `on_finish` hooks for attempts that have ended.
//!
//! A hook is called once the store has taken the settlement of an attempt. A stale settlement calls
//! no hook: the worker that owns the lease notifies its own hooks. Hooks run one after the other in
//! one task of the application's runtime, never on the dispatcher's thread.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jobs::{ExecutionId, ExecutionStatus};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::hooks::{AttemptEnded, HookLabels};
use super::parts::EngineParts;
use crate::clock::busy::keep_clock_busy;
use crate::clock::real;
use crate::store::{Fence, Settlement, Store, WriteAnswer};

/// The most ended attempts that wait for slow hooks. Further ones are dropped and logged.
const QUEUE_LIMIT: usize = 10_000;

/// The dispatcher's side of the notifier.
#[derive(Debug, Default)]
pub(super) struct HookNotifier {
    /// `None` if the application has no such hook.
    sender: Option<mpsc::Sender<HookEvent>>,
    /// Ended attempts whose settlement the store has not acknowledged.
    unsettled: HashMap<Fence, AttemptEnded>,
}

#[derive(Debug)]
enum HookEvent {
    Settled(AttemptEnded),
    /// Settled earlier, by `succeed_in` or by a call whose answer was lost. The outcome is read
    /// back from the store.
    ReadBack(AttemptEnded),
}

/// Completes when the hooks have returned for every ended attempt.
#[derive(Debug, Clone)]
pub(super) struct HooksDrained(watch::Receiver<bool>);

impl HooksDrained {
    /// Waits for at most the rest of the stop.
    pub(super) async fn wait(mut self, left: Duration) {
        // An error means that the application's runtime has ended. The timeout is in real time
        // because a virtual clock does not see what hooks do.
        let drained = self.0.wait_for(|drained| *drained);
        if real::timeout(left, drained).await.is_err() {
            tracing::warn!("hooks did not return before the end of the stop");
        }
    }
}

impl HookNotifier {
    /// Starts the task that calls the hooks.
    pub(super) fn start(parts: &EngineParts, runtime: &Handle) -> (Self, HooksDrained) {
        let (drain, drained) = watch::channel(false);
        let (hooks, store) = (parts.hooks.clone(), Arc::clone(&parts.store));
        if !hooks.has_end_hooks() {
            drain.send_replace(true);
            return (Self::default(), HooksDrained(drained));
        }
        let (sender, mut events) = mpsc::channel(QUEUE_LIMIT);
        let notify = async move {
            while let Some(event) = events.recv().await {
                match event {
                    HookEvent::Settled(ended) => hooks.ended(&ended),
                    HookEvent::ReadBack(ended) => hooks.ended(&read_back(ended, &*store).await),
                }
            }
            drain.send_replace(true);
        };
        runtime.spawn(keep_clock_busy(&parts.clock, notify));
        let hook_notifier = Self {
            sender: Some(sender),
            unsettled: HashMap::new(),
        };
        (hook_notifier, HooksDrained(drained))
    }

    /// Remembers an ended attempt until the store has taken its settlement. `labels` is `None` if
    /// the application has no hook for ended attempts.
    pub(super) fn expect(
        &mut self,
        job_id: Cow<'static, str>,
        labels: Option<HookLabels>,
        settlement: &Settlement,
    ) {
        let Some(labels) = labels.filter(|_| self.sender.is_some()) else {
            return;
        };
        let ended = AttemptEnded::of(job_id, labels, settlement);
        self.unsettled.insert(settlement.fence, ended);
    }

    /// A failure replaces a settlement that the store rejected.
    pub(super) fn replace(&mut self, settlement: &Settlement) {
        if let Some(ended) = self.unsettled.get_mut(&settlement.fence) {
            ended.outcome = settlement.end.outcome;
            ended.error.clone_from(&settlement.end.error);
            ended.retry_at = None;
            ended.is_exhausted = true;
        }
    }

    /// The settlement was dropped: the store will not take it.
    pub(super) fn forget(&mut self, settlement: &Settlement) {
        self.unsettled.remove(&settlement.fence);
    }

    /// The store has answered to the settlement.
    pub(super) fn settled(&mut self, settlement: &Settlement, answer: WriteAnswer) {
        let Some(sender) = &self.sender else { return };
        let Some(ended) = self.unsettled.remove(&settlement.fence) else {
            return;
        };
        let event = match answer {
            WriteAnswer::Settled => HookEvent::Settled(ended),
            WriteAnswer::AlreadyMine => HookEvent::ReadBack(ended),
            WriteAnswer::Stale | WriteAnswer::Rejected | WriteAnswer::Locked => return,
        };
        if sender.try_send(event).is_err() {
            tracing::warn!(
                execution = %settlement.execution_id,
                "hooks are too slow: they are not called for this attempt"
            );
        }
    }
}

/// The outcome of the attempt as the store has it. Unchanged if the store does not answer.
async fn read_back(ended: AttemptEnded, store: &dyn Store) -> AttemptEnded {
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
