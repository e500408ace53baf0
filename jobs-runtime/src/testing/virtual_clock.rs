//! A clock that a test advances.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jobs::{BoxFuture, Clock, Hold};
use tokio::sync::Notify;

use super::sleep::Sleep;
use crate::clock::busy::held;

/// Where a virtual clock starts: 2030-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_893_456_000);

/// Time that passes only by [`advance`](Self::advance) and [`run_until`](Self::run_until), wake-up
/// by wake-up, and never while a call of the store or a message is under way.
///
/// A handler that waits for something else than the clock, the store or the runtime (a socket, say)
/// is not seen: take [`Clock::hold`] around such waits.
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
    /// Who waits, by when it ends and who came first.
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

    /// How much time has passed on it.
    pub fn passed(&self) -> Duration {
        self.shared.lock().passed
    }

    /// Lets `duration` pass, one wake-up after the other, each followed by all that it causes.
    pub async fn advance(&self, duration: Duration) {
        let until = self.passed() + duration;
        loop {
            self.quiet().await;
            if !self.wake_next(until) {
                break;
            }
        }
        let mut state = self.shared.lock();
        state.passed = state.passed.max(until);
    }

    /// Lets happen what is due now, and all that follows from it: what was enqueued has begun when
    /// this returns, and waits for time, for the outside or for nothing any more.
    pub async fn settle(&self) {
        self.advance(Duration::ZERO).await;
    }

    /// Lets time pass until `future` is done.
    ///
    /// # Panics
    /// When nobody waits for time any more and the future is still not done: it never would be.
    pub async fn run_until<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let clock: Arc<dyn Clock> = Arc::new(self.clone());
        let mut future = held(&clock, future);
        loop {
            tokio::select! {
                biased;
                done = &mut future => return done,
                () = self.quiet() => {
                    let woken = self.wake_next(Duration::MAX);
                    assert!(woken, "nobody waits for time, and the future is not done");
                }
            }
        }
    }

    /// Completes when nothing is under way.
    pub async fn quiet(&self) {
        loop {
            let notified = self.shared.quiet.notified();
            if self.shared.lock().holds == 0 {
                return;
            }
            notified.await;
        }
    }

    /// Wakes whoever waits for the earliest moment up to `until`.
    fn wake_next(&self, until: Duration) -> bool {
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
    async fn sleepers_wake_in_order_at_their_moments() {
        let clock = VirtualClock::new();
        let order = Arc::new(Mutex::new(Vec::new()));
        let shared: Arc<dyn Clock> = clock.clone();
        for seconds in [3, 1, 2] {
            let (clock, order) = (clock.clone(), order.clone());
            tokio::spawn(held(&shared, async move {
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
    async fn a_dropped_sleep_wakes_nobody() {
        let clock = VirtualClock::new();
        drop(clock.sleep(Duration::from_secs(1)));
        assert!(!clock.wake_next(Duration::MAX));
    }
}
