//! What is asked of the server itself.

use async_trait::async_trait;
use sqlx::Row;

use super::error::Fault;
use super::operation::{Done, Shape, Transition, quietly};
use super::tx::Db;
use crate::store::StoreError;
use crate::time::Timestamp;

/// The oldest server that understands every statement.
const OLDEST: i32 = 13;

/// What an acknowledged write survives there.
pub(in crate::store::postgres) struct Describe;

#[async_trait]
impl Transition for Describe {
    type Answer = String;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<String>, Fault> {
        let rows = db.fetch(db.query(&db.sql.conn_server_settings)).await?;
        let row = rows.first().ok_or(Fault::Raced)?;
        let number: i32 = row.try_get(0)?;
        let version: &str = row.try_get(1)?;
        if number < OLDEST * 10_000 {
            return Err(Fault::Store(StoreError::Layout(format!(
                "the server is PostgreSQL {version}: version {OLDEST} or later is needed"
            ))));
        }
        let commit: &str = row.try_get(2)?;
        let fsync: &str = row.try_get(3)?;
        Ok(quietly(format!(
            "PostgreSQL {version}, synchronous_commit = {commit}, fsync = {fsync}"
        )))
    }
}

/// Whether it can be read and written.
pub(in crate::store::postgres) struct Ping;

#[async_trait]
impl Transition for Ping {
    type Answer = ();
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<()>, Fault> {
        db.fetch(db.query(&db.sql.conn_ping)).await?;
        Ok(quietly(()))
    }
}

/// Its time.
pub(in crate::store::postgres) struct Time;

#[async_trait]
impl Transition for Time {
    type Answer = Timestamp;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Timestamp>, Fault> {
        let rows = db.fetch(db.query(&db.sql.conn_server_time)).await?;
        let row = rows.first().ok_or(Fault::Raced)?;
        Ok(quietly(Timestamp::from_millis(row.try_get(0)?)))
    }
}
