//! The dashboard: a page and its files, embedded in the program.
//!
//! | address | content |
//! |---|---|
//! | `/dashboard/…` | the page of every screen; the page reads its own address |
//! | `/dashboard/assets/VERSION/PATH` | a file of the folder `dashboard/` |
//!
//! The version is the hash of all files, so browsers keep a file for a year and load the files of
//! another program anew. The page itself is validated at each visit by its `ETag`.
//!
//! The page names its files relative to a `base` that its depth determines, so the router can be
//! mounted below any path. The content security policy allows scripts and styles of the same
//! origin only, none in the page, and no assignment of HTML by scripts.
//!
//! The page and its files need no access: they hold no data. All data comes from the routes of the
//! interface. The module may import the settings and the compression of the interface. It must not
//! import any other part of the program.

mod files;
mod page;

use axum::Router;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::config::DashboardConfig;
use super::response::gzip::{self, accepts_gzip};
use files::File;
use page::Page;

/// The content security policy of the page: own scripts, styles and pictures, and the interface.
const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Builds the routes of the dashboard.
pub(super) fn router(config: &DashboardConfig) -> Router {
    Router::new()
        .route("/dashboard", get(page))
        .route("/dashboard/", get(page))
        .route("/dashboard/{*screen}", get(page))
        .route("/dashboard/assets/{version}/{*path}", get(asset))
        .with_state(Page::new(config))
        // The page; files are compressed already.
        .layer(middleware::from_fn(gzip::compress))
}

/// Redirects browsers from the index to the dashboard, with or without a sign-in.
pub(super) async fn lead_browsers(index: OriginalUri, request: Request, next: Next) -> Response {
    let is_index = request.uri().path() == "/" && request.method() == Method::GET;
    if is_index && wants_page(request.headers()) {
        let headers = [
            (header::LOCATION, address_from_index(&index)),
            (header::VARY, "accept".to_owned()),
        ];
        return (StatusCode::FOUND, headers).into_response();
    }
    next.run(request).await
}

/// Returns the address of the dashboard, relative to the address of the index.
///
/// A mounted index has the address of its mount, with or without a `/` at the end.
fn address_from_index(index: &OriginalUri) -> String {
    let (_, last) = index.path().rsplit_once('/').unwrap_or_default();
    if last.is_empty() {
        "dashboard/".to_owned()
    } else {
        format!("{last}/dashboard/")
    }
}

/// Returns whether the client is a browser that shows a page.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter();
    accept
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}

/// Handles the address of every screen.
async fn page(State(page): State<Page>, uri: Uri, headers: HeaderMap) -> Response {
    let text = page.at(&uri);
    let tag = format!("\"{}\"", files::hash(&[&text]));
    if is_known(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let fixed = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    (fixed, [(header::ETAG, tag)], text).into_response()
}

/// Handles the address of a file.
async fn asset(Path((version, path)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = File::find(&path) else {
        return (StatusCode::NOT_FOUND, "no such file").into_response();
    };
    let tag = format!("\"{}\"", files::version());
    // A page of another version asks when two versions serve one address during a deploy.
    let cache = if version == files::version() {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    if is_known(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let fixed = [
        (header::CONTENT_TYPE, file.media_type()),
        (header::CACHE_CONTROL, cache),
        (header::VARY, "accept-encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let tag = [(header::ETAG, tag)];
    if accepts_gzip(&headers) {
        let encoding = [(header::CONTENT_ENCODING, "gzip")];
        (fixed, tag, encoding, file.compressed()).into_response()
    } else {
        (fixed, tag, file.served()).into_response()
    }
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).map(HeaderValue::to_str);
    matches!(known, Some(Ok(known)) if known.contains(tag))
}
