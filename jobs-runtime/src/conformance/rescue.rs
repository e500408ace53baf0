//! Rescue: taking over the sessions of dead workers.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "rescue" {
    a_session_with_a_changed_beat_keeps_its_leases: "A session whose beat has changed since it was observed keeps its leases.",
    a_session_is_taken_over_in_slices: "Leases are taken over in slices. The session is listed until it holds none.",
    a_take_over_closes_the_session_first: "From the first slice on, the session cannot renew or claim. It can settle attempts whose leases have not moved.",
    a_repeated_take_over_returns_the_same_leases: "A take-over repeated with its number returns the leases that it has taken.",
    a_lost_attempt_is_recorded_and_retried: "A lost attempt is recorded under the worker that executed it, spends the retry budget, and is followed by the next attempt.",
    a_take_over_knows_earlier_losses: "A take-over says of each attempt whether an earlier one of its execution was lost.",
    a_cancel_request_moves_with_its_lease: "A request to cancel moves with the lease.",
    progress_and_log_lines_survive_a_take_over: "Progress and log lines that were written before a take-over are kept.",
    a_rescuer_can_be_taken_over: "A rescuer that stops renewing is taken over itself.",
    closed_and_unknown_sessions_have_no_leases_to_take: "A take-over of a closed or unknown session moves nothing.",
}}

async fn a_session_with_a_changed_beat_keeps_its_leases(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let watched = beat(&store, claimed.fence.session).await;
    store.renew(claimed.fence.session, t(10)).await.unwrap();
    let rescuer = session(&store, "rescuer").await;
    let taken = store
        .take_over(watched, claim(rescuer, 1, &["j"], 9))
        .await
        .unwrap();
    assert!(taken.is_empty());
    assert_eq!(
        settle(&store, success(&claimed)).await,
        WriteAnswer::Settled
    );
}

async fn a_session_is_taken_over_in_slices(store: AnyStore) {
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

    // The first call closes a session without leases.
    let idle = session(&store, "idle").await;
    let watched = beat(&store, idle).await;
    store
        .take_over(watched, claim(rescuer, 5, &[], 2))
        .await
        .unwrap();
    assert!(!is_open(&store, idle).await);
}

