//! Who gets in: what each execution of a batch is answered, in the light of what is there already.
//!
//! Every store decides by these rules; how it looks and writes is its own affair.

use std::collections::{HashMap, HashSet};

use jobs::ExecutionId;

use super::{EnqueueAnswer, IdempotencyKey, NewExecution, StoreError, StoreEvent};
use crate::time::Timestamp;

/// What is there already of what callers bring, and what this group has added to it.
#[derive(Debug, Default)]
pub(in crate::store) struct KnownExecutions {
    ids: HashSet<ExecutionId>,
    keys: HashMap<(String, String), Known>,
}

/// What a key names.
#[derive(Debug)]
pub(in crate::store) struct KnownKey {
    pub(in crate::store) execution_id: ExecutionId,
    pub(in crate::store) payload_digest: String,
    pub(in crate::store) expires_at: Timestamp,
}

/// `before` is what a key named before this group, should the group think better.
#[derive(Debug)]
struct Known {
    key: KnownKey,
    before: Option<Box<Known>>,
}

/// What to write, and one answer for each caller.
#[derive(Debug)]
pub(in crate::store) struct Admitted<'b> {
    pub(in crate::store) rows: Vec<&'b NewExecution>,
    pub(in crate::store) answers: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
}

enum Judgement {
    New,
    Repeated,
    Replayed(ExecutionId),
    Conflict(String, ExecutionId),
}

impl KnownExecutions {
    /// Counts in what was found.
    pub(in crate::store) fn add_id(&mut self, id: ExecutionId) {
        self.ids.insert(id);
    }

    /// Counts in what was found.
    pub(in crate::store) fn add_key(&mut self, job_id: String, key: String, known: KnownKey) {
        let known = Known {
            key: known,
            before: None,
        };
        self.keys.insert((job_id, key), known);
    }

    /// Decides execution by execution, each caller's all together.
    pub(in crate::store) fn admit<'b>(mut self, batches: &[&'b [NewExecution]]) -> Admitted<'b> {
        let mut rows = Vec::new();
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            let written_before = rows.len();
            let mut answer = Vec::with_capacity(batch.len());
            let mut conflict = None;
            for (index, new) in batch.iter().enumerate() {
                match self.judge(new) {
                    Judgement::New => {
                        self.learn(new);
                        rows.push(new);
                        answer.push(EnqueueAnswer::Created);
                    }
                    Judgement::Repeated => answer.push(EnqueueAnswer::Created),
                    Judgement::Replayed(id) => answer.push(EnqueueAnswer::Replayed(id)),
                    Judgement::Conflict(key, execution_id) => {
                        conflict = Some(StoreError::IdempotencyConflict {
                            index,
                            key,
                            execution_id,
                        });
                        break;
                    }
                }
            }
            answers.push(match conflict {
                None => Ok(answer),
                Some(error) => {
                    for new in rows.drain(written_before..).rev() {
                        self.forget(new);
                    }
                    Err(error)
                }
            });
        }
        Admitted { rows, answers }
    }

    fn judge(&self, new: &NewExecution) -> Judgement {
        if self.ids.contains(&new.id) {
            return Judgement::Repeated;
        }
        let Some(IdempotencyKey {
            key,
            payload_digest,
            ..
        }) = &new.idempotency_key
        else {
            return Judgement::New;
        };
        match self.keys.get(&(new.job_id.clone(), key.clone())) {
            Some(Known { key: known, .. }) if known.expires_at > new.created_at => {
                if known.payload_digest == *payload_digest {
                    Judgement::Replayed(known.execution_id)
                } else {
                    Judgement::Conflict(key.clone(), known.execution_id)
                }
            }
            _ => Judgement::New,
        }
    }

    /// Counts an execution in that this group writes.
    fn learn(&mut self, new: &NewExecution) {
        self.ids.insert(new.id);
        if let Some(key) = &new.idempotency_key {
            let place = (new.job_id.clone(), key.key.clone());
            let before = self.keys.remove(&place).map(Box::new);
            let key = KnownKey {
                execution_id: new.id,
                payload_digest: key.payload_digest.clone(),
                expires_at: key.expires_at,
            };
            self.keys.insert(place, Known { key, before });
        }
    }

    /// Takes [`learn`](Self::learn) back; the last one learnt first.
    fn forget(&mut self, new: &NewExecution) {
        self.ids.remove(&new.id);
        if let Some(key) = &new.idempotency_key {
            let place = (new.job_id.clone(), key.key.clone());
            if let Some(before) = self.keys.remove(&place).and_then(|known| known.before) {
                self.keys.insert(place, *before);
            }
        }
    }
}

/// Whether, and when, those who wait for work shall look.
pub(in crate::store) fn events(rows: &[&NewExecution]) -> Vec<StoreEvent> {
    let delayed = |new: &&NewExecution| new.run_at.filter(|run_at| *run_at > new.created_at);
    let mut events = Vec::new();
    if rows.iter().any(|new| delayed(new).is_none()) {
        events.push(StoreEvent::Ready);
    }
    events.extend(
        rows.iter()
            .filter_map(delayed)
            .min()
            .map(StoreEvent::Scheduled),
    );
    events
}
