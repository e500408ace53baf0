//! Enqueue: writes the executions of one or more batches in one transaction.
//!
//! `existing.sql` looks up ids, idempotency keys, unique and debounce keys. By them an
//! [`EnqueuePlan`] decides which executions are created and what each batch is answered.
//! [`Script`](super::conn::script::Script) runs the statements for it. An execution with limits
//! takes its permits here if every limit has a free permit and no waiter; it is then ready at once.
//! Otherwise it is blocked, and the [allocator](super::limits::allocator) admits it later.

use std::collections::BTreeMap;

use serde::ser::{Error as _, Serialize, SerializeSeq, Serializer};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::conn::error::{DbError, corrupt};
use super::conn::json;
use super::conn::json::{Hex, Rare};
use super::conn::script::rows_named;
use super::limits::lookup::ExistingLimits;
use super::limits::permits;
use crate::store::rules::dedup::{
    DedupKind, ExistingExecutions, IdempotencyHolder, KeyHolder, NewKey, events,
};
use crate::store::rules::permits::FreePermits;
use crate::store::rules::retry_text::RetryText;
use crate::store::{EnqueueAnswer, EnqueuePreview, NewExecution, StoreError, StoreEvent};
use crate::time::Timestamp;

/// The rows that a group of batches writes, the answer to each batch, and the events to publish.
///
/// Texts are JSON parameters; `None` means that the statement for it is left out. A *place* is the
/// index of an execution among the new rows.
#[derive(Default)]
pub(super) struct EnqueuePlan {
    /// The executions, in [runs](json::runs).
    pub(super) executions: Option<String>,
    /// The number of executions.
    pub(super) rows: usize,
    /// Places of executions that expire, with their times.
    pub(super) expirations: Option<String>,
    /// Idempotency keys to store.
    pub(super) keys: Option<String>,
    /// The limits of each execution, or `None` if no execution has limits.
    pub(super) limited: Option<String>,
    /// Places of executions with limits that take no permit here. Those that are due are blocked.
    pub(super) blocked: Option<String>,
    /// Places of executions of jobs with `max_waiting`.
    pub(super) capped: Option<String>,
    /// Limits of which permits are taken, with their numbers.
    pub(super) permit_counts: Option<String>,
    /// Unique keys and debounce keys to store.
    pub(super) dedup_keys: Option<String>,
    /// Debounced changes of waiting executions.
    pub(super) merges: Option<String>,
    pub(super) answers: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
    pub(super) events: Vec<StoreEvent>,
}

impl EnqueuePlan {
    /// The plan if every id is new. No execution may have a deduplication key or `max_waiting`.
    pub(super) fn optimistic(
        batches: &[&[NewExecution]],
        limits: &ExistingLimits<'_>,
    ) -> Result<Self, DbError> {
        let answers = batches
            .iter()
            .map(|batch| Ok(vec![EnqueueAnswer::Created; batch.len()]))
            .collect();
        let rows: Vec<_> = batches.iter().flat_map(|batch| batch.iter()).collect();
        Self::new(&rows, answers, limits)
    }

    /// The plan that takes existing executions into account. Each batch is written whole or not at
    /// all.
    pub(super) fn careful(
        batches: &[&[NewExecution]],
        existing: ExistingExecutions,
        limits: &ExistingLimits<'_>,
    ) -> Result<Self, DbError> {
        let dedup = existing.decide(batches);
        let mut plan = Self::new(&dedup.rows, dedup.answers, limits)?;
        plan.keys = some_array(dedup.keys.iter().map(idempotency_key_row))?;
        plan.dedup_keys = some_array(dedup.rows.iter().flat_map(|new| dedup_key_rows(new)))?;
        let new_times = dedup.merges.iter().filter_map(|merge| merge.run_at);
        plan.events
            .extend(new_times.min().map(StoreEvent::Scheduled));
        plan.merges = some_array(dedup.merges.iter().map(|merge| {
            let run_at = merge.run_at.map(Timestamp::as_millis);
            let expires_at = merge.expires_at.map(Timestamp::as_millis);
            (Hex(merge.execution_id), merge.payload, run_at, expires_at)
        }))?;
        Ok(plan)
    }

