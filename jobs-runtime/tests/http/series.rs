//! `GET /series`, `GET /throughput`, `GET /store` and `GET /limits/{limit}`: charts, lists, the
//! store, what a limit blocks.

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
        point("ended:queues", "a", &json!({"mail": {"succeeded": 2}})),
        point(
            "ended:queues",
            "b",
            &json!({"mail": {"failed": 1}, "slow": {"failed": 8}}),
        ),
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
    let mail = of("queue=mail").await;
    let shown = ["ready", "succeeded", "failed"].map(|name| &mail[name]);
    assert_eq!(shown, [7, 2, 1]);
    assert_eq!(of("queue=slow").await["failed"], 8);
    assert_eq!(of("queue=none").await, Value::Null);
    assert_eq!(of("window=day").await, Value::Null);
    api.get(&format!("{API}/series?window=year"))
        .await
        .is_problem(400, "invalid_query");
}

#[tokio::test]
async fn the_throughput_of_all_jobs_and_queues_is_one_answer() {
    let api = Api::new().await;
    let jobs = |letters: u64| {
        json!({
            "send-letter": {"succeeded": letters, "failed": 1, "retried": 5},
            "clean": {"cancelled": 1},
        })
    };
    let points = vec![
        point("ended:jobs", "a", &jobs(3)),
        point("ended:jobs", "b", &jobs(4)),
        point(
            "ended:jobs",
            "newer",
            &json!({"send-letter": "another form"}),
        ),
        point("ended:queues", "a", &json!({"mail": {"succeeded": 7}})),
    ];
    api.service.store().put_points(points).await.unwrap();
    let answer = api.get(&format!("{API}/throughput")).await;
    let throughput = answer.is_ok();
    assert_eq!(throughput["complete"], true);
    let lines = throughput["lines"].as_array().unwrap();
    let names: Vec<_> = lines.iter().map(|line| &line["name"]).collect();
    assert_eq!(names, ["clean", "send-letter"]);
    let counts = ["succeeded", "failed", "cancelled", "retried"].map(|name| &lines[1][name]);
    assert_eq!(counts, [7, 2, 0, 10]);
    let ended = lines[1]["ended"].as_array().unwrap();
    assert_eq!(ended.len(), 60);
    // The test may run across the end of a minute.
    assert!(ended[58] == 9 || ended[59] == 9, "{ended:?}");

    let queues = api.get(&format!("{API}/throughput?by=queue")).await;
    let queues = &queues.is_ok()["lines"];
    assert_eq!(
        (&queues[0]["name"], &queues[0]["succeeded"]),
        (&json!("mail"), &json!(7))
    );
    let day = api.get(&format!("{API}/throughput?window=day")).await;
    assert_eq!(day.is_ok()["lines"], json!([]));
    api.get(&format!("{API}/throughput?by=worker"))
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
