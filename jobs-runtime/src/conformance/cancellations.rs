//! Requests to cancel, in every status.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "cancellations" {
    a_queued_execution_is_cancelled_at_once: "A queued execution is cancelled at once. An unknown one is answered with `Unknown`.",
    a_pending_execution_is_cancelled_at_once: "A pending execution, delayed or waiting for a retry, is cancelled at once.",
    a_cancelled_execution_stays_cancelled: "A cancelled execution is neither promoted nor claimed, and is not cancelled twice.",
    a_running_execution_receives_a_cancel_request: "A running execution receives a request to cancel. The first request counts, and a result is still a success.",
    cancel_requests_reach_the_session_of_the_attempt: "A session receives the requests to cancel its own attempts, from whichever process they come.",
    a_cancelled_attempt_cancels_its_execution: "An attempt with the outcome `cancelled` cancels its execution.",
    a_cancel_request_prevents_further_attempts: "After a request to cancel, a failure, a retry or a release cancels the execution.",
    final_executions_are_not_cancelled: "Cancelling a final execution changes nothing.",
}}

async fn a_queued_execution_is_cancelled_at_once(store: AnyStore) {
    let mut events = store.events();
    let id = enqueue(&store, "j", 1).await[0];
    assert_eq!(
        store.cancel(id, t(5)).await.unwrap(),
        CancelAnswer::Cancelled
    );
    event(
        &mut events,
        |e| matches!(e, StoreEvent::Finished(ids) if **ids == [id]),
    )
    .await;
    let read = record(&store, id).await;
    assert_eq!(
        (read.status, read.finished_at),
        (ExecutionStatus::Cancelled, Some(t(5)))
    );
    assert_eq!(read.error.unwrap().kind, ErrorKind::Cancelled);
    assert_eq!(
        (read.attempt, read.attempts.len(), read.started_at),
        (0, 0, None)
    );
    let session = session(&store, "w").await;
    assert!(
        store
            .claim(claim(session, 1, &["j"], 9))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.cancel(super::fixtures::id(), t(5)).await.unwrap(),
        CancelAnswer::Unknown
    );
}

async fn a_pending_execution_is_cancelled_at_once(store: AnyStore) {
    let delayed = new_with("j", |new| new.run_at = Some(t(60)));
    store.enqueue(vec![delayed.clone()]).await.unwrap();
    let retried = running(&store, "j").await;
    settle(&store, retry_at(&retried, t(60))).await;
    for id in [delayed.id, retried.execution_id] {
        assert_eq!(
            store.cancel(id, t(5)).await.unwrap(),
            CancelAnswer::Cancelled
        );
        assert_eq!(status(&store, id).await, ExecutionStatus::Cancelled);
    }
    let read = record(&store, retried.execution_id).await;
    assert_eq!((read.attempt, read.attempts.len()), (1, 1));
    assert_eq!(read.duration_ms, Some(2_000));
    assert_eq!(store.promote(t(99), 9).await.unwrap().promoted, 0);
}

async fn a_running_execution_receives_a_cancel_request(store: AnyStore) {
    let mut events = store.events();
    let claimed = running(&store, "j").await;
    let (id, session) = (claimed.execution_id, claimed.fence.session);
    assert!(store.cancel_requests(session).await.unwrap().is_empty());
    assert_eq!(
        store.cancel(id, t(5)).await.unwrap(),
        CancelAnswer::Requested
    );
    event(&mut events, |e| matches!(e, StoreEvent::CancelRequested)).await;
    assert_eq!(
        store.cancel(id, t(6)).await.unwrap(),
        CancelAnswer::Requested
    );
    let read = record(&store, id).await;
    assert_eq!(read.status, ExecutionStatus::Running);
    assert_eq!(
        read.cancel_requested_at,
        Some(t(5)),
        "the first request counts"
    );
    assert_eq!(
        store.cancel_requests(session).await.unwrap(),
        [claimed.fence]
    );
    let held = store.claim(claim(session, 1, &["j"], 1)).await.unwrap();
    assert!(held[0].cancel_requested);

    // A handler that returns a result all the same has succeeded.
    assert_eq!(
        settle(&store, success(&claimed)).await,
        WriteAnswer::Settled
    );
    assert_eq!(status(&store, id).await, ExecutionStatus::Succeeded);
    assert!(store.cancel_requests(session).await.unwrap().is_empty());
}