    fn new(
        rows: &[&NewExecution],
        answers: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
        limits: &ExistingLimits<'_>,
    ) -> Result<Self, DbError> {
        let mut plan = Self {
            answers,
            ..Self::default()
        };
        if rows.is_empty() {
            return Ok(plan);
        }
        plan.rows = rows.len();
        plan.executions = Some(executions(rows)?);
        plan.expirations = some_array(rows.iter().enumerate().filter_map(|(place, new)| {
            let expires_at = new.expires_at?;
            Some((place, expires_at.as_millis()))
        }))?;
        let capped = |place: &usize| rows[*place].rules.max_waiting.is_some();
        plan.capped = some_array((0..rows.len()).filter(capped))?;
        let admitted = plan.take_permits(rows, limits)?;
        plan.events = events(rows, &admitted);
        Ok(plan)
    }

    /// Takes free permits, and returns for each execution whether it is admitted. The list is empty
    /// if no execution has limits.
    fn take_permits(
        &mut self,
        rows: &[&NewExecution],
        limits: &ExistingLimits<'_>,
    ) -> Result<Vec<bool>, DbError> {
        if rows.iter().all(|new| new.rules.limits.is_empty()) {
            return Ok(Vec::new());
        }
        let now = rows.iter().map(|new| new.created_at).min();
        let ids = limits.of_each(rows);
        let mut free = FreePermits::new(now.unwrap_or_default(), limits.free.iter());
        let admitted = free.admit(rows, &ids);
        self.permit_counts = some_array(free.taken().into_iter())?;
        let is_blocked = |place: &usize| !ids[*place].is_empty() && !admitted[*place];
        self.blocked = some_array((0..rows.len()).filter(is_blocked))?;
        self.limited = Some(permits::texts(&ids));
        Ok(admitted)
    }
}

/// The parameter of `insert_executions.sql`.
fn executions(rows: &[&NewExecution]) -> Result<String, DbError> {
    let mut texts = RetryText::default();
    let mut retries = Vec::with_capacity(rows.len());
    for new in rows {
        retries.push(texts.write(&new.policy)?);
    }
    let retries = retries.iter().map(|text| &**text);
    let rows: Vec<(&NewExecution, &str)> = rows.iter().copied().zip(retries).collect();
    json::runs(
        &rows,
        |(new, retry)| {
            let tags = (!new.tags.is_empty()).then(|| Tags(&new.tags));
            let timeout_ms = new.policy.timeout_ms;
            let timeout_ms = timeout_ms.map(|millis| i64::try_from(millis).unwrap_or(i64::MAX));
            (
                &new.job_id,
                &new.queue,
                new.priority,
                timeout_ms,
                new.policy.max_attempts,
                *retry,
                &new.triggered_by,
                &new.created_by,
                tags,
                new.parent_id.map(Hex),
                &new.trace_parent,
                (new.created_at.as_millis(), has_rare(new)),
            )
        },
        |(new, _)| OwnFields(new),
    )
}

/// True if the execution has an optional field that most executions lack.
fn has_rare(new: &NewExecution) -> bool {
    new.run_at.is_some() || new.correlation_id.is_some() || new.item_id.is_some()
}

/// The fields of an execution that differ from row to row.
struct OwnFields<'n>(&'n NewExecution);

impl Serialize for OwnFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(new) = self;
        let mut row = serializer.serialize_seq(None)?;
        row.serialize_element(&Hex(new.id))?;
        row.serialize_element(&new.payload)?;
        let rare = [
            new.run_at.map(|at| Rare::Number(at.as_millis())),
            new.correlation_id.as_deref().map(Rare::Text),
            new.item_id.as_deref().map(Rare::Text),
        ];
        json::write_rare(&mut row, &rare)?;
        row.end()
    }
}

