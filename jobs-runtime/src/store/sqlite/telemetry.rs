//! The gauges of the fleet, for metrics.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::conn::error::DbError;
use super::conn::operation::operation;
use super::operator::queues::queues_on_conn;
use crate::store::{PermitGauge, StoreError, StoreGauges, TelemetryStore};
use crate::time::Timestamp;

/// The most limits whose permits are counted.
const MAX_LIMITS: i64 = 10_000;

#[async_trait]
impl TelemetryStore for SqliteStore {
    async fn gauges(&self) -> Result<StoreGauges, StoreError> {
        self.read(operation!(|conn| gauges_on_conn(conn))).await
    }
}

async fn gauges_on_conn(conn: &mut SqliteConnection) -> Result<StoreGauges, DbError> {
    let queues = queues_on_conn(conn).await?;
    let heads = sqlx::query(include_str!("sql/telemetry/queue_heads.sql"))
        .fetch_all(&mut *conn)
        .await?;
    let heads: Vec<_> = heads
        .iter()
        .map(|row| Ok((row.try_get(0)?, Timestamp::from_millis(row.try_get(1)?))))
        .collect::<Result<_, DbError>>()?;
    let permits = sqlx::query(include_str!("sql/telemetry/permits.sql"))
        .bind(MAX_LIMITS)
        .fetch_all(conn)
        .await?;
    let permits = permits
        .iter()
        .map(|row| {
            Ok(PermitGauge {
                job_id: row.try_get(0)?,
                in_use: row.try_get(1)?,
            })
        })
        .collect::<Result<_, DbError>>()?;
    Ok(StoreGauges::new(queues, &heads, permits))
}
