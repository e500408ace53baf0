//! Clocks: the system's clock, and the parts that other clocks share.
//!
//! [`busy`] keeps a virtual clock from advancing while the runtime has work; [`server`] follows the
//! clock of a database server; [`real`] has timers that a paused clock of tokio does not shorten.
//! The virtual clock of tests is in [`testing`](crate::testing).
//!
//! Any module may import this folder. It may import `time`, and the store contract to ask for the
//! server's time. It must never import another module.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where real time comes in"
)]

pub(crate) mod busy;
pub(crate) mod real;
pub(crate) mod server;

use std::time::{Duration, Instant, SystemTime};

use jobs::{BoxFuture, Clock};

use crate::time::Timestamp;

/// Real time. Its timers must be awaited on a tokio runtime.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose elapsed time starts at zero.
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
        Box::pin(real::sleep(duration))
    }
}

/// The current real time, for the timeouts of database calls: a virtual clock does not stop them.
pub(crate) fn real_now() -> Instant {
    Instant::now()
}

/// The wall time of a clock, in the precision that stores keep.
pub(crate) fn timestamp(clock: &dyn Clock) -> Timestamp {
    clock.now().into()
}
