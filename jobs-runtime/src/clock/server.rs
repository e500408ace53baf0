//! The clock of a fleet: its store's server's.
//!
//! What is scheduled, retried and recorded by a fleet goes by one clock, the one of the database
//! that all of it shares. A worker whose own wall clock is wrong, or jumps, is not noticed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jobs::{BoxFuture, Clock, Hold};

use crate::store::{Store, StoreError};

/// How often the server is asked again: two good clocks drift apart by a few milliseconds meanwhile.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// An answer that took longer says too little about the moment it was given at.
const PROMPT: Duration = Duration::from_millis(250);

/// The server's wall time, carried from one answer of the server's to the next by a clock of this
/// machine's that never jumps.
pub(crate) struct ServerClock {
    carrier: Arc<dyn Clock>,
    /// The server's time when the carrier began to count: microseconds since the Unix epoch.
    began: AtomicU64,
}

impl ServerClock {
    /// The clock that a runtime over `store` goes by: the server's, if the store has one. A clock
    /// of a test's stays what it is.
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
            began: AtomicU64::new(reading.began()),
            carrier: own,
        });
        tokio::spawn(keep(Arc::downgrade(&clock), Arc::downgrade(store)));
        Ok(clock)
    }
}

/// Asks the server again for as long as somebody uses the clock.
async fn keep(clock: Weak<ServerClock>, store: Weak<dyn Store>) {
    loop {
        let Some(pause) = clock.upgrade().map(|clock| clock.sleep(ASK_AGAIN)) else {
            return;
        };
        pause.await;
        let (Some(clock), Some(store)) = (clock.upgrade(), store.upgrade()) else {
            return;
        };
        // A server that is away is somebody else's to report; the carrier goes on meanwhile.
        if let Ok(Some(reading)) = Reading::take(&*store, &*clock.carrier).await
            && reading.took <= PROMPT
        {
            clock.began.store(reading.began(), Ordering::Relaxed);
        }
    }
}

/// One answer of the server's, between two looks at the carrier.
struct Reading {
    server: Duration,
    asked_at: Duration,
    took: Duration,
}

impl Reading {
    async fn take(store: &dyn Store, carrier: &dyn Clock) -> Result<Option<Self>, StoreError> {
        let asked_at = carrier.elapsed();
        let Some(time) = store.server_time().await? else {
            return Ok(None);
        };
        let took = carrier.elapsed().saturating_sub(asked_at);
        let server = SystemTime::from(time).duration_since(UNIX_EPOCH);
        Ok(Some(Self {
            server: server.unwrap_or_default(),
            asked_at,
            took,
        }))
    }

    /// The answer was given halfway between, as far as anyone can tell.
    fn began(&self) -> u64 {
        let began = self.server.saturating_sub(self.asked_at + self.took / 2);
        u64::try_from(began.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Clock for ServerClock {
    fn now(&self) -> SystemTime {
        let began = Duration::from_micros(self.began.load(Ordering::Relaxed));
        UNIX_EPOCH + began + self.carrier.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.carrier.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.carrier.sleep(duration)
    }

    fn hold(&self) -> Hold {
        self.carrier.hold()
    }
}
