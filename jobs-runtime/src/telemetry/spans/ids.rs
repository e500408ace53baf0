//! Ids of spans: random, except those of attempts.
//!
//! The span of an attempt gets an id that is derived from the execution and the attempt's number.
//! So the next attempt, in any process, can link to it, and nothing has to be stored. An execution
//! without a trace context gets a trace whose id is its own: all of its attempts are in one trace.

use std::cell::Cell;

use jobs::ExecutionId;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use sha2::{Digest, Sha256};

thread_local! {
    /// The ids of the span that this thread starts next.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Random ids, unless the thread has chosen those of its next span.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct DerivedIds(RandomIdGenerator);

impl IdGenerator for DerivedIds {
    fn new_trace_id(&self) -> TraceId {
        match NEXT.get() {
            Some((trace, _)) => trace,
            None => self.0.new_trace_id(),
        }
    }

    fn new_span_id(&self) -> SpanId {
        match NEXT.get() {
            Some((_, span)) => span,
            None => self.0.new_span_id(),
        }
    }
}

/// Starts one span, in `start`, with chosen ids. The trace's id counts for a span without a parent.
pub(super) fn with_ids<T>(trace: TraceId, span: SpanId, start: impl FnOnce() -> T) -> T {
    NEXT.set(Some((trace, span)));
    let started = start();
    NEXT.set(None);
    started
}

/// The trace of an execution that carries no trace context.
pub(super) fn trace_of(execution: ExecutionId) -> TraceId {
    TraceId::from_bytes(*execution.as_bytes())
}

/// The span of an attempt.
pub(super) fn span_of(execution: ExecutionId, attempt: u32) -> SpanId {
    let mut digest = Sha256::new();
    digest.update(execution.as_bytes());
    digest.update(attempt.to_be_bytes());
    let digest = digest.finalize();
    let mut id = [0; 8];
    id.copy_from_slice(&digest[..8]);
    SpanId::from_bytes(id)
}
