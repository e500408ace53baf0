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

/// The start of the paths in which the token of a lease follows.
const LEASES: &str = "/api/v1/workers/leases/";

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
    let route = route.map(MatchedPath::as_str);
    let path = without_token(route, path);
    let route = route.unwrap_or(path);
    let context = trace_context(request.headers());
    let spans = api.service.spans();
    let span = spans.request(request.method().as_str(), route, path, context.as_deref());
    let response = next.run(request).instrument(span.clone()).await;
    spans.responded(&span, response.status().as_u16());
    response
}

/// The path of a request as its span shows it: without the token of a lease, which is a secret.
fn without_token<'p>(route: Option<&'p str>, path: &'p str) -> &'p str {
    match route {
        Some(route) if route.contains("{token}") => route,
        Some(_) => path,
        // A mistyped verb: no route has the path, and the token is in it all the same.
        None if path.starts_with(LEASES) => LEASES,
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_shows_no_token_of_a_lease() {
        let route = "/api/v1/workers/leases/{token}/fail";
        let path = "/api/v1/workers/leases/5ec2e7/fail";
        assert_eq!(without_token(Some(route), path), route);
        assert_eq!(without_token(None, path), LEASES);
        let job = "/api/v1/workers/jobs/test.add";
        assert_eq!(without_token(Some("/api/v1/workers/jobs/{id}"), job), job);
        assert_eq!(
            without_token(None, "/api/v1/workers/x"),
            "/api/v1/workers/x"
        );
    }
}
