//! Timers of real time, also on a tokio runtime whose clock is paused.
//!
//! Tests of applications pause tokio's clock (`start_paused`). It then jumps to the next timer
//! whenever the runtime has nothing to do, for example while another thread answers. A timer that
//! ends before its real time waits in a blocking task: tokio's clock does not jump beside one.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where real time comes in"
)]

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::error::Elapsed;

/// The precision of tokio's timers, and some more.
const TOLERANCE: Duration = Duration::from_millis(3);

/// The longest blocking task. A test that ends waits for it.
const STEP: Duration = Duration::from_millis(5);

/// Sleeps for `duration` of real time.
pub(crate) async fn sleep(duration: Duration) {
    let started = Instant::now();
    tokio::time::sleep(duration).await;
    while let Some(left) = left(started, duration) {
        block(left).await;
    }
}

/// Completes with the output of `future`, or with an error after `limit` of real time.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let started = Instant::now();
    let mut future = pin!(future);
    let elapsed = match tokio::time::timeout(limit, &mut future).await {
        Ok(output) => return Ok(output),
        Err(elapsed) => elapsed,
    };
    while let Some(left) = left(started, limit) {
        tokio::select! {
            output = &mut future => return Ok(output),
            () = block(left) => {}
        }
    }
    Err(elapsed)
}

/// Calls `attempt` again while it fails as `is_timeout` says before `limit` of real time is over:
/// for a call of another crate whose timeout is tokio's.
pub(crate) async fn with_timeout<T, E, F: Future<Output = Result<T, E>>>(
    limit: Duration,
    mut attempt: impl FnMut() -> F,
    is_timeout: fn(&E) -> bool,
) -> Result<T, E> {
    let started = Instant::now();
    let mut result = attempt().await;
    while let Err(error) = &result
        && is_timeout(error)
        && let Some(left) = left(started, limit)
    {
        (result, ()) = tokio::join!(attempt(), block(left));
    }
    result
}

/// The real time that is missing, if a timer has ended before its time.
fn left(started: Instant, duration: Duration) -> Option<Duration> {
    let left = duration.saturating_sub(started.elapsed());
    (left > TOLERANCE).then_some(left)
}

async fn block(left: Duration) {
    let step = left.min(STEP);
    // The task cannot panic. A runtime that ends drops it, and this future with it.
    let _ = tokio::task::spawn_blocking(move || std::thread::sleep(step)).await;
}
