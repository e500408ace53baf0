//! Deduplication at enqueue: idempotency keys, unique keys, debounce keys and `max_waiting`.
//!
//! A store looks up which ids and keys of a group of batches exist already, and adds them to
//! [`ExistingExecutions`]. [`ExistingExecutions::decide`] then decides about each new execution, in
//! the order of [`enqueue`](crate::store::EnqueueStore::enqueue). It returns a [`DedupPlan`]: the
//! rows to write, the merges, and the answers.
//!
//! Each caller's batch succeeds or fails as a whole. A failed batch leaves no trace in the
//! decisions about the next.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jobs::{ExecutionId, ExecutionStatus, OnConflict};

use crate::store::{
    EnqueueAnswer, EnqueuePreview, EnqueueRules, IdempotencyKey, NewExecution, StoreError,
    StoreEvent, UniqueKey,
};
use crate::time::Timestamp;

/// The executions that share an id or a key with the new ones. The store adds the ones that it
/// has; [`Self::decide`] adds each one that the group creates.
#[derive(Debug, Default)]
pub(in crate::store) struct ExistingExecutions {
    ids: HashSet<ExecutionId>,
    /// By job id and idempotency key.
    keys: HashMap<(String, String), IdempotencyHolder>,
    /// By job id, kind, and unique or debounce key.
    holders: HashMap<(String, DedupKind, String), KeyHolder>,
    /// Waiting executions per job id, for jobs with `max_waiting`.
    waiting: HashMap<String, u64>,
    /// The additions of the current batch, newest last.
    undo: Vec<Undo>,
}

/// The execution that an idempotency key names.
#[derive(Clone, Debug)]
pub(in crate::store) struct IdempotencyHolder {
    pub(in crate::store) execution_id: ExecutionId,
    pub(in crate::store) payload_digest: String,
    pub(in crate::store) expires_at: Timestamp,
}

/// The kind of a key by which executions of a job are deduplicated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DedupKind {
    /// A unique key: a live or recent execution with it decides what a new one becomes
    /// ([`OnConflict`]).
    Unique,
    /// A debounce key: a new execution is merged into the delayed one with that key, if there is
    /// one, and moves its time.
    Debounce,
}

impl DedupKind {
    pub(in crate::store) const ALL: [Self; 2] = [Self::Unique, Self::Debounce];

    /// Returns the stored word of the kind.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unique => "unique",
            Self::Debounce => "debounce",
        }
    }

    /// Returns the kind of a stored word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Returns the key of this kind of a new execution, if it has one.
    pub(in crate::store) fn key_of(self, new: &NewExecution) -> Option<&str> {
        match self {
            Self::Unique => Some(&new.rules.unique.as_ref()?.key),
            Self::Debounce => Some(&new.rules.debounce.as_ref()?.key),
        }
    }
}

/// The newest execution with a unique or debounce key.
#[derive(Clone, Debug)]
pub(in crate::store) struct KeyHolder {
    pub(in crate::store) execution_id: ExecutionId,
    pub(in crate::store) created_at: Timestamp,
    pub(in crate::store) status: ExecutionStatus,
    /// `true` if it waits for the time of its first attempt.
    pub(in crate::store) delayed: bool,
}

/// The rows and merges to write, and one answer per caller.
#[derive(Debug)]
pub(in crate::store) struct DedupPlan<'b> {
    /// The executions to create.
    pub(in crate::store) rows: Vec<&'b NewExecution>,
    /// Idempotency keys to write, with the execution that answers a repeated request: the created
    /// one, or the one that a unique or debounce key named. The last one of a key wins.
    pub(in crate::store) keys: Vec<NewKey<'b>>,
    /// Merges, to be written after the rows because they may change some of them. The last merge
    /// of an execution wins.
    pub(in crate::store) merges: Vec<Merge<'b>>,
    /// One answer per batch.
    pub(in crate::store) answers: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
}

