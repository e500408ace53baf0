//! The wall clock of the database server, which all workers of a fleet share.
//!
//! Schedules, retries and recorded times use the server's clock. A worker with a wrong or jumping
//! wall clock therefore schedules nothing wrongly. Between two answers of the server, the time
//! advances by this machine's monotonic clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jobs::{BoxFuture, Clock, Hold};

use crate::store::{Store, StoreError};

/// The interval between two readings of the server's clock. Two accurate clocks drift apart by a
/// few milliseconds in that time.
const SYNC_INTERVAL: Duration = Duration::from_secs(30);

/// The longest round trip of a reading that is used. Half of it bounds the error of the reading.
const MAX_ROUND_TRIP: Duration = Duration::from_millis(250);

/// The server's wall clock: the server's time at the last reading, plus the time since then on this
/// machine's monotonic clock.
pub(crate) struct ServerClock {
    monotonic: Arc<dyn Clock>,
    /// The server's time when the monotonic clock was zero, in microseconds since the Unix epoch.
    server_at_zero: AtomicU64,
}

impl ServerClock {
    /// The clock for a runtime over `store`: that of its server, if it has one, otherwise `own`. A
    /// virtual clock is always kept.
    pub(crate) async fn choose(
        store: &Arc<dyn Store>,
        own: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Clock>, StoreError> {
        if own.hold().is_needed() {
            return Ok(own);
        }
        let Some(reading) = Reading::take(&**store, &*own).await? else {
            return Ok(own);
        };
        let clock = Arc::new(Self {
            server_at_zero: AtomicU64::new(reading.server_at_zero()),
            monotonic: own,
        });
        tokio::spawn(keep_synchronised(
            Arc::downgrade(&clock),
            Arc::downgrade(store),
        ));
        Ok(clock)
    }
}

/// Reads the server's clock periodically, until the clock or the store is dropped.
async fn keep_synchronised(clock: Weak<ServerClock>, store: Weak<dyn Store>) {
    loop {
        let Some(pause) = clock.upgrade().map(|clock| clock.sleep(SYNC_INTERVAL)) else {
            return;
        };
        pause.await;
        let (Some(clock), Some(store)) = (clock.upgrade(), store.upgrade()) else {
            return;
        };
        // An error is not reported here: the monotonic clock continues, and the calls of the worker
        // report an unreachable server.
        if let Ok(Some(reading)) = Reading::take(&*store, &*clock.monotonic).await
            && reading.round_trip <= MAX_ROUND_TRIP
        {
            clock
                .server_at_zero
                .store(reading.server_at_zero(), Ordering::Relaxed);
        }
    }
}

/// One reading of the server's clock.
struct Reading {
    server: Duration,
    asked_at: Duration,
    round_trip: Duration,
}

impl Reading {
    async fn take(store: &dyn Store, monotonic: &dyn Clock) -> Result<Option<Self>, StoreError> {
        let asked_at = monotonic.elapsed();
        let Some(time) = store.server_time().await? else {
            return Ok(None);
        };
        let round_trip = monotonic.elapsed().saturating_sub(asked_at);
        let server = SystemTime::from(time).duration_since(UNIX_EPOCH);
        Ok(Some(Self {
            server: server.unwrap_or_default(),
            asked_at,
            round_trip,
        }))
    }

    /// The server's time when the monotonic clock was zero, in microseconds. The reading is assumed
    /// to be from the middle of its round trip.
    fn server_at_zero(&self) -> u64 {
        let server_at_zero = self
            .server
            .saturating_sub(self.asked_at + self.round_trip / 2);
        u64::try_from(server_at_zero.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Clock for ServerClock {
    fn now(&self) -> SystemTime {
        let server_at_zero = Duration::from_micros(self.server_at_zero.load(Ordering::Relaxed));
        UNIX_EPOCH + server_at_zero + self.monotonic.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.monotonic.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.monotonic.sleep(duration)
    }

    fn hold(&self) -> Hold {
        self.monotonic.hold()
    }
}