async fn a_repeated_take_over_returns_the_same_leases(store: AnyStore) {
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

async fn a_lost_attempt_is_recorded_and_retried(Handles([here, there]): Handles) {
    let claimed = running(&here, "j").await;
    let id = claimed.execution_id;
    here.cancel(enqueue(&here, "j", 1).await[0], t(1))
        .await
        .unwrap();
    let watched = beat(&there, claimed.fence.session).await;
    let rescuer = session(&there, "rescuer").await;
    let taken = there.take_over(watched, claim(rescuer, 1, &[], 9)).await;
    let taken = taken.unwrap().pop().unwrap();
    let lost = settlement(&taken, AttemptOutcome::Lost, Next::RetryAt(t(30)));
    assert_eq!(settle(&there, lost.clone()).await, WriteAnswer::Settled);
    assert_eq!(settle(&there, lost).await, WriteAnswer::AlreadyMine);
    there.promote(t(30), 9).await.unwrap();
    let second = claim_one(&there, rescuer, 2).await;
    assert_eq!((second.execution_id, second.fence.attempt), (id, 2));
    assert_eq!(second.spent, 1, "a lost attempt spends the budget");
    settle(&there, success(&second)).await;
    let read = record(&here, id).await;
    let workers: Vec<_> = read.attempts.iter().map(|a| a.worker.as_str()).collect();
    assert_eq!(workers, ["worker", "rescuer"]);
    assert_eq!(read.attempts[0].outcome, Some(AttemptOutcome::Lost));
}

async fn a_take_over_knows_earlier_losses(store: AnyStore) {
    let first = taken_over(&store, &running(&store, "j").await).await;
    assert!(!first.lost_before);
    let lost = settlement(&first, AttemptOutcome::Lost, Next::RetryAt(t(1)));
    settle(&store, lost).await;
    store.promote(t(1), 9).await.unwrap();
    let worker = session(&store, "another").await;
    let second = claim_one(&store, worker, 1).await;
    assert_eq!(second.execution_id, first.execution_id);
    let second = taken_over(&store, &second).await;
    assert!(second.lost_before);
}

async fn a_cancel_request_moves_with_its_lease(store: AnyStore) {
    let claimed = running(&store, "j").await;
    store.cancel(claimed.execution_id, t(5)).await.unwrap();
    let taken = taken_over(&store, &claimed).await;
    assert!(taken.cancel_requested);
    let requests = store.cancel_requests(taken.fence.session).await.unwrap();
    assert_eq!(requests, [taken.fence]);
    let requests = store.cancel_requests(claimed.fence.session).await.unwrap();
    assert!(requests.is_empty());
    let lost = settlement(&taken, AttemptOutcome::Lost, Next::RetryAt(t(9)));
    settle(&store, lost).await;
    let read = record(&store, claimed.execution_id).await;
    assert_eq!(read.status, ExecutionStatus::Cancelled);
}

async fn a_rescuer_can_be_taken_over(store: AnyStore) {
    let first = running(&store, "j").await;
    let second = taken_over(&store, &first).await;
    let third = taken_over(&store, &second).await;
    assert_eq!(third.fence.attempt, 1);
    for stale in [&first, &second] {
        assert_eq!(settle(&store, success(stale)).await, WriteAnswer::Stale);
    }
    let lost = settlement(&third, AttemptOutcome::Lost, Next::Fail);
    assert_eq!(settle(&store, lost).await, WriteAnswer::Settled);
    let read = record(&store, first.execution_id).await;
    assert_eq!(
        read.attempts[0].worker, "worker",
        "the worker that executed it"
    );
}

async fn progress_and_log_lines_survive_a_take_over(store: AnyStore) {
    let claimed = running(&store, "j").await;
    report(&store, claimed.fence, 40).await;
    let lines = vec![batch(&claimed, vec![line(1, "alive")])];
    store.append_logs(lines).await.unwrap();
    let taken = taken_over(&store, &claimed).await;
    assert_eq!(record(&store, claimed.execution_id).await.progress, 40);
    let lost = settlement(&taken, AttemptOutcome::Lost, Next::Fail);
    settle(&store, lost).await;
    assert_eq!(record(&store, claimed.execution_id).await.progress, 40);
    assert_eq!(log(&store, claimed.execution_id).await, ["1-1 alive"]);
}

async fn closed_and_unknown_sessions_have_no_leases_to_take(store: AnyStore) {
    let gone = session(&store, "gone").await;
    let watched = beat(&store, gone).await;
    store.close_session(gone).await.unwrap();
    let rescuer = session(&store, "rescuer").await;
    let taken = store
        .take_over(watched.clone(), claim(rescuer, 1, &[], 9))
        .await;
    assert!(taken.unwrap().is_empty());
    let never = SessionBeat {
        session: SessionId(i64::MAX),
        ..watched
    };
    let taken = store.take_over(never, claim(rescuer, 2, &[], 9)).await;
    assert!(taken.unwrap().is_empty());
    assert!(is_open(&store, rescuer).await);
}

async fn a_take_over_closes_the_session_first(store: AnyStore) {
    let dead = session(&store, "dead").await;
    enqueue(&store, "j", 2).await;
    let claimed = store.claim(claim(dead, 1, &["j"], 2)).await.unwrap();
    enqueue(&store, "j", 1).await;
    let watched = beat(&store, dead).await;
    let rescuer = session(&store, "rescuer").await;
    let slice = claim(rescuer, 1, &[], 1);
    let taken = store.take_over(watched.clone(), slice).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(store.renew(dead, t(1)).await.unwrap(), Renewal::Lost);
    let lost = store.claim(claim(dead, 2, &["j"], 1)).await;
    assert!(matches!(lost, Err(StoreError::SessionLost)));
    for claimed in &claimed {
        let expected = if claimed.execution_id == taken[0].execution_id {
            WriteAnswer::Stale
        } else {
            WriteAnswer::Settled
        };
        assert_eq!(settle(&store, success(claimed)).await, expected);
    }
    let rest = store.take_over(watched, claim(rescuer, 2, &[], 9)).await;
    assert!(rest.unwrap().is_empty());
    assert!(!is_open(&store, dead).await);
}
