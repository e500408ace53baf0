//! The clock behind every timestamp and every wait.

use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// A boxed future, as returned by the object-safe traits of this crate.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The time of a runtime and its handlers.
///
/// A runtime waits on its clock only, so a test clock can skip every wait. The crate
/// `jobs-runtime` implements the trait for the system's clock.
pub trait Clock: Send + Sync + 'static {
    /// The wall-clock time, for timestamps that are stored and shown.
    fn now(&self) -> SystemTime;

    /// The time since a fixed moment. Never decreases, even if the wall clock is set back.
    fn elapsed(&self) -> Duration;

    /// Completes when `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Stops a test clock until the returned [`Hold`] is dropped.
    ///
    /// Take a hold for work that the clock cannot see. The default implementation does nothing,
    /// because real time cannot be stopped.
    fn hold(&self) -> Hold {
        Hold(None)
    }
}

/// Stops a test clock until it is dropped.
#[must_use = "the test clock advances again when the hold is dropped"]
pub struct Hold(Option<Box<dyn Send + Sync>>);

impl Hold {
    /// Creates a hold that drops `guard` at its end.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Some(Box::new(guard)))
    }

    /// Returns `true` if a clock waits for the end of this hold.
    pub fn is_needed(&self) -> bool {
        self.0.is_some()
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hold").field(&self.is_needed()).finish()
    }
}
