//! Who gets in: what each execution of a batch is answered, in the light of what is there already.
//!
//! Every store decides by these rules; how it looks and writes is its own affair.

use std::collections::{HashMap, HashSet};

use jobs::{ExecutionId, ExecutionStatus, OnConflict};

use crate::store::{
    EnqueueAnswer, EnqueueRules, IdempotencyKey, NewExecution, StoreError, StoreEvent,
};
use crate::time::Timestamp;

/// What is there already of what callers bring, and what this group has added to it.
#[derive(Debug, Default)]
pub(in crate::store) struct ExistingExecutions {
    ids: HashSet<ExecutionId>,
    keys: HashMap<(String, String), ExistingKey>,
    names: HashMap<(String, DedupKind, String), ExistingName>,
    waiting: HashMap<String, u64>,
    /// What the present caller's batch has changed, the last one last.
    undo: Vec<Undo>,
}

/// What an idempotency key names.
#[derive(Clone, Debug)]
pub(in crate::store) struct ExistingKey {
    pub(in crate::store) execution_id: ExecutionId,
    pub(in crate::store) payload_digest: String,
    pub(in crate::store) expires_at: Timestamp,
}

/// What a key is for by which executions are the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DedupKind {
    /// One lives at a time.
    Unique,
    /// They put each other off.
    Debounce,
}

impl DedupKind {
    pub(in crate::store) const ALL: [Self; 2] = [Self::Unique, Self::Debounce];

    /// The word that it is stored as.
    pub(in crate::store) fn as_str(self) -> &'static str {
        match self {
            Self::Unique => "unique",
            Self::Debounce => "debounce",
        }
    }

    /// Out of the word.
    pub(in crate::store) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|naming| naming.as_str() == word)
    }

    /// The key of this kind that an execution brings.
    pub(in crate::store) fn key_of(self, new: &NewExecution) -> Option<&str> {
        match self {
            Self::Unique => Some(&new.rules.unique.as_ref()?.key),
            Self::Debounce => Some(&new.rules.debounce.as_ref()?.key),
        }
    }
}

/// What such a key names.
#[derive(Clone, Debug)]
pub(in crate::store) struct ExistingName {
    pub(in crate::store) execution_id: ExecutionId,
    pub(in crate::store) created_at: Timestamp,
    pub(in crate::store) status: ExecutionStatus,
    /// Whether it waits for its first attempt's time.
    pub(in crate::store) delayed: bool,
}

/// What to write, and one answer for each caller.
#[derive(Debug)]
pub(in crate::store) struct DedupPlan<'b> {
    pub(in crate::store) rows: Vec<&'b NewExecution>,
    /// To be written after the rows, of which some may be meant; of several for one execution, the
    /// last holds.
    pub(in crate::store) merges: Vec<Merge<'b>>,
    pub(in crate::store) answers: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
}

/// A waiting execution that takes over what another brought.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Merge<'b> {
    pub(in crate::store) execution_id: ExecutionId,
    pub(in crate::store) payload: &'b str,
    /// When it is due now; `None` if that stays.
    pub(in crate::store) run_at: Option<Timestamp>,
}

enum EnqueueDecision {
    New,
    Repeated,
    Replayed(ExecutionId),
    Skipped(ExecutionId),
    Merged(ExecutionId, Option<Timestamp>),
    Refused(StoreError),
}

#[derive(Debug)]
enum Undo {
    Id(ExecutionId),
    Key((String, String), Option<ExistingKey>),
    Name((String, DedupKind, String), Option<ExistingName>),
    Waiting(String),
}

impl ExistingExecutions {
    /// Counts in what was found.
    pub(in crate::store) fn add_id(&mut self, id: ExecutionId) {
        self.ids.insert(id);
    }

    /// Counts in what was found.
    pub(in crate::store) fn add_key(&mut self, job_id: String, key: String, known: ExistingKey) {
        self.keys.insert((job_id, key), known);
    }

    /// Counts in what was found.
    pub(in crate::store) fn add_name(
        &mut self,
        job_id: String,
        naming: DedupKind,
        key: String,
        known: ExistingName,
    ) {
        self.names.insert((job_id, naming, key), known);
    }

    /// Counts in how many executions of a job wait, as far as that was counted.
    pub(in crate::store) fn add_waiting(&mut self, job_id: String, count: u64) {
        self.waiting.insert(job_id, count);
    }

