//! Sessions of workers: requirements on opening, renewing, closing and listing them.

use std::time::Duration;

use super::catalogue::publication;
use super::fixtures::*;
use super::requirement::requirements;

requirements! { "sessions" {
    session_ids_are_never_reused: "A session id is never used again.",
    session_ids_have_a_nonce: "A session id cannot be predicted, so that a store that was restored from a backup gives no id twice.",
    a_beat_names_the_lease_of_its_session: "A session keeps the lease of its worker, and each watcher reads it with the beat.",
    a_beat_changes_with_each_renewal: "Each renewal changes the beat of its session.",
    closed_and_unknown_sessions_are_lost: "A session that is closed, or never existed, cannot be renewed: the answer is `Lost`.",
    a_session_with_leases_is_not_closed: "A session with leases is not closed. The worker of a closed session stays known.",
    leases_are_counted_by_queue_and_by_job: "`leases_of` counts the leases of each session, for a queue and for a job under any of its ids.",
    other_readers_are_live_programs: "`other_readers` returns the publications of a job by other programs with an open session on the execution's queue. A program that gave the execution back as unreadable is left out.",
    processes_are_listed_with_what_they_execute: "Open sessions are listed with their jobs, their queues and the number of their leases.",
}}

async fn session_ids_are_never_reused(store: AnyStore) {
    let first = session(&store, "w").await;
    store.close_session(first).await.unwrap();
    let second = session(&store, "w").await;
    assert!(second > first);
}

async fn session_ids_have_a_nonce(store: AnyStore) {
    let mut opened = Vec::new();
    for _ in 0..4 {
        opened.push(session(&store, "w").await);
    }
    let steps: Vec<_> = opened.windows(2).map(|two| two[1].0 - two[0].0).collect();
    assert!(
        steps.iter().any(|step| *step != steps[0]),
        "{opened:?} have the same distance"
    );
}

async fn a_beat_names_the_lease_of_its_session(store: AnyStore) {
    for lease in [Duration::from_millis(1_500), Duration::from_secs(3_600)] {
        let info = SessionInfo {
            worker: "w".to_owned(),
            opened_at: T0,
            job_ids: Vec::new(),
            queues: Vec::new(),
            labels: Vec::new(),
            slot_caps: Vec::new(),
            fingerprints: Vec::new(),
            lease,
        };
        let session = store.open_session(info).await.unwrap();
        assert_eq!(beat(&store, session).await.lease, lease);
    }
}

async fn a_beat_changes_with_each_renewal(store: AnyStore) {
    let session = session(&store, "host-1/42").await;
    let before = beat(&store, session).await;
    assert_eq!(
        (before.worker.as_str(), before.opened_at),
        ("host-1/42", T0)
    );
    assert_eq!(store.renew(session, t(10)).await.unwrap(), Renewal::Renewed);
    let after = beat(&store, session).await;
    assert_ne!(after.beat, before.beat);
    assert_eq!(after.renewed_at, t(10));
}

