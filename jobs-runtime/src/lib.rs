//! Executes, schedules, observes and serves jobs.

pub mod store;
pub mod time;

mod clock;
mod edge;
mod entropy;
pub mod fingerprint;
pub mod health;
#[cfg(feature = "http")]
pub mod http;

pub use clock::SystemClock;
pub use edge::{
    Edge, IDEMPOTENCY_KEY_KEPT, KnownJob, MAX_BATCH, MAX_PAYLOAD_BYTES, MAX_TAGS, MAX_TEXT_CHARS,
    SchemaError,
};
pub use entropy::Entropy;
