//! Bulk operations: the search for matches, and batches.
//!
//! A batch is one transaction of the writer, between two commit groups. It reads the operation's
//! position first: SQLite has one writer at a time, so the position cannot change meanwhile.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::conn::error::DbError;
use super::conn::operation::{Outcome, operation, without_events};
use super::{SqliteStore, operator, read};
use crate::store::decode::{RowError, readable_rows};
use crate::store::rules::bulk::{self, ItemEffect, NewCounts, OperationRow};
use crate::store::{
    BulkBatch, BulkItem, BulkOperation, Cursor, ExecutionQuery, ItemAct, MatchPage, NewOperation,
    OperationStatus, OperationStore, StoreError, StoreEvent,
};
use crate::time::Timestamp;

#[async_trait]
impl OperationStore for SqliteStore {
    async fn find_matches(&self, query: ExecutionQuery) -> Result<MatchPage, StoreError> {
        self.read(operation!(|conn| read::list::matches_on_conn(conn, &query)))
            .await
    }

    async fn start_operation(&self, new: NewOperation) -> Result<BulkOperation, StoreError> {
        self.write(operation!(|conn| start_in_txn(conn, &new)))
            .await
    }

    async fn operation(&self, id: String) -> Result<Option<BulkOperation>, StoreError> {
        let found = self.read(operation!(|conn| read_on_conn(conn, Some(&id), 1)));
        Ok(found.await?.pop())
    }

    async fn operations(&self, limit: usize) -> Result<Vec<BulkOperation>, StoreError> {
        self.read(operation!(|conn| read_on_conn(conn, None, limit)))
            .await
    }

    async fn next_operation(&self) -> Result<Option<BulkOperation>, StoreError> {
        self.read(operation!(|conn| next_on_conn(conn))).await
    }

    async fn apply_batch(&self, batch: BulkBatch) -> Result<Option<BulkOperation>, StoreError> {
        self.transition(operation!(|conn| apply_in_txn(conn, &batch)))
            .await
    }

    async fn cancel_operation(
        &self,
        id: String,
        now: Timestamp,
    ) -> Result<Option<BulkOperation>, StoreError> {
        self.write(operation!(|conn| cancel_in_txn(conn, &id, now)))
            .await
    }
}

async fn start_in_txn(
    conn: &mut SqliteConnection,
    new: &NewOperation,
) -> Result<BulkOperation, DbError> {
    sqlx::query(include_str!("sql/bulk/insert.sql"))
        .bind(&new.id)
        .bind(bulk::request_text(new)?)
        .bind("running")
        .bind(i64::try_from(new.expected).unwrap_or(i64::MAX))
        .bind(new.exact)
        .bind(new.created_by.as_deref())
        .bind(new.created_at.as_millis())
        .execute(&mut *conn)
        .await?;
    let found = read_on_conn(conn, Some(&new.id), 1).await?.pop();
    found.ok_or(DbError::AssumptionFailed)
}

async fn read_on_conn(
    conn: &mut SqliteConnection,
    id: Option<&str>,
    limit: usize,
) -> Result<Vec<BulkOperation>, DbError> {
    let rows = sqlx::query(include_str!("sql/bulk/read.sql"))
        .bind(id)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    readable_rows("an operation", &rows, record)
}

async fn next_on_conn(conn: &mut SqliteConnection) -> Result<Option<BulkOperation>, DbError> {
    let rows = sqlx::query(include_str!("sql/bulk/next.sql"))
        .fetch_all(conn)
        .await?;
    // One that a newer program has written waits for it, and holds up no other.
    Ok(readable_rows("an operation", &rows, record)?
        .into_iter()
        .next())
}

fn record(row: &SqliteRow) -> Result<BulkOperation, DbError> {
    let row = OperationRow {
        id: row.try_get("id")?,
        request: row.try_get("request")?,
        status: row.try_get("status")?,
        expected: row.try_get("expected")?,
        exact: row.try_get("exact")?,
        changed: row.try_get("changed")?,
        skipped: row.try_get("skipped")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        finished_at: row.try_get("finished_at")?,
        position: row.try_get("position")?,
    };
    Ok(row.read()?)
}

async fn cancel_in_txn(
    conn: &mut SqliteConnection,
    id: &str,
    now: Timestamp,
) -> Result<Option<BulkOperation>, DbError> {
    sqlx::query(include_str!("sql/bulk/cancel.sql"))
        .bind(id)
        .bind(now.as_millis())
        .execute(&mut *conn)
        .await?;
    Ok(read_on_conn(conn, Some(id), 1).await?.pop())
}

/// Writes a batch, the counts and the new position.
async fn apply_in_txn(
    conn: &mut SqliteConnection,
    batch: &BulkBatch,
) -> Result<Outcome<Option<BulkOperation>>, DbError> {
    let id = Some(&*batch.operation);
    let Some(before) = read_on_conn(conn, id, 1).await?.pop() else {
        return Ok(without_events(None));
    };
    if before.status != OperationStatus::Running || before.position != batch.position {
        return Ok(without_events(None));
    }
    let mut events = Vec::new();
    let mut effects = Vec::with_capacity(batch.items.len());
    for item in &batch.items {
        effects.push(apply_item(conn, item, batch.now, &mut events).await?);
    }
    let counts = NewCounts::of(&before, &effects)?;
    sqlx::query(include_str!("sql/bulk/advance.sql"))
        .bind(&batch.operation)
        .bind(counts.changed)
        .bind(counts.skipped)
        .bind(batch.next.map(|Cursor(seq)| seq))
        .bind(batch.now.as_millis())
        .execute(&mut *conn)
        .await?;
    let after = read_on_conn(conn, id, 1).await?.pop();
    Ok((after, StoreEvent::merged(events)))
}

/// Acts on one execution.
async fn apply_item(
    conn: &mut SqliteConnection,
    item: &BulkItem,
    now: Timestamp,
    events: &mut Vec<StoreEvent>,
) -> Result<ItemEffect, DbError> {
    let id = item.id;
    if item.expected.is_some() {
        let found = operator::state_on_conn(conn, id).await?;
        let status = found.map(|(_, status)| status);
        if let Err(reason) = bulk::check_status(item.expected, status) {
            return Ok(Err(reason));
        }
    }
    match &item.act {
        ItemAct::Cancel => {
            let (answer, published) = operator::cancel_in_txn(conn, id, now).await?;
            events.extend(published);
            Ok(bulk::cancelled(answer))
        }
        ItemAct::Retry(rules) => {
            let retried = operator::retry_in_txn(conn, id, None, rules, now).await;
            let retried = retried.map(|(answer, published)| {
                events.extend(published);
                answer
            });
            bulk::retried(retried, DbError::as_store_error)
        }
        ItemAct::Delete => Ok(bulk::deleted(operator::delete_in_txn(conn, id).await?)),
        ItemAct::Edit(edit) => {
            let (answer, published) = operator::edit::edit_in_txn(conn, id, edit, now).await?;
            events.extend(published);
            Ok(bulk::edited(answer))
        }
        ItemAct::Skip(reason) => Ok(Err(*reason)),
    }
}
