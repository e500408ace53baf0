//! Bulk operations: the search for matches, and batches.
//!
//! A batch locks the operation's row first, so one process at a time executes a batch of it. Then
//! it locks the keys and the backlogs of all its retries, in the order of an enqueue.

use async_trait::async_trait;
use jobs::ExecutionStatus::{Pending, Queued};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::text::{decode, encode};
use super::conn::tx::Tx;
use super::operator::edit::EditExecution;
use super::operator::{self, Cancel, Delete, Retry};
use super::read::list::FindMatches;
use crate::store::decode::{RowError, readable_rows};
use crate::store::rules::bulk::{self, ItemEffect, NewCounts, OperationRow};
use crate::store::{
    BulkBatch, BulkItem, BulkOperation, CancelAnswer, Cursor, ExecutionQuery, ItemAct, MatchPage,
    NewOperation, OperationStatus, OperationStore, SkipReason, StoreError, StoreEvent,
};
use crate::time::Timestamp;

#[async_trait]
impl OperationStore for PostgresStore {
    async fn find_matches(&self, query: ExecutionQuery) -> Result<MatchPage, StoreError> {
        self.read(FindMatches(query)).await
    }

    async fn start_operation(&self, new: NewOperation) -> Result<BulkOperation, StoreError> {
        self.operate(StartOperation(new)).await
    }

    async fn operation(&self, id: String) -> Result<Option<BulkOperation>, StoreError> {
        Ok(self.read(ReadOperations(Some(id), 1)).await?.pop())
    }

    async fn operations(&self, limit: usize) -> Result<Vec<BulkOperation>, StoreError> {
        self.read(ReadOperations(None, limit)).await
    }

    async fn next_operation(&self) -> Result<Option<BulkOperation>, StoreError> {
        self.read(NextOperation).await
    }

    async fn apply_batch(&self, batch: BulkBatch) -> Result<Option<BulkOperation>, StoreError> {
        // On the pool of retention: a batch may take longer than an operator's own call.
        self.retention.run(ApplyBatch(batch)).await
    }

    async fn cancel_operation(
        &self,
        id: String,
        now: Timestamp,
    ) -> Result<Option<BulkOperation>, StoreError> {
        self.operate(CancelOperation(id, now)).await
    }
}

struct StartOperation(NewOperation);

#[async_trait]
impl Operation for StartOperation {
    type Output = BulkOperation;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<BulkOperation>, DbError> {
        let Self(new) = self;
        let query = tx
            .query(&tx.sql.bulk_insert)
            .bind(encode(&new.id))
            .bind(encode(&bulk::request_text(new)?))
            .bind("running")
            .bind(i64::try_from(new.expected).unwrap_or(i64::MAX))
            .bind(new.exact)
            .bind(new.created_by.as_deref().map(encode))
            .bind(new.created_at.as_millis());
        tx.execute(query).await?;
        let found = read(tx, Some(&new.id), 1).await?.pop();
        found.map(without_events).ok_or(DbError::Raced)
    }
}

struct ReadOperations(Option<String>, usize);

#[async_trait]
impl Operation for ReadOperations {
    type Output = Vec<BulkOperation>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self(id, limit) = self;
        Ok(without_events(read(tx, id.as_deref(), *limit).await?))
    }
}

struct NextOperation;

#[async_trait]
impl Operation for NextOperation {
    type Output = Option<BulkOperation>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.bulk_next)).await?;
        // One that a newer program has written waits for it, and holds up no other.
        let readable = readable_rows("an operation", &rows, record)?;
        Ok(without_events(readable.into_iter().next()))
    }
}

struct CancelOperation(String, Timestamp);

#[async_trait]
impl Operation for CancelOperation {
    type Output = Option<BulkOperation>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self(id, now) = self;
        let query = tx
            .query(&tx.sql.bulk_cancel)
            .bind(encode(id))
            .bind(now.as_millis());
        tx.execute(query).await?;
        Ok(without_events(read(tx, Some(id), 1).await?.pop()))
    }
}

/// Writes a batch, the counts and the new position.
struct ApplyBatch(BulkBatch);

