//! Ending attempts.

use jobs::{AttemptOutcome, ErrorKind, ExecutionStatus, Progress};
use jobs_runtime::store::{Answer, Next, ProgressReport, StoreEvent};

use super::harness::*;

pub(crate) async fn success_keeps_the_result(store: AnyStore) {
    let mut events = store.events();
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let read = record(&store, id).await;
    assert_eq!((read.status, read.attempt), (ExecutionStatus::Running, 1));
    assert_eq!(read.attempts.len(), 1);
    assert_eq!(read.attempts[0].outcome, None);
    assert_eq!(read.attempts[0].worker, "worker");

    assert_eq!(settle(&store, success(&claimed)).await, Answer::Settled);
    let finished = event(&mut events, |e| matches!(e, StoreEvent::Finished(_))).await;
    assert!(matches!(finished, StoreEvent::Finished(ids) if *ids == [id]));
    let read = record(&store, id).await;
    assert_eq!(read.status, ExecutionStatus::Succeeded);
    assert_eq!(read.result.unwrap().get(), r#"{"done":true}"#);
    assert_eq!((read.progress, read.error), (100, None));
    assert_eq!(
        (read.started_at, read.finished_at),
        (Some(t(1)), Some(t(3)))
    );
    assert_eq!(read.duration_ms, Some(2_000));
    assert_eq!(read.attempts.len(), 1);
    assert_eq!(read.attempts[0].outcome, Some(AttemptOutcome::Succeeded));
    assert_eq!(read.attempts[0].finished_at, Some(t(3)));
}

pub(crate) async fn failure_keeps_the_error(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let mut settlement = failure(&claimed);
    settlement.end.progress = Some(Progress {
        percent: 40,
        message: Some("almost".to_owned()),
    });
    settle(&store, settlement).await;
    let read = record(&store, claimed.execution_id).await;
    assert_eq!(read.status, ExecutionStatus::Failed);
    let error = read.error.unwrap();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Failed, "attempt 1")
    );
    assert_eq!(
        (read.progress, read.progress_message.as_deref()),
        (40, Some("almost"))
    );
    assert!(read.result.is_none());
}

pub(crate) async fn a_repeated_settlement_is_already_mine(store: AnyStore) {
    let ended = running(&store, "j").await;
    let retried = running(&store, "j").await;
    let batch = || vec![success(&ended), retry_at(&retried, t(30))];
    assert_eq!(store.settle(batch()).await.unwrap(), [Answer::Settled; 2]);
    assert_eq!(
        store.settle(batch()).await.unwrap(),
        [Answer::AlreadyMine; 2]
    );
    let read = record(&store, retried.execution_id).await;
    assert_eq!(
        (read.status, read.attempts.len()),
        (ExecutionStatus::Pending, 1)
    );
}

