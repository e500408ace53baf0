//! Verdicts on deliveries that leased nothing, by the rows of the store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jobs::ExecutionId;

use crate::store::{Store, StoreError, WaitingPlace, WaitingState};
use crate::time::Timestamp;

/// The time after which a message that this worker cannot use is published again. A message that no
/// worker can use is published once in this time.
const NOT_MINE_PAUSE: Duration = Duration::from_secs(10);

/// The reason why an execution was not leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is running, final or unknown.
    Gone,
    /// It is not ready, or its queue is paused. A relay publishes it when that changes.
    NotYet,
    /// This worker does not execute it. A relay publishes it again.
    NotMine,
    /// It is ready: a slot cap was reached, or another transaction held its row.
    Ready,
    /// The store did not answer.
    StoreFailed,
}

/// The worker and the time that decide about a delivery.
pub(super) struct Unclaimed {
    pub(super) store: Arc<dyn Store>,
    /// The job ids that this worker executes.
    pub(super) job_ids: HashSet<String>,
    /// The queues that this worker claims from; every queue if empty.
    pub(super) queues: Vec<String>,
    pub(super) now: Timestamp,
}

/// Looks up executions that were not leased, and returns a verdict for each. An execution that has
/// to be published again has an entry before its verdict is returned. So its message may go.
pub(super) async fn judge(subject: Unclaimed, ids: Vec<ExecutionId>) -> Vec<Verdict> {
    let count = ids.len();
    match subject.try_judge(ids).await {
        Ok(verdicts) => verdicts,
        Err(error) => {
            let error = crate::error::chain(&error).to_string();
            tracing::warn!(
                error,
                "messages go back to the broker: the store did not answer"
            );
            vec![Verdict::StoreFailed; count]
        }
    }
}

impl Unclaimed {
    async fn try_judge(&self, ids: Vec<ExecutionId>) -> Result<Vec<Verdict>, StoreError> {
        let states = self.store.waiting_states(ids.clone()).await?;
        let states: HashMap<_, _> = states
            .iter()
            .map(|state| (state.execution_id, state))
            .collect();
        let mut paused = Vec::new();
        let mut not_mine = Vec::new();
        let mut verdicts = Vec::with_capacity(ids.len());
        for id in ids {
            let state = states.get(&id).copied();
            let verdict = self.verdict(state);
            match verdict {
                Verdict::NotMine => not_mine.push(id),
                Verdict::NotYet if state.is_some_and(|s| s.place == WaitingPlace::Paused) => {
                    paused.push(id);
                }
                _ => {}
            }
            verdicts.push(verdict);
        }
        if !paused.is_empty() {
            self.store
                .publish_again(paused, Timestamp::default())
                .await?;
        }
        if !not_mine.is_empty() {
            let at = self.now.after(NOT_MINE_PAUSE);
            self.store.publish_again(not_mine, at).await?;
        }
        Ok(verdicts)
    }

    fn verdict(&self, state: Option<&WaitingState>) -> Verdict {
        let Some(state) = state else {
            return Verdict::Gone;
        };
        let is_mine = self.job_ids.contains(&state.job_id)
            && (self.queues.is_empty() || self.queues.contains(&state.queue));
        match state.place {
            WaitingPlace::NotReady | WaitingPlace::Paused => Verdict::NotYet,
            WaitingPlace::Ready if is_mine => Verdict::Ready,
            WaitingPlace::Ready => Verdict::NotMine,
        }
    }
}
