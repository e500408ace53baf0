//! The spans of attempts.
//!
//! ```text
//!                     ┌─ sampled ──▶ a span that the OpenTelemetry layer exports
//! attempt ─▶ sampler ─┤
//!                     └─ left out ─▶ a span that the layer does not see, and an attached context
//! ```
//!
//! At a low sampling rate most attempts are left out. For such a span the layer would do nearly as
//! much as for an exported one. So the sampler is asked first, or only once if it always follows a
//! parent that is not sampled. The context of an attempt that is left out carries the decision to
//! the handler's spans, and to the executions that it enqueues.

use std::future::Future;

use futures_util::future::Either;
use opentelemetry::context::FutureExt;
use opentelemetry::logs::{LogRecord, Logger, Severity};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::sampler::Sampler;
use super::{Spans, remote, set_error, text_of};
use crate::logs::ATTEMPT_TARGET;
use crate::store::Claimed;
use crate::telemetry::reference::attribute;
use crate::telemetry::spans::{SpanEnd, ids, open_unexported};
use crate::telemetry::trace_context;

/// The span of an attempt. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct AttemptSpan {
    span: Span,
    /// The context of an attempt that is not sampled.
    left_out: Option<Context>,
}

impl AttemptSpan {
    /// Executes a future within the span.
    pub(crate) fn instrument<F: Future>(
        &self,
        work: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let work = work.instrument(self.span.clone());
        match &self.left_out {
            Some(context) => Either::Left(work.with_context(context.clone())),
            None => Either::Right(work),
        }
    }

    /// Executes a function within the span.
    pub(crate) fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        let _attached = self.left_out.clone().map(Context::attach);
        self.span.in_scope(work)
    }
}

impl Spans {
    /// Starts the span of an attempt, and returns it with the trace context of its children.
    pub(crate) fn attempt(&self, job: &str, claimed: &Claimed) -> (AttemptSpan, Option<String>) {
        let stored = claimed.trace_parent.as_deref();
        let unexported = |trace_parent: Option<&str>, left_out| AttemptSpan {
            span: open_unexported(job, claimed, trace_parent.and_then(trace_context::trace_id)),
            left_out,
        };
        let Some(writer) = &self.0 else {
            return (unexported(stored, None), stored.map(str::to_owned));
        };
        let parent = stored.and_then(remote);
        if let Some(sampler) = &writer.sampler {
            if let Some(parent) = sampler.leaves_out(parent.as_ref()) {
                let left_out = Some(parent.clone());
                return (unexported(stored, left_out), stored.map(str::to_owned));
            }
            let trace = AttemptTrace::of(claimed, parent.as_ref());
            if let Some(context) = trace.left_out_by(sampler) {
                let text = text_of(&context);
                let left_out = Some(Context::new().with_remote_span_context(context));
                return (unexported(text.as_deref(), left_out), text);
            }
        }
        let span = open(job, claimed);
        let trace = AttemptTrace::of(claimed, parent.as_ref());
        let text = trace.start(&span, job, claimed);
        let text = text.or_else(|| stored.map(str::to_owned));
        if let Some(trace_id) = text.as_deref().and_then(trace_context::trace_id) {
            span.record("trace_id", trace_id);
        }
        let left_out = None;
        (AttemptSpan { span, left_out }, text)
    }

    /// Starts the span of an external attempt, and returns it with its trace context.
    #[cfg(feature = "http")]
    pub(crate) fn external_attempt(
        &self,
        claimed: &Claimed,
    ) -> (Option<AttemptSpan>, Option<String>) {
        if self.0.is_none() {
            return (None, None);
        }
        let (span, trace_parent) = self.attempt(&claimed.job_id, claimed);
        (Some(span), trace_parent)
    }

