//! Retention: bounded deletions of expired executions and of [`leftovers`], turns, and erasure.
//!
//! Searches run on the readers, beside the writer. Each deletion is one transaction of bounded size
//! between two commit groups, so a claim waits for one batch at most.
//!
//! This module imports the connections, `operator` and `transfer`. It must not import `claim`,
//! `enqueue` or `settle`.

mod leftovers;

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::conn::error::{DbError, corrupt};
use super::conn::json;
use super::conn::json::{Hex, id_from_blob};
use super::conn::operation::{Operation, without_events};
use super::transfer::export;
use super::{SqliteStore, operator};
use crate::store::decode::records;
use crate::store::{
    Cursor, EraseAnswer, Erasure, Expired, ExpiryPage, ExpiryScan, Leftover, RetentionStore,
    StoreError, Sweep, TransferredExecution, Turn,
};
use crate::time::Timestamp;

#[async_trait]
impl RetentionStore for SqliteStore {
    async fn take_turn(&self, turn: Turn) -> Result<bool, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move { Ok(without_events(take_turn_in_txn(conn, &turn).await?)) })
        });
        self.writer.write(operation).await
    }

    async fn end_turn(
        &self,
        task: String,
        holder: String,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                sqlx::query(include_str!("sql/retention/end_turn.sql"))
                    .bind(task)
                    .bind(holder)
                    .bind(until.as_millis())
                    .execute(conn)
                    .await?;
                Ok(without_events(()))
            })
        });
        self.writer.write(operation).await
    }

    async fn find_expired(&self, scan: ExpiryScan) -> Result<ExpiryPage, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { find_expired_on_conn(conn, &scan).await })
        }))
        .await
    }

    async fn read_expired(
        &self,
        batch: Vec<Expired>,
    ) -> Result<Vec<TransferredExecution>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move {
                let ids = batch.iter().map(|one| one.execution_id);
                export::listed_on_conn(conn, ids).await
            })
        }))
        .await
    }

    async fn delete_expired(&self, batch: Vec<Expired>) -> Result<Vec<ExecutionId>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move { Ok(without_events(delete_expired_in_txn(conn, &batch).await?)) })
        });
        self.writer.write(operation).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<u64, StoreError> {
        if sweep.rows == Leftover::Limits {
            return leftovers::sweep_limits(self, sweep).await;
        }
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let deleted = leftovers::sweep_in_txn(conn, sweep).await?;
                Ok(without_events(deleted))
            })
        });
        self.writer.write(operation).await
    }

    async fn renew_publications(
        &self,
        jobs: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                sqlx::query(include_str!("sql/retention/renew_publications.sql"))
                    .bind(json::array(jobs)?)
                    .bind(now.as_millis())
                    .execute(conn)
                    .await?;
                Ok(without_events(()))
            })
        });
        self.writer.write(operation).await
    }

    async fn erase(
        &self,
        id: ExecutionId,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<EraseAnswer, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let answer = erase_in_txn(conn, id, by.as_deref(), now).await?;
                Ok(without_events(answer))
            })
        });
        self.writer.write(operation).await
    }
}

async fn take_turn_in_txn(conn: &mut SqliteConnection, turn: &Turn) -> Result<bool, DbError> {
    let taken = sqlx::query(include_str!("sql/retention/take_turn.sql"))
        .bind(&turn.task)
        .bind(&turn.holder)
        .bind(turn.now.as_millis())
        .bind(turn.until.as_millis())
        .bind(turn.latest.as_millis())
        .bind(!turn.urgent)
        .fetch_optional(conn)
        .await?;
    Ok(taken.is_some())
}

