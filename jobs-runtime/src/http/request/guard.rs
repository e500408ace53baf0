//! What every request has to pass.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::http::Interface;
use crate::http::response::problem::{Code, Problem};

/// From the first byte of a request to its answer.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// Answers in any case: after a deadline, and also when a handler panics.
pub(in crate::http) async fn bounded(
    State(interface): State<Interface>,
    request: Request,
    next: Next,
) -> Response {
    let deadline = interface.service.clock().sleep(REQUEST_DEADLINE);
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = tokio::select! {
        biased;
        answer = answer => answer.unwrap_or_else(|_| {
            // The panic hook has reported it, with its place.
            Problem::new(Code::Internal, "the reason is in the log").into_response()
        }),
        () = deadline => Problem::new(
            Code::DeadlineExceeded,
            format!("no answer within {} s; whether it took effect is unknown", REQUEST_DEADLINE.as_secs()),
        )
        .into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Refuses requests that were sent to another name than this machine's, or by another site's page.
pub(in crate::http) async fn only_this_machine(request: Request, next: Next) -> Result<Response, Problem> {
    check_host(request.uri(), request.headers())?;
    check_origin(request.headers())?;
    Ok(next.run(request).await)
}

/// Refuses changes that a plain form of a foreign page could ask for: those cannot declare JSON.
/// Neither can they delete.
pub(in crate::http) async fn only_json(request: Request, next: Next) -> Result<Response, Problem> {
    if !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::DELETE
    ) {
        check_content_type(request.headers())?;
    }
    Ok(next.run(request).await)
}

fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let refused = || {
        Problem::new(
            Code::HostNotAllowed,
            "ask for localhost, 127.0.0.1 or [::1]: the interface answers to no other name",
        )
    };
    let mut names = headers.get_all(header::HOST).iter().map(text);
    let (Some(host), None) = (names.next(), names.next()) else {
        return Err(refused());
    };
    // A target in absolute form names a host of its own, which goes before the header's.
    let target = uri.authority().map(|authority| authority.as_str());
    match [host, target].into_iter().flatten().all(is_this_machine) && host.is_some() {
        true => Ok(()),
        false => Err(refused()),
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
    match local {
        true => Ok(()),
        false => Err(Problem::new(
            Code::OriginNotAllowed,
            "pages of other sites may not use this interface",
        )),
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let declared = single(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let readable = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    match json && readable {
        true => Ok(()),
        false => Err(Problem::new(
            Code::UnsupportedMediaType,
            "send `content-type: application/json`, in UTF-8",
        )),
    }
}

/// The value of a header that is given exactly once.
pub(in crate::http) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => text(value),
        _ => None,
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// Whether `host` or `host:port` is a name of the loopback interface.
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
    let known = match authority.starts_with('[') {
        true => host == "::1",
        false => host == "127.0.0.1" || host.eq_ignore_ascii_case("localhost"),
    };
    known && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use crate::http::is_this_machine;

    #[test]
    fn names_of_this_machine() {
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
