//! The gauges of the fleet, for metrics.

use async_trait::async_trait;
use sqlx::Row;

use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, without_events};
use super::conn::text;
use super::conn::tx::Tx;
use super::operator::queues::ListQueues;
use super::{PostgresStore, number};
use crate::store::{PermitGauge, StoreError, StoreGauges, TelemetryStore};
use crate::time::Timestamp;

/// The most limits whose permits are counted.
const MAX_LIMITS: i64 = 10_000;

#[async_trait]
impl TelemetryStore for PostgresStore {
    async fn gauges(&self) -> Result<StoreGauges, StoreError> {
        self.read(ReadGauges).await
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
