//! `GET /executions/{id}/logs`: pages and filters.

use std::sync::Arc;

use jobs_runtime::store::{Claimed, LogBatch, LogLevel, LogLine};
use serde_json::json;
use serde_json::value::RawValue;

use crate::support::{API, Api, now};

async fn log(api: &Api, claimed: &Claimed, levels: &[LogLevel]) {
    let lines = (1..).zip(levels).map(|(line, level)| {
        Arc::new(LogLine {
            line,
            at: now(),
            level: *level,
            target: "members".to_owned(),
            message: format!("line {line}"),
            fields: RawValue::from_string(r#"{"n":1}"#.to_owned()).ok(),
        })
    });
    let batch = LogBatch {
        fence: claimed.fence,
        lines: lines.collect(),
    };
    api.store.append_logs(vec![batch]).await.unwrap();
}

async fn logged(api: &Api, levels: &[LogLevel]) -> String {
    let payload = json!({"workspaceId": "w", "subject": "s"});
    let id = api
        .trigger("provision-member", json!({"payload": payload}))
        .await;
    let claimed = api.worker().await.claim().await;
    log(api, &claimed, levels).await;
    id
}

#[tokio::test]
async fn lines_are_shown_oldest_first() {
    let api = Api::new().await;
    let id = logged(&api, &[LogLevel::Info, LogLevel::Warn]).await;
    let answer = api.get(&format!("{API}/executions/{id}/logs")).await;
    let page = answer.is_ok();
    let mut first = page["lines"][0].clone();
    assert!(first["at"].as_str().unwrap().ends_with('Z'));
    first.as_object_mut().unwrap().remove("at");
    let expected = json!({
        "attempt": 1, "line": 1, "level": "info", "target": "members", "message": "line 1",
        "fields": {"n": 1},
    });
    assert_eq!(first, expected);
    assert_eq!(page["lines"][1]["level"], "warn");
    assert_eq!(
        (&page["after"], &page["more"]),
        (&json!("1-2"), &json!(false))
    );
}

#[tokio::test]
async fn pages_follow_each_other_and_filters_apply() {
    let api = Api::new().await;
    let id = logged(&api, &[LogLevel::Info, LogLevel::Error, LogLevel::Info]).await;
    let numbers = async |query: &str| {
        let answer = api
            .get(&format!("{API}/executions/{id}/logs?{query}"))
            .await;
        let page = answer.is_ok().clone();
        let lines = page["lines"].as_array().unwrap().iter();
        let lines: Vec<_> = lines.map(|line| line["line"].as_u64().unwrap()).collect();
        (lines, page["after"].clone(), page["more"] == true)
    };
    assert_eq!(numbers("limit=2").await, (vec![1, 2], json!("1-2"), true));
    assert_eq!(
        numbers("limit=2&after=1-2").await,
        (vec![3], json!("1-3"), false)
    );
    assert_eq!(numbers("level=warn").await.0, [2]);
    assert_eq!(numbers("attempt=2").await, (vec![], json!(null), false));
}

#[tokio::test]
async fn invalid_parameters_are_rejected() {
    let api = Api::new().await;
    let id = logged(&api, &[]).await;
    let wrong = format!("{API}/executions/{id}/logs?level=loud&after=x&attempt=one&lines=1");
    let answer = api.get(&wrong).await;
    let problem = answer.is_problem(400, "invalid_query");
    assert_eq!(problem["violations"].as_array().unwrap().len(), 4);
    let unknown = "0198c0de-0000-7000-8000-000000000000";
    let answer = api.get(&format!("{API}/executions/{unknown}/logs")).await;
    answer.is_problem(404, "unknown_execution");
}
