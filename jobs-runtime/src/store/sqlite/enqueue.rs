//! Creating executions, those of several callers at once.

use std::sync::Arc;

use serde::ser::{Error as _, Serialize, SerializeSeq, Serializer};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::fault::Fault;
use super::group::rows_named;
use super::json::{self, Hex};
use crate::store::admission::{KnownExecutions, KnownKey, events};
use crate::store::policy::RetryText;
use crate::store::{EnqueueAnswer, NewExecution, StoreError, StoreEvent};
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
        known: KnownExecutions,
    ) -> Result<Self, Fault> {
        let admitted = known.admit(batches);
        Self::new(&admitted.rows, admitted.answers)
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

/// Looks up all ids and keys that these batches bring.
pub(super) async fn look(
    conn: &mut SqliteConnection,
    batches: &[&[NewExecution]],
) -> Result<KnownExecutions, Fault> {
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
    let mut known = KnownExecutions::default();
    for row in rows_named(&rows, "id") {
        known.add_id(json::id_from_hex(row.try_get(1)?)?);
    }
    for row in rows_named(&rows, "key") {
        known.add_key(
            row.try_get(2)?,
            row.try_get(3)?,
            KnownKey {
                execution_id: json::id_from_hex(row.try_get(1)?)?,
                payload_digest: row.try_get(4)?,
                expires_at: Timestamp::from_millis(row.try_get(5)?),
            },
        );
    }
    Ok(known)
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
