//! The worker of the tests with a wrong wall clock: it is ahead by `TEST_CLOCK_AHEAD` seconds, or
//! behind if that is negative. A file `TEST_CLOCK_JUMPS` contains the number of seconds instead. On
//! the thread `TEST_CLOCK_THREAD`, by default the dispatcher's, it panics once the file
//! `TEST_CLOCK_BREAKS` exists. With `TEST_RESOURCE_PANICS` its resource panics while it is built.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jobs::{BoxFuture, Clock, JobError, job};
use jobs_runtime::SystemClock;
use tests as _;

struct Skewed {
    correct: SystemClock,
    seconds_ahead: i64,
    jumps: Option<PathBuf>,
    breaks: Option<PathBuf>,
    breaks_on: String,
}

impl Clock for Skewed {
    fn now(&self) -> SystemTime {
        let jumped = self
            .jumps
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok());
        let jumped = jumped.and_then(|text| text.trim().parse().ok());
        let seconds_ahead: i64 = jumped.unwrap_or(self.seconds_ahead);
        let difference = Duration::from_secs(seconds_ahead.unsigned_abs());
        if seconds_ahead < 0 {
            self.correct.now() - difference
        } else {
            self.correct.now() + difference
        }
    }

    fn elapsed(&self) -> Duration {
        if std::thread::current().name() == Some(&*self.breaks_on) {
            let breaks = self.breaks.as_ref().is_some_and(|file| file.exists());
            assert!(!breaks, "the clock is broken");
        }
        self.correct.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.correct.sleep(duration)
    }
}

/// A resource whose constructor may panic.
struct Fragile;

#[jobs::resource]
fn fragile() -> Fragile {
    assert!(
        std::env::var_os("TEST_RESOURCE_PANICS").is_none(),
        "it broke"
    );
    Fragile
}

/// Borrows the resource, so that each worker builds it.
#[job(id = "test.borrows-fragile")]
async fn borrows_fragile(fragile: &Fragile) -> Result<(), JobError> {
    let _ = fragile;
    Ok(())
}

fn main() -> std::process::ExitCode {
    let seconds = std::env::var("TEST_CLOCK_AHEAD").unwrap_or_else(|_| "0".to_owned());
    let clock = Skewed {
        correct: SystemClock::new(),
        seconds_ahead: seconds.parse().expect("a number of seconds"),
        jumps: std::env::var_os("TEST_CLOCK_JUMPS").map(PathBuf::from),
        breaks: std::env::var_os("TEST_CLOCK_BREAKS").map(PathBuf::from),
        breaks_on: std::env::var("TEST_CLOCK_THREAD")
            .unwrap_or_else(|_| "jobs-dispatcher".to_owned()),
    };
    jobs_runtime::main_with(|builder| builder.clock(Arc::new(clock)))
}
