//! The audit log: an entry for each act, with its actor, and none for what changed nothing.

use std::sync::Arc;
use std::time::Duration;

use ::jobs::Clock;
use axum::body::Body;
use axum::http::header;
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{AuditEntry, AuditQuery, DelegatingStore, Role, Store, StoreError};
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::{NewToken, SystemClock};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::support::{API, Answer, Api, request};

async fn call(api: &Api, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = request(method, path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    api.send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

async fn token(api: &Api, role: Role, name: &str) -> String {
    let new = NewToken {
        role,
        name: Some(name.to_owned()),
        lasts: None,
    };
    api.service.create_token(new).await.unwrap().token
}

#[tokio::test]
async fn each_act_has_an_entry_with_its_actor_and_both_states() {
    let api = Api::new().await;
    let bob = token(&api, Role::Operator, "bob").await;
    let admin = token(&api, Role::Admin, "root").await;
    let trigger = format!("{API}/jobs/send-letter/trigger");
    let body = json!({"payload": {"pin": 4711, "to": "alice"}});
    let answer = call(&api, &bob, "POST", &trigger, &body).await;
    let id = answer.body["executionId"].as_str().unwrap().to_owned();
    let execution = format!("{API}/executions/{id}");
    let none = json!({});
    call(
        &api,
        &bob,
        "PATCH",
        &execution,
        &json!({"priority": "high"}),
    )
    .await
    .is_ok();
    call(&api, &bob, "POST", &format!("{execution}/cancel"), &none)
        .await
        .is_ok();
    // Acts that change nothing have no entry.
    let again = call(&api, &bob, "POST", &format!("{execution}/cancel"), &none).await;
    again.is_problem(409, "already_final");
    call(&api, &bob, "POST", &format!("{execution}/retry"), &none).await;
    call(&api, &bob, "POST", &format!("{execution}/cancel"), &none)
        .await
        .is_ok();
    let erase = json!({"by": "law"});
    call(&api, &bob, "POST", &format!("{execution}/erase"), &erase)
        .await
        .is_ok();
    call(&api, &bob, "DELETE", &execution, &none).await;
    for act in ["pause", "pause", "resume"] {
        call(
            &api,
            &bob,
            "POST",
            &format!("{API}/queues/default/{act}"),
            &none,
        )
        .await
        .is_ok();
    }
    let schedule = json!({"id": "nightly", "jobId": "send-letter", "cron": "0 3 * * *",
        "payload": {"pin": 4711, "to": "x"}});
    let created = call(&api, &bob, "POST", &format!("{API}/schedules"), &schedule).await;
    assert_eq!(created.status.as_u16(), 201, "{created:?}");
    let nightly = format!("{API}/schedules/nightly");
    call(&api, &bob, "PATCH", &nightly, &json!({"cron": "0 4 * * *"}))
        .await
        .is_ok();
    call(&api, &bob, "POST", &format!("{nightly}/pause"), &none)
        .await
        .is_ok();
    call(&api, &bob, "DELETE", &nightly, &none).await;

    let audit = format!("{API}/audit");
    call(&api, &bob, "GET", &audit, &none)
        .await
        .is_problem(403, "forbidden");
    let listed = call(&api, &admin, "GET", &audit, &none).await;
    let entries = listed.is_ok()["entries"].as_array().unwrap();
    let mut acts: Vec<_> = entries
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    acts.reverse();
    // The entry of a trigger may be written after those of later acts.
    acts.retain(|act| *act != "execution.trigger");
    assert_eq!(
        acts,
        [
            "execution.edit",
            "execution.cancel",
            "execution.retry",
            "execution.cancel",
            "execution.erase",
            "execution.delete",
            "queue.pause",
            "queue.resume",
            "schedule.create",
            "schedule.edit",
            "schedule.pause",
            "schedule.delete",
        ]
    );
    for entry in entries {
        assert_eq!(
            (&entry["actor"], &entry["role"]),
            (&json!("bob"), &json!("operator"))
        );
        assert!(entry["at"].is_string(), "{entry}");
    }
    assert!(!listed.body.to_string().contains("4711"), "{}", listed.body);

    let of = |action: &str| {
        let mut found = entries.iter().filter(|entry| entry["action"] == action);
        found.next_back().unwrap().clone()
    };
    let cancel = of("execution.cancel");
    assert_eq!(cancel["target"], id.as_str());
    assert_eq!(cancel["before"]["status"], "queued");
    assert_eq!(cancel["before"]["priority"], 75);
    assert_eq!(cancel["after"], json!({"status": "cancelled"}));
    assert_eq!(of("execution.trigger")["target"], id.as_str());
    let edit = of("schedule.edit");
    assert_eq!(edit["before"]["rule"]["cron"], "0 3 * * *");
    assert_eq!(edit["after"]["rule"]["cron"], "0 4 * * *");

    let filtered = format!("{audit}?action=queue.pause&actor=bob&target=default");
    let filtered = call(&api, &admin, "GET", &filtered, &none).await;
    assert_eq!(filtered.is_ok()["entries"].as_array().unwrap().len(), 1);
    let nothing = call(&api, &admin, "GET", &format!("{audit}?actor=alice"), &none).await;
    assert_eq!(nothing.is_ok()["entries"], json!([]));
}

#[tokio::test]
async fn enqueues_of_the_program_itself_are_no_acts() {
    let api = Api::new().await;
    api.service.pause("default").await.unwrap();
    let page = api.service.audit(AuditQuery::newest(10)).await.unwrap();
    assert_eq!(page.entries, []);
}

/// A store that commits an act, and answers it only when the test says so.
struct SlowStore {
    store: SqliteStore,
    acts: &'static [&'static str],
    committed: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

impl SlowStore {
    async fn new(acts: &'static [&'static str]) -> Self {
        let store = SqliteStore::open(&"sqlite::memory:".parse().unwrap()).await;
        Self {
            store: store.unwrap(),
            acts,
            committed: Arc::new(Semaphore::new(0)),
            answers: Arc::new(Semaphore::new(0)),
        }
    }
}

impl DelegatingStore for SlowStore {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        call.await
    }

    async fn around_method<T: Send>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let answer = call.await;
        if self.acts.contains(&method) {
            self.committed.add_permits(1);
            self.answers.acquire().await.unwrap().forget();
        }
        answer
    }
}

