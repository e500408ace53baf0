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

    /// Keeps a test clock where it is until the answer is dropped: something is under way that
    /// the clock cannot see. Real time cannot be held.
    fn hold(&self) -> Hold {
        Hold(None)
    }
}

/// Keeps a test clock from advancing while it lives.
#[must_use = "time goes on when it is dropped"]
pub struct Hold(Option<Box<dyn Send + Sync>>);

impl Hold {
    /// A hold that ends by dropping `guard`.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Some(Box::new(guard)))
    }

    /// Whether there is a clock that waits for it.
    pub fn is_needed(&self) -> bool {
        self.0.is_some()
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hold").field(&self.is_needed()).finish()
    }
}