async fn find_expired_on_conn(
    conn: &mut SqliteConnection,
    scan: &ExpiryScan,
) -> Result<ExpiryPage, DbError> {
    let sql = match scan.job_id {
        None => concat!(
            include_str!("sql/retention/page_of_all.sql"),
            include_str!("sql/retention/expired.sql")
        ),
        Some(_) => concat!(
            include_str!("sql/retention/page_of_job.sql"),
            include_str!("sql/retention/expired.sql")
        ),
    };
    let query = sqlx::query(sql)
        .bind(scan.after.map_or(0, |after| after.0))
        .bind(i64::try_from(scan.limit).unwrap_or(i64::MAX))
        .bind(scan.cutoffs.succeeded.as_millis())
        .bind(scan.cutoffs.failed.as_millis())
        .bind(scan.cutoffs.cancelled.as_millis())
        .bind(scan.now.as_millis())
        .bind(json::array(&scan.except)?);
    let query = match &scan.job_id {
        None => query,
        Some(job_id) => query.bind(job_id),
    };
    let rows = query.fetch_all(conn).await?;
    let Some(summary) = rows.first() else {
        return Err(corrupt("a page of expired executions", "it has no row"));
    };
    let last: Option<i64> = summary.try_get(0)?;
    let examined: i64 = summary.try_get(1)?;
    let created_at: Option<i64> = summary.try_get(2)?;
    let is_last = scan.is_last_page(examined, created_at.map(Timestamp::from_millis));
    Ok(ExpiryPage {
        expired: rows
            .iter()
            .filter_map(|row| expired(row).transpose())
            .collect::<Result<_, _>>()?,
        next: last.filter(|_| !is_last).map(Cursor),
    })
}

/// Reads an expired execution; `None` from the row of a page without any.
fn expired(row: &SqliteRow) -> Result<Option<Expired>, DbError> {
    let Some(id) = row.try_get::<Option<&[u8]>, _>(3)? else {
        return Ok(None);
    };
    let status: &str = row.try_get(5)?;
    Ok(Some(Expired {
        execution_id: id_from_blob(id)?,
        job_id: row.try_get(4)?,
        status: status
            .parse()
            .map_err(|error| corrupt("an execution's status", error))?,
        finished_at: Timestamp::from_millis(row.try_get(6)?),
        is_erased: row.try_get(7)?,
    }))
}

async fn delete_expired_in_txn(
    conn: &mut SqliteConnection,
    batch: &[Expired],
) -> Result<Vec<ExecutionId>, DbError> {
    let keys = batch.iter().map(|one| {
        let is_erased = u8::from(one.is_erased);
        (
            Hex(one.execution_id),
            one.finished_at.as_millis(),
            is_erased,
        )
    });
    let rows = sqlx::query(include_str!("sql/retention/still_expired.sql"))
        .bind(json::array(keys)?)
        .fetch_all(&mut *conn)
        .await?;
    let (mut seqs, mut ids) = (
        Vec::with_capacity(rows.len()),
        Vec::with_capacity(rows.len()),
    );
    for row in &rows {
        seqs.push(row.try_get(0)?);
        ids.push(id_from_blob(row.try_get(1)?)?);
    }
    operator::delete_all_in_txn(conn, &seqs).await?;
    Ok(ids)
}

async fn erase_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    by: Option<&str>,
    now: Timestamp,
) -> Result<EraseAnswer, DbError> {
    let seq = match operator::state_on_conn(conn, id).await? {
        None => return Ok(EraseAnswer::Unknown),
        Some((_, status)) if !status.is_final() => return Ok(EraseAnswer::NotFinal(status)),
        Some((seq, _)) => seq,
    };
    sqlx::query(include_str!("sql/retention/erase.sql"))
        .bind(seq)
        .bind(now.as_millis())
        .bind(by)
        .execute(&mut *conn)
        .await?;
    let erasure = erasure_on_conn(conn, seq).await?;
    let erasure = erasure.ok_or_else(|| corrupt("an erasure", "it is not recorded"))?;
    Ok(EraseAnswer::Erased(erasure))
}

/// Reads the erasure of an execution, if it was erased.
pub(super) async fn erasure_on_conn(
    conn: &mut SqliteConnection,
    seq: i64,
) -> Result<Option<Erasure>, DbError> {
    let row = sqlx::query(include_str!("sql/retention/erasure.sql"))
        .bind(seq)
        .fetch_one(conn)
        .await?;
    records::erasure(&row)
}
