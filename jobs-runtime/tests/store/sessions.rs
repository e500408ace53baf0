//! Sessions and their end.

use jobs::{AttemptOutcome, ExecutionStatus, Progress};
use jobs_runtime::store::{
    Answer, Next, ProcessRecord, ProgressReport, Renewal, SessionBeat, SessionId, SessionInfo,
    StoreError,
};

use super::harness::*;

async fn beat(store: &AnyStore, session: SessionId) -> SessionBeat {
    let sessions = store.sessions().await.unwrap();
    let found = sessions.into_iter().find(|beat| beat.session == session);
    found.expect("the session is open")
}

async fn is_open(store: &AnyStore, session: SessionId) -> bool {
    let sessions = store.sessions().await.unwrap();
    sessions.iter().any(|beat| beat.session == session)
}

pub(crate) async fn numbers_are_never_used_again(store: AnyStore) {
    let first = session(&store, "w").await;
    store.close_session(first).await.unwrap();
    let second = session(&store, "w").await;
    assert!(second > first);
}

pub(crate) async fn a_beat_changes_with_each_renewal(store: AnyStore) {
    let session = session(&store, "host-1/42").await;
    let before = beat(&store, session).await;
    assert_eq!(
        (before.worker.as_str(), before.opened_at),
        ("host-1/42", T0)
    );
    assert_eq!(store.renew(session, t(10)).await.unwrap(), Renewal::Held);
    let after = beat(&store, session).await;
    assert_ne!(after.beat, before.beat);
    assert_eq!(after.renewed_at, t(10));
}

pub(crate) async fn a_closed_session_is_lost(store: AnyStore) {
    let session = session(&store, "w").await;
    store.close_session(session).await.unwrap();
    assert!(!is_open(&store, session).await);
    assert_eq!(store.renew(session, t(1)).await.unwrap(), Renewal::Lost);
    let lost = store.claim(claim(session, 1, &["j"], 1)).await;
    assert!(matches!(lost, Err(StoreError::SessionLost)));
    assert_eq!(
        store.renew(SessionId(999), t(1)).await.unwrap(),
        Renewal::Lost
    );
}

pub(crate) async fn one_with_leases_is_not_closed(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let session = claimed.fence.session;
    store.close_session(session).await.unwrap();
    assert!(is_open(&store, session).await);
    settle(&store, success(&claimed)).await;
    store.close_session(session).await.unwrap();
    assert!(!is_open(&store, session).await);
    let read = record(&store, claimed.execution_id).await;
    assert_eq!(read.attempts[0].worker, "worker", "it stays known");
}

pub(crate) async fn only_the_watched_beat_is_taken_over(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let watched = beat(&store, claimed.fence.session).await;
    store.renew(claimed.fence.session, t(10)).await.unwrap();
    let rescuer = session(&store, "rescuer").await;
    let taken = store
        .take_over(watched, claim(rescuer, 1, &["j"], 9))
        .await
        .unwrap();
    assert!(taken.is_empty());
    assert_eq!(settle(&store, success(&claimed)).await, Answer::Settled);
}

pub(crate) async fn taking_over_goes_in_slices_and_closes_at_the_end(store: AnyStore) {
    let dead = session(&store, "dead").await;
    enqueue(&store, "j", 5).await;
    store.claim(claim(dead, 1, &["j"], 5)).await.unwrap();
    let watched = beat(&store, dead).await;
    let rescuer = session(&store, "rescuer").await;
    for (number, expected, open) in [(1, 2, true), (2, 2, true), (3, 1, false), (4, 0, false)] {
        let slice = claim(rescuer, number, &[], 2);
        let taken = store.take_over(watched.clone(), slice).await.unwrap();
        assert_eq!(taken.len(), expected);
        assert_eq!(is_open(&store, dead).await, open);
    }
    assert_eq!(store.renew(dead, t(1)).await.unwrap(), Renewal::Lost);

    // One that holds nothing is closed by the first call.
    let idle = session(&store, "idle").await;
    let watched = beat(&store, idle).await;
    store
        .take_over(watched, claim(rescuer, 5, &[], 2))
        .await
        .unwrap();
    assert!(!is_open(&store, idle).await);
}

