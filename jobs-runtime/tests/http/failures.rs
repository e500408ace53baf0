//! Internal failures: the client receives the code, and the log receives the cause.

use std::sync::Arc;

use ::jobs::Catalogue;
use axum::body::Body;
use jobs_runtime::health::Health;
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{PublishedJob, Store};
use jobs_runtime::{Entropy, JobService, SystemClock};
use serde_json::json;

use crate::support::{API, Api, now, request};

#[tokio::test]
async fn an_unavailable_store_is_a_503() {
    // Without its tables, the database rejects every statement.
    let store = SqliteStore::open(&"sqlite::memory:".parse().unwrap()).await;
    let store: Arc<dyn Store> = Arc::new(store.unwrap());
    let clock = Arc::new(SystemClock::new());
    let service = JobService::new(
        store.clone(),
        Arc::new(Catalogue::linked().unwrap()),
        clock.clone(),
        Arc::new(Entropy::new()),
    );
    let health = Arc::new(Health::new(store, clock));
    let router = jobs_runtime::http::router(service.unwrap(), health);
    let get = async |path: &str| {
        let request = request("GET", path).body(Body::empty()).unwrap();
        Api::ask(router.clone(), request).await
    };
    let answer = get(&format!("{API}/executions")).await;
    let problem = answer.is_problem(503, "store_unavailable");
    assert!(!problem.to_string().contains("table"), "{problem}");
    assert_eq!(get("/readyz").await.status, 503);
    assert_eq!(get("/livez").await.status, 200);
}

#[tokio::test]
async fn an_invalid_published_schema_is_a_500_at_enqueue() {
    let api = Api::new().await;
    let mut descriptor = api
        .service
        .job("resting")
        .await
        .unwrap()
        .descriptor()
        .clone();
    descriptor.id = "broken".to_owned();
    descriptor.enabled = true;
    descriptor.payload_schema = json!({"type": "nonsense"});
    let published = PublishedJob {
        descriptor,
        fingerprint: "broken".to_owned(),
        published_at: now(),
    };
    api.store.publish(vec![published]).await.unwrap();
    // The job is listed; enqueuing it fails.
    let job = api.get(&format!("{API}/jobs/broken")).await;
    assert_eq!(job.is_ok()["handler"], "absent");
    let answer = api.post(&format!("{API}/jobs/broken/trigger"), "{}").await;
    answer.is_problem(500, "internal");
    assert_eq!(api.stored().await, 0);
}