async fn closed_and_unknown_sessions_are_lost(store: AnyStore) {
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

async fn a_session_with_leases_is_not_closed(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let session = claimed.fence.session;
    store.close_session(session).await.unwrap();
    assert!(is_open(&store, session).await);
    settle(&store, success(&claimed)).await;
    store.close_session(session).await.unwrap();
    assert!(!is_open(&store, session).await);
    let read = record(&store, claimed.execution_id).await;
    assert_eq!(
        read.attempts[0].worker, "worker",
        "the worker of a closed session stays known"
    );
}

async fn leases_are_counted_by_queue_and_by_job(store: AnyStore) {
    let (one, other) = (session(&store, "one").await, session(&store, "other").await);
    let mail = |new: &mut NewExecution| new.queue = "mail".to_owned();
    let batch = vec![
        new_with("j", mail),
        new_with("old.j", mail),
        new_with("k", mail),
        new("j"),
    ];
    store.enqueue(batch).await.unwrap();
    let leases = store.claim(claim(one, 1, &["j", "old.j", "k"], 3)).await;
    assert_eq!(leases.unwrap().len(), 3);
    let leases = store.claim(claim(other, 1, &["j"], 3)).await.unwrap();
    assert_eq!(leases.len(), 1);

    let count = |scope: CapScope| {
        let store = store.clone();
        async move {
            let mut leases = store.leases_of(scope).await.unwrap();
            leases.sort_unstable();
            leases
        }
    };
    let jobs = |ids: &[&str]| CapScope::JobIds(ids.iter().map(|&id| id.to_owned()).collect());
    let of_mail = CapScope::Queue("mail".to_owned());
    assert_eq!(count(of_mail.clone()).await, [(one, 3)]);
    assert_eq!(count(jobs(&["j", "old.j"])).await, [(one, 2), (other, 1)]);
    assert_eq!(count(jobs(&["unknown"])).await, []);
    settle(&store, success(&leases[0])).await;
    assert_eq!(count(jobs(&["j"])).await, [(one, 1)]);
}

fn slot_caps() -> Vec<SlotCap> {
    vec![
        SlotCap {
            of: CapScope::Queue("mail".to_owned()),
            most: 2,
        },
        SlotCap {
            of: CapScope::JobIds(vec!["j".to_owned(), "old.j".to_owned()]),
            most: 1,
        },
    ]
}

async fn processes_are_listed_with_what_they_execute(store: AnyStore) {
    let info = SessionInfo {
        worker: "host-1/42".to_owned(),
        opened_at: T0,
        job_ids: vec!["j".to_owned(), "old.j".to_owned()],
        queues: vec!["mail".to_owned()],
        labels: vec!["gpu".to_owned(), "attic".to_owned()],
        slot_caps: slot_caps(),
        fingerprints: Vec::new(),
        lease: Duration::from_secs(30),
    };
    let described = store.open_session(info).await.unwrap();
    let other = session(&store, "host-2/7").await;
    enqueue(&store, "j", 3).await;
    store.claim(claim(described, 1, &["j"], 2)).await.unwrap();
    store.renew(described, t(10)).await.unwrap();

    let processes = store.processes().await.unwrap();
    let expected = ProcessRecord {
        session: described,
        worker: "host-1/42".to_owned(),
        opened_at: T0,
        renewed_at: t(10),
        running: 2,
        job_ids: Some(vec!["j".to_owned(), "old.j".to_owned()]),
        queues: Some(vec!["mail".to_owned()]),
        labels: vec!["gpu".to_owned(), "attic".to_owned()],
        slot_caps: slot_caps(),
        external: None,
    };
    assert_eq!(processes[0], expected);
    assert_eq!((processes[1].session, processes[1].running), (other, 0));
    store.close_session(other).await.unwrap();
    assert_eq!(store.processes().await.unwrap().len(), 1);
}

async fn other_readers_are_live_programs(store: AnyStore) {
    let programs = ["old", "new", "newest"].map(|label| publication("j", label, 1));
    let mut published = programs.to_vec();
    published.push(publication("j", "without a worker", 1));
    published.push(publication("k", "old", 1));
    store.publish(published).await.unwrap();
    let mut sessions = Vec::new();
    for (program, queues) in programs
        .iter()
        .zip([vec![], vec![], vec!["mail".to_owned()]])
    {
        let info = SessionInfo {
            worker: program.fingerprint.clone(),
            opened_at: T0,
            job_ids: vec!["j".to_owned(), "k".to_owned()],
            queues,
            labels: Vec::new(),
            slot_caps: Vec::new(),
            fingerprints: vec![program.fingerprint.clone(), "k-old".to_owned()],
            lease: Duration::from_secs(30),
        };
        sessions.push(store.open_session(info).await.unwrap());
    }
    let readers = async |fence: Fence| {
        let found = store
            .other_readers(fence, vec!["j".to_owned()])
            .await
            .unwrap();
        let found = found.into_iter().map(|job| job.fingerprint);
        found.collect::<Vec<_>>()
    };
    let mail = new_with("j", |new| new.queue = "mail".to_owned());
    store.enqueue(vec![new("j"), mail]).await.unwrap();
    let mut leases = store.claim(claim(sessions[0], 1, &["j"], 2)).await.unwrap();
    leases.sort_by(|one, other| one.queue.cmp(&other.queue));
    let (default, mail) = (&leases[0], &leases[1]);
    assert_eq!(readers(default.fence).await, ["j-new"]);
    let mut both = readers(mail.fence).await;
    both.sort();
    assert_eq!(both, ["j-new", "j-newest"]);

    // A program that gave the execution back as unreadable is asked no more.
    let mut unreadable = settlement(default, AttemptOutcome::Released, Next::GiveBack);
    unreadable.end.error = Some(ExecutionError {
        kind: ErrorKind::InvalidPayload,
        message: "unreadable".to_owned(),
    });
    settle(&store, unreadable).await;
    let again = store.claim(claim(sessions[1], 1, &["j"], 1)).await.unwrap();
    assert_eq!(readers(again[0].fence).await, [""; 0]);

    // A program without a session is no reader.
    store.close_session(sessions[2]).await.unwrap();
    assert_eq!(readers(mail.fence).await, ["j-new"]);
}
