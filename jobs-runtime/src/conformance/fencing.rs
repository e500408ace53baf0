//! No write without its lease.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "fencing" {
    a_fence_matches_only_with_all_parts: "A write takes effect only if session, claim, row and attempt of its fence match the lease.",
    a_stale_settlement_fails_alone: "A stale settlement in a batch does not affect the others.",
    after_a_take_over_every_write_is_stale: "After a take-over every write of the old worker is stale, also during later attempts.",
    after_a_take_over_log_lines_are_stale: "After a take-over log lines of the old worker are stale.",
    log_lines_of_a_stale_settlement_are_not_written: "The log lines of a stale settlement are not written. Those of the other settlements of the batch are.",
    an_ended_attempt_changes_nothing: "After a retry, a release or a snooze, writes of the ended attempt do not change the next one.",
    a_closed_session_changes_nothing: "A closed session cannot write, renew, claim or take over.",
    a_worker_name_owns_no_leases: "A restarted worker with the same name owns no lease of its predecessor and does not renew that session.",
    a_rescuer_may_have_the_name_of_the_dead_worker: "After a take-over by a worker with the same name, writes of the old worker are stale.",
    an_attempt_of_a_deleted_execution_changes_nothing: "Writes about an attempt of a deleted execution are stale.",
}}

async fn a_fence_matches_only_with_all_parts(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let other = session(&store, "other").await;
    let fence = claimed.fence;
    let wrong = [
        fence_with(fence, |fence| fence.session = other),
        fence_with(fence, |fence| fence.claim += 1),
        fence_with(fence, |fence| fence.attempt += 1),
        fence_with(fence, |fence| fence.row += 1),
    ];
    for fence in wrong {
        let mut settlement = success(&claimed);
        settlement.fence = fence;
        assert_eq!(
            settle(&store, settlement).await,
            WriteAnswer::Stale,
            "{fence:?}"
        );
        let report = ProgressReport {
            fence,
            progress: Progress {
                percent: 9,
                message: None,
            },
        };
        assert_eq!(
            store.report(vec![report]).await.unwrap(),
            [WriteAnswer::Stale]
        );
    }
    assert_eq!(record(&store, claimed.execution_id).await.progress, 0);
    assert_eq!(
        settle(&store, success(&claimed)).await,
        WriteAnswer::Settled
    );
}

async fn a_stale_settlement_fails_alone(store: AnyStore) {
    let session = session(&store, "w").await;
    enqueue(&store, "j", 3).await;
    let claimed = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    let mut stale = success(&claimed[1]);
    stale.fence.attempt += 1;
    let batch = vec![success(&claimed[0]), stale, retry_at(&claimed[2], t(9))];
    assert_eq!(
        store.settle(batch).await.unwrap(),
        [
            WriteAnswer::Settled,
            WriteAnswer::Stale,
            WriteAnswer::Settled
        ]
    );
    let statuses = [
        ExecutionStatus::Succeeded,
        ExecutionStatus::Running,
        ExecutionStatus::Pending,
    ];
    for (claimed, expected) in claimed.iter().zip(statuses) {
        assert_eq!(status(&store, claimed.execution_id).await, expected);
    }
}

async fn after_a_take_over_every_write_is_stale(store: AnyStore) {
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
        assert_eq!(settle(&store, settlement).await, WriteAnswer::Stale);
    }
    let report = ProgressReport {
        fence: claimed.fence,
        progress: Progress {
            percent: 77,
            message: None,
        },
    };
    assert_eq!(
        store.report(vec![report]).await.unwrap(),
        [WriteAnswer::Stale]
    );
    let read = record(&store, id).await;
    assert_eq!((read.status, read.progress), (ExecutionStatus::Running, 0));

    let lost = settlement(taken, AttemptOutcome::Lost, Next::RetryAt(t(5)));
    assert_eq!(settle(&store, lost).await, WriteAnswer::Settled);
    assert_eq!(settle(&store, success(&claimed)).await, WriteAnswer::Stale);
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
    assert_eq!(settle(&store, success(&claimed)).await, WriteAnswer::Stale);
    assert_eq!(status(&store, id).await, ExecutionStatus::Running);
    assert_eq!(settle(&store, success(&second)).await, WriteAnswer::Settled);
    assert_eq!(settle(&store, failure(&claimed)).await, WriteAnswer::Stale);
}