/// Waits until the audit log has this many entries.
async fn entries(api: &Api, count: usize) -> Vec<AuditEntry> {
    for _ in 0..3_000 {
        let page = api.service.audit(AuditQuery::newest(10)).await.unwrap();
        if page.entries.len() >= count {
            return page.entries;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("fewer than {count} entries within 30 s");
}

#[tokio::test]
async fn an_act_whose_caller_has_gone_has_its_entry() {
    let store = SlowStore::new(&["enqueue", "cancel", "pause"]).await;
    let (committed, answers) = (Arc::clone(&store.committed), Arc::clone(&store.answers));
    let api = Api::over(Arc::new(store), Arc::new(SystemClock::new())).await;
    answers.add_permits(1);
    let id = api.store_raw("send-letter").await;
    committed.acquire().await.unwrap().forget();
    let trigger = format!("{API}/jobs/send-letter/trigger");
    let cancel = format!("{API}/executions/{id}/cancel");
    for (path, body, act) in [
        (trigger, r#"{"payload":{"to":"a"}}"#, "execution.trigger"),
        (cancel, "{}", "execution.cancel"),
        (format!("{API}/queues/mail/pause"), "{}", "queue.pause"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = jobs_runtime::http::serve(listener, api.router(), shutdown.clone());
        let serving = tokio::spawn(serving);
        let mut caller = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        caller.write_all(request.as_bytes()).await.unwrap();
        committed.acquire().await.unwrap().forget();
        drop(caller);
        // It ends when the connection has ended, and the handler's future with it.
        shutdown.cancel();
        serving.await.unwrap().unwrap();
        let before = api.service.audit(AuditQuery::newest(10)).await.unwrap();
        answers.add_permits(1);
        let entries = entries(&api, before.entries.len() + 1).await;
        assert_eq!((&*entries[0].action, &*entries[0].actor), (act, "local"));
    }
}

#[tokio::test]
async fn an_act_that_misses_the_deadline_of_its_request_has_its_entry() {
    let store = SlowStore::new(&["pause"]).await;
    let (committed, answers) = (Arc::clone(&store.committed), Arc::clone(&store.answers));
    let clock = VirtualClock::new();
    let shared: Arc<dyn Clock> = clock.clone();
    let api = Api::over(Arc::new(store), shared).await;
    let asking = async { api.post(&format!("{API}/queues/mail/pause"), "{}").await };
    let deadline = async {
        committed.acquire().await.unwrap().forget();
        clock.advance(Duration::from_secs(30)).await;
    };
    let (answer, ()) = tokio::join!(asking, deadline);
    answer.is_problem(503, "deadline_exceeded");
    answers.add_permits(1);
    assert_eq!(entries(&api, 1).await[0].action, "queue.pause");
}
