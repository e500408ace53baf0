//! The dashboard's page and files, and the index that leads browsers there.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use tower::ServiceExt;

use crate::support::{Api, request};

/// A response whose body is a text.
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

async fn ask(router: Router, path: &str, headers: &[(HeaderName, &str)]) -> Page {
    let mut request = request("GET", path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Page {
        status,
        headers,
        body,
    }
}

async fn get(api: &Api, path: &str, name: HeaderName, value: &str) -> Page {
    ask(api.router(), path, &[(name, value)]).await
}

async fn page(api: &Api, path: &str) -> Page {
    ask(api.router(), path, &[]).await
}

/// Returns the address of the file in the page.
fn asset(page: &str, name: &str) -> String {
    let end = page.find(name).unwrap() + name.len();
    let begin = page[..end].rfind('"').unwrap() + 1;
    format!("/{}", &page[begin..end])
}

#[tokio::test]
async fn a_browser_is_led_to_the_dashboard_and_a_program_to_the_index() {
    let api = Api::new().await;
    let answer = get(&api, "/", header::ACCEPT, "text/html,*/*;q=0.8").await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.headers[header::LOCATION], "dashboard/");
    let answer = get(&api, "/", header::ACCEPT, "*/*").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("GET /livez"), "{}", answer.body);
}

#[tokio::test]
async fn every_screen_is_the_same_page_with_a_strict_policy() {
    let api = Api::new().await;
    let deep = page(&api, "/dashboard/executions/some-id").await;
    assert_eq!(deep.status, StatusCode::OK);
    assert!(
        deep.body.contains("<base href=\"../../\">"),
        "{}",
        deep.body
    );
    let policy = deep.headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(policy.contains("script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!deep.body.contains("<script>"), "{}", deep.body);
    let flat = page(&api, "/dashboard").await;
    assert!(flat.body.contains("<base href=\"./\">"), "{}", flat.body);
    let tag = flat.headers[header::ETAG].to_str().unwrap();
    let again = get(&api, "/dashboard", header::IF_NONE_MATCH, tag).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn files_are_kept_by_browsers_and_compressed_on_request() {
    let api = Api::new().await;
    let front = page(&api, "/dashboard/").await.body;
    let path = asset(&front, "/app.js");
    let plain = page(&api, &path).await;
    assert_eq!(plain.status, StatusCode::OK, "{path}");
    assert_eq!(
        plain.headers[header::CONTENT_TYPE],
        "text/javascript; charset=utf-8"
    );
    assert!(
        plain.headers[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert!(plain.body.contains("startRouter"), "{}", plain.body);
    let small = get(&api, &path, header::ACCEPT_ENCODING, "br;q=1, gzip").await;
    assert_eq!(small.headers[header::CONTENT_ENCODING], "gzip");
    let refused = get(&api, &path, header::ACCEPT_ENCODING, "gzip;q=0").await;
    assert!(!refused.headers.contains_key(header::CONTENT_ENCODING));
    let other = page(&api, "/dashboard/assets/0000/app.js").await;
    assert_eq!(other.headers[header::CACHE_CONTROL], "no-cache");
    let none = page(&api, "/dashboard/assets/0000/../../Cargo.toml").await;
    assert_ne!(none.status, StatusCode::OK, "{}", none.body);
}

#[tokio::test]
async fn the_dashboard_works_below_a_mount() {
    let api = Api::new().await;
    let mounted = Router::new().nest("/ops", api.router());
    let ask = async |path: &str| ask(mounted.clone(), path, &[(header::ACCEPT, "text/html")]).await;
    let answer = ask("/ops").await;
    assert_eq!(answer.headers[header::LOCATION], "ops/dashboard/");
    let front = ask("/ops/dashboard/jobs/a").await;
    assert!(
        front.body.contains("<base href=\"../../\">"),
        "{}",
        front.body
    );
    let path = format!("/ops{}", asset(&front.body, "/app.js"));
    assert_eq!(ask(&path).await.status, StatusCode::OK);
}
