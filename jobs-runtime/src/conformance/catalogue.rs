//! The catalogue: requirements on publishing jobs and listing them.

use std::time::Duration;

use jobs::JobDescriptor;

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "catalogue" {
    descriptors_are_published_by_fingerprint: "The catalogue has the newest publication of each job. Publishing a known fingerprint again only updates its time.",
    publications_are_found_by_session: "`session_publications` returns the publication of a job by the program of a session, also of a closed one. A pair without one is left out.",
    sensitive_fields_of_all_publications_are_listed: "`sensitive_fields` returns the sensitive fields of every publication of the jobs, also of those that newer publications no longer have.",
    concurrent_publications_succeed: "Programs that publish at the same time all succeed.",
}}

pub(super) fn publication(id: &str, label: &str, at: u64) -> PublishedJob {
    let descriptor: JobDescriptor = serde_json::from_value(serde_json::json!({
        "id": id, "label": label, "description": "", "queue": "default",
        "routingKey": format!("jobs.{id}"), "priority": 50, "timeoutMs": 1000,
        "maxAttempts": 4, "retryDelaysMs": [30000], "tags": [], "enabled": true,
        "handler": "linked", "payloadSchema": {"type": "object"}, "resultSchema": true,
        "source": "m:1",
    }))
    .unwrap();
    PublishedJob {
        descriptor,
        fingerprint: format!("{id}-{label}"),
        published_at: t(at),
    }
}

async fn descriptors_are_published_by_fingerprint(store: AnyStore) {
    let (old, newer) = (publication("b", "old", 1), publication("b", "new", 2));
    store
        .publish(vec![old.clone(), publication("a", "x", 1)])
        .await
        .unwrap();
    store.publish(vec![newer.clone()]).await.unwrap();
    let listed = store.catalogue().await.unwrap();
    assert_eq!(listed, [publication("a", "x", 1), newer]);

    // An old program starts again: its publication is the newest one now.
    let again = PublishedJob {
        published_at: t(3),
        ..old
    };
    store.publish(vec![again.clone()]).await.unwrap();
    assert_eq!(store.catalogue().await.unwrap()[1], again);
}

async fn publications_are_found_by_session(store: AnyStore) {
    let all = vec![
        publication("j", "old", 1),
        publication("j", "new", 2),
        publication("k", "x", 3),
    ];
    store.publish(all).await.unwrap();
    let open = async |fingerprints: &[&str]| {
        let info = SessionInfo {
            worker: "w".to_owned(),
            opened_at: T0,
            job_ids: vec!["j".to_owned(), "k".to_owned()],
            queues: Vec::new(),
            labels: Vec::new(),
            slot_caps: Vec::new(),
            fingerprints: fingerprints.iter().map(|&one| one.to_owned()).collect(),
            lease: Duration::from_secs(30),
        };
        store.open_session(info).await.unwrap()
    };
    let old = open(&["j-old", "k-x"]).await;
    let new = open(&["j-new", "k-gone"]).await;
    let silent = open(&[]).await;
    store.close_session(old).await.unwrap();
    let sessions = [old, new, silent, SessionId(1 << 50)];
    let pairs = sessions.iter().flat_map(|session| {
        let jobs = ["j", "k", "none"];
        jobs.map(|job| (*session, job.to_owned()))
    });
    let found = store.session_publications(pairs.collect()).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.session, &*one.fingerprint, one.published_at))
        .collect();
    let expected = [
        (old, "j-old", t(1)),
        (old, "k-x", t(3)),
        (new, "j-new", t(2)),
    ];
    assert_eq!(found, expected);
    assert_eq!(store.session_publications(Vec::new()).await.unwrap(), []);
}

async fn sensitive_fields_of_all_publications_are_listed(store: AnyStore) {
    let marked = |id: &str, label: &str, fields: &[&str]| {
        let mut published = publication(id, label, 1);
        published.descriptor.sensitive = fields.iter().map(|&name| name.to_owned()).collect();
        published
    };
    store
        .publish(vec![
            marked("j", "first", &["pin", "name"]),
            marked("j", "second", &["code", "name"]),
            marked("j", "third", &[]),
            marked("k", "first", &["iban"]),
            marked("l", "first", &["card"]),
        ])
        .await
        .unwrap();
    let listed = async |ids: &[&str]| {
        let ids = ids.iter().map(|&id| id.to_owned()).collect();
        store.sensitive_fields(ids).await.unwrap()
    };
    assert_eq!(listed(&["j"]).await, ["code", "name", "pin"]);
    assert_eq!(
        listed(&["j", "k", "none"]).await,
        ["code", "iban", "name", "pin"]
    );
    assert_eq!(listed(&["none"]).await, [""; 0]);
    assert_eq!(listed(&[]).await, [""; 0]);
}

async fn concurrent_publications_succeed(Handles(handles): Handles) {
    at_once(8, |n| {
        let store = handles[n % 2].clone();
        async move {
            // In opposite orders, which may deadlock.
            let mut jobs: Vec<_> = (0..12)
                .map(|job| publication(&format!("j{job:02}"), "same", n as u64))
                .collect();
            if n % 2 == 1 {
                jobs.reverse();
            }
            store.publish(jobs).await.unwrap();
        }
    })
    .await;
    let listed = handles[1].catalogue().await.unwrap();
    let ids: Vec<_> = listed.iter().map(|job| job.descriptor.id.clone()).collect();
    let expected: Vec<_> = (0..12).map(|job| format!("j{job:02}")).collect();
    assert_eq!(ids, expected);
}
