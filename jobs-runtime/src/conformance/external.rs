//! External workers: their sessions, and the beats of their leases.

use std::time::Duration;

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "external" {
    an_external_session_keeps_its_worker_and_digest: "The session of an external worker keeps its program and the digest of its secret, also after it is closed. Other sessions have none.",
    external_sessions_are_renewed_together: "One call renews the open sessions of external workers and returns them. Their beats change.",
    a_beat_of_a_lease_is_fenced: "The beat of a lease changes under its fence only.",
    an_external_lease_is_read_by_its_fence: "The attempt of an external lease is read by its fence, as it was claimed, until it ends.",
    external_leases_are_listed_in_pages: "Leases of external workers are listed in pages, with their beats; those of other workers are not.",
    cancel_requests_of_external_workers_are_found: "Cancel requests of external workers are found with one query.",
    an_external_session_is_taken_over_like_any_other: "The session of an external worker that stops is taken over like any other.",
}}

async fn external_session(store: &AnyStore, worker: &str) -> SessionId {
    let info = SessionInfo {
        worker: worker.to_owned(),
        opened_at: T0,
        job_ids: vec!["j".to_owned()],
        fingerprints: Vec::new(),
        queues: Vec::new(),
        labels: vec!["gpu".to_owned()],
        slot_caps: Vec::new(),
        lease: Duration::from_secs(30),
    };
    store
        .open_external_session(info, program(worker))
        .await
        .unwrap()
}

fn program(worker: &str) -> ExternalWorker {
    ExternalWorker {
        program: ExternalProgram {
            worker_id: format!("{worker}-id\0"),
            language: Some("python".to_owned()),
            version: None,
        },
        token_digest: format!("digest of {worker}"),
    }
}

/// Claims `count` executions for an external worker.
async fn leases(store: &AnyStore, count: usize) -> Vec<Claimed> {
    let session = external_session(store, "w").await;
    enqueue(store, "j", count).await;
    store.claim(claim(session, 1, &["j"], count)).await.unwrap()
}

async fn an_external_session_keeps_its_worker_and_digest(store: AnyStore) {
    let session_id = external_session(&store, "w").await;
    let read = store.external_worker(session_id).await.unwrap();
    assert_eq!(read, Some(program("w")));
    let processes = store.processes().await.unwrap();
    assert_eq!(processes[0].external, Some(program("w").program));
    assert_eq!(processes[0].labels, ["gpu"]);
    store.close_session(session_id).await.unwrap();
    let read = store.external_worker(session_id).await.unwrap();
    assert_eq!(read, Some(program("w")));
    let other = session(&store, "linked").await;
    assert_eq!(store.external_worker(other).await.unwrap(), None);
    assert_eq!(store.processes().await.unwrap()[0].external, None);
}

async fn external_sessions_are_renewed_together(store: AnyStore) {
    let (one, other) = (
        external_session(&store, "one").await,
        external_session(&store, "other").await,
    );
    let closed = external_session(&store, "closed").await;
    store.close_session(closed).await.unwrap();
    let before = beat(&store, one).await;
    let all = vec![one, closed, other, SessionId(999)];
    let mut renewed = store.renew_external_sessions(all, t(10)).await.unwrap();
    renewed.sort_unstable();
    assert_eq!(renewed, [one, other]);
    let after = beat(&store, one).await;
    assert_ne!(after.beat, before.beat);
    assert_eq!(after.renewed_at, t(10));
    let none = store.renew_external_sessions(Vec::new(), t(11)).await;
    assert_eq!(none.unwrap(), []);
}

async fn a_beat_of_a_lease_is_fenced(store: AnyStore) {
    let claimed = leases(&store, 2).await;
    let fence = claimed[0].fence;
    let wrong = [
        fence_with(fence, |fence| fence.attempt += 1),
        fence_with(fence, |fence| fence.claim += 1),
        fence_with(fence, |fence| fence.session = SessionId(999)),
    ];
    let mut fences = vec![fence];
    fences.extend(wrong);
    let answers = store.beat_leases(fences).await.unwrap();
    assert_eq!(answers[0], WriteAnswer::Settled);
    assert_eq!(answers[1..], [WriteAnswer::Stale; 3]);
    let listed = store.external_leases(0, 10).await.unwrap();
    let beats: Vec<_> = listed.iter().map(|lease| lease.beat).collect();
    assert_eq!(beats, [1, 0]);
    settle(&store, success(&claimed[0])).await;
    let answers = store.beat_leases(vec![fence]).await.unwrap();
    assert_eq!(answers, [WriteAnswer::Stale]);
}

async fn an_external_lease_is_read_by_its_fence(store: AnyStore) {
    let claimed = leases(&store, 1).await.remove(0);
    let read = store.external_lease(claimed.fence).await.unwrap();
    let read = read.expect("the lease exists");
    assert_eq!(read.fence, claimed.fence);
    assert_eq!(read.execution_id, claimed.execution_id);
    assert_eq!(
        (read.payload, read.policy),
        (claimed.payload.clone(), claimed.policy.clone())
    );
    assert_eq!(read.claimed_at, claimed.claimed_at);
    let wrong = fence_with(claimed.fence, |fence| fence.attempt += 1);
    assert!(store.external_lease(wrong).await.unwrap().is_none());
    settle(&store, success(&claimed)).await;
    let ended = store.external_lease(claimed.fence).await.unwrap();
    assert!(ended.is_none());
    let linked = running(&store, "linked").await;
    assert!(store.external_lease(linked.fence).await.unwrap().is_none());
}

async fn external_leases_are_listed_in_pages(store: AnyStore) {
    running(&store, "linked").await;
    let claimed = leases(&store, 5).await;
    let mut listed = Vec::new();
    loop {
        let after = listed.last().map_or(0, |lease: &LeaseBeat| lease.fence.row);
        let page = store.external_leases(after, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    let mut expected: Vec<_> = claimed.iter().map(|it| it.fence).collect();
    expected.sort_unstable_by_key(|fence| fence.row);
    let fences: Vec<_> = listed.iter().map(|lease| lease.fence).collect();
    assert_eq!(fences, expected);
    let policy = &claimed[0].policy;
    assert_eq!(listed[0].timeout_ms, policy.timeout_ms);
    assert_eq!(listed[0].claimed_at, claimed[0].claimed_at);
}

async fn cancel_requests_of_external_workers_are_found(store: AnyStore) {
    let linked = running(&store, "linked").await;
    let claimed = leases(&store, 3).await;
    for id in [linked.execution_id, claimed[1].execution_id] {
        store.cancel(id, t(1)).await.unwrap();
    }
    let found = store.external_cancel_requests(10).await.unwrap();
    assert_eq!(found, [claimed[1].fence]);
}

async fn an_external_session_is_taken_over_like_any_other(store: AnyStore) {
    let claimed = leases(&store, 1).await.remove(0);
    let watched = beat(&store, claimed.fence.session).await;
    assert!(!watched.is_dead, "no process holds a lock for it");
    let taken = taken_over(&store, &claimed).await;
    assert_eq!(taken.execution_id, claimed.execution_id);
    assert_eq!(
        store.beat_leases(vec![claimed.fence]).await.unwrap(),
        [WriteAnswer::Stale]
    );
    assert!(store.external_lease(claimed.fence).await.unwrap().is_none());
    assert_eq!(settle(&store, success(&claimed)).await, WriteAnswer::Stale);
}
