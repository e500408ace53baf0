//! Ends of external attempts whose settlement is lost, slow or refused for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use ::jobs::Clock;
use axum::body::{Body, to_bytes};
use jobs_runtime::SystemClock;
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{DelegatingStore, Store, StoreError};
use jobs_runtime::testing::VirtualClock;
use serde_json::json;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::leases::parcels;
use crate::support::{API, Api, request};

/// The way in which the store treats settlements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Settles {
    AtOnce,
    /// The next one is written, and its answer is lost.
    WithoutAnswer,
    /// Each is written, and its answer waits for the gate.
    BehindGate,
    Never,
}

/// A store with faulty settlements. A virtual clock stands still during each call.
#[derive(Clone)]
struct Faulty {
    store: Arc<SqliteStore>,
    clock: Arc<dyn Clock>,
    settles: Arc<AtomicU8>,
    /// A permit for each settlement that is written.
    written: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Faulty {
    async fn new(clock: Arc<dyn Clock>) -> Self {
        let store = SqliteStore::open(&"sqlite::memory:".parse().unwrap()).await;
        Self {
            store: Arc::new(store.unwrap()),
            clock,
            settles: Arc::default(),
            written: Arc::new(Semaphore::new(0)),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    fn set(&self, settles: Settles) {
        self.settles.store(settles as u8, Ordering::SeqCst);
    }

    async fn api(&self) -> Api {
        Api::over(Arc::new(self.clone()), Arc::clone(&self.clock)).await
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        location: "a faulty store".to_owned(),
        reason: "as the test wants it".to_owned(),
    }
}

impl DelegatingStore for Faulty {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let _hold = self.clock.hold();
        call.await
    }

    async fn around_method<T: Send>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let settles = self.settles.load(Ordering::SeqCst);
        if method != "settle" || settles == Settles::AtOnce as u8 {
            return self.around(call).await;
        }
        if settles == Settles::Never as u8 {
            return Err(unavailable());
        }
        let answer = self.around(call).await;
        if settles == Settles::WithoutAnswer as u8 {
            self.set(Settles::AtOnce);
            return Err(unavailable());
        }
        self.written.add_permits(1);
        let _passes = self.gate.acquire().await.unwrap();
        answer
    }
}

/// The number of attempts of `ship-parcel` that succeeded, as the metrics count them.
async fn counted(api: &Api) -> String {
    let request = request("GET", "/metrics").body(Body::empty()).unwrap();
    let response = api.router().oneshot(request).await.unwrap();
    let page = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let metrics = String::from_utf8(page.to_vec()).unwrap();
    let name = r#"jobs_attempts_finished_total{job_id="ship-parcel",outcome="succeeded"} "#;
    let mut lines = metrics.lines();
    let count = lines.find_map(|line| line.strip_prefix(name));
    count.unwrap_or("0").to_owned()
}

#[tokio::test]
async fn an_end_whose_answer_was_lost_is_counted_once() {
    let store = Faulty::new(Arc::new(SystemClock::new())).await;
    let api = store.api().await;
    let worker = parcels(&api);
    let lease = worker.lease(json!({"to": "a"})).await;
    store.set(Settles::WithoutAnswer);
    for _ in 0..2 {
        worker.post(&lease, "succeed", json!({})).await.is_ok();
        assert_eq!(counted(&api).await, "1");
    }
}

#[tokio::test]
async fn an_end_that_another_request_has_written_is_counted_once() {
    let store = Faulty::new(Arc::new(SystemClock::new())).await;
    let api = store.api().await;
    let worker = parcels(&api);
    let lease = worker.lease(json!({"to": "a"})).await;
    store.set(Settles::BehindGate);
    let (one, other, ()) = tokio::join!(
        worker.post(&lease, "succeed", json!({})),
        worker.post(&lease, "succeed", json!({})),
        async {
            let both = store.written.acquire_many(2).await;
            both.unwrap().forget();
            store.gate.add_permits(2);
        }
    );
    one.is_ok();
    other.is_ok();
    assert_eq!(counted(&api).await, "1");
}

#[tokio::test]
async fn an_end_is_counted_although_its_worker_has_gone() {
    let store = Faulty::new(Arc::new(SystemClock::new())).await;
    let api = store.api().await;
    let worker = parcels(&api);
    let lease = worker.lease(json!({"to": "a"})).await;
    store.set(Settles::BehindGate);
    {
        let end = worker.post(&lease, "succeed", json!({}));
        tokio::select! {
            answer = end => panic!("{}", answer.body),
            written = store.written.acquire() => written.unwrap().forget(),
        }
        // The server drops the request of a worker that has closed its connection.
    }
    let (told, ()) = tokio::join!(
        worker.post(&lease, "heartbeat", json!({"waitMs": 20_000})),
        async { store.gate.add_permits(1) }
    );
    assert_eq!(told.is_problem(409, "lease_lost")["reason"], "settled");
    assert_eq!(counted(&api).await, "1");
}

#[tokio::test]
async fn leases_that_cannot_be_ended_do_not_delay_the_keeper() {
    let clock = VirtualClock::new();
    let store = Faulty::new(clock.clone()).await;
    let api = store.api().await;
    let worker = parcels(&api);
    for _ in 0..5 {
        worker.lease(json!({"to": "silent"})).await;
    }
    let live = worker.lease(json!({"to": "live"})).await;
    store.set(Settles::Never);
    // For longer than a lease, one of six attempts sends heartbeats.
    for _ in 0..9 {
        worker.post(&live, "heartbeat", json!({})).await.is_ok();
        clock.advance(Duration::from_secs(5)).await;
    }
    let id = live["executionId"].as_str().unwrap();
    let path = format!("{API}/executions/{id}/cancel");
    api.post(&path, json!({})).await;
    clock.advance(Duration::from_secs(2)).await;
    let answer = worker.post(&live, "heartbeat", json!({})).await;
    assert_eq!(answer.is_ok()["interrupt"], "cancel");
}
