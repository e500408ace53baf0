//! The gauges of the fleet, for metrics.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::conn::error::DbError;
use super::conn::json;
use super::conn::operation::operation;
use super::operator::queues::queues_on_conn;
use crate::store::decode::telemetry;
use crate::store::{
    PermitGauge, SeriesPoint, SeriesQuery, StoreError, StoreGauges, StoreSizes, TelemetryStore,
};
use crate::time::Timestamp;

/// The most limits whose permits are counted.
const MAX_LIMITS: i64 = 10_000;

/// The largest database whose tables are measured, in bytes: the measurement reads every page.
const MAX_MEASURED: i64 = 256 << 20;

#[async_trait]
impl TelemetryStore for SqliteStore {
    async fn gauges(&self) -> Result<StoreGauges, StoreError> {
        self.read(operation!(|conn| gauges_on_conn(conn))).await
    }

    async fn put_points(&self, points: Vec<SeriesPoint>) -> Result<(), StoreError> {
        self.write(operation!(|conn| put_points_in_txn(conn, &points)))
            .await
    }

    async fn points(&self, query: SeriesQuery) -> Result<Vec<(Timestamp, String)>, StoreError> {
        self.read(operation!(|conn| points_on_conn(conn, &query)))
            .await
    }

    async fn sizes(&self) -> Result<StoreSizes, StoreError> {
        self.read(operation!(|conn| sizes_on_conn(conn))).await
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

async fn put_points_in_txn(
    conn: &mut SqliteConnection,
    points: &[SeriesPoint],
) -> Result<(), DbError> {
    let rows = json::array(points.iter().map(|point| {
        (
            &point.series,
            point.width_s,
            point.at.as_millis(),
            &point.source,
            point.expires_at.as_millis(),
            &point.value,
        )
    }))?;
    sqlx::query(include_str!("sql/telemetry/put_points.sql"))
        .bind(rows)
        .execute(conn)
        .await?;
    Ok(())
}

async fn points_on_conn(
    conn: &mut SqliteConnection,
    query: &SeriesQuery,
) -> Result<Vec<(Timestamp, String)>, DbError> {
    let rows = sqlx::query(include_str!("sql/telemetry/points.sql"))
        .bind(&query.series)
        .bind(query.width_s)
        .bind(query.since.as_millis())
        .bind(i64::try_from(query.limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    telemetry::points(&rows)
}

async fn sizes_on_conn(conn: &mut SqliteConnection) -> Result<StoreSizes, DbError> {
    let bytes: i64 = sqlx::query_scalar(include_str!("sql/telemetry/file_size.sql"))
        .fetch_one(&mut *conn)
        .await?;
    let rows = if bytes <= MAX_MEASURED {
        sqlx::query(include_str!("sql/telemetry/sizes.sql"))
            .fetch_all(conn)
            .await?
    } else {
        Vec::new()
    };
    Ok(StoreSizes {
        bytes: bytes.unsigned_abs(),
        tables: telemetry::sizes(&rows)?,
    })
}