/// An idempotency key to write.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct NewKey<'b> {
    /// The request that brought the key.
    pub(in crate::store) new: &'b NewExecution,
    pub(in crate::store) key: &'b IdempotencyKey,
    /// The execution that the key names from now on.
    pub(in crate::store) execution_id: ExecutionId,
}

/// A waiting execution that receives the payload of a new one.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Merge<'b> {
    pub(in crate::store) execution_id: ExecutionId,
    pub(in crate::store) payload: &'b str,
    /// The new time at which it is due; `None` if that stays.
    pub(in crate::store) run_at: Option<Timestamp>,
    /// The new time at which it expires; `None` if that stays.
    pub(in crate::store) expires_at: Option<Timestamp>,
}

/// The decision about one new execution.
enum EnqueueDecision {
    /// Create it.
    Create,
    /// Its id exists: an earlier call has created it.
    Repeated,
    /// Its idempotency key names this execution.
    Replayed(ExecutionId),
    /// This live execution has the same unique key.
    Skipped(ExecutionId),
    /// Merge it into this waiting execution, with the new time if there is one.
    Merge {
        execution_id: ExecutionId,
        /// The new due time; `None` keeps the present one.
        run_at: Option<Timestamp>,
        /// The new time of expiry; `None` keeps the present one.
        expires_at: Option<Timestamp>,
    },
    /// Reject its batch.
    Reject(StoreError),
}

impl EnqueueDecision {
    /// Returns the execution that the idempotency key of `new` names from now on.
    fn answered_by(&self, new: &NewExecution) -> Option<ExecutionId> {
        match self {
            Self::Create => Some(new.id),
            Self::Skipped(id)
            | Self::Merge {
                execution_id: id, ..
            } => Some(*id),
            Self::Repeated | Self::Replayed(_) | Self::Reject(_) => None,
        }
    }
}

/// An addition to [`ExistingExecutions`] with the value that it replaced.
#[derive(Debug)]
enum Undo {
    Id(ExecutionId),
    Key((String, String), Option<IdempotencyHolder>),
    Holder((String, DedupKind, String), Option<KeyHolder>),
    Waiting(String),
}

impl ExistingExecutions {
    /// Adds an id that exists.
    pub(in crate::store) fn add_id(&mut self, id: ExecutionId) {
        self.ids.insert(id);
    }

    /// Adds an idempotency key that exists.
    pub(in crate::store) fn add_key(
        &mut self,
        job_id: String,
        key: String,
        found: IdempotencyHolder,
    ) {
        self.keys.insert((job_id, key), found);
    }

    /// Adds a unique or debounce key that exists.
    pub(in crate::store) fn add_holder(
        &mut self,
        job_id: String,
        kind: DedupKind,
        key: String,
        found: KeyHolder,
    ) {
        self.holders.insert((job_id, kind, key), found);
    }

    /// Adds the number of waiting executions of a job with `max_waiting`.
    pub(in crate::store) fn add_waiting(&mut self, job_id: String, count: u64) {
        self.waiting.insert(job_id, count);
    }

