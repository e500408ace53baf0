//! Telemetry: the gauges of the fleet, which every process reads from the store.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;

use crate::store::{QueueRecord, StoreError};
use crate::time::Timestamp;

/// The part of a store that metrics read. Errors: see [`Store`](crate::store::Store).
#[async_trait]
pub trait TelemetryStore: Send + Sync {
    /// Reads the gauges of the fleet. The cost does not depend on the number of waiting executions:
    /// counts have a bound.
    async fn gauges(&self) -> Result<StoreGauges, StoreError>;

    /// Writes points of series. A point replaces the one of the same series, width, time and
    /// source; a call names each of these once. Repeatable.
    async fn put_points(&self, points: Vec<SeriesPoint>) -> Result<(), StoreError>;

    /// Returns the time and the value of a series' points, oldest first.
    async fn points(&self, query: SeriesQuery) -> Result<Vec<(Timestamp, String)>, StoreError>;

    /// Returns the size of the store and of its tables, as far as that can be told in a bounded
    /// time.
    async fn sizes(&self) -> Result<StoreSizes, StoreError>;
}

/// A count of one process in a part of time, for charts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesPoint {
    /// The series.
    pub series: String,
    /// The width of the part of time, in seconds.
    pub width_s: u32,
    /// The beginning of the part of time.
    pub at: Timestamp,
    /// The process; empty for a value that is the same for all of them.
    pub source: String,
    /// The time from which the point may be deleted.
    pub expires_at: Timestamp,
    /// The value: JSON text.
    pub value: String,
}

/// A query for the points of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuery {
    /// The series.
    pub series: String,
    /// The width, in seconds.
    pub width_s: u32,
    /// The earliest time.
    pub since: Timestamp,
    /// The most points.
    pub limit: usize,
}

/// The size of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreSizes {
    /// The bytes on disk, without the write-ahead log.
    pub bytes: u64,
    /// The tables, the largest first. Empty if the store is too large to measure them.
    pub tables: Vec<TableSize>,
}

/// The size of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TableSize {
    /// The table.
    pub name: String,
    /// About the number of its rows; `None` if it is unknown.
    pub row_estimate: Option<u64>,
    /// The bytes on disk, with its indexes.
    pub bytes: u64,
}

/// The gauges of the fleet at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreGauges {
    /// The queues that are paused or have waiting or running executions, by name.
    pub queues: Vec<QueueGauges>,
    /// The jobs whose limits have permits in use, by job id.
    pub permits: Vec<PermitGauge>,
}

/// The gauges of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueGauges {
    /// The counts, as operators see them.
    pub record: QueueRecord,
    /// The time since which the next execution of a job and priority is ready; the earliest of
    /// them. `None` if nothing is ready.
    pub ready_since: Option<Timestamp>,
}

/// The permits of one job's `max_concurrent` that are in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermitGauge {
    /// The job.
    pub job_id: String,
    /// The permits of ready and running executions, over all keys of the limit.
    pub in_use: u64,
}

impl StoreGauges {
    /// Joins the rows that the stores read: queues, the times of their heads, permits.
    pub(in crate::store) fn new(
        queues: Vec<QueueRecord>,
        heads: &[(String, Timestamp)],
        permits: Vec<PermitGauge>,
    ) -> Self {
        let queues = queues.into_iter().map(|record| {
            let head = heads.iter().find(|(queue, _)| *queue == record.queue);
            QueueGauges {
                ready_since: head.map(|(_, since)| *since),
                record,
            }
        });
        Self {
            queues: queues.collect(),
            permits,
        }
    }
}