async fn after_a_take_over_log_lines_are_stale(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let before = batch(&claimed, vec![line(1, "alive")]);
    store.append_logs(vec![before]).await.unwrap();
    let taken = taken_over(&store, &claimed).await;

    let stale = batch(&claimed, vec![line(2, "a ghost")]);
    let neighbour = running(&store, "other").await;
    let fine = batch(&neighbour, vec![line(1, "fine")]);
    let answers = store.append_logs(vec![stale.clone(), fine]).await.unwrap();
    assert_eq!(answers, [WriteAnswer::Stale, WriteAnswer::Settled]);
    assert_eq!(log(&store, neighbour.execution_id).await, ["1-1 fine"]);

    let end = with_logs(success(&claimed), vec![line(2, "a ghost")]);
    assert_eq!(settle(&store, end.clone()).await, WriteAnswer::Stale);
    // Neither while it is taken over nor when that has been recorded nor under its successor.
    let lost = settlement(&taken, AttemptOutcome::Lost, Next::RetryAt(t(5)));
    settle(&store, lost).await;
    assert_eq!(settle(&store, end.clone()).await, WriteAnswer::Stale);
    store.promote(t(5), 1).await.unwrap();
    let second = claim(taken.fence.session, 2, &["j"], 1);
    let second = store.claim(second).await.unwrap().pop().unwrap();
    assert_eq!(settle(&store, end).await, WriteAnswer::Stale);
    let answers = store.append_logs(vec![stale]).await.unwrap();
    assert_eq!(answers, [WriteAnswer::Stale]);
    assert_eq!(status(&store, id).await, ExecutionStatus::Running);
    assert_eq!(log(&store, id).await, ["1-1 alive"]);
    let end = with_logs(success(&second), vec![line(1, "done")]);
    assert_eq!(settle(&store, end).await, WriteAnswer::Settled);
    assert_eq!(log(&store, id).await, ["1-1 alive", "2-1 done"]);
}

async fn log_lines_of_a_stale_settlement_are_not_written(store: AnyStore) {
    let stale = running(&store, "j").await;
    taken_over(&store, &stale).await;
    let fine = running(&store, "other").await;
    let ends = vec![
        with_logs(success(&stale), vec![line(1, "a ghost")]),
        with_logs(success(&fine), vec![line(1, "fine")]),
    ];
    let answers = store.settle(ends).await.unwrap();
    assert_eq!(answers, [WriteAnswer::Stale, WriteAnswer::Settled]);
    assert!(log(&store, stale.execution_id).await.is_empty());
    assert_eq!(log(&store, fine.execution_id).await, ["1-1 fine"]);
}

/// Every write that a worker can say by a fence, and the answers to all of them.
async fn all_writes(store: &AnyStore, claimed: &Claimed) -> Vec<WriteAnswer> {
    let mut answers = vec![
        settle(store, success(claimed)).await,
        settle(store, failure(claimed)).await,
        settle(store, retry_at(claimed, t(9))).await,
        settle(
            store,
            settlement(claimed, AttemptOutcome::Cancelled, Next::Cancel),
        )
        .await,
        settle(
            store,
            settlement(claimed, AttemptOutcome::Released, Next::GiveBack),
        )
        .await,
    ];
    answers.push(report(store, claimed.fence, 99).await);
    let lines = vec![batch(claimed, vec![line(99, "late")])];
    answers.extend(store.append_logs(lines).await.unwrap());
    answers
}

/// What a settled attempt's own session is told: settlements and lines are its own, progress is
/// over.
const ENDED_BY_ITSELF: [WriteAnswer; 7] = [
    WriteAnswer::AlreadyMine,
    WriteAnswer::AlreadyMine,
    WriteAnswer::AlreadyMine,
    WriteAnswer::AlreadyMine,
    WriteAnswer::AlreadyMine,
    WriteAnswer::Stale,
    WriteAnswer::AlreadyMine,
];

