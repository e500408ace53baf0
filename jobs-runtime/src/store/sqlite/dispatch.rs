//! Dispatch by a broker: the triggers that write unpublished entries, and the calls of relays and
//! consumers.
//!
//! The triggers are part of the layout while dispatch is on. So every process, and every caller's
//! transaction, writes the entries of the executions that it makes ready. Without dispatch there is
//! no trigger, and no write costs more.
//!
//! This module imports the connections. It must not import `claim`, `enqueue` or `settle`.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteStore;
use super::conn::error::{DbError, corrupt};
use super::conn::json::{self, Hex, id_from_blob};
use super::conn::operation::{operation, silent};
use crate::store::{
    DispatchCursor, DispatchStore, EntryKey, RepublishPage, StoreError, UnpublishedEntry,
    WaitingPlace, WaitingState,
};
use crate::time::Timestamp;

/// The most ready rows that a count examines.
const MAX_EXAMINED: i64 = 50_000;

#[async_trait]
impl DispatchStore for SqliteStore {
    async fn start_dispatch(&self) -> Result<(), StoreError> {
        if self.is_dispatching().await? {
            return Ok(());
        }
        let sql = include_str!("sql/dispatch/start.sql");
        self.writer
            .write(silent(operation!(|conn| run_script_in_txn(conn, sql))))
            .await
    }

    async fn stop_dispatch(&self) -> Result<(), StoreError> {
        let sql = include_str!("sql/dispatch/stop.sql");
        self.writer
            .write(silent(operation!(|conn| run_script_in_txn(conn, sql))))
            .await
    }

    async fn is_dispatching(&self) -> Result<bool, StoreError> {
        self.read(operation!(|conn| is_on_on_conn(conn))).await
    }

    async fn unpublished(
        &self,
        except: Vec<String>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<UnpublishedEntry>, StoreError> {
        self.read(operation!(|conn| unpublished_on_conn(
            conn, &except, now, limit
        )))
        .await
    }

    async fn confirm_published(&self, entries: Vec<EntryKey>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.writer
            .write(silent(operation!(|conn| confirm_in_txn(conn, &entries))))
            .await
    }

    async fn publish_again(&self, ids: Vec<ExecutionId>, at: Timestamp) -> Result<(), StoreError> {
        self.writer
            .write(silent(operation!(|conn| publish_again_in_txn(
                conn, &ids, at
            ))))
            .await
    }

    async fn republish(
        &self,
        jobs: Vec<String>,
        after: Option<DispatchCursor>,
        limit: usize,
    ) -> Result<RepublishPage, StoreError> {
        self.writer
            .write(silent(operation!(|conn| republish_in_txn(
                conn, &jobs, after, limit
            ))))
            .await
    }

    async fn ready_counts(
        &self,
        jobs: Vec<String>,
        most: usize,
    ) -> Result<Vec<(String, usize)>, StoreError> {
        self.read(operation!(|conn| ready_counts_on_conn(conn, &jobs, most)))
            .await
    }

    async fn waiting_states(&self, ids: Vec<ExecutionId>) -> Result<Vec<WaitingState>, StoreError> {
        self.read(operation!(|conn| waiting_states_on_conn(conn, &ids)))
            .await
    }
}

async fn run_script_in_txn(conn: &mut SqliteConnection, sql: &'static str) -> Result<(), DbError> {
    sqlx::raw_sql(sql).execute(conn).await?;
    Ok(())
}

async fn is_on_on_conn(conn: &mut SqliteConnection) -> Result<bool, DbError> {
    let is_on = sqlx::query_scalar(include_str!("sql/dispatch/is_on.sql"));
    Ok(is_on.fetch_one(conn).await?)
}

async fn unpublished_on_conn(
    conn: &mut SqliteConnection,
    except: &[String],
    now: Timestamp,
    limit: usize,
) -> Result<Vec<UnpublishedEntry>, DbError> {
    let groups = sqlx::query_as::<_, (String, String)>(include_str!("sql/dispatch/groups.sql"))
        .bind(json::array(except)?)
        .fetch_all(&mut *conn)
        .await?;
    let mut entries = Vec::new();
    for (queue, job_id) in groups {
        let rows = sqlx::query(include_str!("sql/dispatch/unpublished.sql"))
            .bind(&queue)
            .bind(&job_id)
            .bind(now.as_millis())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut *conn)
            .await?;
        for row in &rows {
            entries.push(entry(row, &queue, &job_id)?);
        }
    }
    entries.sort_by_key(|entry| (entry.key.rank, entry.key.row));
    entries.truncate(limit);
    Ok(entries)
}