async fn a_cancel_request_prevents_further_attempts(store: AnyStore) {
    for next in [Next::RetryAt(t(30)), Next::GiveBack, Next::Fail] {
        let claimed = running(&store, "j").await;
        store.cancel(claimed.execution_id, t(5)).await.unwrap();
        let settlement = settlement(&claimed, AttemptOutcome::Failed, next);
        assert_eq!(
            settle(&store, settlement.clone()).await,
            WriteAnswer::Settled
        );
        assert_eq!(settle(&store, settlement).await, WriteAnswer::AlreadyMine);
        let read = record(&store, claimed.execution_id).await;
        assert_eq!(read.status, ExecutionStatus::Cancelled);
        assert_eq!(read.attempts.len(), 1);
        assert_eq!(read.attempts[0].outcome, Some(AttemptOutcome::Failed));
    }
    assert_eq!(store.promote(t(99), 9).await.unwrap().promoted, 0);
}

async fn final_executions_are_not_cancelled(store: AnyStore) {
    let ends = [
        (AttemptOutcome::Succeeded, Next::Succeed("1".to_owned())),
        (AttemptOutcome::Failed, Next::Fail),
        (AttemptOutcome::Cancelled, Next::Cancel),
    ];
    let statuses = [
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::Cancelled,
    ];
    for ((outcome, next), status) in ends.into_iter().zip(statuses) {
        let claimed = running(&store, "j").await;
        settle(&store, settlement(&claimed, outcome, next)).await;
        let before = format!("{:?}", record(&store, claimed.execution_id).await);
        let answer = store.cancel(claimed.execution_id, t(5)).await.unwrap();
        assert_eq!(answer, CancelAnswer::Final(status));
        let after = format!("{:?}", record(&store, claimed.execution_id).await);
        assert_eq!(after, before);
    }
    let never = store.cancel(id(), t(5)).await.unwrap();
    assert_eq!(never, CancelAnswer::Unknown);
}

async fn a_cancelled_execution_stays_cancelled(Handles([here, there]): Handles) {
    for delayed in [false, true] {
        let new = new_with("j", |new| new.run_at = delayed.then(|| t(60)));
        here.enqueue(vec![new.clone()]).await.unwrap();
        let answer = there.cancel(new.id, t(5)).await.unwrap();
        assert_eq!(answer, CancelAnswer::Cancelled);
        let answer = here.cancel(new.id, t(6)).await.unwrap();
        assert_eq!(answer, CancelAnswer::Final(ExecutionStatus::Cancelled));
        assert_eq!(record(&here, new.id).await.finished_at, Some(t(5)));
    }
    assert_eq!(here.promote(t(99), 9).await.unwrap().promoted, 0);
    let session = session(&here, "w").await;
    let claimed = here.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    assert!(claimed.is_empty());
}

async fn cancel_requests_reach_the_session_of_the_attempt(Handles([here, there]): Handles) {
    let all = enqueue(&here, "j", 3).await;
    let (one, two) = (session(&here, "one").await, session(&here, "two").await);
    let first = here.claim(claim(one, 1, &["j"], 2)).await.unwrap();
    let second = here.claim(claim(two, 1, &["j"], 2)).await.unwrap();
    for id in &all[1..] {
        let answer = there.cancel(*id, t(5)).await.unwrap();
        assert_eq!(answer, CancelAnswer::Requested);
    }
    assert_eq!(here.cancel_requests(one).await.unwrap(), [first[1].fence]);
    assert_eq!(here.cancel_requests(two).await.unwrap(), [second[0].fence]);
}

async fn a_cancelled_attempt_cancels_its_execution(store: AnyStore) {
    let claimed = running(&store, "j").await;
    store.cancel(claimed.execution_id, t(5)).await.unwrap();
    let end = settlement(&claimed, AttemptOutcome::Cancelled, Next::Cancel);
    assert_eq!(settle(&store, end).await, WriteAnswer::Settled);
    let read = record(&store, claimed.execution_id).await;
    assert_eq!(read.status, ExecutionStatus::Cancelled);
    assert_eq!(read.finished_at, Some(t(3)), "when the attempt ended");
    assert_eq!(read.cancel_requested_at, None, "while it runs");
    assert_eq!(read.attempts[0].outcome, Some(AttemptOutcome::Cancelled));
}
