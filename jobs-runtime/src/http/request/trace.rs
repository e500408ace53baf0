//! The trace of a request: its W3C headers, and its span.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::guard::single_header;
use crate::http::{ApiState, PREFIX};
use crate::telemetry::trace_context as text;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Returns the trace context of a request, if its headers are valid.
pub(in crate::http) fn trace_context(headers: &HeaderMap) -> Option<String> {
    let parent = single_header(headers, &TRACEPARENT)?;
    // Several headers `tracestate` are one list.
    let states = headers.get_all(TRACESTATE).iter();
    let states: Vec<_> = states.filter_map(|state| state.to_str().ok()).collect();
    text::join(parent, Some(&states.join(",")))
}

/// Creates the span of a request under the prefix. Streams have none: they last too long.
pub(in crate::http) async fn in_span(
    State(api): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if !path.starts_with(PREFIX) || path.ends_with("/events") {
        return next.run(request).await;
    }
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(path, MatchedPath::as_str);
    let context = trace_context(request.headers());
    let spans = api.service.spans();
    let span = spans.request(request.method().as_str(), route, path, context.as_deref());
    let response = next.run(request).instrument(span.clone()).await;
    spans.responded(&span, response.status().as_u16());
    response
}
