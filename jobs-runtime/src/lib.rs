//! The runtime of `jobs`: workers, stores, the HTTP interface and the command line.
//!
//! A binary that links crates with jobs becomes a complete program with one line:
//!
//! ```no_run
//! // use my_jobs as _;
//! fn main() -> std::process::ExitCode {
//!     jobs_runtime::main()
//! }
//! ```
//!
//! In an application, [`Runtime::builder`] starts the same parts together or separately. A program
//! that only enqueues calls [`connect`].
//!
//! # Structure
//!
//! ```text
//!   catalogue (link time) ──▶ JobService ──▶ store ──▶ engine ──▶ store
//! ```
//!
//! | module | contents |
//! |---|---|
//! | `service` | [`JobService`]: validates and enqueues for HTTP, command line and client |
//! | [`store`] | the contract of a store, SQLite and PostgreSQL |
//! | `engine` | the worker: claims, executes and settles; [`hooks`] and [`middleware`] |
//! | `external` | leases of external workers, which execute jobs over HTTP |
//! | `runtime` | [`Runtime`]: starts and stops the parts |
//! | `clock`, [`time`], [`testing`] | clocks, timestamps, the virtual clock |
//! | `broker` | dispatch through RabbitMQ: relay and consumer |
//! | `schedule` | the times of schedules, and which of them run |
//! | `logs` | capture of the handlers' log lines |
//! | `import` | enqueues what waits in the tables of other queues |
//! | `schema_gate` | finds changes of jobs that break their callers |
//! | `archive` | executions as JSON Lines, written before their deletion |
//! | `retention` | deletion of what the store has kept for long enough |
//! | [`health`] | health reports of a process |
//! | [`mod@telemetry`] | metrics, and the reference of their names |
//!
//! A read goes from the service to the store and never involves the engine.

pub mod store;
pub mod time;

mod archive;
mod background_loop;
mod clock;
mod entropy;
mod error;
pub mod fingerprint;
#[cfg(feature = "cli")]
mod import;
mod schedule;
#[cfg(feature = "cli")]
mod schema_gate;

#[cfg(feature = "rabbitmq")]
mod broker;
mod engine;
#[cfg(feature = "http")]
mod external;
mod inbox;
mod logs;
mod operations;
mod retention;
mod runtime;
mod service;
mod threads;
#[cfg(feature = "cli")]
mod unprintable;

pub mod health;
#[cfg(feature = "http")]
pub mod http;
pub mod telemetry;
pub mod testing;

#[cfg(feature = "conformance")]
pub mod conformance;

#[cfg(feature = "cli")]
mod bench;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod client_code;

#[cfg(feature = "archive")]
pub use archive::{
    ArchiveDirectory, ArchiveFile, ArchiveFilter, ArchiveManifest, ArchiveReader, ArchivedJob,
};
pub use archive::{ArchiveError, ArchiveWriter, ArchivedExecution};
#[cfg(feature = "rabbitmq")]
pub use broker::{BrokerConfig, BrokerError, BrokerErrorKind, ParseBrokerUrlError};
pub use clock::SystemClock;
pub use engine::resources::ResourceErrors;
pub use engine::{EngineConfig, hooks, middleware};
pub use entropy::Entropy;
pub use logs::{layer, layer_at};
pub use retention::{PruneError, PruneReport, PrunedJob, Retention, RetentionSettings};
pub use runtime::{DEFAULT_DATABASE, Runtime, RuntimeBuilder, StartError, connect};
pub use schedule::{Timetable, TimetableError};
pub use service::explain::{ExplainedReason, Explanation, ReachedSlotCap, Reason};
pub use service::{
    CreatedToken, Edit, IDEMPOTENCY_KEY_KEPT, JobService, KnownJob, MAX_BATCH, MAX_PAYLOAD_BYTES,
    MAX_TAGS, MAX_TEXT_CHARS, NewSchedule, NewToken, QueueAnswer, ScheduleDetails, ScheduleEdit,
    ScheduleError, ScheduleView, SchemaError, TokenError, TokenState, TokenView,
};
pub use store::transfer::copy::{Transfer, TransferError, transfer};
#[cfg(feature = "otlp")]
pub use telemetry::{Telemetry, TelemetryError, telemetry};

#[cfg(feature = "cli")]
pub use cli::{main, main_with};