/// Tags, serialized as the JSON text that is stored.
#[derive(PartialEq)]
struct Tags<'n>(&'n [String]);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(self.0).map_err(S::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

/// A JSON array, or `None` if it would be empty.
fn some_array<T: Serialize>(rows: impl Iterator<Item = T>) -> Result<Option<String>, DbError> {
    let mut rows = rows.peekable();
    match rows.peek() {
        Some(_) => json::array(rows).map(Some),
        None => Ok(None),
    }
}

/// Looks up the existing executions with the ids, idempotency keys, unique keys and debounce keys
/// of these batches, and the backlogs of jobs with `max_waiting`.
pub(super) async fn look_up_existing(
    conn: &mut SqliteConnection,
    batches: &[&[NewExecution]],
) -> Result<ExistingExecutions, DbError> {
    let all = || batches.iter().flat_map(|batch| batch.iter());
    let keys = all().filter_map(|new| {
        let key = new.idempotency_key.as_ref()?;
        Some((new.job_id.as_str(), key.key.as_str()))
    });
    let rows = sqlx::query(include_str!("sql/enqueue/existing.sql"))
        .bind(json::array(all().map(|new| Hex(new.id)))?)
        .bind(json::array(keys)?)
        .bind(json::array(all().flat_map(dedup_key_rows))?)
        .fetch_all(&mut *conn)
        .await?;
    let mut existing = ExistingExecutions::default();
    for row in rows_named(&rows, "id") {
        existing.add_id(json::id_from_hex(row.try_get(1)?)?);
    }
    for row in rows_named(&rows, "key") {
        existing.add_key(
            row.try_get(2)?,
            row.try_get(3)?,
            IdempotencyHolder {
                execution_id: json::id_from_hex(row.try_get(1)?)?,
                payload_digest: row.try_get(4)?,
                expires_at: Timestamp::from_millis(row.try_get(5)?),
            },
        );
    }
    for row in rows_named(&rows, "dedup_key") {
        let kind: &str = row.try_get(3)?;
        existing.add_holder(
            row.try_get(2)?,
            DedupKind::of(kind).ok_or_else(|| corrupt("a unique key", kind))?,
            row.try_get(4)?,
            KeyHolder {
                execution_id: json::id_from_hex(row.try_get(1)?)?,
                created_at: Timestamp::from_millis(row.try_get(5)?),
                status: row
                    .try_get::<&str, _>(6)?
                    .parse()
                    .map_err(|error| corrupt("an execution's status", error))?,
                delayed: row.try_get(7)?,
            },
        );
    }
    let mut capped = BTreeMap::new();
    for new in all() {
        if let Some(most) = new.rules.max_waiting {
            // Two versions of a program may have different bounds.
            let counted = capped.entry(&*new.job_id).or_insert(most);
            *counted = most.max(*counted);
        }
    }
    for (job_id, most) in capped {
        let count: i64 = sqlx::query_scalar(include_str!("sql/enqueue/count_backlog.sql"))
            .bind(job_id)
            .bind(most)
            .fetch_one(&mut *conn)
            .await?;
        existing.add_waiting(job_id.to_owned(), count.try_into().unwrap_or(0));
    }
    Ok(existing)
}

/// Decides about a batch, and writes nothing.
pub(super) async fn preview_on_conn(
    conn: &mut SqliteConnection,
    batch: &[NewExecution],
) -> Result<Vec<EnqueuePreview>, DbError> {
    let existing = look_up_existing(conn, &[batch]).await?;
    Ok(existing.preview(batch)?)
}

/// The unique key and the debounce key of an execution, as rows for `write_dedup_keys.sql`.
fn dedup_key_rows(new: &NewExecution) -> impl Iterator<Item = (&str, &'static str, &str, Hex)> {
    DedupKind::ALL.into_iter().filter_map(|kind| {
        let key = kind.key_of(new)?;
        Some((&*new.job_id, kind.as_str(), key, Hex(new.id)))
    })
}

/// An idempotency key, as a row for `write_idempotency_keys.sql`.
fn idempotency_key_row<'b>(new: &NewKey<'b>) -> (&'b str, &'b str, Hex, &'b str, i64) {
    (
        &new.new.job_id,
        &new.key.key,
        Hex(new.execution_id),
        &new.key.payload_digest,
        new.key.expires_at.as_millis(),
    )
}
