//! Creating executions, those of several callers at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jobs::ExecutionId;
use serde::ser::{Error as _, Serialize, SerializeSeq, Serializer};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::fault::Fault;
use super::group::rows_named;
use super::json::{self, Hex};
use super::policy::RetryText;
use crate::store::{EnqueueAnswer, IdempotencyKey, NewExecution, StoreError, StoreEvent};
use crate::time::Timestamp;

/// What a transaction writes and how it answers: one answer per caller.
#[derive(Default)]
pub(super) struct EnqueuePlan {
    /// The rows to write, as JSON.
    pub(super) executions: Option<String>,
    /// How many.
    pub(super) rows: usize,
    /// The keys to keep, as JSON.
    pub(super) keys: Option<String>,
    pub(super) answers: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
    pub(super) events: Vec<StoreEvent>,
}

impl EnqueuePlan {
    /// Takes every id for new. Keys need a look.
    pub(super) fn optimistic(batches: &[&[NewExecution]]) -> Result<Self, Fault> {
        let answers = batches
            .iter()
            .map(|batch| Ok(vec![EnqueueAnswer::Created; batch.len()]))
            .collect();
        let rows: Vec<_> = batches.iter().flat_map(|batch| batch.iter()).collect();
        Self::new(&rows, answers)
    }

    /// Decides execution by execution, each caller's all together.
    pub(super) fn careful(
        batches: &[&[NewExecution]],
        mut known: KnownExecutions,
    ) -> Result<Self, Fault> {
        let mut rows = Vec::new();
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            let written_before = rows.len();
            let mut answer = Vec::with_capacity(batch.len());
            let mut conflict = None;
            for (index, new) in batch.iter().enumerate() {
                match known.judge(new) {
                    Judgement::New => {
                        known.learn(new);
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
                        known.forget(new);
                    }
                    Err(error)
                }
            });
        }
        Self::new(&rows, answers)
    }

    fn new(
        rows: &[&NewExecution],
        answers: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
    ) -> Result<Self, Fault> {
        let mut plan = Self {
            answers,
            ..Self::default()
        };
        if rows.is_empty() {
            return Ok(plan);
        }
        plan.rows = rows.len();
        plan.events = events(rows);
        let mut retries = RetryText::default();
        let mut written = Vec::with_capacity(rows.len());
        for new in rows {
            written.push(ExecutionRow(new, retries.write(&new.policy)?));
        }
        plan.executions = Some(json::array(&written)?);
        if rows.iter().any(|new| new.idempotency_key.is_some()) {
            plan.keys = Some(json::array(rows.iter().filter_map(|new| key_row(new)))?);
        }
        Ok(plan)
    }
}

/// Whether, and when, those who wait for work shall look.
fn events(rows: &[&NewExecution]) -> Vec<StoreEvent> {
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

/// What is there already of what callers bring, and what this group has added to it.
#[derive(Default)]
pub(super) struct KnownExecutions {
    ids: HashSet<ExecutionId>,
    keys: HashMap<(String, String), KnownKey>,
}

/// What a key names. `before` is what it named before this group, should the group think better.
struct KnownKey {
    execution_id: ExecutionId,
    payload_digest: String,
    expires_at: Timestamp,
    before: Option<Box<KnownKey>>,
}

enum Judgement {
    New,
    Repeated,
    Replayed(ExecutionId),
    Conflict(String, ExecutionId),
}

impl KnownExecutions {
    /// Looks up all ids and keys that these batches bring.
    pub(super) async fn look(
        conn: &mut SqliteConnection,
        batches: &[&[NewExecution]],
    ) -> Result<Self, Fault> {
        let all = || batches.iter().flat_map(|batch| batch.iter());
        let keys = all().filter_map(|new| {
            let key = new.idempotency_key.as_ref()?;
            Some((new.job_id.as_str(), key.key.as_str()))
        });
        let rows = sqlx::query(include_str!("sql/enqueue_known.sql"))
            .bind(json::array(all().map(|new| Hex(new.id)))?)
            .bind(json::array(keys)?)
            .fetch_all(conn)
            .await?;
        let mut known = Self::default();
        for row in rows_named(&rows, "id") {
            known.ids.insert(json::id_from_hex(row.try_get(1)?)?);
        }
        for row in rows_named(&rows, "key") {
            let key = KnownKey {
                execution_id: json::id_from_hex(row.try_get(1)?)?,
                payload_digest: row.try_get(4)?,
                expires_at: Timestamp::from_millis(row.try_get(5)?),
                before: None,
            };
            known.keys.insert((row.try_get(2)?, row.try_get(3)?), key);
        }
        Ok(known)
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
            Some(known) if known.expires_at > new.created_at => {
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
            let known = KnownKey {
                execution_id: new.id,
                payload_digest: key.payload_digest.clone(),
                expires_at: key.expires_at,
                before,
            };
            self.keys.insert(place, known);
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

/// An execution and the text of its retries, as `enqueue.sql` reads them.
pub(super) struct ExecutionRow<'a>(pub(super) &'a NewExecution, pub(super) Arc<str>);

impl Serialize for ExecutionRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(new, retry) = self;
        let tags = match new.tags.as_slice() {
            [] => None,
            tags => Some(serde_json::to_string(tags).map_err(S::Error::custom)?),
        };
        let timeout_ms = new
            .policy
            .timeout_ms
            .map(|millis| i64::try_from(millis).unwrap_or(i64::MAX));
        let mut row = serializer.serialize_seq(None)?;
        row.serialize_element(&Hex(new.id))?;
        row.serialize_element(&new.job_id)?;
        row.serialize_element(&new.queue)?;
        row.serialize_element(&new.priority)?;
        row.serialize_element(&new.payload)?;
        row.serialize_element(&timeout_ms)?;
        row.serialize_element(&new.policy.max_attempts)?;
        row.serialize_element(&**retry)?;
        row.serialize_element(&new.created_at.as_millis())?;
        row.serialize_element(&new.run_at.unwrap_or(new.created_at).as_millis())?;
        row.serialize_element(&new.triggered_by)?;
        row.serialize_element(&new.correlation_id)?;
        row.serialize_element(&new.item_id)?;
        row.serialize_element(&new.created_by)?;
        row.serialize_element(&tags)?;
        row.serialize_element(&new.parent_id.map(Hex))?;
        row.serialize_element(&new.trace_parent)?;
        row.end()
    }
}

/// A key as `enqueue_keys.sql` reads it.
fn key_row(new: &NewExecution) -> Option<(&str, &str, Hex, &str, i64)> {
    let key = new.idempotency_key.as_ref()?;
    Some((
        &new.job_id,
        &key.key,
        Hex(new.id),
        &key.payload_digest,
        key.expires_at.as_millis(),
    ))
}
