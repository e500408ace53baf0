//! Spans of a program without the feature `otlp`: there are none.

use jobs::ExecutionId;
use jobs::runtime::EnqueueRequest;
use tracing::Span;

use super::SpanEnd;
use crate::store::Claimed;

/// The spans of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans;

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

    pub(crate) fn attempt(&self, _span: &Span, _job: &str, _claimed: &Claimed) -> Option<String> {
        None
    }

    #[cfg(feature = "http")]
    pub(crate) fn external_attempt(&self, _claimed: &Claimed) -> (Option<Span>, Option<String>) {
        (None, None)
    }

    pub(crate) fn ended(&self, _span: &Span, _end: &SpanEnd<'_>) {}

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
