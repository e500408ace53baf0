//! `GET /events`: server-sent events, filters, resuming and resets.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use jobs_runtime::NewToken;
use jobs_runtime::store::Role;
use jobs_runtime::testing::VirtualClock;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::leases::Counting;
use crate::support::{API, Api, request};

/// A client that receives events.
struct Listener {
    body: BodyDataStream,
    rest: String,
    /// The id of the last event.
    last: String,
}

/// A received event.
#[derive(Debug, PartialEq)]
struct Event {
    event: String,
    data: Value,
}

impl Listener {
    async fn new(api: &Api, query: &str) -> Self {
        Self::after(api, query, None).await
    }

    async fn after(api: &Api, query: &str, last: Option<&str>) -> Self {
        let mut listen = request("GET", &format!("{API}/events{query}"));
        if let Some(last) = last {
            listen = listen.header("last-event-id", last);
        }
        Self::with(api, listen.body(Body::empty()).unwrap()).await
    }

    async fn with(api: &Api, request: Request<Body>) -> Self {
        let response = api.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            rest: String::new(),
            last: String::new(),
        }
    }

    /// Returns the next block of lines; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let block = block.to_owned();
                self.rest = rest.to_owned();
                let id = block.lines().find_map(|line| line.strip_prefix("id: "));
                if let Some(id) = id {
                    self.last = id.to_owned();
                }
                return Some(block);
            }
            let chunk = self.body.next().await?.unwrap();
            self.rest.push_str(str::from_utf8(&chunk).unwrap());
        }
    }

    /// Returns the next event, including `ready` and `changed`.
    async fn next_of_any_kind(&mut self) -> Event {
        let next = async {
            loop {
                let block = self.block().await.expect("the stream goes on");
                let field = |name: &str| {
                    let mut lines = block.lines();
                    lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
                };
                if let Some(event) = field("event: ") {
                    let data = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                    return Event { event, data };
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), next)
            .await
            .expect("an event comes")
    }

    /// Returns the next event except `ready` and `changed`.
    async fn next(&mut self) -> Event {
        loop {
            let event = self.next_of_any_kind().await;
            if !matches!(event.event.as_str(), "ready" | "changed") {
                return event;
            }
        }
    }

    /// Reads until an event id has arrived.
    async fn with_id(mut self) -> Self {
        while self.last.is_empty() {
            self.block().await.unwrap();
        }
        self
    }
}

fn execution_event(id: &str, job: &str, status: &str) -> Event {
    Event {
        event: "execution".to_owned(),
        data: json!({"executionId": id, "jobId": job, "queue": queue_of(job), "status": status}),
    }
}

fn queue_of(job: &str) -> &'static str {
    match job {
        "send-letter" => "mail",
        _ => "default",
    }
}

async fn letter(api: &Api) -> String {
    api.trigger("send-letter", json!({"payload": {"to": "a"}}))
        .await
}

async fn cancel(api: &Api, id: &str) {
    let path = format!("{API}/executions/{id}/cancel");
    api.post(&path, "").await.is_ok();
}

async fn cancelled_letter(api: &Api) -> String {
    let id = letter(api).await;
    cancel(api, &id).await;
    id
}

#[tokio::test]
async fn finished_executions_cause_events_in_order() {
    let api = Api::new().await;
    let mut listener = Listener::new(&api, "").await;
    let id = letter(&api).await;
    let ready = listener.next_of_any_kind().await;
    assert_eq!((ready.event.as_str(), &ready.data), ("ready", &json!({})));
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    worker.succeed(claimed, "null").await;
    let other = cancelled_letter(&api).await;
    assert_eq!(
        listener.next().await,
        execution_event(&id, "send-letter", "succeeded")
    );
    assert_eq!(
        listener.next().await,
        execution_event(&other, "send-letter", "cancelled")
    );
}

#[tokio::test]
async fn filters_apply_to_executions() {
    let api = Api::new().await;
    let payload = json!({"payload": {"workspaceId": "w", "subject": "s"}});
    let member = api.trigger("provision-member", payload).await;
    let first = letter(&api).await;
    let second = letter(&api).await;
    let mut letters = Listener::new(&api, "?jobId=send-letter").await;
    let mut one = Listener::new(&api, &format!("?executionId={second}")).await;
    for id in [&member, &first, &second] {
        cancel(&api, id).await;
    }
    let expected = execution_event(&first, "send-letter", "cancelled");
    assert_eq!(letters.next().await, expected);
    let expected = execution_event(&second, "send-letter", "cancelled");
    assert_eq!(letters.next().await, expected);
    assert_eq!(one.next().await, expected);
}

#[tokio::test]
async fn a_client_that_reconnects_receives_the_missed_events() {
    let api = Api::new().await;
    let mut listener = Listener::new(&api, "").await;
    let first = cancelled_letter(&api).await;
    let first_event = listener.next().await;
    assert_eq!(
        first_event,
        execution_event(&first, "send-letter", "cancelled")
    );
    let last = listener.last.clone();
    drop(listener);

    let mut missed = Vec::new();
    for _ in 0..3 {
        missed.push(cancelled_letter(&api).await);
    }
    let mut back = Listener::after(&api, "", Some(&last)).await;
    for id in &missed {
        assert_eq!(
            back.next().await,
            execution_event(id, "send-letter", "cancelled")
        );
    }
}

