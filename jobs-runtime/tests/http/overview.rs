//! `GET /failures`, `GET /overview` and `GET /jobs/{id}/stats`.

use std::time::Duration;

use jobs_runtime::store::PublishedJob;
use serde_json::json;

use crate::support::{API, Api};

async fn failed(api: &Api, message: &str) -> String {
    let id = api
        .trigger("send-letter", json!({"payload": {"to": "a"}}))
        .await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    worker.fail(claimed, message).await;
    id
}

#[tokio::test]
async fn failures_are_grouped_by_job_and_error() {
    let api = Api::new().await;
    failed(&api, "no address 17").await;
    let last = failed(&api, "no address 18").await;
    let other = failed(&api, "no stamp").await;
    let answer = api.get(&format!("{API}/failures")).await;
    let failures = answer.is_ok()["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 2, "{}", answer.body);
    let group = &failures[0];
    assert_eq!(group["jobId"], "send-letter");
    assert_eq!(
        (&group["count"], &group["kind"]),
        (&json!(2), &json!("permanent"))
    );
    assert_eq!(group["message"], "no address 18");
    assert_eq!(group["sampleId"], last.as_str());
    let histogram = group["histogram"].as_array().unwrap();
    assert_eq!(histogram.len(), 24);
    assert_eq!(histogram[23], 2);
    assert!(group["firstSeenAt"].as_str() <= group["lastSeenAt"].as_str());
    assert_eq!(answer.body["complete"], true);

    let fingerprint = failures[1]["errorFingerprint"].as_str().unwrap();
    let page = api
        .get(&format!("{API}/executions?errorFingerprint={fingerprint}"))
        .await;
    let executions = page.is_ok()["executions"].as_array().unwrap();
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0]["id"], other.as_str());

    for (query, groups) in [
        ("?jobId=send-letter", 2),
        ("?jobId=provision-member", 0),
        ("?queue=mail", 2),
        ("?queue=default", 0),
        ("?since=2099-01-01T00:00:00Z", 0),
    ] {
        let answer = api.get(&format!("{API}/failures{query}")).await;
        let found = answer.is_ok()["failures"].as_array().unwrap().len();
        assert_eq!(found, groups, "{query}");
    }
}

#[tokio::test]
async fn failures_are_counted_by_the_version_of_their_job() {
    let api = Api::new().await;
    let published = api.store.catalogue().await.unwrap();
    let mut published = published.into_iter();
    let present = published.find(|job| job.descriptor.id == "send-letter");
    let present = present.unwrap();
    let earlier = PublishedJob {
        fingerprint: "earlier".to_owned(),
        published_at: present.published_at.before(Duration::from_secs(60)),
        ..present.clone()
    };
    api.store.publish(vec![earlier]).await.unwrap();
    let jobs = ["send-letter", "post-letter"];
    for (fingerprint, job, message) in [
        ("earlier", "send-letter", "no stamp"),
        (&*present.fingerprint, "send-letter", "no stamp"),
        (&*present.fingerprint, "send-letter", "no stamp"),
        (&*present.fingerprint, "post-letter", "no ink"),
        ("unknown", "send-letter", "no paper"),
    ] {
        let mut worker = api.worker_of(&jobs, &[], &[fingerprint]).await;
        // Under its former id, as a program before the change of the id has enqueued it.
        api.store_raw(job).await;
        let claimed = worker.claim().await;
        worker.fail(claimed, message).await;
    }
    let answer = api.get(&format!("{API}/failures")).await;
    let groups = answer.is_ok()["failures"].as_array().unwrap();
    let versions = |message: &str| {
        let group = groups.iter().find(|group| group["message"] == message);
        let versions = group.unwrap()["versions"].as_array().unwrap();
        let versions = versions.iter().map(|version| {
            let fingerprint = version["fingerprint"].as_str().unwrap();
            (
                fingerprint,
                version["current"] == true,
                version["count"].as_u64().unwrap(),
            )
        });
        versions.collect::<Vec<_>>()
    };
    let present = &*present.fingerprint;
    assert_eq!(
        versions("no stamp"),
        [(present, true, 2), ("earlier", false, 1)]
    );
    assert_eq!(versions("no ink"), [(present, true, 1)]);
    assert_eq!(versions("no paper"), []);
}

#[tokio::test]
async fn the_overview_counts_outcomes_and_depths() {
    let api = Api::new().await;
    failed(&api, "no stamp").await;
    let mut worker = api.worker().await;
    api.trigger(
        "provision-member",
        json!({"payload": {"workspaceId": "w", "subject": "s"}}),
    )
    .await;
    let claimed = worker.claim().await;
    worker.succeed(claimed, "null").await;
    api.trigger("send-letter", json!({"payload": {"to": "b"}}))
        .await;
    api.post(&format!("{API}/queues/mail/pause"), "")
        .await
        .is_ok();
    let answer = api.get(&format!("{API}/overview")).await;
    let overview = answer.is_ok();
    for window in overview["windows"].as_array().unwrap() {
        assert_eq!(
            (&window["succeeded"], &window["failed"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(window["cancelled"], 0);
        assert_eq!(window["complete"], true);
        for times in ["waitMs", "durationMs"] {
            assert!(window[times]["p95"].is_u64(), "{window}");
        }
    }
    let failing = json!([{"jobId": "send-letter", "failed": 1, "finished": 1}]);
    assert_eq!(overview["failingJobs"], failing);
    assert_eq!(overview["pausedQueues"], json!(["mail"]));
    let queues = overview["queues"].as_array().unwrap();
    let mail = queues
        .iter()
        .find(|queue| queue["queue"] == "mail")
        .unwrap();
    assert_eq!(mail["ready"], 1);
    assert!(mail["oldestDueAt"].is_string(), "{mail}");
    assert_eq!(overview["processes"].as_array().unwrap().len(), 2);

    let stats = api.get(&format!("{API}/jobs/send-letter/stats")).await;
    let window = &stats.is_ok()["windows"][0];
    assert_eq!(
        (&window["window"], &window["failed"]),
        (&json!("hour"), &json!(1))
    );
    assert_eq!(window["succeeded"], 0);
    api.get(&format!("{API}/jobs/nonsense/stats"))
        .await
        .is_problem(404, "unknown_job");
}
