//! `GET /livez`, `/readyz`, `/health`, `/`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use jobs_runtime::SystemClock;
use jobs_runtime::health::Health;
use tower::ServiceExt;

use crate::support::{Api, request};

#[tokio::test]
async fn a_process_without_a_worker_is_healthy() {
    let api = Api::new().await;
    assert_eq!(api.get("/livez").await.is_ok()["status"], "ok");
    assert_eq!(api.get("/readyz").await.is_ok()["status"], "ok");
    let health = api.get("/health").await;
    let checks = &health.is_ok()["checks"];
    assert_eq!(checks[0]["name"], "store");
    assert_eq!(checks[0]["status"], "ok");
    assert_eq!(checks[1]["name"], "worker");
    assert_eq!(checks[1]["status"], "absent");
}

#[tokio::test]
async fn a_worker_that_lost_its_session_fails_the_health_check() {
    let api = Api::new().await;
    let worker = api.health.worker();
    worker.claimed();
    worker.in_flight(2);
    let health = api.get("/health").await;
    let detail = health.is_ok()["checks"][1]["detail"].as_str().unwrap();
    assert!(detail.ends_with("2 attempts running"), "{detail}");

    worker.session_lost();
    let health = api.get("/health").await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health.body["status"], "failing");
    // The process still serves requests, so it stays ready.
    api.get("/readyz").await.is_ok();
    worker.renewed();
    api.get("/health").await.is_ok();
}

#[tokio::test]
async fn a_process_is_not_ready_before_its_start_is_complete() {
    let api = Api::new().await;
    let health = Arc::new(Health::new(api.store.clone(), Arc::new(SystemClock::new())));
    let router = jobs_runtime::http::router(api.service.clone(), health);
    let request = request("GET", "/readyz").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_index_lists_the_routes() {
    let api = Api::new().await;
    let index = api.get("/").await;
    let routes = index.is_ok()["routes"].as_object().unwrap();
    assert!(routes.contains_key("GET /"));
    assert!(routes.contains_key("POST /api/v1/workers/jobs/{id}/trigger"));
}
