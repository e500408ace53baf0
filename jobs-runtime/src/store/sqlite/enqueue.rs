//! Creating executions, those of several callers at once.

use std::collections::BTreeMap;

use serde::ser::{Error as _, Serialize, SerializeSeq, Serializer};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::conn::error::{Fault, corrupt};
use super::conn::json;
use super::conn::json::{Hex, Rare};
use super::conn::script::rows_named;
use super::limits::lookup::KnownLimits;
use super::limits::permits;
use crate::store::rules::dedup::{
    DedupKind, ExistingExecutions, ExistingKey, ExistingName, events,
};
use crate::store::rules::permits::{FreePermits, LimitId};
use crate::store::rules::retry_text::RetryText;
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
    /// If any has limits: those of each, as JSON, and the last of them if all have the same.
    pub(super) limited: Option<String>,
    pub(super) last_limit: Option<LimitId>,
    /// The places of those that stand at the door, as JSON.
    pub(super) held: Option<String>,
    /// The places of those that are counted, as JSON.
    pub(super) capped: Option<String>,
    /// The permits that those have who need not wait, as JSON: limits of which one is taken, and how many
    /// of the others.
    pub(super) taken_once: Option<String>,
    pub(super) taken: Option<String>,
    /// The rank of the least urgent of those.
    pub(super) last_rank: i64,
    /// The keys by which executions are the same one, as JSON.
    pub(super) names: Option<String>,
    /// What waiting executions take over, as JSON.
    pub(super) merges: Option<String>,
    pub(super) answers: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
    pub(super) events: Vec<StoreEvent>,
}

impl EnqueuePlan {
    /// Takes every id for new; nothing else but limits may stand in the way.
    pub(super) fn optimistic(
        batches: &[&[NewExecution]],
        limits: &KnownLimits<'_>,
    ) -> Result<Self, Fault> {
        let answers = batches
            .iter()
            .map(|batch| Ok(vec![EnqueueAnswer::Created; batch.len()]))
            .collect();
        let rows: Vec<_> = batches.iter().flat_map(|batch| batch.iter()).collect();
        Self::new(&rows, answers, limits)
    }

    /// Decides execution by execution, each caller's all together.
    pub(super) fn careful(
        batches: &[&[NewExecution]],
        known: ExistingExecutions,
        limits: &KnownLimits<'_>,
    ) -> Result<Self, Fault> {
        let admitted = known.decide(batches);
        let mut plan = Self::new(&admitted.rows, admitted.answers, limits)?;
        plan.keys = some_array(admitted.rows.iter().filter_map(|new| key_row(new)))?;
        plan.names = some_array(admitted.rows.iter().flat_map(|new| name_rows(new)))?;
        let put_off = admitted.merges.iter().filter_map(|merge| merge.run_at);
        plan.events.extend(put_off.min().map(StoreEvent::Scheduled));
        plan.merges = some_array(admitted.merges.iter().map(|merge| {
            let run_at = merge.run_at.map(Timestamp::as_millis);
            (Hex(merge.execution_id), merge.payload, run_at)
        }))?;
        Ok(plan)
    }

    fn new(
        rows: &[&NewExecution],
        answers: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
        limits: &KnownLimits<'_>,
    ) -> Result<Self, Fault> {
        let mut plan = Self {
            answers,
            ..Self::default()
        };
        if rows.is_empty() {
            return Ok(plan);
        }
        plan.rows = rows.len();
        plan.executions = Some(executions(rows)?);
        let entered = plan.admit(rows, limits)?;
        plan.events = events(rows, &entered);
        Ok(plan)
    }

