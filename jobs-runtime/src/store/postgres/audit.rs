//! The audit log.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, without_events};
use super::conn::text::{decode, encode};
use super::conn::tx::Tx;
use crate::store::decode::audit::{self, AuditRow, EXAMINED, Examined};
use crate::store::{AuditEntry, AuditPage, AuditQuery, AuditStore, StoreError};
use crate::time::Timestamp;

#[async_trait]
impl AuditStore for PostgresStore {
    async fn append_audit(&self, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
        let encode = |text: String| encode(&text).into_owned();
        let rows = entries.into_iter();
        let rows: Vec<_> = rows.map(|entry| AuditRow::of(entry, encode)).collect();
        let json = serde_json::to_string(&rows).map_err(|error| StoreError::Corrupt {
            what: "an entry of the audit log".to_owned(),
            reason: error.to_string(),
        })?;
        self.operate(AppendAudit(json)).await
    }

    async fn audit(&self, query: AuditQuery) -> Result<AuditPage, StoreError> {
        self.read(ReadAudit(query)).await
    }
}

/// Adds entries, given as JSON.
struct AppendAudit(String);

#[async_trait]
impl Operation for AppendAudit {
    type Output = ();
    /// A second run would add the entries again.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let query = tx.query(&tx.sql.audit_append).bind(self.0.as_str());
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

/// Reads a page.
struct ReadAudit(AuditQuery);

#[async_trait]
impl Operation for ReadAudit {
    type Output = AuditPage;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<AuditPage>, DbError> {
        let query = &self.0;
        let begin = audit::begin(query);
        let bound = tx.query(&tx.sql.audit_bound).bind(begin).bind(EXAMINED);
        let bound = tx.fetch(bound).await?;
        let bound = bound.first().ok_or(DbError::Raced)?;
        let examined = Examined {
            last: bound.try_get(0)?,
            count: bound.try_get(1)?,
        };
        let list = tx
            .query(&tx.sql.audit_list)
            .bind(begin)
            .bind(examined.last)
            .bind(query.actor.as_deref().map(encode))
            .bind(query.action.as_deref().map(encode))
            .bind(query.target.as_deref().map(encode))
            .bind(query.since.map(Timestamp::as_millis))
            .bind(query.until.map(Timestamp::as_millis))
            .bind(i64::try_from(query.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(list).await?;
        let found = rows.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(without_events(audit::page(query, examined, found)))
    }
}

fn entry(row: &PgRow) -> Result<(i64, AuditEntry), DbError> {
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
    Ok((row.try_get("seq")?, entry.read(decode)))
}