#[async_trait]
impl Operation for ApplyBatch {
    type Output = Option<BulkOperation>;
    const TX_MODE: TxMode = TxMode::Transaction;
    /// A second run would find the position of the first, and answer `None`.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self(batch) = self;
        let query = tx.query(&tx.sql.bulk_lock).bind(encode(&batch.operation));
        let rows = tx.fetch(query).await?;
        let Some(before) = rows.first().map(record).transpose()? else {
            return Ok(without_events(None));
        };
        if before.status != OperationStatus::Running || before.position != batch.position {
            return Ok(without_events(None));
        }
        lock_rules(tx, &batch.items).await?;
        let mut events = Vec::new();
        let mut effects = Vec::with_capacity(batch.items.len());
        for item in &batch.items {
            effects.push(apply_item(tx, item, batch.now, &mut events).await?);
        }
        let counts = NewCounts::of(&before, &effects)?;
        let query = tx
            .query(&tx.sql.bulk_advance)
            .bind(encode(&batch.operation))
            .bind(counts.changed)
            .bind(counts.skipped)
            .bind(batch.next.map(|Cursor(seq)| seq))
            .bind(batch.now.as_millis());
        tx.execute(query).await?;
        let after = read(tx, Some(&batch.operation), 1).await?.pop();
        Ok((after, StoreEvent::merged(events)))
    }
}

/// Locks the unique keys and the backlog counts of all retries of a batch, in the order of an
/// enqueue. The retries then lock nothing more.
async fn lock_rules(tx: &mut Tx<'_>, items: &[BulkItem]) -> Result<(), DbError> {
    let mut keys: (Vec<_>, Vec<_>, Vec<_>) = Default::default();
    let mut capped = Vec::new();
    for item in items {
        let ItemAct::Retry(rules) = &item.act else {
            continue;
        };
        if let Some(unique) = &rules.unique {
            keys.0.push(encode(&item.job_id));
            keys.1.push("unique");
            keys.2.push(encode(&unique.key));
        }
        if rules.max_waiting.is_some() {
            capped.push(encode(&item.job_id));
        }
    }
    if !keys.0.is_empty() {
        let query = tx
            .query(&tx.sql.enqueue_lock_dedup_keys)
            .bind(keys.0)
            .bind(keys.1)
            .bind(keys.2);
        tx.fetch(query).await?;
    }
    if !capped.is_empty() {
        capped.sort_unstable();
        capped.dedup();
        tx.fetch(tx.query(&tx.sql.enqueue_lock_backlog).bind(capped))
            .await?;
    }
    Ok(())
}

/// Acts on one execution.
async fn apply_item(
    tx: &mut Tx<'_>,
    item: &BulkItem,
    now: Timestamp,
    events: &mut Vec<StoreEvent>,
) -> Result<ItemEffect, DbError> {
    let id = item.id;
    if item.expected.is_some() {
        let status = operator::status_of(tx, id).await?;
        if let Err(reason) = bulk::check_status(item.expected, status) {
            return Ok(Err(reason));
        }
    }
    match &item.act {
        ItemAct::Cancel => {
            // Between the check above and the cancellation a worker may claim the execution.
            let cancel = Cancel {
                id,
                now,
                waiting_only: matches!(item.expected, Some(Pending | Queued)),
            };
            let (answer, published) = cancel.run(tx).await?;
            events.extend(published);
            if cancel.waiting_only && answer == CancelAnswer::Requested {
                return Ok(Err(SkipReason::StatusChanged));
            }
            Ok(bulk::cancelled(answer))
        }
        ItemAct::Retry(rules) => {
            let retry = Retry {
                id,
                payload: None,
                rules: rules.clone(),
                now,
            };
            let retried = retry.run(tx).await.map(|(answer, published)| {
                events.extend(published);
                answer
            });
            bulk::retried(retried, DbError::as_store_error)
        }
        ItemAct::Delete => {
            let (answer, _) = Delete(id).run(tx).await?;
            Ok(bulk::deleted(answer))
        }
        ItemAct::Edit(edit) => {
            let edit = edit.clone();
            let (answer, published) = EditExecution { id, edit, now }.run(tx).await?;
            events.extend(published);
            Ok(bulk::edited(answer))
        }
        ItemAct::Skip(reason) => Ok(Err(*reason)),
    }
}

async fn read(
    tx: &mut Tx<'_>,
    id: Option<&str>,
    limit: usize,
) -> Result<Vec<BulkOperation>, DbError> {
    let query = tx
        .query(&tx.sql.bulk_read)
        .bind(id.map(encode))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = tx.fetch(query).await?;
    readable_rows("an operation", &rows, record)
}

fn record(row: &PgRow) -> Result<BulkOperation, DbError> {
    let created_by: Option<String> = row.try_get("created_by")?;
    let row = OperationRow {
        id: decode(row.try_get("id")?),
        request: decode(row.try_get("request")?),
        status: row.try_get("status")?,
        expected: row.try_get("expected")?,
        exact: row.try_get("exact")?,
        changed: row.try_get("changed")?,
        skipped: row.try_get("skipped")?,
        created_by: created_by.map(decode),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        finished_at: row.try_get("finished_at")?,
        position: row.try_get("position")?,
    };
    Ok(row.read()?)
}
