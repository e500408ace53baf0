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
//! The folder may import the reference, `trace_context`, the target of `logs` and the types of the
//! store contract. It must not import the engine, the service or `http`: they open the spans.

#[cfg(not(feature = "otlp"))]
mod absent;
#[cfg(feature = "otlp")]
mod exported;
#[cfg(feature = "otlp")]
mod ids;

use tracing::Span;

use crate::logs::ATTEMPT_TARGET;
use crate::store::Claimed;

#[cfg(not(feature = "otlp"))]
pub(crate) use absent::{AttemptSpan, Spans};
#[cfg(feature = "otlp")]
pub(crate) use exported::{AttemptSpan, Spans};
#[cfg(feature = "otlp")]
pub(in crate::telemetry) use ids::DerivedIds;

/// The end of an attempt, as its span tells it.
#[derive(Debug)]
pub(crate) struct SpanEnd<'a> {
    /// The kind and the message of the error.
    pub(crate) error: Option<(&'a str, &'a str)>,
}

/// Opens the span of an attempt that is not exported: for log lines. Exported spans have the field
/// `otel.kind`, too.
fn open_unexported(job: &str, claimed: &Claimed, trace_id: Option<&str>) -> Span {
    tracing::info_span!(
        target: ATTEMPT_TARGET,
        parent: None,
        "attempt",
        job,
        execution = %claimed.execution_id,
        attempt = claimed.fence.attempt,
        trace_id,
    )
}
