//! `POST /leases` and the routes of one lease: a worker in another language, step by step.

#![expect(clippy::disallowed_methods, reason = "measures real time")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ::jobs::Clock;
use axum::Router;
use axum::body::Body;
use axum::http::header;
use jobs_runtime::SystemClock;
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{DelegatingStore, Store, StoreError};
use jobs_runtime::testing::VirtualClock;
use serde_json::{Value, json};

use crate::support::{API, Answer, Api, request};

/// A worker that speaks the protocol.
pub(crate) struct Worker<'a> {
    api: &'a Api,
    jobs: &'a [&'a str],
}

impl Worker<'_> {
    pub(crate) async fn poll(&self, wait_ms: u64) -> Vec<Value> {
        let body = json!({
            "workerId": "w-1", "name": "cad-1", "language": "python", "version": "1.2",
            "labels": ["gpu"], "jobs": self.jobs, "max": 10, "waitMs": wait_ms,
        });
        let answer = self.api.post(&format!("{API}/leases"), body).await;
        answer.is_ok()["leases"].as_array().unwrap().clone()
    }

    /// Triggers an execution and leases it.
    pub(crate) async fn lease(&self, payload: Value) -> Value {
        let body = json!({"payload": payload});
        self.api.trigger(self.jobs[0], body).await;
        let mut leases = self.poll(20_000).await;
        assert_eq!(leases.len(), 1, "{leases:?}");
        leases.remove(0)
    }

    pub(crate) async fn post(&self, lease: &Value, verb: &str, body: Value) -> Answer {
        let token = lease["token"].as_str().unwrap();
        self.api
            .post(&format!("{API}/leases/{token}/{verb}"), body)
            .await
    }

    pub(crate) async fn execution(&self, lease: &Value) -> Value {
        let id = lease["executionId"].as_str().unwrap();
        let answer = self.api.get(&format!("{API}/executions/{id}")).await;
        answer.is_ok().clone()
    }
}

pub(crate) fn parcels(api: &Api) -> Worker<'_> {
    Worker {
        api,
        jobs: &["ship-parcel"],
    }
}

fn members(api: &Api) -> Worker<'_> {
    Worker {
        api,
        jobs: &["provision-member"],
    }
}

fn alice() -> Value {
    json!({"workspaceId": "ws-1", "subject": "alice"})
}

#[tokio::test]
async fn a_worker_leases_reports_and_succeeds() {
    let api = Api::new().await;
    let worker = members(&api);
    let lease = worker.lease(alice()).await;
    assert_eq!(lease["jobId"], "provision-member");
    assert_eq!(lease["payload"]["role"], "member", "the default is stored");
    assert_eq!(
        (&lease["attempt"], &lease["isLastAttempt"]),
        (&json!(1), &json!(false))
    );
    assert!(lease["deadline"].is_string() && lease["timeoutMs"].is_number());

    let logs = json!([
        {"line": 1, "message": "begun", "level": "warn", "fields": {"n": 1}},
        {"line": 2, "message": "going on", "target": "cad"},
    ]);
    let body = json!({"progress": 40.5, "message": "half", "logs": logs});
    for _ in 0..2 {
        let answer = worker.post(&lease, "heartbeat", body.clone()).await;
        assert_eq!(answer.is_ok()["interrupt"], Value::Null);
    }
    let execution = worker.execution(&lease).await;
    assert_eq!(execution["status"], "running");
    assert_eq!(
        (&execution["progress"], &execution["progressMessage"]),
        (&json!(40), &json!("half"))
    );
    let id = lease["executionId"].as_str().unwrap();
    let log = api.get(&format!("{API}/executions/{id}/logs")).await;
    let lines = log.is_ok()["lines"].as_array().unwrap();
    assert_eq!(
        lines.len(),
        2,
        "a line that is sent twice is stored once: {lines:?}"
    );
    assert_eq!(
        (&lines[0]["level"], &lines[1]["target"]),
        (&json!("warn"), &json!("cad"))
    );

    let processes = api.get(&format!("{API}/processes")).await;
    let process = &processes.is_ok()["processes"][0];
    assert_eq!(
        (&process["worker"], &process["running"]),
        (&json!("cad-1"), &json!(1))
    );
    assert_eq!(process["external"]["language"], "python");
    assert_eq!(
        (&process["external"]["workerId"], &process["labels"]),
        (&json!("w-1"), &json!(["gpu"]))
    );

    let done = json!({"result": {"memberId": "m-1"}});
    // A repeated request finds its own outcome.
    for _ in 0..2 {
        worker.post(&lease, "succeed", done.clone()).await.is_ok();
    }
    let execution = worker.execution(&lease).await;
    assert_eq!(
        (&execution["status"], &execution["result"]["memberId"]),
        (&json!("succeeded"), &json!("m-1"))
    );
    assert_eq!(execution["attempts"][0]["worker"], "cad-1");

    // Everything else is stale, and changes nothing.
    let stale = worker
        .post(&lease, "fail", json!({"message": "late"}))
        .await;
    assert_eq!(stale.is_problem(409, "lease_lost")["reason"], "settled");
    worker
        .post(&lease, "heartbeat", json!({}))
        .await
        .is_problem(409, "lease_lost");
    worker
        .post(&lease, "release", json!({}))
        .await
        .is_problem(409, "lease_lost");
    assert_eq!(worker.execution(&lease).await, execution);
}