    /// Decides execution by execution, each caller's all together.
    pub(in crate::store) fn decide<'b>(mut self, batches: &[&'b [NewExecution]]) -> DedupPlan<'b> {
        let mut admitted = DedupPlan {
            rows: Vec::new(),
            merges: Vec::new(),
            answers: Vec::with_capacity(batches.len()),
        };
        for batch in batches {
            let (rows, merges) = (admitted.rows.len(), admitted.merges.len());
            let answer = self.decide_batch(batch, &mut admitted);
            match answer {
                Ok(_) => self.undo.clear(),
                Err(_) => {
                    admitted.rows.truncate(rows);
                    admitted.merges.truncate(merges);
                    self.forget();
                }
            }
            admitted.answers.push(answer);
        }
        admitted
    }

    fn decide_batch<'b>(
        &mut self,
        batch: &'b [NewExecution],
        admitted: &mut DedupPlan<'b>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        let mut answers = Vec::with_capacity(batch.len());
        for (index, new) in batch.iter().enumerate() {
            answers.push(match self.judge(index, new) {
                EnqueueDecision::New => {
                    self.learn(new);
                    admitted.rows.push(new);
                    EnqueueAnswer::Created
                }
                EnqueueDecision::Repeated => EnqueueAnswer::Created,
                EnqueueDecision::Replayed(id) => EnqueueAnswer::Replayed(id),
                EnqueueDecision::Skipped(id) => EnqueueAnswer::Skipped(id),
                EnqueueDecision::Merged(execution_id, run_at) => {
                    admitted.merges.push(Merge {
                        execution_id,
                        payload: &new.payload,
                        run_at,
                    });
                    EnqueueAnswer::Merged(execution_id)
                }
                EnqueueDecision::Refused(error) => return Err(error),
            });
        }
        Ok(answers)
    }

    fn judge(&self, index: usize, new: &NewExecution) -> EnqueueDecision {
        if self.ids.contains(&new.id) {
            return EnqueueDecision::Repeated;
        }
        let by_rules = [
            self.by_idempotency(index, new),
            self.by_unique_key(index, new),
            self.by_debounce(new),
        ];
        if let Some(judgement) = by_rules.into_iter().flatten().next() {
            return judgement;
        }
        match new.rules.max_waiting {
            Some(max_waiting)
                if self.waiting.get(&new.job_id).copied().unwrap_or(0) >= max_waiting.into() =>
            {
                EnqueueDecision::Refused(StoreError::QueueFull {
                    index,
                    job_id: new.job_id.clone(),
                    max_waiting,
                })
            }
            _ => EnqueueDecision::New,
        }
    }

    fn by_idempotency(&self, index: usize, new: &NewExecution) -> Option<EnqueueDecision> {
        let IdempotencyKey {
            key,
            payload_digest,
            ..
        } = new.idempotency_key.as_ref()?;
        let known = self.keys.get(&(new.job_id.clone(), key.clone()))?;
        if known.expires_at <= new.created_at {
            return None;
        }
        Some(match known.payload_digest == *payload_digest {
            true => EnqueueDecision::Replayed(known.execution_id),
            false => EnqueueDecision::Refused(StoreError::IdempotencyConflict {
                index,
                key: key.clone(),
                execution_id: known.execution_id,
            }),
        })
    }

    fn by_unique_key(&self, index: usize, new: &NewExecution) -> Option<EnqueueDecision> {
        let unique = new.rules.unique.as_ref()?;
        let place = (new.job_id.clone(), DedupKind::Unique, unique.key.clone());
        let known = self.names.get(&place)?;
        let execution_id = known.execution_id;
        let recent = unique.within_ms.is_some_and(|within| {
            known
                .created_at
                .after(std::time::Duration::from_millis(within))
                > new.created_at
        });
        if !recent && !unique.live.contains(&known.status) {
            return None;
        }
        let waits = matches!(
            known.status,
            ExecutionStatus::Pending | ExecutionStatus::Queued
        );
        match unique.on_conflict {
            OnConflict::Skip => Some(EnqueueDecision::Skipped(execution_id)),
            OnConflict::Reject => Some(EnqueueDecision::Refused(StoreError::UniqueConflict {
                index,
                execution_id,
            })),
            OnConflict::Replace if waits => Some(EnqueueDecision::Merged(execution_id, None)),
            // What runs or has ended cannot take the payload any more: the newest one is run.
            OnConflict::Replace => None,
        }
    }

    fn by_debounce(&self, new: &NewExecution) -> Option<EnqueueDecision> {
        let debounce = new.rules.debounce.as_ref()?;
        let place = (
            new.job_id.clone(),
            DedupKind::Debounce,
            debounce.key.clone(),
        );
        let known = self.names.get(&place).filter(|known| known.delayed)?;
        let later = new.run_at.unwrap_or(new.created_at);
        let run_at = match debounce.at_most_ms {
            Some(at_most) => {
                let last = std::time::Duration::from_millis(at_most);
                later.min(known.created_at.after(last))
            }
            None => later,
        };
        Some(EnqueueDecision::Merged(known.execution_id, Some(run_at)))
    }

    /// Counts an execution in that this group writes.
    fn learn(&mut self, new: &NewExecution) {
        self.ids.insert(new.id);
        self.undo.push(Undo::Id(new.id));
        if let Some(key) = &new.idempotency_key {
            let place = (new.job_id.clone(), key.key.clone());
            let key = ExistingKey {
                execution_id: new.id,
                payload_digest: key.payload_digest.clone(),
                expires_at: key.expires_at,
            };
            let before = self.keys.insert(place.clone(), key);
            self.undo.push(Undo::Key(place, before));
        }
        let delayed = new.run_at.is_some_and(|run_at| run_at > new.created_at);
        for naming in DedupKind::ALL {
            let Some(key) = naming.key_of(new) else {
                continue;
            };
            let place = (new.job_id.clone(), naming, key.to_owned());
            let name = ExistingName {
                execution_id: new.id,
                created_at: new.created_at,
                status: match delayed {
                    true => ExecutionStatus::Pending,
                    false => ExecutionStatus::Queued,
                },
                delayed,
            };
            let before = self.names.insert(place.clone(), name);
            self.undo.push(Undo::Name(place, before));
        }
        if new.rules.max_waiting.is_some() {
            *self.waiting.entry(new.job_id.clone()).or_default() += 1;
            self.undo.push(Undo::Waiting(new.job_id.clone()));
        }
    }

    /// Takes back what the present batch has added.
    fn forget(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Id(id) => {
                    self.ids.remove(&id);
                }
                Undo::Key(place, None) => {
                    self.keys.remove(&place);
                }
                Undo::Key(place, Some(before)) => {
                    self.keys.insert(place, before);
                }
                Undo::Name(place, None) => {
                    self.names.remove(&place);
                }
                Undo::Name(place, Some(before)) => {
                    self.names.insert(place, before);
                }
                Undo::Waiting(job_id) => {
                    if let Some(count) = self.waiting.get_mut(&job_id) {
                        *count = count.saturating_sub(1);
                    }
                }
            }
        }
    }
}