pub(crate) async fn a_stale_one_fails_alone(store: AnyStore) {
    let session = session(&store, "w").await;
    enqueue(&store, "j", 3).await;
    let claimed = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    let mut stale = success(&claimed[1]);
    stale.fence.attempt += 1;
    let batch = vec![success(&claimed[0]), stale, retry_at(&claimed[2], t(9))];
    assert_eq!(
        store.settle(batch).await.unwrap(),
        [Answer::Settled, Answer::Stale, Answer::Settled]
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

pub(crate) async fn a_fence_is_all_of_its_parts(store: AnyStore) {
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
        assert_eq!(settle(&store, settlement).await, Answer::Stale, "{fence:?}");
        let report = ProgressReport {
            fence,
            progress: Progress {
                percent: 9,
                message: None,
            },
        };
        assert_eq!(store.report(vec![report]).await.unwrap(), [Answer::Stale]);
    }
    assert_eq!(record(&store, claimed.execution_id).await.progress, 0);
    assert_eq!(settle(&store, success(&claimed)).await, Answer::Settled);
}

pub(crate) async fn the_same_fence_twice_in_a_batch_settles_once(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let batch = vec![success(&claimed), failure(&claimed)];
    assert_eq!(
        store.settle(batch).await.unwrap(),
        [Answer::Settled, Answer::AlreadyMine]
    );
    assert_eq!(
        status(&store, claimed.execution_id).await,
        ExecutionStatus::Succeeded
    );
}

pub(crate) async fn a_retry_waits_is_promoted_and_claimed_with_the_next_number(store: AnyStore) {
    let mut events = store.events();
    let first = running(&store, "j").await;
    let id = first.execution_id;
    settle(&store, retry_at(&first, t(30))).await;
    let said = event(&mut events, |e| matches!(e, StoreEvent::Scheduled(_))).await;
    assert!(matches!(said, StoreEvent::Scheduled(at) if at == t(30)));

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
    assert_eq!(record(&store, id).await.error, None, "it runs again");
    assert_eq!(settle(&store, success(&first)).await, Answer::AlreadyMine);
    settle(&store, success(&second)).await;
    let read = record(&store, id).await;
    let numbers: Vec<_> = read.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!((numbers, read.attempt), (vec![1, 2], 2));
}

pub(crate) async fn only_failures_spend_the_budget(store: AnyStore) {
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

pub(crate) async fn what_is_given_back_keeps_its_place(store: AnyStore) {
    let mut events = store.events();
    let all = enqueue(&store, "j", 3).await;
    let session = session(&store, "w").await;
    let first = store
        .claim(claim(session, 1, &["j"], 1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    event(&mut events, |e| matches!(e, StoreEvent::Ready)).await;
    let released = settlement(&first, AttemptOutcome::Released, Next::GiveBack);
    assert_eq!(settle(&store, released.clone()).await, Answer::Settled);
    event(&mut events, |e| matches!(e, StoreEvent::Ready)).await;
    assert_eq!(settle(&store, released).await, Answer::AlreadyMine);
    let read = record(&store, all[0]).await;
    assert_eq!(
        (read.status, read.error, read.attempt),
        (ExecutionStatus::Queued, None, 1)
    );
    let claimed = store.claim(claim(session, 2, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&claimed), all);
    assert_eq!((claimed[0].fence.attempt, claimed[0].spent), (2, 0));
}

pub(crate) async fn progress_is_noted_while_the_lease_holds(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let report = |percent, message: Option<&str>| ProgressReport {
        fence: claimed.fence,
        progress: Progress {
            percent,
            message: message.map(str::to_owned),
        },
    };
    let answer = store.report(vec![report(30, Some("first"))]).await.unwrap();
    assert_eq!(answer, [Answer::Settled]);
    store.report(vec![report(20, None)]).await.unwrap();
    let read = record(&store, id).await;
    assert_eq!(
        (read.progress, read.progress_message.as_deref()),
        (30, Some("first"))
    );

    settle(&store, failure(&claimed)).await;
    assert_eq!(
        store.report(vec![report(90, None)]).await.unwrap(),
        [Answer::Stale]
    );
    let read = record(&store, id).await;
    assert_eq!(
        (read.progress, read.progress_message.as_deref()),
        (30, Some("first"))
    );
}

pub(crate) async fn many_settle_at_once(store: AnyStore) {
    let session = session(&store, "w").await;
    let all = enqueue(&store, "j", 300).await;
    let claimed = store.claim(claim(session, 1, &["j"], 300)).await.unwrap();
    let calls: Vec<_> = claimed
        .chunks(10)
        .map(|chunk| {
            let store = store.clone();
            let mut batch: Vec<_> = chunk.iter().map(success).collect();
            // One of each ten comes with a fence that never was.
            batch[3].fence.claim = 99;
            tokio::spawn(async move { store.settle(batch).await.unwrap() })
        })
        .collect();
    for call in calls {
        let answers = call.await.unwrap();
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(
                answer,
                if n == 3 {
                    Answer::Stale
                } else {
                    Answer::Settled
                }
            );
        }
    }
    for (n, id) in all.into_iter().enumerate() {
        let expected = match n % 10 {
            3 => ExecutionStatus::Running,
            _ => ExecutionStatus::Succeeded,
        };
        assert_eq!(status(&store, id).await, expected);
    }
}
