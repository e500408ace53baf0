//! The virtual clock: a clock that a test advances.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jobs::{BoxFuture, Clock, Hold};
use tokio::sync::Notify;

use super::sleep::Sleep;
use crate::clock::busy::keep_clock_busy;

/// The start of a virtual clock: 2030-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_893_456_000);

/// A clock whose time passes only by [`advance`](Self::advance) and [`run_until`](Self::run_until).
/// It moves from one wake-up to the next, and never while a call of the store or a message is in
/// flight.
///
/// The clock does not see a handler that waits for something else than the clock, the store or the
/// runtime, such as a socket. Take [`Clock::hold`] around such waits.
#[derive(Clone)]
pub struct VirtualClock {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    state: Mutex<State>,
    /// Notified when the last hold ends.
    quiet: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) passed: Duration,
    /// The wakers of sleeping tasks, by the end of the sleep and then by its start.
    pub(super) sleepers: BTreeMap<(Duration, u64), Waker>,
    pub(super) count: u64,
    holds: usize,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VirtualClock {
    /// A clock that shows 2030-01-01T00:00:00Z.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                quiet: Notify::new(),
            }),
        })
    }

    /// The time that has passed on this clock.
    pub fn passed(&self) -> Duration {
        self.shared.lock().passed
    }

    /// Lets `duration` pass, one wake-up after the other. After each one, all work that it causes
    /// completes before more time passes.
    pub async fn advance(&self, duration: Duration) {
        let until = self.passed() + duration;
        loop {
            self.quiet().await;
            if !self.wake_next(until) {
                break;
            }
            // Tasks that the application has spawned take no hold: they run now.
            tokio::task::yield_now().await;
        }
        let mut state = self.shared.lock();
        state.passed = state.passed.max(until);
    }

    /// Runs all work that is due now, without letting time pass. When this returns, every task of
    /// the runtime waits for time or for an event from outside.
    pub async fn settle(&self) {
        self.advance(Duration::ZERO).await;
    }

    /// Lets time pass until `future` completes.
    ///
    /// # Panics
    /// If no task sleeps any more and the future has not completed: it never would.
    pub async fn run_until<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let clock: Arc<dyn Clock> = Arc::new(self.clone());
        let mut future = keep_clock_busy(&clock, future);
        loop {
            tokio::select! {
                biased;
                done = &mut future => return done,
                () = self.quiet() => {
                    let woken = self.wake_next(Duration::MAX);
                    assert!(woken, "no task sleeps, and the future has not completed");
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Completes when no work is in flight.
    pub async fn quiet(&self) {
        loop {
            let notified = self.shared.quiet.notified();
            if self.shared.lock().holds == 0 {
                return;
            }
            notified.await;
        }
    }

    /// Wakes the sleeper with the earliest end up to `until`. Returns `false` if there is none.
    pub(super) fn wake_next(&self, until: Duration) -> bool {
        let waker = {
            let mut state = self.shared.lock();
            match state.sleepers.first_key_value() {
                Some((&(at, _), _)) if at <= until => {
                    state.passed = state.passed.max(at);
                    state.sleepers.pop_first().map(|(_, waker)| waker)
                }
                _ => None,
            }
        };
        match waker {
            Some(waker) => {
                waker.wake();
                true
            }
            None => false,
        }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + START + self.passed()
    }

    fn elapsed(&self) -> Duration {
        self.passed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Sleep::new(Arc::clone(&self.shared), duration))
    }

    fn hold(&self) -> Hold {
        struct Guard(Arc<Shared>);

        impl Drop for Guard {
            fn drop(&mut self) {
                let mut state = self.0.lock();
                state.holds -= 1;
                if state.holds == 0 {
                    self.0.quiet.notify_waiters();
                }
            }
        }

        self.shared.lock().holds += 1;
        Hold::new(Guard(Arc::clone(&self.shared)))
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualClock")
            .field("passed", &self.passed())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_order_and_on_time() {
        let clock = VirtualClock::new();
        let order = Arc::new(Mutex::new(Vec::new()));
        let shared: Arc<dyn Clock> = clock.clone();
        for seconds in [3, 1, 2] {
            let (clock, order) = (clock.clone(), order.clone());
            tokio::spawn(keep_clock_busy(&shared, async move {
                clock.sleep(Duration::from_secs(seconds)).await;
                order
                    .lock()
                    .unwrap()
                    .push((seconds, clock.passed().as_secs()));
            }));
        }
        clock.advance(Duration::from_secs(2)).await;
        assert_eq!(*order.lock().unwrap(), [(1, 1), (2, 2)]);
        clock.advance(Duration::from_secs(5)).await;
        assert_eq!(*order.lock().unwrap(), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(clock.passed(), Duration::from_secs(7));
    }

    #[tokio::test]
    async fn a_dropped_sleep_wakes_no_task() {
        let clock = VirtualClock::new();
        drop(clock.sleep(Duration::from_secs(1)));
        assert!(!clock.wake_next(Duration::MAX));
    }
}
