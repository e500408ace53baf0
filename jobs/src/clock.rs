//! The one source of time.

use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// A future on the heap, as the object-safe traits of this crate return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Time as a runtime and its handlers see it.
///
/// Everything that waits, waits here, so that a test clock can carry a runtime through a year of
/// retries in a second. The system's clock is the runtime's; this crate has no timer of its own.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: what is stored and shown.
    fn now(&self) -> SystemTime;

    /// Time since some fixed moment; never goes back, whatever happens to the wall clock.
    fn elapsed(&self) -> Duration;

    /// Completes when `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}
