//! What handlers log, kept with their attempts.
//!
//! A handler logs as every Rust program does, by `tracing`; there is nothing to call instead. A
//! [`layer`] in the application's subscriber sees its events, finds the attempt they belong to, and
//! leaves them in a bounded buffer of that attempt; the dispatcher writes them to the store, fenced,
//! with the attempt's settlement or before it.
//!
//! ```text
//! tracing::info!(..) ──▶ layer ──▶ buffer of the attempt ──▶ dispatcher ──▶ store
//!   in the handler         │         1,000 lines, 256 KiB       every 250 ms, and at the end
//!                          └ by the task, else by the span
//! ```
//!
//! **What belongs to an attempt**: what is emitted on the handler's own task or thread, and inside
//! a span that is a descendant of the attempt's, wherever that is. A task that the handler spawns
//! takes its span along by `.in_current_span()` (`tracing::Instrument`); without that its events
//! go to the application's own log only.
//!
//! **What is kept in full view**: messages and fields are free text. Nothing can know that a
//! `#[sensitive]` value stands in one: do not log it.

mod buffer;
mod capture;
mod probe;
mod visit;

pub use capture::{layer, layer_at};

pub(crate) use buffer::LogBuffer;
pub(crate) use capture::{in_scope, scope};
#[cfg(feature = "cli")]
pub(crate) use probe::SILENT_TARGET;
pub(crate) use probe::is_captured;
