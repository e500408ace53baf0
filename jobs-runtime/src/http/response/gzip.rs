//! Compression of responses: gzip for JSON and pages of a known size, never for event streams.

use std::io::Write;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Body as _;

use super::problem::{Code, Problem};

/// Shorter bodies stay as they are.
const SHORTEST: u64 = 1_024;

/// Longer bodies are compressed on a thread of their own.
const LONG: u64 = 128 * 1_024;

/// Compresses the response if the caller accepts it.
pub(in crate::http) async fn compress(request: Request, next: Next) -> Response {
    let accepts = accepts_gzip(request.headers());
    let response = next.run(request).await;
    let Some(size) = compressible_size(&response) else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    parts
        .headers
        .append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !accepts {
        return Response::from_parts(parts, body);
    }
    let compressed = match to_bytes(body, usize::MAX).await {
        Ok(bytes) if size > LONG => {
            let compressed = tokio::task::spawn_blocking(move || gzip(&bytes)).await;
            compressed.map_err(std::io::Error::other).flatten()
        }
        Ok(bytes) => gzip(&bytes),
        Err(error) => Err(std::io::Error::other(error)),
    };
    match compressed {
        Ok(bytes) => {
            let encoding = HeaderValue::from_static("gzip");
            parts.headers.insert(header::CONTENT_ENCODING, encoding);
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(bytes))
        }
        Err(error) => {
            Problem::failure(Code::Internal, "the log holds the cause", &error).into_response()
        }
    }
}

/// The size of a body that is worth to be compressed.
fn compressible_size(response: &Response) -> Option<u64> {
    let headers = response.headers();
    if headers.contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let is_text = matches!(
        essence,
        "application/json"
            | "application/problem+json"
            | "application/javascript"
            | "text/javascript"
            | "text/css"
            | "text/html"
            | "image/svg+xml"
    );
    // A stream has no known size.
    let size = response.body().size_hint().exact()?;
    (is_text && size >= SHORTEST).then_some(size)
}

/// Returns whether the header accepts gzip: it is named, or `*` is, and not with a weight of zero.
pub(in crate::http) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let is_refused = weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|q| q <= 0.0));
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !is_refused
    })
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_if_it_is_accepted() {
        let check = |value: &'static str, expected: bool| {
            let value = HeaderValue::from_static(value);
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]);
            assert_eq!(accepts_gzip(&headers), expected, "{headers:?}");
        };
        check("gzip", true);
        check("br, GZIP;q=0.5", true);
        check("*", true);
        check("br", false);
        check("gzip;q=0", false);
        check("gzip; q=0.000", false);
        check("", false);
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
