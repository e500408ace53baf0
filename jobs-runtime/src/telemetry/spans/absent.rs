//! Spans of a program without the feature `otlp`: there are none.

use std::future::Future;

use jobs::ExecutionId;
use jobs::runtime::EnqueueRequest;
use tracing::{Instrument, Span};

use super::{SpanEnd, open_unexported};
use crate::store::Claimed;
use crate::telemetry::trace_context;

/// The spans of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans;

/// The span of an attempt, for log lines.
#[derive(Clone, Debug)]
pub(crate) struct AttemptSpan(Span);

/// The span of an enqueue.
#[derive(Debug)]
pub(crate) struct SendSpan;

impl Spans {
    /// The spans of a process without an export.
    #[cfg(feature = "http")]
    pub(crate) const fn none() -> Self {
        Self
    }

    pub(crate) fn send(&self, _job: Option<&str>, _requests: &mut [EnqueueRequest]) -> SendSpan {
        SendSpan
    }

    pub(crate) fn attempt(&self, job: &str, claimed: &Claimed) -> (AttemptSpan, Option<String>) {
        let stored = claimed.trace_parent.clone();
        let trace_id = stored.as_deref().and_then(trace_context::trace_id);
        (AttemptSpan(open_unexported(job, claimed, trace_id)), stored)
    }

    #[cfg(feature = "http")]
    pub(crate) fn external_attempt(
        &self,
        _claimed: &Claimed,
    ) -> (Option<AttemptSpan>, Option<String>) {
        (None, None)
    }

    pub(crate) fn ended(&self, _attempt: &AttemptSpan, _end: &SpanEnd<'_>) {}

    #[cfg(feature = "http")]
    pub(crate) fn request(&self, _: &str, _: &str, _: &str, _: Option<&str>) -> Span {
        Span::none()
    }

    #[cfg(feature = "http")]
    pub(crate) fn responded(&self, _span: &Span, _status: u16) {}
}

impl SendSpan {
    pub(crate) fn span(&self) -> Span {
        Span::none()
    }

    pub(crate) fn sent(&self, _id: ExecutionId) {}

    pub(crate) fn failed(&self, _kind: &str) {}
}

impl AttemptSpan {
    pub(crate) fn instrument<F: Future>(
        &self,
        work: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        work.instrument(self.0.clone())
    }

    pub(crate) fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.in_scope(work)
    }
}
