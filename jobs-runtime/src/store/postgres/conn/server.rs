//! Operations about the server itself: description, ping, time.

use async_trait::async_trait;
use sqlx::Row;

use super::error::DbError;
use super::operation::{Operation, Outcome, without_events};
use super::tx::Tx;
use crate::store::StoreError;
use crate::time::Timestamp;

/// Oldest supported major version.
const MIN_VERSION: i32 = 13;

/// Describes the server and the durability of an acknowledged write. Fails on an old server.
pub(in crate::store::postgres) struct DescribeServer;

#[async_trait]
impl Operation for DescribeServer {
    type Output = String;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<String>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.conn_server_settings)).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        let number: i32 = row.try_get(0)?;
        let version: &str = row.try_get(1)?;
        if number < MIN_VERSION * 10_000 {
            return Err(DbError::Store(StoreError::Layout(format!(
                "the server is PostgreSQL {version}: version {MIN_VERSION} or later is needed"
            ))));
        }
        let commit: &str = row.try_get(2)?;
        let fsync: &str = row.try_get(3)?;
        Ok(without_events(format!(
            "PostgreSQL {version}, synchronous_commit = {commit}, fsync = {fsync}"
        )))
    }
}

/// Checks that the server can be read and written.
pub(in crate::store::postgres) struct Ping;

#[async_trait]
impl Operation for Ping {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        tx.fetch(tx.query(&tx.sql.conn_ping)).await?;
        Ok(without_events(()))
    }
}

/// Reads the server's clock.
pub(in crate::store::postgres) struct ServerTime;

#[async_trait]
impl Operation for ServerTime {
    type Output = Timestamp;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Timestamp>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.conn_server_time)).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        Ok(without_events(Timestamp::from_millis(row.try_get(0)?)))
    }
}