#[tokio::test]
async fn an_invalid_result_is_rejected_and_the_lease_stays() {
    let api = Api::new().await;
    let worker = members(&api);
    let lease = worker.lease(alice()).await;
    let wrong = json!({"result": {"memberId": 7}});
    let answer = worker.post(&lease, "succeed", wrong).await;
    answer.is_problem(422, "invalid_result");
    assert_eq!(answer.pointers(), ["/memberId"]);
    let large = json!({"result": {"memberId": "x".repeat(1_100_000)}});
    let answer = worker.post(&lease, "succeed", large).await;
    answer.is_problem(413, "payload_too_large");
    worker.post(&lease, "heartbeat", json!({})).await.is_ok();
    let right = json!({"result": {"memberId": "m"}});
    worker.post(&lease, "succeed", right).await.is_ok();
}

#[tokio::test]
async fn failures_follow_the_retry_list_or_their_hint() {
    let api = Api::new().await;
    let worker = parcels(&api);
    for (body, status, outcome) in [
        (json!({"message": "no"}), "pending", "failed"),
        (
            json!({"message": "no", "permanent": true}),
            "failed",
            "failed",
        ),
        (
            json!({"message": "no", "retryInMs": 60_000}),
            "pending",
            "failed",
        ),
        (
            json!({"message": "later", "snoozeMs": 60_000}),
            "pending",
            "snoozed",
        ),
        (
            json!({"message": "slow", "rateLimitedMs": 60_000}),
            "pending",
            "snoozed",
        ),
        (
            json!({"message": "crash", "kind": "panicked"}),
            "pending",
            "panicked",
        ),
        (
            json!({"message": "unwanted", "kind": "cancelled"}),
            "cancelled",
            "cancelled",
        ),
        (
            json!({"message": "unreadable", "kind": "invalid_payload"}),
            "failed",
            "failed",
        ),
    ] {
        let lease = worker.lease(json!({"to": "a"})).await;
        worker.post(&lease, "fail", body.clone()).await.is_ok();
        let execution = worker.execution(&lease).await;
        let ended = &execution["attempts"][0]["outcome"];
        assert_eq!(
            (&execution["status"], ended),
            (&json!(status), &json!(outcome)),
            "{body}"
        );
    }
    let lease = worker.lease(json!({"to": "a"})).await;
    let both = json!({"message": "x", "permanent": true, "snoozeMs": 1});
    let answer = worker.post(&lease, "fail", both).await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(answer.pointers(), ["/permanent"]);
}

#[tokio::test]
async fn a_released_attempt_is_not_counted() {
    let api = Api::new().await;
    let worker = parcels(&api);
    let lease = worker.lease(json!({"to": "a"})).await;
    worker.post(&lease, "release", json!({})).await.is_ok();
    let again = worker.poll(20_000).await.remove(0);
    assert_eq!(again["executionId"], lease["executionId"]);
    assert_eq!(again["attempt"], 2);
    let execution = worker.execution(&again).await;
    assert_eq!(execution["attempts"][0]["outcome"], "released");
}

#[tokio::test]
async fn a_cancel_request_answers_a_waiting_heartbeat() {
    let api = Api::new().await;
    let worker = parcels(&api);
    let lease = worker.lease(json!({"to": "a"})).await;
    let id = lease["executionId"].as_str().unwrap().to_owned();
    let began = Instant::now();
    let (answer, ()) = tokio::join!(
        worker.post(&lease, "heartbeat", json!({"waitMs": 20_000})),
        async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            api.post(&format!("{API}/executions/{id}/cancel"), json!({}))
                .await;
        }
    );
    let held = answer.is_ok();
    assert_eq!(held["interrupt"], "cancel", "after {:?}", began.elapsed());
    assert!(held["graceMs"].as_u64().unwrap() <= 10_000, "{held}");
    assert!(began.elapsed() < Duration::from_secs(15));
    let stopped = json!({"message": "stopped"});
    worker.post(&lease, "fail", stopped).await.is_ok();
    assert_eq!(worker.execution(&lease).await["status"], "cancelled");
}

#[tokio::test]
async fn invalid_requests_are_rejected_with_every_mistake() {
    let api = Api::new().await;
    let poll = async |body: Value| api.post(&format!("{API}/leases"), body).await;
    let answer = poll(json!({"max": 101, "waitMs": -1, "labels": 3, "job": []})).await;
    answer.is_problem(400, "invalid_request");
    let mut pointers = answer.pointers();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        ["/job", "/jobs", "/labels", "/max", "/waitMs", "/workerId"]
    );
    let unknown = poll(json!({"workerId": "w", "jobs": ["ship-parcle"]})).await;
    assert_eq!(
        unknown.is_problem(404, "unknown_job")["near"],
        json!(["ship-parcel"])
    );
    for token in ["x", "00", &"0".repeat(120)] {
        for verb in ["heartbeat", "succeed", "release"] {
            let path = format!("{API}/leases/{token}/{verb}");
            let answer = api.post(&path, json!({})).await;
            assert_eq!(answer.is_problem(409, "lease_lost")["reason"], "unknown");
        }
    }
}