    /// Records the end of an attempt. Its error becomes the status, and a log record.
    pub(crate) fn ended(&self, attempt: &AttemptSpan, end: &SpanEnd<'_>) {
        let (Some(writer), Some((kind, message))) = (&self.0, end.error) else {
            return;
        };
        if attempt.left_out.is_none() {
            set_error(&attempt.span, kind, message);
        }
        let Some(logger) = &writer.logger else { return };
        let context = attempt.left_out.clone();
        let context = context.unwrap_or_else(|| attempt.span.context());
        let context = context.span().span_context().clone();
        let mut record = logger.create_log_record();
        record.set_event_name("exception");
        record.set_severity_number(Severity::Error);
        record.set_severity_text("ERROR");
        record.set_body(message.to_owned().into());
        record.add_attribute(attribute::EXCEPTION_TYPE, kind.to_owned());
        record.add_attribute(attribute::EXCEPTION_MESSAGE, message.to_owned());
        let (trace, id) = (context.trace_id(), context.span_id());
        record.set_trace_context(trace, id, Some(context.trace_flags()));
        logger.emit(record);
    }
}

/// Opens the span of an attempt that is exported.
fn open(job: &str, claimed: &Claimed) -> Span {
    tracing::info_span!(
        target: ATTEMPT_TARGET,
        parent: None,
        "attempt",
        job,
        execution = %claimed.execution_id,
        attempt = claimed.fence.attempt,
        trace_id = Empty,
        otel.kind = "consumer",
    )
}

/// The place of an attempt in its trace.
struct AttemptTrace<'a> {
    /// The context that is stored with the execution. Without one, the span is the root.
    parent: Option<&'a Context>,
    trace: TraceId,
    span: SpanId,
}

impl<'a> AttemptTrace<'a> {
    fn of(claimed: &Claimed, parent: Option<&'a Context>) -> Self {
        let execution = claimed.execution_id;
        let stored = parent.map(|parent| parent.span().span_context().trace_id());
        Self {
            parent,
            trace: stored.unwrap_or_else(|| ids::trace_of(execution)),
            span: ids::span_of(execution, claimed.fence.attempt),
        }
    }

    /// Returns the span context of the attempt, if the sampler leaves it out.
    fn left_out_by(&self, sampler: &Sampler) -> Option<SpanContext> {
        let no_parent = Context::new();
        let parent = self.parent.unwrap_or(&no_parent);
        let context = ids::with_ids(self.trace, self.span, || sampler.ask(parent));
        (!context.is_sampled()).then_some(context)
    }

    /// Starts a span, and returns its trace context.
    fn start(self, span: &Span, job: &str, claimed: &Claimed) -> Option<String> {
        let parent = self.parent.cloned().unwrap_or_default();
        let _ = span.set_parent(parent);
        let started = ids::with_ids(self.trace, self.span, || span.context());
        let started = started.span();
        // An application's layer may have a sampler of its own.
        if started.is_recording() {
            started.update_name(format!("process {job}"));
            started.set_attributes(attributes(job, claimed));
            let attempt = claimed.fence.attempt;
            if attempt > 1 {
                let before = ids::span_of(claimed.execution_id, attempt - 1);
                let flags = self.parent.map_or(TraceFlags::SAMPLED, |parent| {
                    parent.span().span_context().trace_flags()
                });
                let state = TraceState::default();
                let before = SpanContext::new(self.trace, before, flags, true, state);
                started.add_link(before, Vec::new());
            }
        }
        text_of(started.span_context())
    }
}

/// The attributes of an attempt's span by the conventions for messaging.
fn attributes(job: &str, claimed: &Claimed) -> Vec<KeyValue> {
    let correlation = claimed.correlation_id.as_ref();
    let correlation = correlation.map(|it| KeyValue::new(attribute::CONVERSATION, it.clone()));
    let attributes = [
        KeyValue::new(attribute::SYSTEM, "jobs"),
        KeyValue::new(attribute::OPERATION_NAME, "process"),
        KeyValue::new(attribute::OPERATION_TYPE, "process"),
        KeyValue::new(attribute::DESTINATION, job.to_owned()),
        KeyValue::new(attribute::MESSAGE_ID, claimed.execution_id.to_string()),
        KeyValue::new(attribute::ATTEMPT, i64::from(claimed.fence.attempt)),
        KeyValue::new(attribute::QUEUE, claimed.queue.clone()),
    ];
    attributes.into_iter().chain(correlation).collect()
}