#[tokio::test]
async fn a_client_receives_an_id_before_the_first_event() {
    let api = Api::new().await;
    let listener = Listener::new(&api, "").await.with_id().await;
    let last = listener.last.clone();
    drop(listener);
    let id = cancelled_letter(&api).await;
    let mut back = Listener::after(&api, "", Some(&last)).await;
    assert_eq!(
        back.next().await,
        execution_event(&id, "send-letter", "cancelled")
    );
}

#[tokio::test]
async fn an_unknown_last_event_id_causes_a_reset() {
    let api = Api::new().await;
    let listener = Listener::new(&api, "").await.with_id().await;
    let (run, _) = listener.last.split_once('-').unwrap();
    let ahead = format!("{run}-ffff");
    for last in ["nonsense", "1-0", &ahead] {
        let mut back = Listener::after(&api, "", Some(last)).await;
        assert_eq!(back.next_of_any_kind().await.event, "reset", "{last}");
        let id = cancelled_letter(&api).await;
        let expected = execution_event(&id, "send-letter", "cancelled");
        assert_eq!(back.next().await, expected);
    }
}

#[tokio::test]
async fn a_slow_client_receives_a_reset() {
    let api = Api::new().await;
    let early = Listener::new(&api, "").await.with_id().await;
    let mut slow = Listener::new(&api, "").await;
    let mut quick = Listener::new(&api, "").await;
    let mut last = String::new();
    for _ in 0..1_200 {
        last = cancelled_letter(&api).await;
        // Read after every cancellation, so that this client never lags.
        let expected = execution_event(&last, "send-letter", "cancelled");
        assert_eq!(quick.next().await, expected);
    }
    assert_eq!(slow.next().await.event, "reset");
    let next = cancelled_letter(&api).await;
    assert_ne!(next, last);
    let expected = execution_event(&next, "send-letter", "cancelled");
    assert_eq!(
        slow.next().await,
        expected,
        "the stream continues after the reset"
    );
    // The first id is older than the events that are kept.
    let mut back = Listener::after(&api, "", Some(&early.last)).await;
    assert_eq!(back.next_of_any_kind().await.event, "reset");
}

#[tokio::test]
async fn the_number_of_clients_is_limited() {
    let api = Api::new().await;
    let mut listeners = Vec::new();
    for _ in 0..1_024 {
        listeners.push(Listener::new(&api, "").await);
    }
    let rejected = api.get(&format!("{API}/events")).await;
    rejected.is_problem(429, "too_many_subscribers");
    listeners.pop();
    Listener::new(&api, "").await;
}

#[tokio::test]
async fn invalid_parameters_are_rejected() {
    let api = Api::new().await;
    let wrong = format!("{API}/events?job=send-letter&executionId=x");
    let answer = api.get(&wrong).await;
    let problem = answer.is_problem(400, "invalid_query");
    assert_eq!(problem["violations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_idle_stream_sends_comments() {
    let clock = VirtualClock::new();
    let api = Api::with_clock(clock.clone()).await;
    let mut listener = Listener::new(&api, "").await.with_id().await;
    let before = clock.passed();
    let block = clock
        .run_until(async move { listener.block().await })
        .await
        .unwrap();
    assert!(block.starts_with(": still here\nid: "), "{block}");
    assert_eq!(clock.passed() - before, Duration::from_secs(15));
}

#[tokio::test]
async fn a_stream_ends_after_its_token() {
    let clock = VirtualClock::new();
    let store = Counting::new(clock.clone()).await;
    let api = Api::over(Arc::new(store), clock.clone()).await;
    let listen = async |lasts: Option<Duration>| {
        let new = NewToken {
            role: Role::Viewer,
            name: None,
            lasts,
        };
        let token = api.service.create_token(new).await.unwrap();
        let request = request("GET", &format!("{API}/events"))
            .header("authorization", format!("Bearer {}", token.token));
        let listener = Listener::with(&api, request.body(Body::empty()).unwrap()).await;
        (listener.with_id().await, token.view.id)
    };
    let ends_within = async |mut listener: Listener, bound: Duration| {
        let before = clock.passed();
        let heartbeats = clock.run_until(async move {
            // A stream without an end sends more.
            for heartbeats in 0..10 {
                if listener.block().await.is_none() {
                    return heartbeats;
                }
            }
            10
        });
        let heartbeats = heartbeats.await;
        let passed = clock.passed() - before;
        assert!(passed <= bound, "{heartbeats} heartbeats in {passed:?}");
        heartbeats
    };
    let bound = Duration::from_secs(20);
    let (listener, id) = listen(None).await;
    assert!(api.service.revoke_token(&id).await.unwrap());
    assert_eq!(ends_within(listener, bound).await, 0);

    let lasts = Duration::from_secs(40);
    let (listener, _) = listen(Some(lasts)).await;
    assert_eq!(ends_within(listener, lasts + bound).await, 2);
}

#[tokio::test]
async fn a_write_of_another_process_causes_a_changed_event() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("jobs.db").display());
    let api = Api::on(&url, Arc::new(jobs_runtime::SystemClock::new())).await;
    let neighbour = Api::on(&url, Arc::new(jobs_runtime::SystemClock::new())).await;
    let mut listener = Listener::new(&api, "").await.with_id().await;
    letter(&neighbour).await;
    assert_eq!(listener.next_of_any_kind().await.event, "changed");
}
