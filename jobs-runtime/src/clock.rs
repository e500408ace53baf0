//! The system's clock.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where real time comes in"
)]

pub(crate) mod busy;
pub(crate) mod server;

use std::time::{Duration, Instant, SystemTime};

use jobs::{BoxFuture, Clock};

use crate::time::Timestamp;

/// Real time. Its timers need a tokio runtime to be awaited on.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock that starts counting now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Now, in real time: for the deadlines of calls to a database, which do not wait for a test's
/// clock.
pub(crate) fn real_now() -> Instant {
    Instant::now()
}

/// The clock's wall time as stores keep it.
pub(crate) fn timestamp(clock: &dyn Clock) -> Timestamp {
    clock.now().into()
}
