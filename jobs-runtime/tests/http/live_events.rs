//! `GET /events` of a process that executes jobs: what happens to an execution, as it happens.

use std::time::Duration;

use axum::body::Body;
use axum::{Extension, Router};
use futures_util::StreamExt;
use jobs_runtime::Runtime;
use jobs_runtime::http::Caller;
use jobs_runtime::store::Role;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{API, Api, request};

/// The router for an operator.
fn router(runtime: &Runtime) -> Router {
    let operator = Caller::new("ada", Role::Operator);
    runtime.router().layer(Extension(operator))
}

/// Reads events until each of these names has arrived.
async fn events_until(
    runtime: &Runtime,
    query: &str,
    names: &[&str],
    act: impl AsyncFnOnce(),
) -> Vec<(String, Value)> {
    let listen = request("GET", &format!("{API}/events{query}"));
    let response = router(runtime).oneshot(listen.body(Body::empty()).unwrap());
    let mut body = response.await.unwrap().into_body().into_data_stream();
    act().await;
    let mut events = Vec::new();
    let mut text = String::new();
    let reading = async {
        loop {
            while let Some((block, rest)) = text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = block.lines();
                    lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
                };
                if let (Some(event), Some(data)) = (field("event: "), field("data: ")) {
                    events.push((event, serde_json::from_str(&data).unwrap()));
                    let has = |name: &&str| events.iter().any(|(event, _)| event == name);
                    if names.iter().all(has) {
                        return;
                    }
                }
                text = rest.to_owned();
            }
            let chunk = body.next().await.unwrap().unwrap();
            text.push_str(str::from_utf8(&chunk).unwrap());
        }
    };
    let read = tokio::time::timeout(Duration::from_secs(60), reading).await;
    assert!(read.is_ok(), "not all of {names:?}: {events:?}");
    events
}

async fn trigger(runtime: &Runtime, job: &str, payload: Value) {
    let body = json!({ "payload": payload }).to_string();
    let trigger = request("POST", &format!("{API}/jobs/{job}/trigger"))
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    let answer = Api::ask(router(runtime), trigger).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
}

/// A server that waits for its connections, such as axum's, would wait for a stream for ever.
#[tokio::test(flavor = "multi_thread")]
async fn streams_of_a_mounted_router_end_when_the_runtime_stops() {
    for is_dropped in [false, true] {
        let runtime = Runtime::builder()
            .database("sqlite::memory:")
            .start()
            .await
            .unwrap();
        let listen = request("GET", &format!("{API}/events"));
        let response = router(&runtime).oneshot(listen.body(Body::empty()).unwrap());
        let mut body = response.await.unwrap().into_body().into_data_stream();
        let first = body.next().await.unwrap();
        assert!(first.is_ok(), "{first:?}");
        if is_dropped {
            drop(runtime);
        } else {
            runtime.begin_shutdown();
        }
        let rest = tokio::time::timeout(Duration::from_secs(60), body.count()).await;
        assert!(rest.is_ok(), "the stream ends; dropped: {is_dropped}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_followed_from_its_enqueue_to_its_end() {
    let runtime = Runtime::builder()
        .database("sqlite::memory:")
        .jobs(["provision-member", "send-letter"])
        .start()
        .await
        .unwrap();
    let member = json!({"workspaceId": "w", "subject": "s"});
    let names = ["enqueued", "started", "attemptEnded", "execution"];
    let events = events_until(&runtime, "?jobId=provision-member", &names, async || {
        trigger(&runtime, "send-letter", json!({"to": "a"})).await;
        trigger(&runtime, "provision-member", member).await;
    })
    .await;
    let about = |name: &str| {
        let mut of_name = events.iter().filter(|(event, _)| event == name);
        let (_, data) = of_name.next().unwrap();
        assert_eq!(of_name.next(), None, "{name}: {events:?}");
        data
    };
    for name in names {
        let data = about(name);
        assert_eq!(data["jobId"], "provision-member");
        assert_eq!(data["queue"], "default");
        assert_eq!(data["executionId"], about("enqueued")["executionId"]);
    }
    assert_eq!(about("enqueued")["status"], "queued");
    assert_eq!(about("started")["attempt"], 1);
    assert_eq!(about("attemptEnded")["outcome"], "succeeded");
    assert_eq!(about("execution")["status"], "succeeded");

    let events = events_until(&runtime, "?queue=mail", &names, async || {
        trigger(
            &runtime,
            "provision-member",
            json!({"workspaceId": "w", "subject": "t"}),
        )
        .await;
        trigger(&runtime, "send-letter", json!({"to": "b"})).await;
    })
    .await;
    let is_mail = |(_, data): &(String, Value)| data["queue"].is_null() || data["queue"] == "mail";
    assert!(events.iter().all(is_mail), "{events:?}");
    runtime.shutdown().await;
}