async fn an_ended_attempt_changes_nothing(Handles([here, there]): Handles) {
    let again = [
        (AttemptOutcome::Failed, Next::RetryAt(t(5))),
        (AttemptOutcome::Released, Next::GiveBack),
        (AttemptOutcome::Snoozed, Next::RetryAt(t(5))),
    ];
    for (outcome, next) in again {
        let first = running(&here, "j").await;
        settle(&here, settlement(&first, outcome, next)).await;
        there.promote(t(5), 9).await.unwrap();
        let successor = session(&there, "successor").await;
        let second = claim_one(&there, successor, 1).await;
        assert_eq!(second.execution_id, first.execution_id);
        for store in [&here, &there] {
            assert_eq!(all_writes(store, &first).await, ENDED_BY_ITSELF);
        }
        let read = record(&there, first.execution_id).await;
        assert_eq!((read.status, read.progress), (ExecutionStatus::Running, 0));
        assert_eq!(report(&there, second.fence, 5).await, WriteAnswer::Settled);
        assert_eq!(settle(&there, success(&second)).await, WriteAnswer::Settled);
        assert_eq!(all_writes(&here, &first).await, ENDED_BY_ITSELF);
        assert_eq!(
            status(&here, first.execution_id).await,
            ExecutionStatus::Succeeded
        );
    }
}

async fn a_closed_session_changes_nothing(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let closed = session(&store, "w").await;
    store.close_session(closed).await.unwrap();
    let mut stolen = claimed.clone();
    stolen.fence.session = closed;
    assert_eq!(all_writes(&store, &stolen).await, [WriteAnswer::Stale; 7]);
    assert_eq!(store.renew(closed, t(1)).await.unwrap(), Renewal::Lost);
    let lost = store.claim(claim(closed, 1, &["j"], 1)).await;
    assert!(matches!(lost, Err(StoreError::SessionLost)));
    let watched = beat(&store, claimed.fence.session).await;
    let lost = store.take_over(watched, claim(closed, 1, &[], 1)).await;
    assert!(matches!(lost, Err(StoreError::SessionLost)));
    let read = record(&store, claimed.execution_id).await;
    assert_eq!((read.status, read.progress), (ExecutionStatus::Running, 0));
    assert!(log(&store, claimed.execution_id).await.is_empty());
}

async fn a_worker_name_owns_no_leases(store: AnyStore) {
    let first = session(&store, "host-1/42").await;
    enqueue(&store, "j", 1).await;
    let claimed = claim_one(&store, first, 1).await;
    // The machine starts again; a process has the same host and number.
    let second = session(&store, "host-1/42").await;
    assert_ne!(first, second);
    let mut mistaken = claimed.clone();
    mistaken.fence.session = second;
    assert_eq!(all_writes(&store, &mistaken).await, [WriteAnswer::Stale; 7]);
    let found = store.claim(claim(second, 1, &["j"], 9)).await.unwrap();
    assert!(found.is_empty(), "its number finds nothing of the other's");
    let before = beat(&store, first).await;
    store.renew(second, t(5)).await.unwrap();
    assert_eq!(
        beat(&store, first).await,
        before,
        "it keeps itself alive only"
    );
    store.close_session(second).await.unwrap();
    assert_eq!(store.renew(first, t(6)).await.unwrap(), Renewal::Renewed);
    assert_eq!(
        settle(&store, success(&claimed)).await,
        WriteAnswer::Settled
    );
}

async fn a_rescuer_may_have_the_name_of_the_dead_worker(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let watched = beat(&store, claimed.fence.session).await;
    let successor = session(&store, "worker").await;
    let taken = store.take_over(watched, claim(successor, 1, &[], 9)).await;
    assert_eq!(taken.unwrap().len(), 1);
    assert_eq!(all_writes(&store, &claimed).await, [WriteAnswer::Stale; 7]);
    assert_eq!(
        status(&store, claimed.execution_id).await,
        ExecutionStatus::Running
    );
}

async fn an_attempt_of_a_deleted_execution_changes_nothing(store: AnyStore) {
    let claimed = running(&store, "j").await;
    settle(&store, success(&claimed)).await;
    store.delete(claimed.execution_id).await.unwrap();
    let other = running(&store, "j").await;
    assert_eq!(all_writes(&store, &claimed).await, [WriteAnswer::Stale; 7]);
    assert!(log(&store, other.execution_id).await.is_empty());
    assert_eq!(settle(&store, success(&other)).await, WriteAnswer::Settled);
}
