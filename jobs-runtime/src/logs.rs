//! Log capture: the log lines of handlers are stored with their attempts.
//!
//! A handler logs through `tracing` like any Rust program. A [`layer`] in the application's
//! subscriber sees its events and finds the attempt that they belong to. It adds them to the
//! bounded buffer of that attempt. The dispatcher writes the lines to the store, fenced, while the
//! attempt runs and with its settlement.
//!
//! ```text
//! tracing::info!(..) ──▶ layer ──▶ buffer of the attempt ──▶ dispatcher ──▶ store
//!   in the handler         │         1,000 lines, 256 KiB       every 250 ms, and at the end
//!                          └ finds the attempt by task, otherwise by span
//! ```
//!
//! **Assignment.** An event belongs to an attempt if it is emitted on the handler's own task or
//! thread. It also belongs to it, on any task, inside a span that descends from the attempt's span.
//! A task that the handler spawns carries the span if it is spawned with `.in_current_span()`
//! (`tracing::Instrument`). Without it, its events reach the application's own log only.
//!
//! **Sensitive values.** Messages and fields are free text and are not redacted. Do not log a
//! `#[sensitive]` value.
//!
//! [`capture`] is the layer and [`buffer`] holds the lines of an attempt. [`visit`] turns the
//! values of an event into text, and [`probe`] checks at start that the layer is installed. This
//! folder may import the types of the store contract and the clock. It must never import the
//! engine, and it calls no store.

mod buffer;
mod capture;
mod probe;
mod visit;

pub use capture::{layer, layer_at};

pub(crate) use buffer::LogBuffer;
#[cfg(feature = "http")]
pub(crate) use buffer::{MAX_BYTES, MAX_LINES};
#[cfg(feature = "cli")]
pub(crate) use capture::is_attempt;
pub(crate) use capture::{ATTEMPT_TARGET, in_scope, scope};
#[cfg(any(feature = "cli", feature = "otlp"))]
pub(crate) use probe::SILENT_TARGET;
pub(crate) use probe::{ABSENT_ADVICE, FILTERED_ADVICE, LogCapture, log_capture};
#[cfg(feature = "cli")]
pub(crate) use visit::Visited;
