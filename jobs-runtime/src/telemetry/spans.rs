//! Spans of executions, by the OpenTelemetry conventions for messaging.
//!
//! ```text
//! POST …/trigger (server) ─▶ send <job> (producer) ─▶ process <job> (consumer), one per attempt
//!                                                        │ ▲ a link to the attempt before
//!                                                        └─▶ spans of the handler, send <child>
//! ```
//!
//! The server starts and ends the span of an external attempt. The worker gets its context.
//!
//! The spans exist if the subscriber of the program has a layer of `tracing-opentelemetry`, which
//! [`telemetry()`](crate::telemetry()) adds. Otherwise nothing is created, and an execution only
//! carries the trace context that its caller sent.
//!
//! `exported` has the spans with the feature `otlp`; `absent` has the same functions without it.
//!
//! The folder may import the reference, `trace_context` and the types of the store contract. It
//! must not import the engine, the service or `http`: they open the spans.

#[cfg(not(feature = "otlp"))]
mod absent;
#[cfg(feature = "otlp")]
mod exported;
#[cfg(feature = "otlp")]
mod ids;

#[cfg(not(feature = "otlp"))]
pub(crate) use absent::Spans;
#[cfg(feature = "otlp")]
pub(crate) use exported::Spans;
#[cfg(feature = "otlp")]
pub(in crate::telemetry) use ids::DerivedIds;

/// The end of an attempt, as its span tells it.
#[derive(Debug)]
pub(crate) struct SpanEnd<'a> {
    /// The kind and the message of the error.
    pub(crate) error: Option<(&'a str, &'a str)>,
}