    /// Has those enter for whom there is room, and says for each whether it has; of none without limits.
    fn admit(
        &mut self,
        rows: &[&NewExecution],
        limits: &KnownLimits<'_>,
    ) -> Result<Vec<bool>, Fault> {
        let capped = |place: &usize| rows[*place].rules.max_waiting.is_some();
        self.capped = some_array((0..rows.len()).filter(capped))?;
        if rows.iter().all(|new| new.rules.limits.is_empty()) {
            return Ok(Vec::new());
        }
        let now = rows.iter().map(|new| new.created_at).min();
        let ids = limits.of_each(rows);
        let mut doors = FreePermits::new(now.unwrap_or_default(), limits.free.iter());
        let entered = doors.admit(rows, &ids);
        let (once, more): (Vec<_>, Vec<_>) = doors
            .taken()
            .into_iter()
            .partition(|(_, taken)| *taken == 1);
        self.taken_once = some_array(once.into_iter().map(|(limit, _)| limit))?;
        self.taken = some_array(more.into_iter())?;
        let ranks = rows.iter().zip(&entered).filter(|(_, entered)| **entered);
        let ranks = ranks.map(|(new, _)| 100 - i64::from(new.priority));
        self.last_rank = ranks.max().unwrap_or(0);
        let at_the_door = |place: &usize| !ids[*place].is_empty() && !entered[*place];
        self.held = some_array((0..rows.len()).filter(at_the_door))?;
        self.limited = Some(permits::texts(&ids));
        let mut limited = ids.iter().filter(|ids| !ids.is_empty());
        let first = limited.next();
        self.last_limit = first
            .filter(|first| limited.all(|ids| ids == *first))
            .and_then(|first| first.last().copied());
        Ok(entered)
    }
}

/// The executions as `enqueue.sql` reads them.
fn executions(rows: &[&NewExecution]) -> Result<String, Fault> {
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

/// Whether it has fields that most do without.
fn has_rare(new: &NewExecution) -> bool {
    new.run_at.is_some() || new.correlation_id.is_some() || new.item_id.is_some()
}

/// What an execution has for itself.
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

/// Tags, as the text that is stored.
#[derive(PartialEq)]
struct Tags<'n>(&'n [String]);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(self.0).map_err(S::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

/// `None` for an empty one.
fn some_array<T: Serialize>(rows: impl Iterator<Item = T>) -> Result<Option<String>, Fault> {
    let mut rows = rows.peekable();
    match rows.peek() {
        Some(_) => json::array(rows).map(Some),
        None => Ok(None),
    }
}

/// Looks up all ids and keys that these batches bring.
pub(super) async fn look(
    conn: &mut SqliteConnection,
    batches: &[&[NewExecution]],
) -> Result<ExistingExecutions, Fault> {
    let all = || batches.iter().flat_map(|batch| batch.iter());
    let keys = all().filter_map(|new| {
        let key = new.idempotency_key.as_ref()?;
        Some((new.job_id.as_str(), key.key.as_str()))
    });
    let rows = sqlx::query(include_str!("sql/enqueue/known.sql"))
        .bind(json::array(all().map(|new| Hex(new.id)))?)
        .bind(json::array(keys)?)
        .bind(json::array(all().flat_map(name_rows))?)
        .fetch_all(&mut *conn)
        .await?;
    let mut known = ExistingExecutions::default();
    for row in rows_named(&rows, "id") {
        known.add_id(json::id_from_hex(row.try_get(1)?)?);
    }
    for row in rows_named(&rows, "key") {
        known.add_key(
            row.try_get(2)?,
            row.try_get(3)?,
            ExistingKey {
                execution_id: json::id_from_hex(row.try_get(1)?)?,
                payload_digest: row.try_get(4)?,
                expires_at: Timestamp::from_millis(row.try_get(5)?),
            },
        );
    }
    for row in rows_named(&rows, "name") {
        let kind: &str = row.try_get(3)?;
        known.add_name(
            row.try_get(2)?,
            DedupKind::of(kind).ok_or_else(|| corrupt("a unique key", kind))?,
            row.try_get(4)?,
            ExistingName {
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
    let capped = all().filter_map(|new| Some((&*new.job_id, new.rules.max_waiting?)));
    for (job_id, most) in capped.collect::<BTreeMap<_, _>>() {
        let count: i64 = sqlx::query_scalar(include_str!("sql/enqueue/backlog.sql"))
            .bind(job_id)
            .bind(most)
            .fetch_one(&mut *conn)
            .await?;
        known.add_waiting(job_id.to_owned(), count.try_into().unwrap_or(0));
    }
    Ok(known)
}

/// The keys by which an execution is the same as another, as `enqueue_names.sql` reads them.
fn name_rows(new: &NewExecution) -> impl Iterator<Item = (&str, &'static str, &str, Hex)> {
    DedupKind::ALL.into_iter().filter_map(|naming| {
        let key = naming.key_of(new)?;
        Some((&*new.job_id, naming.as_str(), key, Hex(new.id)))
    })
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
