//! `GET /events`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use jobs_runtime::testing::VirtualClock;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{API, Api, request};

/// A client that listens.
struct Listener {
    body: BodyDataStream,
    rest: String,
    /// The id of the last event.
    last: String,
}

/// What it hears.
#[derive(Debug, PartialEq)]
struct Heard {
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

    /// The next block of lines; `None` at the end.
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

    /// The next event, hints included.
    async fn any(&mut self) -> Heard {
        let hearing = async {
            loop {
                let block = self.block().await.expect("the stream goes on");
                let field = |name: &str| {
                    let mut lines = block.lines();
                    lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
                };
                if let Some(event) = field("event: ") {
                    let data = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                    return Heard { event, data };
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), hearing)
            .await
            .expect("an event comes")
    }

    /// The next event that is no hint.
    async fn next(&mut self) -> Heard {
        loop {
            let heard = self.any().await;
            if !matches!(heard.event.as_str(), "ready" | "changed") {
                return heard;
            }
        }
    }

    /// Reads until it knows where it stands.
    async fn placed(mut self) -> Self {
        while self.last.is_empty() {
            self.block().await.unwrap();
        }
        self
    }
}

fn became(id: &str, job: &str, status: &str) -> Heard {
    Heard {
        event: "execution".to_owned(),
        data: json!({"executionId": id, "jobId": job, "status": status}),
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
async fn ends_are_told_as_they_come() {
    let api = Api::new().await;
    let mut listener = Listener::new(&api, "").await;
    let id = letter(&api).await;
    let ready = listener.any().await;
    assert_eq!((ready.event.as_str(), &ready.data), ("ready", &json!({})));
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    worker.succeed(claimed, "null").await;
    let other = cancelled_letter(&api).await;
    assert_eq!(
        listener.next().await,
        became(&id, "send-letter", "succeeded")
    );
    assert_eq!(
        listener.next().await,
        became(&other, "send-letter", "cancelled")
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
    let told = became(&first, "send-letter", "cancelled");
    assert_eq!(letters.next().await, told);
    let told = became(&second, "send-letter", "cancelled");
    assert_eq!(letters.next().await, told);
    assert_eq!(one.next().await, told);
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed() {
    let api = Api::new().await;
    let mut listener = Listener::new(&api, "").await;
    let first = cancelled_letter(&api).await;
    let told = listener.next().await;
    assert_eq!(told, became(&first, "send-letter", "cancelled"));
    let last = listener.last.clone();
    drop(listener);

    let mut missed = Vec::new();
    for _ in 0..3 {
        missed.push(cancelled_letter(&api).await);
    }
    let mut back = Listener::after(&api, "", Some(&last)).await;
    for id in &missed {
        assert_eq!(back.next().await, became(id, "send-letter", "cancelled"));
    }
}

#[tokio::test]
async fn a_place_is_given_before_the_first_event() {
    let api = Api::new().await;
    let listener = Listener::new(&api, "").await.placed().await;
    let last = listener.last.clone();
    drop(listener);
    let id = cancelled_letter(&api).await;
    let mut back = Listener::after(&api, "", Some(&last)).await;
    assert_eq!(back.next().await, became(&id, "send-letter", "cancelled"));
}

#[tokio::test]
async fn a_gap_that_cannot_be_filled_is_a_reset() {
    let api = Api::new().await;
    let listener = Listener::new(&api, "").await.placed().await;
    let (run, _) = listener.last.split_once('-').unwrap();
    let ahead = format!("{run}-ffff");
    for last in ["nonsense", "1-0", &ahead] {
        let mut back = Listener::after(&api, "", Some(last)).await;
        assert_eq!(back.any().await.event, "reset", "{last}");
        let id = cancelled_letter(&api).await;
        let told = became(&id, "send-letter", "cancelled");
        assert_eq!(back.next().await, told);
    }
}

#[tokio::test]
async fn nothing_piles_up_for_the_slow() {
    let api = Api::new().await;
    let early = Listener::new(&api, "").await.placed().await;
    let mut slow = Listener::new(&api, "").await;
    let mut quick = Listener::new(&api, "").await;
    let mut last = String::new();
    for _ in 0..1_200 {
        last = cancelled_letter(&api).await;
        // In step, so that this one never falls behind.
        let told = became(&last, "send-letter", "cancelled");
        assert_eq!(quick.next().await, told);
    }
    assert_eq!(slow.next().await.event, "reset");
    let next = cancelled_letter(&api).await;
    assert_ne!(next, last);
    let told = became(&next, "send-letter", "cancelled");
    assert_eq!(slow.next().await, told, "it goes on from now");
    // What was kept does not reach back so far.
    let mut back = Listener::after(&api, "", Some(&early.last)).await;
    assert_eq!(back.any().await.event, "reset");
}

#[tokio::test]
async fn there_are_only_so_many_seats() {
    let api = Api::new().await;
    let mut listeners = Vec::new();
    for _ in 0..64 {
        listeners.push(Listener::new(&api, "").await);
    }
    let refused = api.get(&format!("{API}/events")).await;
    refused.is_problem(429, "too_many_subscribers");
    listeners.pop();
    Listener::new(&api, "").await;
}

#[tokio::test]
async fn mistakes_are_answered() {
    let api = Api::new().await;
    let wrong = format!("{API}/events?job=send-letter&executionId=x");
    let answer = api.get(&wrong).await;
    let problem = answer.is_problem(400, "invalid_query");
    assert_eq!(problem["violations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn silence_is_broken_by_a_comment() {
    let clock = VirtualClock::new();
    let api = Api::with_clock(clock.clone()).await;
    let mut listener = Listener::new(&api, "").await.placed().await;
    let before = clock.passed();
    let block = clock
        .run_until(async move { listener.block().await })
        .await
        .unwrap();
    assert!(block.starts_with(": still here\nid: "), "{block}");
    assert_eq!(clock.passed() - before, Duration::from_secs(15));
}

#[tokio::test]
async fn what_another_process_writes_is_hinted_at() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("jobs.db").display());
    let api = Api::on(&url, Arc::new(jobs_runtime::SystemClock::new())).await;
    let neighbour = Api::on(&url, Arc::new(jobs_runtime::SystemClock::new())).await;
    let mut listener = Listener::new(&api, "").await.placed().await;
    letter(&neighbour).await;
    assert_eq!(listener.any().await.event, "changed");
}
