//! Retries: the attempts of an execution after the first.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "retries" {
    a_retry_waits_is_promoted_and_claimed_with_the_next_number: "An execution that is retried is pending until its time, then queued, then claimed with the next attempt number.",
    executions_are_promoted_in_the_order_of_their_times: "Due executions are promoted in the order of their times, up to the limit. The answer has the next time.",
    a_promoted_execution_takes_its_old_place: "A promoted execution takes its old place in its queue.",
    a_released_execution_keeps_its_place: "An execution that a worker gives back keeps its place in its queue and its retry budget.",
    a_snooze_spends_no_attempt: "A snoozed execution waits without an error and spends nothing of its retry budget.",
    only_failures_spend_the_budget: "Failed, timed out, panicked and lost attempts spend the retry budget. Other outcomes do not.",
    each_attempt_keeps_its_outcome: "Each attempt keeps its own outcome, error and retry time.",
    a_retryable_failure_is_never_stranded: "An execution that has failed with retries left is promoted and claimed again, by whichever process.",
}}

async fn a_retry_waits_is_promoted_and_claimed_with_the_next_number(store: AnyStore) {
    let mut events = store.events();
    let first = running(&store, "j").await;
    let id = first.execution_id;
    settle(&store, retry_at(&first, t(30))).await;
    let received = event(&mut events, |e| matches!(e, StoreEvent::Scheduled(_))).await;
    assert!(matches!(received, StoreEvent::Scheduled(at) if at == t(30)));

    let read = record(&store, id).await;
    assert_eq!(
        (read.status, read.run_at),
        (ExecutionStatus::Pending, t(30))
    );
    assert_eq!((read.attempt, read.finished_at), (1, None));
    assert_eq!(read.error.unwrap().message, "attempt 1");
    assert_eq!(read.attempts[0].retry_at, Some(t(30)));
    assert_eq!(
        (read.started_at, read.duration_ms),
        (Some(t(1)), Some(2_000))
    );

    let session = first.fence.session;
    assert!(
        store
            .claim(claim(session, 2, &["j"], 1))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.promote(t(30), 10).await.unwrap().promoted, 1);
    let read = record(&store, id).await;
    assert_eq!((read.status, read.run_at), (ExecutionStatus::Queued, t(30)));
    assert!(read.error.is_some());

    let second = store
        .claim(claim(session, 3, &["j"], 1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!((second.fence.attempt, second.spent), (2, 1));
    assert_eq!(record(&store, id).await.error, None, "it is running again");
    assert_eq!(
        settle(&store, success(&first)).await,
        WriteAnswer::AlreadyMine
    );
    settle(&store, success(&second)).await;
    let read = record(&store, id).await;
    let numbers: Vec<_> = read.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!((numbers, read.attempt), (vec![1, 2], 2));
}

async fn only_failures_spend_the_budget(store: AnyStore) {
    let first = running(&store, "j").await;
    let session = first.fence.session;
    let mut claimed = first;
    let mut number = 1;
    let mut spent = 0;
    for outcome in AttemptOutcome::ALL {
        if matches!(
            outcome,
            AttemptOutcome::Succeeded | AttemptOutcome::Cancelled
        ) {
            continue;
        }
        settle(&store, settlement(&claimed, *outcome, Next::RetryAt(t(5)))).await;
        store.promote(t(5), 1).await.unwrap();
        number += 1;
        claimed = store
            .claim(claim(session, number, &["j"], 1))
            .await
            .unwrap()
            .pop()
            .unwrap();
        spent += u32::from(outcome.spends_budget());
        assert_eq!(claimed.spent, spent, "{outcome}");
        assert_eq!(i64::from(claimed.fence.attempt), number);
    }
    assert_eq!(spent, 4);
}

async fn a_released_execution_keeps_its_place(store: AnyStore) {
    let mut events = store.events();
    let all = enqueue(&store, "j", 3).await;
    let session = session(&store, "w").await;
    let first = store
        .claim(claim(session, 1, &["j"], 1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    event(&mut events, StoreEvent::is_ready).await;
    let released = settlement(&first, AttemptOutcome::Released, Next::GiveBack);
    assert_eq!(settle(&store, released.clone()).await, WriteAnswer::Settled);
    event(&mut events, StoreEvent::is_ready).await;
    assert_eq!(settle(&store, released).await, WriteAnswer::AlreadyMine);
    let read = record(&store, all[0]).await;
    assert_eq!(
        (read.status, read.error, read.attempt),
        (ExecutionStatus::Queued, None, 1)
    );
    let claimed = store.claim(claim(session, 2, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&claimed), all);
    assert_eq!((claimed[0].fence.attempt, claimed[0].spent), (2, 0));
}

async fn executions_are_promoted_in_the_order_of_their_times(store: AnyStore) {
    let at = [50, 10, 40, 20, 30, 10];
    let batch: Vec<_> = at
        .iter()
        .map(|at| new_with("j", |new| new.run_at = Some(t(*at))))
        .collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    let session = session(&store, "w").await;
    let mut number = 0;
    for (limit, promoted, next_due) in [
        (1, vec![1], Some(10)),
        (2, vec![3, 5], Some(30)),
        (9, vec![2, 4], Some(50)),
        (9, vec![], Some(50)),
    ] {
        let promotion = store.promote(t(40), limit).await.unwrap();
        assert_eq!(promotion.promoted, promoted.len());
        assert_eq!(promotion.next_due, next_due.map(t));
        number += 1;
        let claimed = store.claim(claim(session, number, &["j"], 9)).await;
        let expected: Vec<_> = promoted.iter().map(|n: &usize| all[*n]).collect();
        assert_eq!(ids(&claimed.unwrap()), expected);
    }
    let promotion = store.promote(t(50), 9).await.unwrap();
    assert_eq!((promotion.promoted, promotion.next_due), (1, None));
}

async fn a_promoted_execution_takes_its_old_place(store: AnyStore) {
    let first = running(&store, "j").await;
    let later = enqueue(&store, "j", 1).await[0];
    settle(&store, retry_at(&first, t(5))).await;
    store.promote(t(5), 9).await.unwrap();
    let claimed = store.claim(claim(first.fence.session, 2, &["j"], 9)).await;
    assert_eq!(ids(&claimed.unwrap()), [first.execution_id, later]);
}

async fn a_snooze_spends_no_attempt(store: AnyStore) {
    let first = running(&store, "j").await;
    let mut snoozed = settlement(&first, AttemptOutcome::Snoozed, Next::RetryAt(t(60)));
    snoozed.end.progress = Some(Progress {
        percent: 30,
        message: None,
    });
    settle(&store, snoozed).await;
    let read = record(&store, first.execution_id).await;
    assert_eq!(
        (read.status, read.run_at),
        (ExecutionStatus::Pending, t(60))
    );
    assert_eq!((read.error, read.attempt), (None, 1));
    assert_eq!(store.promote(t(59), 9).await.unwrap().promoted, 0);
    assert_eq!(store.promote(t(60), 9).await.unwrap().promoted, 1);
    let second = claim_one(&store, first.fence.session, 2).await;
    assert_eq!((second.fence.attempt, second.spent), (2, 0));
    assert_eq!(
        record(&store, first.execution_id).await.progress,
        0,
        "the next attempt starts without progress"
    );
}

async fn a_retryable_failure_is_never_stranded(Handles([here, there]): Handles) {
    let id = enqueue(&here, "j", 1).await[0];
    let (a, b) = (session(&here, "a").await, session(&there, "b").await);
    let mut now = 0;
    for attempt in 1..=6 {
        // Two processes alternate in claiming, failing and promoting.
        let (store, other, session) = match attempt % 2 {
            0 => (&here, &there, a),
            _ => (&there, &here, b),
        };
        let claimed = claim_one(store, session, attempt.into()).await;
        assert_eq!((claimed.execution_id, claimed.fence.attempt), (id, attempt));
        assert_eq!(claimed.spent, attempt - 1);
        now += 30;
        settle(store, retry_at(&claimed, t(now))).await;
        let early = other.promote(t(now - 1), 9).await.unwrap();
        assert_eq!((early.promoted, early.next_due), (0, Some(t(now))));
        let due = other.promote(t(now), 9).await.unwrap();
        assert_eq!((due.promoted, due.next_due), (1, None));
        assert_eq!(status(store, id).await, ExecutionStatus::Queued);
    }
}

async fn each_attempt_keeps_its_outcome(store: AnyStore) {
    let first = running(&store, "j").await;
    let session = first.fence.session;
    settle(&store, retry_at(&first, t(5))).await;
    store.promote(t(5), 9).await.unwrap();
    let second = claim_one(&store, session, 2).await;
    let timed_out = settlement(&second, AttemptOutcome::TimedOut, Next::RetryAt(t(9)));
    settle(&store, timed_out).await;
    let read = record(&store, first.execution_id).await;
    assert_eq!(read.error.unwrap().kind, ErrorKind::TimedOut);
    store.promote(t(9), 9).await.unwrap();
    let third = claim_one(&store, session, 3).await;
    settle(&store, success(&third)).await;
    let read = record(&store, first.execution_id).await;
    assert_eq!(read.error, None);
    let actual: Vec<_> = read
        .attempts
        .iter()
        .map(|attempt| {
            let kind = attempt.error.as_ref().map(|error| error.kind);
            (attempt.number, attempt.outcome, kind, attempt.retry_at)
        })
        .collect();
    let expected = [
        (
            1,
            Some(AttemptOutcome::Failed),
            Some(ErrorKind::Failed),
            Some(t(5)),
        ),
        (
            2,
            Some(AttemptOutcome::TimedOut),
            Some(ErrorKind::TimedOut),
            Some(t(9)),
        ),
        (3, Some(AttemptOutcome::Succeeded), None, None),
    ];
    assert_eq!(actual, expected);
}
