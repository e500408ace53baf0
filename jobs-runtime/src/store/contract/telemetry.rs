//! Telemetry: the gauges of the fleet, which every process reads from the store.

use async_trait::async_trait;

use crate::store::{QueueRecord, StoreError};
use crate::time::Timestamp;

/// The part of a store that metrics read. Errors: see [`Store`](crate::store::Store).
#[async_trait]
pub trait TelemetryStore: Send + Sync {
    /// Reads the gauges of the fleet. The cost does not depend on the number of waiting executions:
    /// counts have a bound.
    async fn gauges(&self) -> Result<StoreGauges, StoreError>;
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
