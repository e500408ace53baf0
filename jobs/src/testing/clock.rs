//! A clock that a test advances.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use crate::{BoxFuture, Clock};

/// A clock that stands still until a test advances it. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use jobs::testing::TestContext;
///
/// let test = TestContext::new();
/// let before = test.context().now();
/// test.clock().advance(Duration::from_secs(3600));
/// assert_eq!(test.context().now(), before + Duration::from_secs(3600));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    started: SystemTime,
    auto_advance: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    elapsed: Duration,
    sleepers: Vec<(Duration, Waker)>,
}

impl ManualClock {
    /// Creates a clock that shows `now`.
    pub fn new(now: SystemTime) -> Self {
        Self {
            started: now,
            auto_advance: false,
            state: Arc::default(),
        }
    }

    /// Makes every sleep advance the clock to its end and return at once.
    #[must_use]
    pub fn auto_advance(mut self) -> Self {
        self.auto_advance = true;
        self
    }

    pub(super) fn is_auto_advanced(&self) -> bool {
        self.auto_advance
    }

    /// Advances the clock, and wakes the sleeps that are over.
    pub fn advance(&self, by: Duration) {
        let now = self.elapsed() + by;
        self.advance_to(now);
    }

    /// The time that has passed since the clock was created.
    pub fn elapsed(&self) -> Duration {
        self.lock().elapsed
    }

    fn advance_to(&self, time: Duration) {
        let mut state = self.lock();
        state.elapsed = state.elapsed.max(time);
        let elapsed = state.elapsed;
        let woken: Vec<_> = state
            .sleepers
            .extract_if(.., |(until, _)| *until <= elapsed)
            .collect();
        drop(state);
        for (_, waker) in woken {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.started + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Sleep {
            clock: self.clone(),
            until: self.elapsed() + duration,
        })
    }
}

struct Sleep {
    clock: ManualClock,
    until: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.auto_advance {
            self.clock.advance_to(self.until);
        }
        let mut state = self.clock.lock();
        if state.elapsed >= self.until {
            return Poll::Ready(());
        }
        state.sleepers.push((self.until, context.waker().clone()));
        Poll::Pending
    }
}
