//! `GET /executions`, `GET /executions/{id}`: lists, filters, cursors.

use serde_json::json;

use crate::support::{API, Answer, Api};

fn ids(answer: &Answer) -> Vec<&str> {
    let executions = answer.is_ok()["executions"].as_array().unwrap();
    executions
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn shows_an_execution_with_its_attempts() {
    let api = Api::new().await;
    let payload = json!({"workspaceId": "w", "subject": "s"});
    let id = api
        .trigger("provision-member", json!({"payload": payload}))
        .await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    worker.succeed(claimed, r#"{"memberId":"m-1"}"#).await;

    let answer = api.get(&format!("{API}/executions/{id}")).await;
    let execution = answer.is_ok();
    assert_eq!(execution["status"], "succeeded");
    assert_eq!(execution["result"], json!({"memberId": "m-1"}));
    assert_eq!(execution["attempt"], 1);
    assert_eq!(execution["attempts"][0]["number"], 1);
    assert_eq!(execution["attempts"][0]["outcome"], "succeeded");
    assert!(execution["durationMs"].is_number());
    for time in ["createdAt", "runAt", "startedAt", "finishedAt"] {
        let time = execution[time].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    }
}

#[tokio::test]
async fn all_filters_combine() {
    let api = Api::new().await;
    let member = json!({"workspaceId": "w", "subject": "s"});
    let letter = api
        .trigger(
            "send-letter",
            json!({
                "payload": {"to": "a"}, "itemId": "i", "correlationId": "c", "createdBy": "u",
                "tags": ["t"],
            }),
        )
        .await;
    let done = api
        .trigger(
            "provision-member",
            json!({"payload": member, "priority": 100}),
        )
        .await;
    let waiting = api
        .trigger(
            "provision-member",
            json!({"payload": member, "delayMs": 60_000}),
        )
        .await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    assert_eq!(claimed.execution_id.to_string(), done);
    worker.succeed(claimed, "{}").await;

    let check = async |query: &str, expected: &[&String]| {
        let answer = api.get(&format!("{API}/executions?{query}")).await;
        assert_eq!(ids(&answer), expected, "{query}");
    };
    check("limit=10", &[&waiting, &done, &letter]).await;
    check("jobId=provision-member", &[&waiting, &done]).await;
    check("status=completed", &[&done]).await;
    check("status=pending&jobId=provision-member", &[&waiting]).await;
    check("status=pending&jobId=send-letter", &[]).await;
    check("queue=mail", &[&letter]).await;
    check("itemId=i&correlationId=c&createdBy=u&tag=t", &[&letter]).await;
    check("itemId=i&tag=workspace", &[]).await;
    check("tag=workspace", &[&waiting, &done]).await;
    check(
        "since=2020-01-01T00:00:00Z&until=2099-01-01T00:00:00Z",
        &[&waiting, &done, &letter],
    )
    .await;
    check("until=2020-01-01T00:00:00Z", &[]).await;
    check("since=2099-01-01T00:00:00Z", &[]).await;
}

#[tokio::test]
async fn cursors_visit_every_execution_once() {
    let api = Api::new().await;
    let mut created = Vec::new();
    for n in 0..7 {
        let body = json!({"payload": {"to": n.to_string()}});
        created.insert(0, api.trigger("send-letter", body).await);
    }
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("{API}/executions?limit=3{cursor}")).await;
        found.extend(ids(&page).into_iter().map(str::to_owned));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, created);
}

/// Payloads of one size class bound the page, whatever `limit` says.
#[tokio::test]
async fn a_page_ends_before_it_becomes_too_large() {
    const BUDGET: usize = 8 * 1024 * 1024;
    let api = Api::new().await;
    let mut created = Vec::new();
    for n in 0..70 {
        // The newest ones are small; nine of the others fill a page.
        let length = if n < 12 { 900_000 } else { 10 };
        let body = json!({"payload": {"to": "x".repeat(length)}});
        created.insert(0, api.trigger("send-letter", body).await);
    }
    let mut found = Vec::new();
    let mut sizes = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api
            .get(&format!("{API}/executions?limit=1000{cursor}"))
            .await;
        found.extend(ids(&page).into_iter().map(str::to_owned));
        sizes.push(ids(&page).len());
        let length = page.body.to_string().len();
        assert!(length < BUDGET + 100_000, "{length} bytes");
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, created);
    assert_eq!(sizes, [58 + 9, 3]);
}