/// Whether it depends on what is there that it is written at all.
pub(in crate::store) fn needs_dedup(new: &NewExecution) -> bool {
    let EnqueueRules {
        limits: _,
        unique,
        debounce,
        max_waiting,
    } = &new.rules;
    new.idempotency_key.is_some() || unique.is_some() || debounce.is_some() || max_waiting.is_some()
}

/// Whether it is for later.
pub(in crate::store) fn is_delayed(new: &NewExecution) -> bool {
    new.run_at.is_some_and(|run_at| run_at > new.created_at)
}

/// Whether, and when, those who wait for work shall look. What has limits is let in by whoever
/// promotes, unless it has `entered` at once.
pub(in crate::store) fn events(rows: &[&NewExecution], entered: &[bool]) -> Vec<StoreEvent> {
    let looked_at = |(place, new): (usize, &&NewExecution)| {
        let entered = entered.get(place).is_some_and(|entered| *entered);
        let knocks = !new.rules.limits.is_empty() && !entered;
        let at_once = knocks.then_some(new.created_at);
        new.run_at.filter(|_| is_delayed(new)).or(at_once)
    };
    let looks = || rows.iter().enumerate().map(looked_at);
    let mut events = Vec::new();
    if looks().any(|look| look.is_none()) {
        events.push(StoreEvent::Ready);
    }
    events.extend(looks().flatten().min().map(StoreEvent::Scheduled));
    events
}
