//! Values that are read when a process is scraped: gauges of the fleet, of the runtime and of the
//! operating system.

use std::time::Duration;

use ::jobs::Clock;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::process::ProcessReadings;
use crate::clock::timestamp;
#[cfg(feature = "rabbitmq")]
use crate::health::BrokerReadings;
use crate::health::{Health, RefusedWrites, STORE_SILENCE};
use crate::store::{Store, StoreGauges};
use crate::time::Timestamp;

/// The time for which an answer of the store serves further scrapes.
const GAUGES_KEPT: Duration = Duration::from_secs(1);

/// The last gauges of the fleet, with the monotonic time of their reading.
pub(super) type CachedGauges = Option<(Duration, Option<StoreGauges>)>;

/// Everything that a scrape reads.
#[derive(Clone, Debug)]
pub(crate) struct Readings {
    pub(super) now: Timestamp,
    /// `None` if the store has not answered.
    pub(super) gauges: Option<StoreGauges>,
    pub(super) refused: RefusedWrites,
    pub(super) running: usize,
    /// `None` if the process has no broker.
    #[cfg(feature = "rabbitmq")]
    pub(super) broker: Option<BrokerReadings>,
    pub(super) runtime: RuntimeReadings,
    pub(super) process: Option<ProcessReadings>,
}

/// The state of the Tokio runtime of this task.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuntimeReadings {
    pub(super) threads: usize,
    pub(super) tasks: usize,
    pub(super) queue_depth: usize,
}

impl Readings {
    pub(super) async fn take(
        cache: &Mutex<CachedGauges>,
        store: &dyn Store,
        clock: &dyn Clock,
        health: &Health,
    ) -> Self {
        let runtime = Handle::current().metrics();
        Self {
            now: timestamp(clock),
            gauges: gauges(cache, store, clock).await,
            refused: health.refused_writes(),
            running: health.in_flight(),
            #[cfg(feature = "rabbitmq")]
            broker: health.broker_readings(),
            runtime: RuntimeReadings {
                threads: runtime.num_workers(),
                tasks: runtime.num_alive_tasks(),
                queue_depth: runtime.global_queue_depth(),
            },
            process: ProcessReadings::read(),
        }
    }
}

/// Asks the store, unless the last answer is new enough. Concurrent scrapes share one answer.
async fn gauges(
    cache: &Mutex<CachedGauges>,
    store: &dyn Store,
    clock: &dyn Clock,
) -> Option<StoreGauges> {
    let mut cache = cache.lock().await;
    if let Some((at, gauges)) = &*cache
        && clock.elapsed().saturating_sub(*at) < GAUGES_KEPT
    {
        return gauges.clone();
    }
    let gauges = tokio::select! {
        answer = store.gauges() => match answer {
            Ok(gauges) => Some(gauges),
            Err(error) => {
                tracing::debug!(%error, "cannot read the gauges of the fleet");
                None
            }
        },
        () = clock.sleep(STORE_SILENCE) => None,
    };
    // Also without an answer, so that each of several scrapes does not wait in turn.
    *cache = Some((clock.elapsed(), gauges.clone()));
    gauges
}
