//! `GET /jobs`, `GET /jobs/{id}`: schemas, policies, filters.

use crate::support::{API, Answer, Api};

fn ids(answer: &Answer) -> Vec<&str> {
    let jobs = answer.is_ok()["jobs"].as_array().unwrap();
    jobs.iter().map(|job| job["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_jobs_with_schemas_and_policies() {
    let api = Api::new().await;
    let answer = api.get(&format!("{API}/jobs")).await;
    let ids = ids(&answer);
    assert!(ids.is_sorted());
    for id in ["provision-member", "resting", "send-letter", "ship-parcel"] {
        assert_eq!(ids.iter().filter(|listed| **listed == id).count(), 1);
    }
    assert_eq!(answer.body["total"], ids.len());
    assert_eq!(answer.body["limit"], 50);
    assert_eq!(answer.body["offset"], 0);

    let place = ids.iter().position(|id| *id == "provision-member").unwrap();
    let job = &answer.body["jobs"][place];
    assert_eq!(job["label"], "Creates a member of a workspace");
    assert_eq!(job["handler"], "linked");
    assert_eq!(job["routingKey"], "jobs.provision-member");
    assert_eq!(job["timeoutMs"], 300_000);
    assert_eq!(
        job["retryDelaysMs"],
        serde_json::json!([30_000, 60_000, 120_000])
    );
    let role = &job["payloadSchema"]["properties"]["role"];
    assert_eq!(role["default"], "member");
    assert!(job["resultSchema"]["properties"]["memberId"].is_object());
    for member in ["source", "limits", "schedule", "fingerprint"] {
        assert!(job.get(member).is_some(), "{member}");
    }
}

#[tokio::test]
async fn filters_and_pages() {
    let api = Api::new().await;
    let list = async |query: &str| api.get(&format!("{API}/jobs?{query}")).await;
    assert_eq!(ids(&list("queue=mail").await), ["send-letter"]);
    assert_eq!(ids(&list("tag=workspace").await), ["provision-member"]);
    assert_eq!(ids(&list("q=A%20LETTER").await), ["send-letter"]);
    assert_eq!(ids(&list("q=nothing").await), [""; 0]);
    let all = list("").await;
    let second = list("limit=1&offset=1").await;
    assert_eq!(ids(&second), ids(&all)[1..2]);
    assert_eq!(second.body["total"], ids(&all).len());
}

#[tokio::test]
async fn shows_a_job_by_id_or_alias() {
    let api = Api::new().await;
    for id in ["send-letter", "post-letter"] {
        let answer = api.get(&format!("{API}/jobs/{id}")).await;
        assert_eq!(answer.is_ok()["id"], "send-letter");
    }
}
