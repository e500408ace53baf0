//! `GET /series`, `GET /store` and `GET /limits/{limit}`: charts, the store, what a limit blocks.

use std::time::Duration;

use jobs_runtime::store::SeriesPoint;
use serde_json::{Value, json};

use crate::support::{API, Api, now};

/// A point of this minute.
fn point(series: &str, source: &str, value: &Value) -> SeriesPoint {
    let minute = now().as_millis().div_euclid(60_000) * 60_000;
    let at = jobs_runtime::time::Timestamp::from_millis(minute);
    SeriesPoint {
        series: series.to_owned(),
        width_s: 60,
        at,
        source: source.to_owned(),
        expires_at: at.after(Duration::from_secs(7_200)),
        value: value.to_string(),
    }
}

#[tokio::test]
async fn the_series_adds_the_counts_of_all_processes() {
    let api = Api::new().await;
    let counts = |succeeded, failed| json!({"succeeded": succeeded, "failed": failed, "duration": {"0": 1, "5": 9}, "later": 1});
    let depth = json!({"ready": 7, "blocked": 1, "running": 2, "oldestMs": 900});
    let points = vec![
        point("fleet", "a", &counts(3, 0)),
        point("fleet", "b", &counts(4, 2)),
        point("fleet", "newer", &json!("another form")),
        point("queues", "", &depth),
        point("job:send-letter", "a", &counts(1, 1)),
        point("queue:mail", "", &depth),
    ];
    api.service.store().put_points(points).await.unwrap();
    let answer = api.get(&format!("{API}/series")).await;
    let series = answer.is_ok();
    assert_eq!(
        (&series["window"], &series["stepMs"]),
        (&json!("hour"), &json!(60_000))
    );
    let points = series["points"].as_array().unwrap();
    assert_eq!(points.len(), 1, "{series}");
    let expected = json!({
        "succeeded": 7, "failed": 2, "cancelled": 0, "retried": 0, "waitMs": null,
        "ready": 7, "blocked": 1, "running": 2, "oldestMs": 900,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&points[0][name], value, "{name}");
    }
    // Of ten times, one is up to 0.5 ms and nine are between 10 ms and 25 ms, in both processes.
    assert_eq!(points[0]["durationMs"]["p50"], 17);

    let of = async |query: &str| {
        let answer = api.get(&format!("{API}/series?{query}")).await;
        answer.is_ok()["points"][0].clone()
    };
    assert_eq!(of("jobId=send-letter").await["failed"], 1);
    assert_eq!(of("queue=mail").await["ready"], 7);
    assert_eq!(of("queue=none").await, Value::Null);
    assert_eq!(of("window=day").await, Value::Null);
    api.get(&format!("{API}/series?window=year"))
        .await
        .is_problem(400, "invalid_query");
}

#[tokio::test]
async fn the_store_tells_its_size() {
    let api = Api::new().await;
    api.trigger("send-letter", json!({"payload": {"to": "a"}}))
        .await;
    let answer = api.get(&format!("{API}/store")).await;
    let store = answer.is_ok();
    assert_eq!(store["kind"], "sqlite");
    assert!(store["bytes"].as_u64() > Some(0), "{store}");
    let tables = store["tables"].as_array().unwrap();
    let mut named = tables
        .iter()
        .filter(|table| table["name"] == "jobs_executions");
    assert_eq!(named.next().unwrap()["rowEstimate"], 1, "{store}");
    assert!(store["migrations"][0]["appliedAt"].is_string(), "{store}");
}

#[tokio::test]
async fn an_unknown_limit_blocks_nothing() {
    let api = Api::new().await;
    let answer = api.get(&format!("{API}/limits/none%2Fconcurrent")).await;
    let expected = json!({"limit": "none/concurrent", "waiting": [], "blocking": null});
    assert_eq!(answer.is_ok(), &expected);
}
