//! `GET /events` of a process that executes jobs: what happens to an execution, as it happens.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use jobs_runtime::Runtime;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{API, Api, request};

/// Reads events up to the one with this name, `end`.
async fn events_until(
    runtime: &Runtime,
    query: &str,
    end: &str,
    act: impl AsyncFnOnce(),
) -> Vec<(String, Value)> {
    let listen = request("GET", &format!("{API}/events{query}"));
    let response = runtime
        .router()
        .oneshot(listen.body(Body::empty()).unwrap());
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
                    let ends = event == end;
                    events.push((event, serde_json::from_str(&data).unwrap()));
                    if ends {
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
    assert!(read.is_ok(), "no `{end}` among {events:?}");
    events
}

async fn trigger(runtime: &Runtime, job: &str, payload: Value) {
    let body = json!({ "payload": payload }).to_string();
    let trigger = request("POST", &format!("{API}/jobs/{job}/trigger"))
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    let answer = Api::ask(runtime.router(), trigger).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_followed_from_its_enqueue_to_its_end() {
    let builder = Runtime::builder().database("sqlite::memory:");
    let runtime = builder
        .jobs(["provision-member", "send-letter"])
        .start()
        .await
        .unwrap();
    let member = json!({"workspaceId": "w", "subject": "s"});
    let events = events_until(
        &runtime,
        "?jobId=provision-member",
        "execution",
        async || {
            trigger(&runtime, "send-letter", json!({"to": "a"})).await;
            trigger(&runtime, "provision-member", member).await;
        },
    )
    .await;
    let about: Vec<_> = events
        .iter()
        .filter(|(event, _)| !matches!(event.as_str(), "ready" | "changed"))
        .collect();
    let names: Vec<_> = about.iter().map(|(event, _)| event.as_str()).collect();
    assert_eq!(
        names,
        ["enqueued", "started", "attemptEnded", "execution"],
        "{events:?}"
    );
    for (_, data) in &about {
        assert_eq!(data["jobId"], "provision-member");
        assert_eq!(data["queue"], "default");
        assert_eq!(data["executionId"], about[0].1["executionId"]);
    }
    assert_eq!(about[0].1["status"], "queued");
    assert_eq!(about[1].1["attempt"], 1);
    assert_eq!(about[2].1["outcome"], "succeeded");
    assert_eq!(about[3].1["status"], "succeeded");

    let events = events_until(&runtime, "?queue=mail", "execution", async || {
        trigger(&runtime, "send-letter", json!({"to": "b"})).await;
    })
    .await;
    assert!(
        events
            .iter()
            .all(|(_, data)| data["queue"].is_null() || data["queue"] == "mail")
    );
    runtime.shutdown().await;
}
