//! The audit log.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteStore;
use super::conn::error::DbError;
use super::conn::operation::operation;
use crate::store::decode::audit::{self, AuditRow, EXAMINED, Examined};
use crate::store::{AuditEntry, AuditPage, AuditQuery, AuditStore, StoreError};
use crate::time::Timestamp;

#[async_trait]
impl AuditStore for SqliteStore {
    async fn append_audit(&self, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
        let rows = entries.into_iter();
        let rows: Vec<_> = rows.map(|entry| AuditRow::of(entry, |text| text)).collect();
        self.write(operation!(|conn| append_in_txn(conn, &rows)))
            .await
    }

    async fn audit(&self, query: AuditQuery) -> Result<AuditPage, StoreError> {
        self.read(operation!(|conn| page_on_conn(conn, &query)))
            .await
    }
}

async fn append_in_txn(conn: &mut SqliteConnection, rows: &[AuditRow]) -> Result<(), DbError> {
    for row in rows {
        sqlx::query(include_str!("sql/audit/append.sql"))
            .bind(row.at)
            .bind(&row.actor)
            .bind(&row.role)
            .bind(&row.address)
            .bind(&row.action)
            .bind(&row.target)
            .bind(&row.before)
            .bind(&row.after)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

async fn page_on_conn(
    conn: &mut SqliteConnection,
    query: &AuditQuery,
) -> Result<AuditPage, DbError> {
    let begin = audit::begin(query);
    let bound = sqlx::query(include_str!("sql/audit/bound.sql"))
        .bind(begin)
        .bind(EXAMINED)
        .fetch_one(&mut *conn)
        .await?;
    let examined = Examined {
        last: bound.try_get(0)?,
        count: bound.try_get(1)?,
    };
    let rows = sqlx::query(include_str!("sql/audit/list.sql"))
        .bind(begin)
        .bind(examined.last)
        .bind(&query.actor)
        .bind(&query.action)
        .bind(&query.target)
        .bind(query.since.map(Timestamp::as_millis))
        .bind(query.until.map(Timestamp::as_millis))
        .bind(i64::try_from(query.limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    let found = rows.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(audit::page(query, examined, found))
}

fn entry(row: &SqliteRow) -> Result<(i64, AuditEntry), DbError> {
    let entry = AuditRow {
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        role: row.try_get("role")?,
        address: row.try_get("address")?,
        action: row.try_get("action")?,
        target: row.try_get("target")?,
        before: row.try_get("before")?,
        after: row.try_get("after")?,
    };
    Ok((row.try_get("seq")?, entry.read(|text| text)))
}
