//! Operators: manual retries, deletions, and the position in a queue.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "operators" {
    a_manual_retry_starts_afresh_and_keeps_the_past: "A manual retry has a fresh retry budget, the edited payload and all past attempts. Progress, result and error are cleared.",
    attempt_numbers_grow_over_manual_retries: "Attempt numbers grow over any number of manual retries.",
    attempt_numbers_grow_after_a_cancellation: "Attempt numbers grow over a cancellation between two attempts and a manual retry.",
    a_manual_retry_clears_a_due_retry: "After a cancellation between two attempts, a manual retry shows neither the old error nor the old retry time.",
    only_failed_and_cancelled_executions_are_retried: "Only failed and cancelled executions can be retried manually.",
    a_deleted_execution_leaves_nothing: "Deleting an execution deletes its attempts, its log lines and its idempotency key.",
    only_final_executions_are_deleted: "Only final executions can be deleted.",
    executions_ahead_are_counted_in_the_order_of_claims: "`ahead` counts the executions that will be claimed before a queued one, up to its limit.",
}}

async fn a_manual_retry_starts_afresh_and_keeps_the_past(store: AnyStore) {
    let first = running(&store, "j").await;
    let (id, session) = (first.execution_id, first.fence.session);
    settle(&store, retry_at(&first, t(5))).await;
    store.promote(t(5), 1).await.unwrap();
    let second = store
        .claim(claim(session, 2, &["j"], 1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    let mut failed = failure(&second);
    failed.end.progress = Some(Progress {
        percent: 60,
        message: Some("m".to_owned()),
    });
    settle(&store, failed).await;

    let mut events = store.events();
    let edited = Some(r#"{"n":2}"#.to_owned());
    assert_eq!(
        store
            .retry(id, edited, EnqueueRules::default(), t(9))
            .await
            .unwrap(),
        RetryAnswer::Queued
    );
    event(&mut events, StoreEvent::is_ready).await;
    let read = record(&store, id).await;
    assert_eq!(read.status, ExecutionStatus::Queued);
    assert_eq!(
        (read.error, read.progress, read.progress_message),
        (None, 0, None)
    );
    assert_eq!((read.attempt, read.finished_at), (2, None));
    assert_eq!(read.payload.get(), r#"{"n":2}"#);
    assert_eq!(read.attempts.len(), 2);
    assert_eq!(
        read.attempts[1].error.as_ref().unwrap().message,
        "attempt 2"
    );

    let third = store
        .claim(claim(session, 3, &["j"], 1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!((third.fence.attempt, third.spent), (3, 0));
    assert_eq!(third.payload, r#"{"n":2}"#);
    assert_eq!(
        settle(&store, success(&second)).await,
        WriteAnswer::AlreadyMine
    );
    assert_eq!(settle(&store, success(&third)).await, WriteAnswer::Settled);
}

async fn attempt_numbers_grow_after_a_cancellation(store: AnyStore) {
    let first = running(&store, "j").await;
    let (id, session) = (first.execution_id, first.fence.session);
    settle(&store, retry_at(&first, t(5))).await;
    store.cancel(id, t(2)).await.unwrap();
    assert_eq!(
        store
            .retry(id, None, EnqueueRules::default(), t(9))
            .await
            .unwrap(),
        RetryAnswer::Queued
    );
    let claimed = store
        .claim(claim(session, 2, &["j"], 1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!((claimed.fence.attempt, claimed.spent), (2, 0));
    assert_eq!(record(&store, id).await.attempts.len(), 2);
}

async fn only_failed_and_cancelled_executions_are_retried(store: AnyStore) {
    let queued = enqueue(&store, "queued", 1).await[0];
    let claimed = running(&store, "j").await;
    let rejected = |status| RetryAnswer::NotRetryable(status);
    let answer = store
        .retry(queued, None, EnqueueRules::default(), t(1))
        .await
        .unwrap();
    assert_eq!(answer, rejected(ExecutionStatus::Queued));
    let answer = store
        .retry(claimed.execution_id, None, EnqueueRules::default(), t(1))
        .await
        .unwrap();
    assert_eq!(answer, rejected(ExecutionStatus::Running));
    settle(&store, success(&claimed)).await;
    let answer = store
        .retry(claimed.execution_id, None, EnqueueRules::default(), t(1))
        .await
        .unwrap();
    assert_eq!(answer, rejected(ExecutionStatus::Succeeded));
    assert_eq!(
        store
            .retry(id(), None, EnqueueRules::default(), t(1))
            .await
            .unwrap(),
        RetryAnswer::Unknown
    );
}

async fn a_deleted_execution_leaves_nothing(store: AnyStore) {
    let keyed = |payload: &str| {
        let digest = payload.to_owned();
        new_with("j", |new| new.idempotency_key = key("signup-42", &digest))
    };
    let first = keyed("a");
    store.enqueue(vec![first.clone()]).await.unwrap();
    let session = session(&store, "w").await;
    for attempt in 1..=2 {
        let claimed = store.claim(claim(session, attempt, &["j"], 1));
        let claimed = claimed.await.unwrap().pop().unwrap();
        let mut end = match attempt {
            1 => settlement(&claimed, AttemptOutcome::Released, Next::GiveBack),
            _ => failure(&claimed),
        };
        end.end.logs = vec![std::sync::Arc::new(LogLine {
            line: 1,
            at: T0,
            level: LogLevel::Info,
            target: "t".to_owned(),
            message: "m".to_owned(),
            fields: None,
        })];
        settle(&store, end).await;
    }
    assert_eq!(store.delete(first.id).await.unwrap(), DeleteAnswer::Deleted);
    assert!(store.execution(first.id).await.unwrap().is_none());
    let logs = LogQuery {
        execution_id: first.id,
        attempt: None,
        level: None,
        after: None,
        limit: 9,
    };
    assert!(store.logs(logs).await.unwrap().is_none());
    let page = store
        .list_executions(ExecutionQuery::newest(9))
        .await
        .unwrap();
    assert!(page.executions.is_empty());
    assert_eq!(store.delete(first.id).await.unwrap(), DeleteAnswer::Unknown);
    assert_eq!(
        store
            .retry(first.id, None, EnqueueRules::default(), t(9))
            .await
            .unwrap(),
        RetryAnswer::Unknown
    );

    // The key is free, and a new execution has no data of the deleted one.
    let second = keyed("b");
    let answers = store.enqueue(vec![second.clone()]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created]);
    let read = record(&store, second.id).await;
    assert_eq!((read.attempt, read.attempts.len()), (0, 0));
}

async fn only_final_executions_are_deleted(store: AnyStore) {
    let waiting = enqueue(&store, "waiting", 1).await[0];
    let delayed = new_with("j", |new| new.run_at = Some(t(60)));
    store.enqueue(vec![delayed.clone()]).await.unwrap();
    let running = running(&store, "running").await;
    for (id, status) in [
        (waiting, ExecutionStatus::Queued),
        (delayed.id, ExecutionStatus::Pending),
        (running.execution_id, ExecutionStatus::Running),
    ] {
        let answer = store.delete(id).await.unwrap();
        assert_eq!(answer, DeleteAnswer::NotFinal(status));
        assert_eq!(record(&store, id).await.status, status);
    }
    let never = store.delete(id()).await.unwrap();
    assert_eq!(never, DeleteAnswer::Unknown);
    // Deleting one execution does not affect others.
    settle(&store, success(&running)).await;
    store.delete(running.execution_id).await.unwrap();
    assert_eq!(status(&store, waiting).await, ExecutionStatus::Queued);
}

async fn executions_ahead_are_counted_in_the_order_of_claims(store: AnyStore) {
    let first = enqueue(&store, "j", 3).await;
    let urgent = new_with("j", |new| new.priority = 90);
    let elsewhere = new_with("j", |new| new.queue = "mail".to_owned());
    let later = new_with("j", |new| new.run_at = Some(t(60)));
    let batch = vec![urgent.clone(), elsewhere.clone(), later.clone()];
    store.enqueue(batch).await.unwrap();
    for (id, ahead) in [
        (urgent.id, Some(0)),
        (first[0], Some(1)),
        (first[2], Some(3)),
        (elsewhere.id, Some(0)),
        (later.id, None),
        (id(), None),
    ] {
        assert_eq!(store.ahead(id, 100).await.unwrap(), ahead);
    }
    assert_eq!(store.ahead(first[2], 2).await.unwrap(), Some(2));
}

async fn a_manual_retry_clears_a_due_retry(store: AnyStore) {
    let first = running(&store, "j").await;
    settle(&store, retry_at(&first, t(600))).await;
    store.cancel(first.execution_id, t(2)).await.unwrap();
    store
        .retry(first.execution_id, None, EnqueueRules::default(), t(9))
        .await
        .unwrap();
    let read = record(&store, first.execution_id).await;
    assert_eq!((read.status, read.error), (ExecutionStatus::Queued, None));
    assert!(read.run_at < t(600), "it is ready at once");
    let error = read.attempts[0].error.as_ref();
    assert_eq!(
        error.unwrap().message,
        "attempt 1",
        "the attempt keeps its error"
    );
}

async fn attempt_numbers_grow_over_manual_retries(Handles([here, there]): Handles) {
    let first = running(&here, "j").await;
    let (id, session) = (first.execution_id, first.fence.session);
    let mut claimed = first;
    for attempt in 2..=5 {
        settle(&here, failure(&claimed)).await;
        let answer = there
            .retry(id, None, EnqueueRules::default(), t(9))
            .await
            .unwrap();
        assert_eq!(answer, RetryAnswer::Queued);
        let again = there
            .retry(id, None, EnqueueRules::default(), t(9))
            .await
            .unwrap();
        assert_eq!(again, RetryAnswer::NotRetryable(ExecutionStatus::Queued));
        claimed = claim_one(&here, session, attempt.into()).await;
        assert_eq!((claimed.fence.attempt, claimed.spent), (attempt, 0));
    }
    settle(&here, success(&claimed)).await;
    let read = record(&there, id).await;
    let numbers: Vec<_> = read.attempts.iter().map(|a| a.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(
        (read.error, read.status),
        (None, ExecutionStatus::Succeeded)
    );
}
