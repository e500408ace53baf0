//! Jobs to read, run and adapt.
//!
//! * [`workspace`]: provisions members into the application's own database, idempotent under
//!   retries, and checks its health.
//! * [`widgets`]: a batch with progress, cancelled between two items.
//! * `web.rs` (`cargo run -p examples --example web`): an axum handler that enqueues and answers at
//!   once.
//! * `limits.rs` (`cargo run -p examples --example limits`): tenants that take turns, a rate, one sync
//!   for all who ask, the last of many changes, a paused queue.
//! * `error_reporter.rs` (`cargo run -p examples --example error_reporter`): a hook that hears of what
//!   has failed for good.
//!
//! `cargo run` at the root of the repository starts the runtime with all of them linked.

pub mod widgets;
pub mod workspace;