    /// Decides about the executions of each batch. A batch with a rejected execution adds no rows
    /// and no merges to the plan.
    pub(in crate::store) fn decide<'b>(mut self, batches: &[&'b [NewExecution]]) -> DedupPlan<'b> {
        let mut plan = DedupPlan {
            rows: Vec::new(),
            keys: Vec::new(),
            merges: Vec::new(),
            answers: Vec::with_capacity(batches.len()),
        };
        for batch in batches {
            let (rows, keys, merges) = (plan.rows.len(), plan.keys.len(), plan.merges.len());
            let answer = self.decide_batch(batch, &mut plan);
            match answer {
                Ok(_) => self.undo.clear(),
                Err(_) => {
                    plan.rows.truncate(rows);
                    plan.keys.truncate(keys);
                    plan.merges.truncate(merges);
                    self.undo_batch();
                }
            }
            plan.answers.push(answer);
        }
        plan
    }

    /// Decides about each execution of a batch, and plans no write. A rejected execution counts as
    /// not created.
    pub(in crate::store) fn preview(
        mut self,
        batch: &[NewExecution],
    ) -> Result<Vec<EnqueuePreview>, StoreError> {
        let mut previews = Vec::with_capacity(batch.len());
        for (index, new) in batch.iter().enumerate() {
            let decision = self.decide_one(index, new);
            if let (Some(id), Some(key)) = (decision.answered_by(new), &new.idempotency_key) {
                self.add_idempotency_key(new, key, id);
            }
            previews.push(match decision {
                EnqueueDecision::Create => {
                    self.add_new(new);
                    EnqueuePreview::Created
                }
                EnqueueDecision::Repeated => EnqueuePreview::Created,
                EnqueueDecision::Replayed(id) => EnqueuePreview::Replayed(id),
                EnqueueDecision::Skipped(id) => EnqueuePreview::Skipped(id),
                EnqueueDecision::Merge {
                    execution_id,
                    run_at,
                    ..
                } => match run_at {
                    None => EnqueuePreview::Replaced(execution_id),
                    Some(run_at) => EnqueuePreview::Merged(execution_id, run_at),
                },
                EnqueueDecision::Reject(error) => match error {
                    StoreError::IdempotencyConflict { execution_id, .. } => {
                        EnqueuePreview::IdempotencyConflict(execution_id)
                    }
                    StoreError::UniqueConflict { execution_id, .. } => {
                        EnqueuePreview::UniqueConflict(execution_id)
                    }
                    StoreError::QueueFull { max_waiting, .. } => {
                        EnqueuePreview::QueueFull(max_waiting)
                    }
                    error => return Err(error),
                },
            });
        }
        Ok(previews)
    }

    fn decide_batch<'b>(
        &mut self,
        batch: &'b [NewExecution],
        plan: &mut DedupPlan<'b>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        let mut answers = Vec::with_capacity(batch.len());
        for (index, new) in batch.iter().enumerate() {
            let decision = self.decide_one(index, new);
            let answered_by = decision.answered_by(new);
            if let (Some(execution_id), Some(key)) = (answered_by, &new.idempotency_key) {
                self.add_idempotency_key(new, key, execution_id);
                plan.keys.push(NewKey {
                    new,
                    key,
                    execution_id,
                });
            }
            answers.push(match decision {
                EnqueueDecision::Create => {
                    self.add_new(new);
                    plan.rows.push(new);
                    EnqueueAnswer::Created
                }
                EnqueueDecision::Repeated => EnqueueAnswer::Created,
                EnqueueDecision::Replayed(id) => EnqueueAnswer::Replayed(id),
                EnqueueDecision::Skipped(id) => EnqueueAnswer::Skipped(id),
                EnqueueDecision::Merge {
                    execution_id,
                    run_at,
                    expires_at,
                } => {
                    plan.merges.push(Merge {
                        execution_id,
                        payload: &new.payload,
                        run_at,
                        expires_at,
                    });
                    EnqueueAnswer::Merged(execution_id)
                }
                EnqueueDecision::Reject(error) => return Err(error),
            });
        }
        Ok(answers)
    }

    fn decide_one(&self, index: usize, new: &NewExecution) -> EnqueueDecision {
        if self.ids.contains(&new.id) {
            return EnqueueDecision::Repeated;
        }
        let by_rules = [
            self.by_idempotency_key(index, new),
            self.by_unique_key(index, new),
            self.by_debounce_key(new),
        ];
        if let Some(decision) = by_rules.into_iter().flatten().next() {
            return decision;
        }
        match new.rules.max_waiting {
            Some(max_waiting)
                if self.waiting.get(&new.job_id).copied().unwrap_or(0) >= max_waiting.into() =>
            {
                EnqueueDecision::Reject(StoreError::QueueFull {
                    index,
                    job_id: new.job_id.clone(),
                    max_waiting,
                })
            }
            _ => EnqueueDecision::Create,
        }
    }

    /// Looks the idempotency key up among the existing keys of the job. An expired key is ignored.
    fn by_idempotency_key(&self, index: usize, new: &NewExecution) -> Option<EnqueueDecision> {
        let IdempotencyKey {
            key,
            payload_digest,
            ..
        } = new.idempotency_key.as_ref()?;
        let existing = self.keys.get(&(new.job_id.clone(), key.clone()))?;
        if existing.expires_at <= new.created_at {
            return None;
        }
        if existing.payload_digest == *payload_digest {
            return Some(EnqueueDecision::Replayed(existing.execution_id));
        }
        Some(EnqueueDecision::Reject(StoreError::IdempotencyConflict {
            index,
            key: key.clone(),
            execution_id: existing.execution_id,
        }))
    }

    /// Looks the unique key up among the existing executions of the job and applies its rule.
    fn by_unique_key(&self, index: usize, new: &NewExecution) -> Option<EnqueueDecision> {
        let unique = new.rules.unique.as_ref()?;
        let name = (new.job_id.clone(), DedupKind::Unique, unique.key.clone());
        let existing = self.holders.get(&name)?;
        let execution_id = existing.execution_id;
        let is_recent = unique.within_ms.is_some_and(|within| {
            existing.created_at.after(Duration::from_millis(within)) > new.created_at
        });
        if !is_recent && !unique.live.contains(&existing.status) {
            return None;
        }
        let is_waiting = matches!(
            existing.status,
            ExecutionStatus::Pending | ExecutionStatus::Queued
        );
        match unique.on_conflict {
            OnConflict::Skip => Some(EnqueueDecision::Skipped(execution_id)),
            OnConflict::Reject => Some(EnqueueDecision::Reject(StoreError::UniqueConflict {
                index,
                execution_id,
            })),
            OnConflict::Replace if is_waiting => Some(EnqueueDecision::Merge {
                execution_id,
                run_at: None,
                // A time of expiry counts from the due time. A pending execution keeps both; a
                // queued one is due now.
                expires_at: match existing.status {
                    ExecutionStatus::Pending => None,
                    _ => expires_at(new, new.created_at),
                },
            }),
            // A running or final execution cannot receive the payload: create the new one.
            OnConflict::Replace => None,
        }
    }

    /// Looks the debounce key up among the delayed executions of the job.
    fn by_debounce_key(&self, new: &NewExecution) -> Option<EnqueueDecision> {
        let debounce = new.rules.debounce.as_ref()?;
        let name = (
            new.job_id.clone(),
            DedupKind::Debounce,
            debounce.key.clone(),
        );
        let existing = self.holders.get(&name).filter(|found| found.delayed)?;
        let requested = new.run_at.unwrap_or(new.created_at);
        let run_at = match debounce.at_most_ms {
            Some(at_most) => {
                let latest = existing.created_at.after(Duration::from_millis(at_most));
                requested.min(latest)
            }
            None => requested,
        };
        Some(EnqueueDecision::Merge {
            execution_id: existing.execution_id,
            run_at: Some(run_at),
            expires_at: expires_at(new, run_at),
        })
    }

    /// Adds an execution that this group creates.
    fn add_new(&mut self, new: &NewExecution) {
        self.ids.insert(new.id);
        self.undo.push(Undo::Id(new.id));
        let delayed = is_delayed(new);
        for kind in DedupKind::ALL {
            let Some(key) = kind.key_of(new) else {
                continue;
            };
            let name = (new.job_id.clone(), kind, key.to_owned());
            let added = KeyHolder {
                execution_id: new.id,
                created_at: new.created_at,
                status: if delayed {
                    ExecutionStatus::Pending
                } else {
                    ExecutionStatus::Queued
                },
                delayed,
            };
            let before = self.holders.insert(name.clone(), added);
            self.undo.push(Undo::Holder(name, before));
        }
        if new.rules.max_waiting.is_some() {
            *self.waiting.entry(new.job_id.clone()).or_default() += 1;
            self.undo.push(Undo::Waiting(new.job_id.clone()));
        }
    }

    /// Adds an idempotency key that this group writes.
    fn add_idempotency_key(
        &mut self,
        new: &NewExecution,
        key: &IdempotencyKey,
        execution_id: ExecutionId,
    ) {
        let name = (new.job_id.clone(), key.key.clone());
        let added = IdempotencyHolder {
            execution_id,
            payload_digest: key.payload_digest.clone(),
            expires_at: key.expires_at,
        };
        let before = self.keys.insert(name.clone(), added);
        self.undo.push(Undo::Key(name, before));
    }

    /// Undoes the additions of the current batch.
    fn undo_batch(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Id(id) => {
                    self.ids.remove(&id);
                }
                Undo::Key(name, None) => {
                    self.keys.remove(&name);
                }
                Undo::Key(name, Some(before)) => {
                    self.keys.insert(name, before);
                }
                Undo::Holder(name, None) => {
                    self.holders.remove(&name);
                }
                Undo::Holder(name, Some(before)) => {
                    self.holders.insert(name, before);
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

/// Returns `true` if an execution with this status keeps an operator from retrying another one with
/// the same unique key. With [`OnConflict::Replace`] one may wait beside a running one.
pub(in crate::store) fn blocks_retry(unique: &UniqueKey, status: ExecutionStatus) -> bool {
    unique.live.contains(&status)
        && (unique.on_conflict != OnConflict::Replace || status != ExecutionStatus::Running)
}

/// Returns `true` if existing executions decide whether this one is created: it has an idempotency
/// key, a unique key, a debounce key or `max_waiting`.
pub(crate) fn needs_dedup(new: &NewExecution) -> bool {
    let EnqueueRules {
        limits: _,
        unique,
        debounce,
        max_waiting,
    } = &new.rules;
    new.idempotency_key.is_some() || unique.is_some() || debounce.is_some() || max_waiting.is_some()
}

/// Returns the time of expiry of a request that is due at `due` instead of its own time: as long
/// after it.
fn expires_at(new: &NewExecution, due: Timestamp) -> Option<Timestamp> {
    let requested = new.run_at.unwrap_or(new.created_at);
    let expires_at = new.expires_at?;
    Some(due.after(expires_at.since(requested)))
}

/// Returns `true` if the execution is pending at first: its time is later than its creation.
pub(in crate::store) fn is_delayed(new: &NewExecution) -> bool {
    new.run_at.is_some_and(|run_at| run_at > new.created_at)
}

/// Returns the events that announce created executions.
///
/// * [`StoreEvent::JobsReady`] if an execution can be claimed at once: it is due, and has no limits
///   or has taken its permits at enqueue (`admitted`). Names the jobs.
/// * [`StoreEvent::Scheduled`] if a promotion has work: for a delayed execution at its time, for a
///   new waiter at its creation, for an execution that expires at that time. The event has the
///   earliest of these times.
pub(in crate::store) fn events(rows: &[&NewExecution], admitted: &[bool]) -> Vec<StoreEvent> {
    let promotion_time = |(row, new): (usize, &&NewExecution)| {
        let is_admitted = admitted.get(row).is_some_and(|admitted| *admitted);
        let is_new_waiter = !new.rules.limits.is_empty() && !is_admitted;
        let at_once = is_new_waiter.then_some(new.created_at);
        new.run_at.filter(|_| is_delayed(new)).or(at_once)
    };
    let times = || rows.iter().enumerate().map(promotion_time);
    let expirations = rows.iter().filter_map(|new| new.expires_at);
    let mut events = Vec::new();
    let ready = rows.iter().zip(times()).filter(|(_, time)| time.is_none());
    let jobs: BTreeSet<&str> = ready.map(|(new, _)| &*new.job_id).collect();
    if !jobs.is_empty() {
        let jobs: Vec<String> = jobs.into_iter().map(str::to_owned).collect();
        events.push(StoreEvent::JobsReady(jobs.into()));
    }
    let first = times().flatten().chain(expirations).min();
    events.extend(first.map(StoreEvent::Scheduled));
    events
}