#[tokio::test]
async fn a_page_shows_the_chosen_fields() {
    let api = Api::new().await;
    let mut created = Vec::new();
    for _ in 0..2 {
        let body = json!({"payload": {"to": "a"}});
        created.insert(0, api.trigger("send-letter", body).await);
    }
    let page = api
        .get(&format!("{API}/executions?fields=id,status,expiresAt"))
        .await;
    // `expiresAt` is a field that these executions do not have.
    let expected: Vec<_> = created
        .iter()
        .map(|id| json!({"id": id, "status": "queued"}))
        .collect();
    assert_eq!(page.is_ok()["executions"], json!(expected));
    assert_eq!(page.body["nextCursor"], json!(null));

    let page = api
        .get(&format!("{API}/executions?fields=payload&limit=1"))
        .await;
    assert_eq!(
        page.is_ok()["executions"],
        json!([{"payload": {"copies": 1, "to": "a"}}])
    );
    assert!(page.body["nextCursor"].is_string());
}

/// Payloads that a page does not show do not end it.
#[tokio::test]
async fn a_page_without_payloads_has_more_rows() {
    let api = Api::new().await;
    for _ in 0..12 {
        let body = json!({"payload": {"to": "x".repeat(900_000)}});
        api.trigger("send-letter", body).await;
    }
    let rows = async |query: &str| {
        let page = api.get(&format!("{API}/executions?limit=100{query}")).await;
        page.is_ok()["executions"].as_array().unwrap().len()
    };
    assert_eq!(rows("").await, 9);
    assert_eq!(rows("&fields=id,jobId").await, 12);
    assert_eq!(rows("&fields=id,payload").await, 9);
}

#[tokio::test]
async fn the_longest_executions_come_first() {
    let api = Api::new().await;
    let mut worker = api.worker().await;
    let mut ended = Vec::new();
    for _ in 0..3 {
        let payload = json!({"workspaceId": "w", "subject": "s"});
        let body = json!({"payload": payload});
        ended.push(api.trigger("provision-member", body).await);
        let claimed = worker.claim().await;
        worker.succeed(claimed, r#"{"memberId":"m-1"}"#).await;
    }
    api.trigger("send-letter", json!({"payload": {"to": "a"}}))
        .await;
    let page = api
        .get(&format!(
            "{API}/executions?sort=duration&fields=id,durationMs"
        ))
        .await;
    let mut found = ids(&page);
    let durations = page.body["executions"].as_array().unwrap().iter();
    let durations: Vec<_> = durations.map(|one| one["durationMs"].as_u64()).collect();
    assert!(durations.is_sorted_by(|a, b| a >= b), "{durations:?}");
    found.sort_unstable();
    ended.sort_unstable();
    assert_eq!(found, ended);
}

#[tokio::test]
async fn the_last_day_that_can_be_written_is_a_time() {
    let api = Api::new().await;
    let body = json!({"payload": {"to": "a"}, "runAt": "9999-12-31T23:59:59Z"});
    let id = api.trigger("send-letter", body).await;
    let shown = api.get(&format!("{API}/executions/{id}")).await;
    assert_eq!(shown.is_ok()["status"], "pending");
    assert_eq!(shown.body["runAt"], "9999-12-31T23:59:59.000Z");

    let check = async |query: &str, expected: &[&str]| {
        let answer = api.get(&format!("{API}/executions?{query}")).await;
        assert_eq!(ids(&answer), expected, "{query}");
    };
    check("until=9999-12-31T23:59:59.999Z", &[id.as_str()]).await;
    check("since=9999-12-31T00:00:00Z", &[]).await;
    check("since=9999-12-31T23:59:59Z", &[]).await;

    let path = format!("{API}/jobs/send-letter/trigger");
    let body = json!({"payload": {"to": "a"}, "runAt": "10000-01-01T00:00:00Z"});
    let answer = api.post(&path, body).await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(answer.pointers(), ["/runAt"]);
    let path = format!("{API}/executions?since=10000-01-01T00:00:00Z");
    api.get(&path).await.is_problem(400, "invalid_query");
}

#[tokio::test]
async fn invalid_parameters_are_rejected() {
    let api = Api::new().await;
    let check = async |query: &str, named: &[&str]| {
        let answer = api.get(&format!("{API}/executions?{query}")).await;
        let problem = answer.is_problem(400, "invalid_query");
        let violations = problem["violations"].as_array().unwrap();
        let parameters: Vec<_> = violations.iter().map(|one| &one["parameter"]).collect();
        assert_eq!(parameters, named, "{query}");
    };
    check("status=done", &["status"]).await;
    check("limit=0", &["limit"]).await;
    check("limit=1001", &["limit"]).await;
    check("limit=ten", &["limit"]).await;
    check("sort=size", &["sort"]).await;
    check("fields=id,,status", &["fields"]).await;
    check("fields=id,owner", &["fields"]).await;
    check("since=yesterday&until=", &["since", "until"]).await;
    check("cursor=x", &["cursor"]).await;
    check("jobid=provision-member", &["jobid"]).await;
    check("queue=a&queue=b", &["queue"]).await;
    let answer = api.get(&format!("{API}/executions?jobid=x")).await;
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("use `jobId`"), "{detail}");
}
