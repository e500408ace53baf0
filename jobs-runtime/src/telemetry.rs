//! Telemetry: metrics, spans and log records, and the reference of everything that is emitted.
//!
//! | module | contents |
//! |---|---|
//! | [`mod@reference`] | the name and the meaning of every metric, as in `docs/observability.md` |
//! | `series`, `recorder` | what happened in each minute, in the store, for charts |
//! | `metrics` | the instruments, and their values for `GET /metrics` |
//! | `spans` | the spans of enqueues, attempts and requests |
//! | `trace_context` | W3C trace contexts as text |
//! | `otlp` | the export over OTLP, with the feature `otlp` |
//!
//! The folder may import the store contract, the clock, `background_loop`, `health` and `logs`. The
//! service, the engine and the HTTP interface import it; it must never import one of them.

#[cfg_attr(
    not(any(feature = "http", feature = "otlp")),
    allow(dead_code, reason = "the program shows its metrics nowhere")
)]
pub(crate) mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
pub(crate) mod recorder;
pub mod reference;
#[cfg_attr(
    not(feature = "http"),
    allow(dead_code, reason = "the program shows no charts")
)]
pub(crate) mod series;
#[cfg_attr(
    not(feature = "otlp"),
    allow(dead_code, reason = "the program exports no spans")
)]
pub(crate) mod spans;
pub(crate) mod trace_context;

#[cfg(feature = "otlp")]
pub use otlp::{FLUSH_LIMIT, Telemetry, TelemetryError, telemetry};
#[cfg(feature = "otlp")]
pub(crate) use otlp::{MetricsExport, MetricsSource};