fn entry(row: &SqliteRow, queue: &str, job_id: &str) -> Result<UnpublishedEntry, DbError> {
    let rank: i16 = row.try_get(0)?;
    Ok(UnpublishedEntry {
        key: EntryKey {
            queue: queue.to_owned(),
            job_id: job_id.to_owned(),
            rank,
            row: row.try_get(1)?,
            attempt: row.try_get(2)?,
            version: row.try_get(3)?,
        },
        execution_id: id_from_blob(row.try_get(4)?)?,
        priority: u8::try_from(100 - rank).unwrap_or(0),
    })
}

async fn confirm_in_txn(conn: &mut SqliteConnection, entries: &[EntryKey]) -> Result<(), DbError> {
    let keys = entries.iter().map(|key| {
        (
            &key.queue,
            &key.job_id,
            key.rank,
            key.row,
            key.attempt,
            key.version,
        )
    });
    sqlx::query(include_str!("sql/dispatch/confirm_published.sql"))
        .bind(json::array(keys)?)
        .execute(conn)
        .await?;
    Ok(())
}

async fn publish_again_in_txn(
    conn: &mut SqliteConnection,
    ids: &[ExecutionId],
    at: Timestamp,
) -> Result<(), DbError> {
    if !is_on_on_conn(conn).await? {
        return Ok(());
    }
    sqlx::query(include_str!("sql/dispatch/publish_again.sql"))
        .bind(json::array(ids.iter().copied().map(Hex))?)
        .bind(at.as_millis())
        .execute(conn)
        .await?;
    Ok(())
}

async fn republish_in_txn(
    conn: &mut SqliteConnection,
    jobs: &[String],
    after: Option<DispatchCursor>,
    limit: usize,
) -> Result<RepublishPage, DbError> {
    let after = after.unwrap_or(DispatchCursor {
        queue: String::new(),
        rank: i16::MIN,
        row: 0,
    });
    let page = sqlx::query(include_str!("sql/dispatch/republish_page.sql"))
        .bind(&after.queue)
        .bind(after.rank)
        .bind(after.row)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *conn)
        .await?;
    let Some(last) = page.last() else {
        return Ok(RepublishPage {
            written: 0,
            next: None,
        });
    };
    let last = DispatchCursor {
        queue: last.try_get(0)?,
        rank: last.try_get(1)?,
        row: last.try_get(2)?,
    };
    let done = sqlx::query(include_str!("sql/dispatch/republish.sql"))
        .bind(json::array(jobs)?)
        .bind(&after.queue)
        .bind(after.rank)
        .bind(after.row)
        .bind(&last.queue)
        .bind(last.rank)
        .bind(last.row)
        .execute(conn)
        .await?;
    Ok(RepublishPage {
        written: usize::try_from(done.rows_affected()).unwrap_or(usize::MAX),
        next: (page.len() >= limit).then_some(last),
    })
}

/// Counts among the first [`MAX_EXAMINED`] ready rows: the table has no index by job.
async fn ready_counts_on_conn(
    conn: &mut SqliteConnection,
    jobs: &[String],
    most: usize,
) -> Result<Vec<(String, usize)>, DbError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let counts = sqlx::query_as::<_, (String, i64)>(include_str!("sql/dispatch/ready_counts.sql"))
        .bind(json::array(jobs)?)
        .bind(most)
        .bind(MAX_EXAMINED)
        .fetch_all(conn)
        .await?;
    let counts = counts.into_iter();
    Ok(counts
        .map(|(job, count)| (job, usize::try_from(count).unwrap_or(0)))
        .collect())
}

async fn waiting_states_on_conn(
    conn: &mut SqliteConnection,
    ids: &[ExecutionId],
) -> Result<Vec<WaitingState>, DbError> {
    let rows = sqlx::query(include_str!("sql/dispatch/waiting_states.sql"))
        .bind(json::array(ids.iter().copied().map(Hex))?)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(WaitingState {
                execution_id: id_from_blob(row.try_get(0)?)?,
                job_id: row.try_get(1)?,
                queue: row.try_get(2)?,
                place: WaitingPlace::from_word(row.try_get(3)?)
                    .ok_or_else(|| corrupt("an execution's place", "the word is unknown"))?,
            })
        })
        .collect()
}
