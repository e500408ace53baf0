//! The program of the tests on a machine whose wall clock is wrong, by the seconds in
//! `TEST_CLOCK_AHEAD`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jobs::{BoxFuture, Clock};
use jobs_runtime::SystemClock;
use tests as _;

struct Skewed {
    right: SystemClock,
    ahead: i64,
}

impl Clock for Skewed {
    fn now(&self) -> SystemTime {
        let by = Duration::from_secs(self.ahead.unsigned_abs());
        match self.ahead < 0 {
            true => self.right.now() - by,
            false => self.right.now() + by,
        }
    }

    fn elapsed(&self) -> Duration {
        self.right.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.right.sleep(duration)
    }
}

fn main() -> std::process::ExitCode {
    let ahead = std::env::var("TEST_CLOCK_AHEAD").unwrap_or_default();
    let clock = Skewed {
        right: SystemClock::new(),
        ahead: ahead.parse().expect("a number of seconds"),
    };
    jobs_runtime::main_with(|builder| builder.clock(Arc::new(clock)))
}
