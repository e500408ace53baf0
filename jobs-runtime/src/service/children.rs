//! Children: the ids by which a later attempt of a parent finds what an earlier one enqueued.
//!
//! The id of a child is derived from its parent, its job, its payload and its number among equal
//! children. A later attempt of the parent derives the same id and looks the execution up. If that
//! failed or was cancelled, the id of the next generation follows, which is derived from this one.
//! Two attempts that ask at once derive the same ids, and the store creates one of them.

use std::collections::HashMap;
use std::sync::Arc;

use jobs::runtime::{ChildNumber, EnqueueRequest};
use jobs::{ExecutionId, ExecutionStatus, TransactionRef};
use sha2::{Digest, Sha256};

use super::enqueue::service_error;
use super::error::ServiceError;
use super::{JobService, KnownJob};
use crate::store::{EnqueueAnswer, NewExecution, StoreError};

/// The most generations of one child. The last one is used again, whatever became of it.
const MAX_GENERATIONS: usize = 10_000;

/// Returns the id of a child in its first generation.
pub(super) fn child_id(
    parent: ExecutionId,
    child: ChildNumber,
    job_id: &str,
    payload_digest: &str,
) -> ExecutionId {
    let number = child.number;
    derived(parent, &format!("{job_id}/{payload_digest}/{number}"))
}

/// Returns true if an earlier attempt of the parent may have enqueued the child.
pub(super) fn may_exist(request: &EnqueueRequest) -> bool {
    let is_later = request.child.is_some_and(|child| child.attempt > 1);
    is_later && request.parent_id.is_some() && request.idempotency_key.is_none()
}

/// An id with the time of another one. The rest is a digest of that id and the text.
fn derived(from: ExecutionId, text: &str) -> ExecutionId {
    let mut digest = Sha256::new();
    digest.update(from.as_bytes());
    digest.update(text);
    let mut random = [0; 10];
    random.copy_from_slice(&digest.finalize()[..10]);
    from.with_random(random)
}

impl JobService {
    /// Looks up which of these executions an earlier attempt has enqueued, and returns `true` for
    /// those that live or have succeeded. The others get ids that no execution has.
    ///
    /// `may_exist` tells for each execution whether it is a child of a later attempt.
    pub(super) async fn find_children(
        &self,
        executions: &mut [NewExecution],
        may_exist: &[bool],
    ) -> Result<Vec<bool>, StoreError> {
        let mut exists = vec![false; executions.len()];
        let mut open: Vec<usize> = (0..executions.len()).filter(|n| may_exist[*n]).collect();
        for _ in 0..MAX_GENERATIONS {
            if open.is_empty() {
                break;
            }
            let ids = open.iter().map(|n| executions[*n].id).collect();
            let states = self.inner.store.execution_states(ids).await?;
            let states: HashMap<_, _> = states
                .into_iter()
                .map(|state| (state.execution_id, state.status))
                .collect();
            open.retain(|n| {
                let new = &mut executions[*n];
                match states.get(&new.id) {
                    None => false,
                    Some(ExecutionStatus::Failed | ExecutionStatus::Cancelled) => {
                        new.id = derived(new.id, "next").with_shard(new.id.shard());
                        true
                    }
                    Some(_) => {
                        exists[*n] = true;
                        false
                    }
                }
            });
        }
        Ok(exists)
    }

    /// Stores the executions that do not exist yet. Answers for those that do that they were
    /// enqueued before.
    pub(super) async fn store_new(
        &self,
        tx: Option<TransactionRef<'_>>,
        executions: Vec<NewExecution>,
        exists: &[bool],
        jobs: &[Arc<KnownJob>],
    ) -> Result<Vec<EnqueueAnswer>, ServiceError> {
        let mut answers: Vec<_> = executions
            .iter()
            .map(|child| EnqueueAnswer::Replayed(child.id))
            .collect();
        let (places, new): (Vec<_>, Vec<_>) = executions
            .into_iter()
            .enumerate()
            .filter(|(place, _)| !exists[*place])
            .unzip();
        if new.is_empty() {
            return Ok(answers);
        }
        let store = &self.inner.store;
        let stored = match tx {
            Some(tx) => store.enqueue_in(tx, new).await,
            None => store.enqueue(new).await,
        };
        let stored = stored.map_err(|error| {
            let jobs: Vec<_> = places.iter().map(|place| jobs[*place].clone()).collect();
            service_error(error, &jobs)
        })?;
        for (place, answer) in places.into_iter().zip(stored) {
            answers[place] = answer;
        }
        Ok(answers)
    }
}
