//! Middleware for every request: deadline, panics, `Host`, `Origin` and content type.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::http::ApiState;
use crate::http::response::problem::{Code, Problem};

/// The time from the head of a request to its response.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// Responds with 503 after [`REQUEST_DEADLINE`] and with 500 when a handler panics. Adds the
/// headers that every response carries.
pub(in crate::http) async fn with_deadline(
    State(api): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
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
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Rejects requests whose `Host` or `Origin` does not name this machine.
pub(in crate::http) async fn require_local(
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    check_host(request.uri(), request.headers())?;
    check_origin(request.headers())?;
    Ok(next.run(request).await)
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
    }
    Ok(next.run(request).await)
}

fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let rejection = || {
        Problem::new(
            Code::HostNotAllowed,
            "the interface accepts only the hosts localhost, 127.0.0.1 and [::1]",
        )
    };
    let mut names = headers.get_all(header::HOST).iter().map(text);
    let (Some(host), None) = (names.next(), names.next()) else {
        return Err(rejection());
    };
    // The host of a request target in absolute form takes precedence over the header, so both are
    // checked.
    let target = uri.authority().map(|authority| authority.as_str());
    if [host, target].into_iter().flatten().all(is_this_machine) && host.is_some() {
        Ok(())
    } else {
        Err(rejection())
    }
}

fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let local = headers.get_all(header::ORIGIN).iter().all(|origin| {
        text(origin)
            .and_then(|origin| {
                origin
                    .strip_prefix("http://")
                    .or_else(|| origin.strip_prefix("https://"))
            })
            .is_some_and(is_this_machine)
    });
    if local {
        Ok(())
    } else {
        Err(Problem::new(
            Code::OriginNotAllowed,
            "pages of other sites may not use this interface",
        ))
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

/// Returns whether `host` or `host:port` names the loopback interface.
fn is_this_machine(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) => (
                host,
                port.strip_prefix(':').or(port.is_empty().then_some("0")),
            ),
            None => return false,
        },
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("0")),
        },
    };
    let known = if authority.starts_with('[') {
        host == "::1"
    } else {
        host == "127.0.0.1" || host.eq_ignore_ascii_case("localhost")
    };
    known && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn accepts_only_names_of_this_machine() {
        let check = |authority: &str, accepted: bool| {
            assert_eq!(is_this_machine(authority), accepted, "{authority}");
        };
        check("localhost", true);
        check("localhost:8091", true);
        check("LOCALHOST:1", true);
        check("127.0.0.1:8091", true);
        check("[::1]", true);
        check("[::1]:8091", true);
        check("localhost.evil.example", false);
        check("evil.example:8091", false);
        check("localhost:8091@evil.example", false);
        check("localhost:", false);
        check("[::1]evil", false);
        check("::1", false);
        check("127.0.0.1.nip.io", false);
        check("", false);
    }
}