#[tokio::test]
async fn a_worker_leases_a_certain_execution() {
    let api = Api::new().await;
    let first = api
        .trigger("ship-parcel", json!({"payload": {"to": "a"}}))
        .await;
    let second = api
        .trigger("ship-parcel", json!({"payload": {"to": "b"}}))
        .await;
    let body = json!({"workerId": "w", "executionIds": [second], "max": 10});
    let answer = api.post(&format!("{API}/leases"), body.clone()).await;
    let leases = answer.is_ok()["leases"].as_array().unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!(leases[0]["executionId"], json!(second));
    let answer = api.post(&format!("{API}/leases"), body).await;
    assert_eq!(answer.is_ok()["leases"], json!([]), "{first} stays queued");
}

#[tokio::test]
async fn the_server_ends_attempts_at_their_timeout() {
    let clock = VirtualClock::new();
    let store = Counting::new(clock.clone()).await;
    let api = Api::over(Arc::new(store), clock.clone()).await;
    let worker = parcels(&api);
    let lease = worker.lease(json!({"to": "a"})).await;
    assert_eq!(lease["timeoutMs"], 300_000);
    let mut interrupts = Vec::new();
    let ended = loop {
        clock.advance(Duration::from_secs(5)).await;
        let answer = worker.post(&lease, "heartbeat", json!({})).await;
        if answer.status != 200 {
            break answer;
        }
        interrupts.push(answer.body["interrupt"].clone());
        assert!(interrupts.len() < 200, "{interrupts:?}");
    };
    assert_eq!(ended.is_problem(409, "lease_lost")["reason"], "timed_out");
    assert_eq!(interrupts.last(), Some(&json!("timeout")), "{interrupts:?}");
    let execution = worker.execution(&lease).await;
    assert_eq!(execution["attempts"][0]["outcome"], "timed_out");
    assert_eq!(execution["status"], "pending", "another attempt follows");
}

#[tokio::test]
async fn an_attempt_without_heartbeats_is_lost() {
    let clock = VirtualClock::new();
    let store = Counting::new(clock.clone()).await;
    let api = Api::over(Arc::new(store), clock.clone()).await;
    let worker = parcels(&api);
    let lease = worker.lease(json!({"to": "a"})).await;
    let mut rounds = 0;
    while worker.execution(&lease).await["status"] == "running" {
        clock.advance(Duration::from_secs(5)).await;
        // The worker polls, so its session lives.
        worker.poll(0).await;
        rounds += 1;
        assert!(rounds < 200, "it is still running");
    }
    let execution = worker.execution(&lease).await;
    assert_eq!(execution["attempts"][0]["outcome"], "lost");
    let done = worker.post(&lease, "succeed", json!({})).await;
    assert_eq!(done.is_problem(409, "lease_lost")["reason"], "lost");
}

/// Counts the calls of a store. A virtual clock stands still during each.
pub(crate) struct Counting {
    store: SqliteStore,
    pub(crate) calls: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
}

impl Counting {
    pub(crate) async fn new(clock: Arc<dyn Clock>) -> Self {
        let store = SqliteStore::open(&"sqlite::memory:".parse().unwrap()).await;
        Self {
            store: store.unwrap(),
            calls: Arc::default(),
            clock,
        }
    }
}

impl DelegatingStore for Counting {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let _hold = self.clock.hold();
        self.calls.fetch_add(1, Ordering::Relaxed);
        call.await
    }
}

#[tokio::test]
async fn idle_polls_cost_no_query_each() {
    const POLLS: usize = 500;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Counting::new(Arc::clone(&clock)).await;
    let calls = Arc::clone(&store.calls);
    let api = Api::over(Arc::new(store), clock).await;
    let poll = async |router: Router, wait: u64| {
        let body = json!({"workerId": "w", "jobs": ["ship-parcel"], "waitMs": wait});
        let request = request("POST", &format!("{API}/leases"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        Api::ask(router, request).await.is_ok().clone()
    };
    poll(api.router(), 0).await;
    let before = calls.load(Ordering::Relaxed);
    let began = Instant::now();
    let polls = (0..POLLS).map(|_| poll(api.router(), 2_000));
    futures_util::future::join_all(polls).await;
    let spent = calls.load(Ordering::Relaxed) - before;
    // Timers alone: renewals, the keeper's and the claimer's polls.
    let bound = 20 + 4 * began.elapsed().as_secs();
    assert!(
        spent <= bound,
        "{POLLS} polls made {spent} calls, {bound} are allowed"
    );
}
