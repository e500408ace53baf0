//! The sampler of the exported traces, asked before a span exists.

use opentelemetry::Context;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry_sdk::trace::SdkTracer;

/// Tells which attempts are sampled.
#[derive(Debug)]
pub(super) struct Sampler {
    /// A tracer with the same sampler, which exports nothing.
    tracer: SdkTracer,
    /// A span whose parent is not sampled is never sampled, either.
    follows_parent: bool,
}

impl Sampler {
    pub(super) fn new(tracer: SdkTracer) -> Self {
        let mut sampler = Self {
            tracer,
            follows_parent: false,
        };
        // A sampler by trace ids, of any ratio, samples the lowest ones, whatever the parent says.
        let lowest = SpanContext::new(
            TraceId::from(1),
            SpanId::from(1),
            TraceFlags::NOT_SAMPLED,
            true,
            TraceState::default(),
        );
        let parent = Context::new().with_remote_span_context(lowest);
        sampler.follows_parent = !sampler.ask(&parent).is_sampled();
        sampler
    }

    /// Returns the parent if it is reason enough to leave a span out.
    pub(super) fn leaves_out<'a>(&self, parent: Option<&'a Context>) -> Option<&'a Context> {
        let is_sampled = |parent: &&Context| parent.span().span_context().is_sampled();
        parent.filter(|parent| self.follows_parent && !is_sampled(parent))
    }

    /// Returns the context of a new span with this parent.
    pub(super) fn ask(&self, parent: &Context) -> SpanContext {
        let attempt = self.tracer.span_builder("attempt");
        let attempt = attempt.with_kind(SpanKind::Consumer);
        let asked = self.tracer.build_with_context(attempt, parent);
        asked.span_context().clone()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::{Sampler as Rule, SdkTracerProvider};

    use super::*;

    fn sampler(rule: Rule) -> Sampler {
        let provider = SdkTracerProvider::builder().with_sampler(rule).build();
        Sampler::new(provider.tracer("test"))
    }

    fn parent(flags: TraceFlags) -> Context {
        let (trace, span) = (TraceId::from(u128::MAX), SpanId::from(7));
        let context = SpanContext::new(trace, span, flags, true, TraceState::default());
        Context::new().with_remote_span_context(context)
    }

    #[test]
    fn only_a_sampler_that_follows_the_parent_leaves_out_by_it() {
        let followed = |rule: Rule| {
            let sampler = sampler(rule);
            assert!(sampler.leaves_out(None).is_none());
            let sampled = parent(TraceFlags::SAMPLED);
            assert!(sampler.leaves_out(Some(&sampled)).is_none());
            let not_sampled = parent(TraceFlags::NOT_SAMPLED);
            sampler.leaves_out(Some(&not_sampled)).is_some()
        };
        assert!(followed(Rule::ParentBased(Box::new(Rule::AlwaysOn))));
        assert!(followed(Rule::ParentBased(Box::new(
            Rule::TraceIdRatioBased(0.01)
        ))));
        assert!(followed(Rule::AlwaysOff));
        assert!(!followed(Rule::AlwaysOn));
        assert!(!followed(Rule::TraceIdRatioBased(0.01)));
        assert!(!followed(Rule::TraceIdRatioBased(1e-9)));
    }
}
