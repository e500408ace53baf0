//! `POST /jobs/{id}/trigger-batch`: all or nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jobs::Clock;
use jobs_runtime::SystemClock;
use serde_json::{Value, json};

use crate::leases::Counting;
use crate::support::{API, Api};

fn path() -> String {
    format!("{API}/jobs/provision-member/trigger-batch")
}

fn member(subject: &str) -> Value {
    json!({"workspaceId": "w", "subject": subject})
}

#[tokio::test]
async fn creates_every_execution_in_order() {
    let api = Api::new().await;
    let body = json!({"executions": [
        {"payload": member("a"), "itemId": "1"},
        {"payload": member("b"), "itemId": "2", "delayMs": 60_000},
    ]});
    let answer = api.post(&path(), body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let executions = answer.body["executions"].as_array().unwrap();
    assert_eq!(executions.len(), 2);
    for (execution, (item, status)) in executions.iter().zip([("1", "queued"), ("2", "pending")]) {
        assert_eq!(execution["status"], status);
        let id = execution["executionId"].as_str().unwrap();
        let stored = api.get(&format!("{API}/executions/{id}")).await;
        assert_eq!(stored.is_ok()["itemId"], item);
    }
}

#[tokio::test]
async fn one_invalid_payload_rejects_the_batch() {
    let api = Api::new().await;
    let body = json!({"executions": [
        {"payload": member("a")},
        {"payload": {"workspaceId": 7}},
        {"payload": member("c")},
        {"payload": {"workspaceId": "", "subject": "s"}},
    ]});
    let answer = api.post(&path(), body).await;
    answer.is_problem(422, "invalid_payload");
    let pointers: Vec<_> = answer.body["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["index"].as_u64().unwrap(),
                one["pointer"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        pointers,
        [(1, "/subject"), (1, "/workspaceId"), (3, "/workspaceId")]
    );
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn a_conflict_names_the_index_of_its_entry() {
    let api = Api::new().await;
    let entry =
        |subject: &str, key: &str| json!({"payload": member(subject), "idempotencyKey": key});
    let first = api
        .post(&path(), json!({"executions": [entry("a", "k")]}))
        .await;
    assert_eq!(first.status, 202, "{}", first.body);

    let replayed = api
        .post(&path(), json!({"executions": [entry("a", "k")]}))
        .await;
    let replayed = replayed.is_ok();
    assert_eq!(replayed["executions"][0]["triggered"], false);

    let conflict = api
        .post(
            &path(),
            json!({"executions": [entry("z", "new"), entry("b", "k")]}),
        )
        .await;
    assert_eq!(conflict.is_problem(409, "idempotency_conflict")["index"], 1);
    assert_eq!(api.stored().await, 1);
}

#[tokio::test]
async fn invalid_options_have_pointers() {
    let api = Api::new().await;
    let body = json!({"executions": [
        {"payload": member("a"), "priority": 101},
        {"payload": member("b"), "unknown": 1},
    ], "more": 1});
    let answer = api.post(&path(), body).await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(
        answer.pointers(),
        ["/more", "/executions/0/priority", "/executions/1/unknown"]
    );
    let answer = api
        .post(
            &path(),
            json!({"executions": [{"payload": member("a"), "itemId": "\n"}]}),
        )
        .await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(answer.pointers(), ["/executions/0/itemId"]);
    api.post(&path(), "{}")
        .await
        .is_problem(400, "invalid_request");
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn a_batch_has_at_most_ten_thousand_executions() {
    let api = Api::new().await;
    let batch = |count: usize| json!({"executions": vec![json!({"payload": member("a")}); count]});
    let answer = api.post(&path(), batch(10_001)).await;
    answer.is_problem(413, "payload_too_large");
    assert_eq!(api.stored().await, 0);
    let answer = api.post(&path(), batch(10_000)).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body["executions"].as_array().unwrap().len(), 10_000);
}

/// The answer tells the status of every execution. It is not read one by one.
#[tokio::test]
async fn a_replayed_batch_reads_its_executions_together() {
    const BATCH: usize = 1_000;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Counting::new(Arc::clone(&clock)).await;
    let calls = Arc::clone(&store.calls);
    let api = Api::over(Arc::new(store), clock).await;
    let one = |n| json!({"payload": member("a"), "idempotencyKey": format!("key {n}")});
    let body = json!({"executions": (0..BATCH).map(one).collect::<Vec<_>>()});
    for (name, outcome) in [("first", "new"), ("replayed", "replayed")] {
        let before = calls.load(Ordering::Relaxed);
        let answer = api.post(&path(), &body).await;
        let spent = calls.load(Ordering::Relaxed) - before;
        let executions = answer.body["executions"].as_array().unwrap();
        assert_eq!(executions.len(), BATCH, "{name}");
        assert!(
            executions.iter().all(|it| it["outcome"] == outcome),
            "{name}"
        );
        assert!(spent < 20, "the {name} batch made {spent} calls");
    }
}
