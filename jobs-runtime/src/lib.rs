//! Executes, schedules, observes and serves jobs.

pub mod store;
pub mod time;

mod clock;
mod engine;
mod entropy;
mod error;

pub use clock::SystemClock;
pub use engine::{EngineConfig, EngineStatus};
pub use entropy::Entropy;
