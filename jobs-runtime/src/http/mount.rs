//! The prefix under which an application mounts the interface.
//!
//! Routes see their paths without it. What the interface says about its own paths has it: the
//! header `Location`, and the server of the OpenAPI document.

use axum::extract::{NestedPath, Request};
use axum::http::{Extensions, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Adds the prefix to the `Location` of responses, unless it is relative.
pub(in crate::http) async fn add_prefix(request: Request, next: Next) -> Response {
    let prefix = prefix(request.extensions());
    let mut response = next.run(request).await;
    if let Some(prefix) = prefix
        && let Some(location) = response.headers().get(header::LOCATION)
        && let Ok(location) = location.to_str()
        && location.starts_with('/')
        && let Ok(location) = HeaderValue::from_str(&format!("{prefix}{location}"))
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Returns the prefix, if there is one.
pub(in crate::http) fn prefix(extensions: &Extensions) -> Option<String> {
    let nested = extensions.get::<NestedPath>()?;
    let prefix = nested.as_str().trim_end_matches('/');
    (!prefix.is_empty()).then(|| prefix.to_owned())
}
