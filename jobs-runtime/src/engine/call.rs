//! Calls of the store, and what all parts of the dispatcher share.

use std::sync::Arc;
use std::time::Duration;

use jobs::{BoxFuture, Clock};

use super::config::EngineConfig;
use super::outage::OutageLog;
use crate::Entropy;
use crate::clock::timestamp;
use crate::health::WorkerHealth;
use crate::store::{Store, StoreError};
use crate::telemetry::metrics::Metrics;
use crate::time::Timestamp;

/// The pause before a failed call is repeated.
pub(super) const BACKOFF: Duration = Duration::from_millis(250);

/// The longest time that is skipped at once under a virtual clock.
pub(super) const LONGEST_SKIP: Duration = Duration::from_secs(24 * 3600);

/// A call of the store that yields the answer of one part.
pub(super) type StoreCall<T> = BoxFuture<'static, T>;

/// The dependencies of all parts.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<Entropy>,
    pub(super) config: EngineConfig,
    /// The id and the fingerprint of each job of the program.
    pub(super) fingerprints: Vec<(String, String)>,
    pub(super) health: WorkerHealth,
    pub(super) outage_log: OutageLog,
    /// A test moves the time.
    pub(super) is_time_virtual: bool,
    pub(super) metrics: Arc<Metrics>,
}

impl Shared {
    /// The monotonic time.
    pub(super) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The wall time.
    pub(super) fn wall(&self) -> Timestamp {
        timestamp(&*self.clock)
    }

    /// Makes a call of the store.
    pub(super) fn call<T, F: Future<Output = T> + Send + 'static>(
        &self,
        call: impl FnOnce(Arc<dyn Store>) -> F,
    ) -> StoreCall<T> {
        Box::pin(call(Arc::clone(&self.store)))
    }

    /// Records for health reports and the log whether the store answered, and returns the answer.
    pub(super) fn record<'a, T>(&self, answer: &'a Result<T, StoreError>) -> Option<&'a T> {
        match answer {
            Ok(answer) => {
                self.outage_log.answered(&*self.clock);
                Some(answer)
            }
            Err(error) => {
                self.health.failed(&crate::error::chain(error));
                self.outage_log.failed(error, &*self.clock);
                None
            }
        }
    }
}

/// The time of a part's next call, on the monotonic clock. At most one call is in flight.
///
/// [`is_due`](Self::is_due) and [`next_wake`](Self::next_wake) read the same state. So a part never
/// wakes the loop for a call that it does not send.
#[derive(Debug)]
pub(super) struct CallTimer {
    at: Duration,
    in_flight: bool,
}

impl CallTimer {
    pub(super) fn new(at: Duration) -> Self {
        Self {
            at,
            in_flight: false,
        }
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        !self.in_flight && now >= self.at
    }

    /// The time of the next call. The answer of a call in flight wakes the loop by itself.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        (!self.in_flight).then_some(self.at)
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight
    }

    /// A call was sent; the next one is due at `next`.
    pub(super) fn sent(&mut self, next: Duration) {
        self.in_flight = true;
        self.at = next;
    }

    /// The call was answered.
    pub(super) fn answered(&mut self) {
        self.in_flight = false;
    }

    /// The next call is due at `at`.
    pub(super) fn set(&mut self, at: Duration) {
        self.at = at;
    }

    /// The next call is due at `at`, or earlier.
    pub(super) fn bring_forward(&mut self, at: Duration) {
        self.at = self.at.min(at);
    }
}

#[cfg(test)]
impl Shared {
    /// The dependencies of a part under test: a store in memory, and default settings.
    pub(super) async fn in_memory() -> Arc<Self> {
        let url = "sqlite::memory:".parse().expect("a URL");
        let store = crate::store::open(&url).await.expect("the store opens");
        store.migrate().await.expect("the store migrates");
        let clock: Arc<dyn Clock> = crate::testing::VirtualClock::new();
        let health = crate::health::Health::new(Arc::clone(&store), Arc::clone(&clock));
        Arc::new(Self {
            store,
            health: health.worker(),
            is_time_virtual: true,
            clock,
            entropy: Arc::new(Entropy::seeded(1)),
            config: EngineConfig::default(),
            fingerprints: Vec::new(),
            outage_log: OutageLog::default(),
            metrics: Arc::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_flight_wakes_nothing_and_a_due_one_is_sent() {
        let seconds = Duration::from_secs;
        let mut timer = CallTimer::new(seconds(1));
        assert!(!timer.is_due(seconds(0)));
        assert_eq!(timer.next_wake(), Some(seconds(1)));
        assert!(timer.is_due(seconds(1)));
        timer.sent(seconds(5));
        assert_eq!((timer.is_due(seconds(9)), timer.next_wake()), (false, None));
        timer.bring_forward(seconds(3));
        timer.answered();
        assert_eq!(timer.next_wake(), Some(seconds(3)));
    }
}
