//! Middleware for every request: deadline, panics and content type.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::body::BodyTimeout;
use crate::http::ApiState;
use crate::http::response::problem::{Code, Problem};

/// The time from the head of a request to its response.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// The headers of every response: no sniffing, no frames, no referrer, no caching, and nothing that
/// a browser may load or run.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// Responds with 503 after [`REQUEST_DEADLINE`] and with 500 when a handler panics. Adds the
/// headers that every response carries.
pub(in crate::http) async fn with_deadline(
    State(api): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(BodyTimeout {
        clock: Arc::clone(api.service.clock()),
        limit: api.auth.config.body_timeout,
    });
    let deadline = api.service.clock().sleep(REQUEST_DEADLINE);
    let response = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = tokio::select! {
        biased;
        response = response => response.unwrap_or_else(|_| {
            // The panic hook has logged the panic with its location.
            Problem::new(Code::Internal, "the log holds the cause").into_response()
        }),
        () = deadline => {
            let seconds = REQUEST_DEADLINE.as_secs();
            let detail = format!(
                "no response within {seconds} s; the request may or may not have taken effect"
            );
            Problem::new(Code::DeadlineExceeded, detail).into_response()
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // A page has a policy of its own.
        headers.entry(name).or_insert(value);
    }
    response
}

/// Rejects writes that are not declared as JSON. An HTML form of a foreign page can send a `POST`,
/// but it cannot declare JSON or send a `DELETE`.
pub(in crate::http) async fn require_json(
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::DELETE
    ) {
        check_content_type(request.headers())?;
        check_content_encoding(request.headers())?;
    }
    Ok(next.run(request).await)
}

/// Rejects compressed bodies: a small one can become a large one.
fn check_content_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_ENCODING) {
        None => Ok(()),
        Some(coding) if coding == "identity" => Ok(()),
        Some(_) => Err(Problem::new(
            Code::UnsupportedMediaType,
            "send the body without `content-encoding`",
        )),
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let declared = single_header(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if json && utf8 {
        Ok(())
    } else {
        Err(Problem::new(
            Code::UnsupportedMediaType,
            "send `content-type: application/json`, in UTF-8",
        ))
    }
}

/// Returns the value of a header that is given exactly once.
pub(in crate::http) fn single_header<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => text(value),
        _ => None,
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}
