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
//! interface. The module imports no other part of the program.

mod files;

use axum::Router;
use axum::extract::{OriginalUri, Path};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use files::{File, PAGE};

/// What the page may load: its own scripts, styles and pictures, and the interface.
const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The files that the first screen needs, in the order in which modules import them.
const PRELOADED: &[&str] = &[
    "lib/api.js",
    "lib/clipboard.js",
    "lib/commands.js",
    "lib/data.js",
    "lib/dom.js",
    "lib/format.js",
    "lib/json.js",
    "lib/keys.js",
    "lib/live.js",
    "lib/notices.js",
    "lib/router.js",
    "lib/session.js",
    "lib/storage.js",
    "lib/theme.js",
    "parts/copying.js",
    "parts/dialog.js",
    "parts/frame.js",
    "parts/icons.js",
    "parts/key_help.js",
    "parts/palette.js",
    "parts/sign_in.js",
    "parts/states.js",
    "parts/time.js",
    "screens/index.js",
    "vendor/hooks.js",
    "vendor/htm.js",
    "vendor/preact.js",
    "vendor/signals-core.js",
    "vendor/signals.js",
];

/// Builds the routes of the dashboard.
pub(super) fn router() -> Router {
    Router::new()
        .route("/dashboard", get(page))
        .route("/dashboard/", get(page))
        .route("/dashboard/{*screen}", get(page))
        .route("/dashboard/assets/{version}/{*path}", get(asset))
}

/// Returns the address of the dashboard, relative to the address of the index.
///
/// A mounted index has the address of its mount, with or without a `/` at the end.
pub(super) fn address_from_index(index: &OriginalUri) -> String {
    let (_, last) = index.path().rsplit_once('/').unwrap_or_default();
    if last.is_empty() {
        "dashboard/".to_owned()
    } else {
        format!("{last}/dashboard/")
    }
}

/// Returns whether the client is a browser that shows a page.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter();
    accept
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}

/// Handles the address of every screen.
async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let tag = format!("\"{}-{}\"", files::version(), depth(&uri));
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
    (fixed, [(header::ETAG, tag)], rendered(depth(&uri))).into_response()
}

/// The number of folders between the page's folder and the root of the interface.
fn depth(uri: &Uri) -> usize {
    uri.path().matches('/').count().saturating_sub(1)
}

/// Fills the template.
fn rendered(depth: usize) -> String {
    let base = match depth {
        0 => "./".to_owned(),
        depth => "../".repeat(depth),
    };
    let assets = format!("dashboard/assets/{}", files::version());
    let preload: String = PRELOADED
        .iter()
        .map(|path| format!("<link rel=\"modulepreload\" href=\"{assets}/{path}\">\n"))
        .collect();
    PAGE.replace("{base}", &base)
        .replace("{preload}", &preload)
        .replace("{assets}", &assets)
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
        (fixed, tag, file.content).into_response()
    }
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).map(HeaderValue::to_str);
    matches!(known, Some(Ok(known)) if known.contains(tag))
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .map(HeaderValue::to_str);
    let Some(Ok(accepted)) = accepted else {
        return false;
    };
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

#[cfg(test)]
mod tests {
    use super::{PRELOADED, files, rendered};

    #[test]
    fn the_page_names_the_root_of_the_interface_from_every_depth() {
        assert!(rendered(0).contains("<base href=\"./\">"));
        assert!(rendered(2).contains("<base href=\"../../\">"));
        assert!(!rendered(1).contains('{'), "{}", rendered(1));
    }

    #[test]
    fn the_page_preloads_files_that_exist() {
        for path in PRELOADED {
            assert!(files::File::find(path).is_some(), "{path}");
        }
    }
}
