//! Spans of a program with the feature `otlp`.
//!
//! The folder may import what [`spans`](super) may, and the OpenTelemetry API and SDK. It must not
//! build exporters: the sampler and the logger are given.

mod attempt;
mod sampler;

use std::sync::Arc;

use jobs::ExecutionId;
use jobs::runtime::EnqueueRequest;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId};
use opentelemetry_sdk::logs::SdkLogger;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::telemetry::reference::attribute;
use crate::telemetry::trace_context;

use sampler::Sampler;

pub(crate) use attempt::AttemptSpan;

/// The spans of a process. Cheap to clone; without an OpenTelemetry layer they are off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Option<Arc<Writer>>);

#[derive(Debug)]
struct Writer {
    /// Takes the exceptions of attempts. `None` if log records are not exported.
    logger: Option<SdkLogger>,
    /// Tells which attempts are sampled. `None` if the layer is the application's.
    sampler: Option<Sampler>,
}

impl Spans {
    /// The spans of a process without an export.
    #[cfg(feature = "http")]
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Finds out whether spans of this runtime reach an OpenTelemetry layer.
    ///
    /// Looks from a task, which sees the subscriber that attempts will see.
    pub(crate) async fn detect(logger: Option<SdkLogger>, sampler: Option<SdkTracer>) -> Self {
        let probed = tokio::spawn(async {
            // A parent that is not sampled, so that the probe is not exported.
            let parent = remote("00-00000000000000000000000000000001-0000000000000001-00");
            let span = tracing::info_span!("probe");
            parent.is_some_and(|parent| span.set_parent(parent).is_ok())
        });
        // The task fails only if the runtime shuts down.
        let is_on = probed.await.unwrap_or(false);
        let sampler = sampler.map(Sampler::new);
        Self(is_on.then(|| Arc::new(Writer { logger, sampler })))
    }

    /// Starts the span of an enqueue, whose trace context the executions get. `job` is the job of
    /// all requests, if they have one.
    pub(crate) fn send(&self, job: Option<&str>, requests: &mut [EnqueueRequest]) -> SendSpan {
        let (Some(_), Some(first)) = (&self.0, requests.first()) else {
            return SendSpan(Span::none());
        };
        let name = job.map_or_else(|| "send".to_owned(), |job| format!("send {job}"));
        let span = tracing::info_span!("send", otel.name = name, otel.kind = "producer");
        // The current context is the caller's or a handler's span. The request's is the caller's
        // header, or the attempt that enqueues a child.
        let has_parent = Context::current().span().span_context().is_valid();
        let parent = first.trace_parent.as_deref().filter(|_| !has_parent);
        if let Some(parent) = parent.and_then(remote) {
            let _ = span.set_parent(parent);
        }
        span.set_attribute(attribute::SYSTEM, "jobs");
        span.set_attribute(attribute::OPERATION_NAME, "send");
        span.set_attribute(attribute::OPERATION_TYPE, "send");
        if let Some(job) = job {
            span.set_attribute(attribute::DESTINATION, job.to_owned());
        }
        if let Some(correlation) = &first.correlation_id {
            span.set_attribute(attribute::CONVERSATION, correlation.clone());
        }
        if requests.len() > 1 {
            let count = i64::try_from(requests.len()).unwrap_or(i64::MAX);
            span.set_attribute(attribute::BATCH_COUNT, count);
        }
        span.set_attribute(attribute::TRIGGERED_BY, first.triggered_by.as_str());
        let context = text_of(span.context().span().span_context());
        for request in requests {
            request.trace_parent.clone_from(&context);
        }
        SendSpan(span)
    }

    /// Starts the span of a request to the HTTP interface.
    #[cfg(feature = "http")]
    pub(crate) fn request(
        &self,
        method: &str,
        route: &str,
        path: &str,
        trace: Option<&str>,
    ) -> Span {
        if self.0.is_none() {
            return Span::none();
        }
        let name = format!("{method} {route}");
        let span = tracing::info_span!("request", otel.name = name, otel.kind = "server");
        if let Some(parent) = trace.and_then(remote) {
            let _ = span.set_parent(parent);
        }
        span.set_attribute(attribute::HTTP_METHOD, method.to_owned());
        span.set_attribute(attribute::HTTP_ROUTE, route.to_owned());
        span.set_attribute(attribute::URL_PATH, path.to_owned());
        span
    }

    /// Records the response to a request.
    #[cfg(feature = "http")]
    pub(crate) fn responded(&self, span: &Span, status: u16) {
        if self.0.is_none() {
            return;
        }
        span.set_attribute(attribute::HTTP_STATUS, i64::from(status));
        if status >= 500 {
            set_error(span, &status.to_string(), "");
        }
    }
}

/// The span of an enqueue, which ends when this value and its clones are dropped.
#[derive(Debug)]
pub(crate) struct SendSpan(Span);

impl SendSpan {
    pub(crate) fn span(&self) -> Span {
        self.0.clone()
    }

    /// Records the execution of a request.
    pub(crate) fn sent(&self, id: ExecutionId) {
        if !self.0.is_none() {
            self.0.set_attribute(attribute::MESSAGE_ID, id.to_string());
        }
    }

    /// Records that nothing was stored.
    pub(crate) fn failed(&self, kind: &str) {
        if !self.0.is_none() {
            set_error(&self.0, kind, "");
        }
    }
}

fn set_error(span: &Span, kind: &str, message: &str) {
    span.set_attribute(attribute::ERROR_TYPE, kind.to_owned());
    span.set_status(Status::error(message.to_owned()));
}

/// A trace context of another process as the parent of a span.
fn remote(context: &str) -> Option<Context> {
    let (parent, state) = trace_context::split(context);
    let trace = TraceId::from_hex(trace_context::trace_id(parent)?).ok()?;
    let span = SpanId::from_hex(parent.get(36..52)?).ok()?;
    let flags = u8::from_str_radix(parent.get(53..55)?, 16).ok()?;
    let state = state
        .and_then(|state| state.parse().ok())
        .unwrap_or_default();
    let context = SpanContext::new(trace, span, TraceFlags::new(flags), true, state);
    Some(Context::new().with_remote_span_context(context))
}

/// A span's context as text.
fn text_of(context: &SpanContext) -> Option<String> {
    if !context.is_valid() {
        return None;
    }
    let (trace, span) = (context.trace_id(), context.span_id());
    let parent = format!("00-{trace}-{span}-{:02x}", context.trace_flags());
    let state = context.trace_state().header();
    Some(trace_context::with_state(parent, &state))
}
