//! Executes, schedules, observes and serves jobs.
//!
//! A binary that links crates with jobs becomes the whole program by one line:
//!
//! ```no_run
//! // use my_jobs as _;
//! fn main() -> std::process::ExitCode {
//!     jobs_runtime::main()
//! }
//! ```
//!
//! As a library, [`Runtime::builder`] starts the same parts together or apart, and [`connect`] is
//! for programs that only enqueue.
//!
//! Data flows one way: catalogue (link time) → [`JobService`] → [`store`] → engine → store. Reads never
//! touch the engine: they ask the store.

pub mod store;
pub mod time;

mod clock;
mod entropy;
mod error;
pub mod fingerprint;

mod engine;
mod logs;
mod runtime;
mod service;

pub mod health;
#[cfg(feature = "http")]
pub mod http;
pub mod testing;

#[cfg(feature = "conformance")]
pub mod conformance;

#[cfg(feature = "cli")]
mod bench;
#[cfg(feature = "cli")]
mod cli;

pub use clock::SystemClock;
pub use engine::resources::ResourceErrors;
pub use engine::{EngineConfig, hooks, middleware};
pub use entropy::Entropy;
pub use logs::{layer, layer_at};
pub use runtime::{DEFAULT_DATABASE, Runtime, RuntimeBuilder, StartError, connect};
pub use service::explain::{Explanation, Reason, TakenSlots, ToldReason};
pub use service::{
    Edit, IDEMPOTENCY_KEY_KEPT, JobService, KnownJob, MAX_BATCH, MAX_PAYLOAD_BYTES, MAX_TAGS,
    MAX_TEXT_CHARS, QueueAnswer, SchemaError,
};
pub use store::transfer::copy::{Transfer, TransferError, transfer};

#[cfg(feature = "cli")]
pub use cli::{main, main_with};
