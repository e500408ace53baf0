//! The gauges of the fleet, for metrics.

use async_trait::async_trait;
use sqlx::Row;

use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, without_events};
use super::conn::text::{self, encode};
use super::conn::tx::Tx;
use super::operator::queues::ListQueues;
use super::{PostgresStore, number};
use crate::store::decode::telemetry;
use crate::store::{
    PermitGauge, SeriesPoint, SeriesQuery, StoreError, StoreGauges, StoreSizes, TelemetryStore,
};
use crate::time::Timestamp;

/// The most limits whose permits are counted.
const MAX_LIMITS: i64 = 10_000;

#[async_trait]
impl TelemetryStore for PostgresStore {
    async fn gauges(&self) -> Result<StoreGauges, StoreError> {
        self.read(ReadGauges).await
    }

    async fn put_points(&self, points: Vec<SeriesPoint>) -> Result<(), StoreError> {
        self.operate(PutPoints(points)).await
    }

    async fn points(&self, query: SeriesQuery) -> Result<Vec<(Timestamp, String)>, StoreError> {
        self.read(ReadPoints(query)).await
    }

    async fn sizes(&self) -> Result<StoreSizes, StoreError> {
        self.read(ReadSizes).await
    }
}

struct ReadGauges;

#[async_trait]
impl Operation for ReadGauges {
    type Output = StoreGauges;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let (queues, _) = ListQueues.run(tx).await?;
        let heads = tx.fetch(tx.query(&tx.sql.telemetry_queue_heads)).await?;
        let heads: Vec<_> = heads
            .iter()
            .map(|row| {
                let since = Timestamp::from_millis(row.try_get(1)?);
                Ok((text::decode(row.try_get(0)?), since))
            })
            .collect::<Result<_, DbError>>()?;
        let query = tx.query(&tx.sql.telemetry_permits).bind(MAX_LIMITS);
        let permits = tx.fetch(query).await?;
        let permits = permits
            .iter()
            .map(|row| {
                Ok(PermitGauge {
                    job_id: text::decode(row.try_get(0)?),
                    in_use: number("a count of permits", row.try_get::<i64, _>(1)?)?,
                })
            })
            .collect::<Result<_, DbError>>()?;
        Ok(without_events(StoreGauges::new(queues, &heads, permits)))
    }
}

/// Writes points of series.
struct PutPoints(Vec<SeriesPoint>);

#[async_trait]
impl Operation for PutPoints {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let column = |value: fn(&SeriesPoint) -> &str| {
            let values = self.0.iter().map(|point| encode(value(point)).into_owned());
            values.collect::<Vec<String>>()
        };
        let times = |time: fn(&SeriesPoint) -> Timestamp| {
            let times = self.0.iter().map(|point| time(point).as_millis());
            times.collect::<Vec<i64>>()
        };
        let values: Vec<_> = self.0.iter().map(|point| point.value.clone()).collect();
        let widths = self.0.iter().map(|point| i32::try_from(point.width_s));
        let widths = widths.map(|width| width.unwrap_or(i32::MAX));
        let query = tx
            .query(&tx.sql.telemetry_put_points)
            .bind(column(|point| &point.series))
            .bind(widths.collect::<Vec<_>>())
            .bind(times(|point| point.at))
            .bind(column(|point| &point.source))
            .bind(times(|point| point.expires_at))
            .bind(values);
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

/// Reads the points of a series.
struct ReadPoints(SeriesQuery);

#[async_trait]
impl Operation for ReadPoints {
    type Output = Vec<(Timestamp, String)>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.telemetry_points)
            .bind(encode(&self.0.series))
            .bind(i32::try_from(self.0.width_s).unwrap_or(i32::MAX))
            .bind(self.0.since.as_millis())
            .bind(i64::try_from(self.0.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        Ok(without_events(telemetry::points(&rows)?))
    }
}

/// Reads the sizes of the tables.
struct ReadSizes;

#[async_trait]
impl Operation for ReadSizes {
    type Output = StoreSizes;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.telemetry_sizes)).await?;
        let tables = telemetry::sizes(&rows)?;
        Ok(without_events(StoreSizes {
            bytes: tables.iter().map(|table| table.bytes).sum(),
            tables,
        }))
    }
}