pub(crate) async fn after_a_take_over_every_write_is_stale(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let watched = beat(&store, claimed.fence.session).await;
    let rescuer = session(&store, "rescuer").await;
    let taken = store
        .take_over(watched, claim(rescuer, 1, &[], 9))
        .await
        .unwrap();
    let [taken] = &taken[..] else {
        panic!("one was leased: {taken:?}")
    };
    assert_eq!(taken.execution_id, id);
    assert_eq!(taken.fence.attempt, claimed.fence.attempt);
    assert_eq!(
        taken.claimed_at, claimed.claimed_at,
        "when the attempt began"
    );
    assert_eq!(taken.payload, claimed.payload);

    let stale = [
        success(&claimed),
        failure(&claimed),
        retry_at(&claimed, t(9)),
        settlement(&claimed, AttemptOutcome::Released, Next::GiveBack),
    ];
    for settlement in stale {
        assert_eq!(settle(&store, settlement).await, Answer::Stale);
    }
    let report = ProgressReport {
        fence: claimed.fence,
        progress: Progress {
            percent: 77,
            message: None,
        },
    };
    assert_eq!(store.report(vec![report]).await.unwrap(), [Answer::Stale]);
    let read = record(&store, id).await;
    assert_eq!((read.status, read.progress), (ExecutionStatus::Running, 0));

    let lost = settlement(taken, AttemptOutcome::Lost, Next::RetryAt(t(5)));
    assert_eq!(settle(&store, lost).await, Answer::Settled);
    assert_eq!(settle(&store, success(&claimed)).await, Answer::Stale);
    let read = record(&store, id).await;
    assert_eq!(read.attempts[0].outcome, Some(AttemptOutcome::Lost));
    assert_eq!(
        read.attempts[0].worker, "worker",
        "who executed it, not who cleared up"
    );

    // The successor's attempt is out of its predecessor's reach as well.
    store.promote(t(5), 1).await.unwrap();
    let second = store
        .claim(claim(rescuer, 2, &["j"], 1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!((second.fence.attempt, second.spent), (2, 1));
    assert_eq!(settle(&store, success(&claimed)).await, Answer::Stale);
    assert_eq!(status(&store, id).await, ExecutionStatus::Running);
    assert_eq!(settle(&store, success(&second)).await, Answer::Settled);
    assert_eq!(settle(&store, failure(&claimed)).await, Answer::Stale);
}

pub(crate) async fn a_take_over_is_found_again(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let watched = beat(&store, claimed.fence.session).await;
    let rescuer = session(&store, "rescuer").await;
    let first = store
        .take_over(watched.clone(), claim(rescuer, 1, &[], 9))
        .await
        .unwrap();
    let again = store
        .take_over(watched.clone(), claim(rescuer, 1, &[], 9))
        .await
        .unwrap();
    assert_eq!(ids(&first), ids(&again));
    assert_eq!(first[0].fence, again[0].fence);
    let lost = store
        .take_over(watched, claim(SessionId(999), 1, &[], 9))
        .await;
    assert!(matches!(lost, Err(StoreError::SessionLost)));
}

pub(crate) async fn processes_tell_what_they_execute(store: AnyStore) {
    let told = SessionInfo {
        worker: "host-1/42".to_owned(),
        opened_at: T0,
        job_ids: vec!["j".to_owned(), "old.j".to_owned()],
        queues: vec!["mail".to_owned()],
        labels: vec!["gpu".to_owned(), "attic".to_owned()],
    };
    let told = store.open_session(told).await.unwrap();
    let other = session(&store, "host-2/7").await;
    enqueue(&store, "j", 3).await;
    store.claim(claim(told, 1, &["j"], 2)).await.unwrap();
    store.renew(told, t(10)).await.unwrap();

    let processes = store.processes().await.unwrap();
    let expected = ProcessRecord {
        session: told,
        worker: "host-1/42".to_owned(),
        opened_at: T0,
        renewed_at: t(10),
        running: 2,
        job_ids: Some(vec!["j".to_owned(), "old.j".to_owned()]),
        queues: Some(vec!["mail".to_owned()]),
        labels: vec!["gpu".to_owned(), "attic".to_owned()],
    };
    assert_eq!(processes[0], expected);
    assert_eq!((processes[1].session, processes[1].running), (other, 0));
    store.close_session(other).await.unwrap();
    assert_eq!(store.processes().await.unwrap().len(), 1);
}
