//! Executes, schedules, observes and serves jobs.

pub mod store;
pub mod time;

mod clock;
mod entropy;

pub use clock::SystemClock;
pub use entropy::Entropy;
