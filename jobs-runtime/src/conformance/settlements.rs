//! Ending attempts.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "settlements" {
    a_success_keeps_its_result: "A success keeps its result and its times, and an event announces it.",
    a_failure_keeps_its_error: "A failure keeps its error and the last progress.",
    a_repeated_settlement_is_already_mine: "A repeated batch of settlements is answered with `AlreadyMine`.",
    every_kind_of_settlement_is_repeatable: "Every kind of settlement can be repeated from any process. It is answered with `AlreadyMine` and changes nothing.",
    a_settlement_is_repeatable_after_the_next_attempt: "A settlement can still be repeated after later attempts.",
    the_same_fence_twice_in_a_batch_settles_once: "If an attempt occurs twice in a batch, its first settlement is written.",
    progress_is_written_while_the_lease_exists: "Progress is written while the lease exists, and never decreases.",
    concurrent_settlements_are_answered_per_row: "Each settlement of concurrent batches receives its own answer.",
}}

async fn a_success_keeps_its_result(store: AnyStore) {
    let mut events = store.events();
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let read = record(&store, id).await;
    assert_eq!((read.status, read.attempt), (ExecutionStatus::Running, 1));
    assert_eq!(read.attempts.len(), 1);
    assert_eq!(read.attempts[0].outcome, None);
    assert_eq!(read.attempts[0].worker, "worker");

    assert_eq!(
        settle(&store, success(&claimed)).await,
        WriteAnswer::Settled
    );
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

async fn a_failure_keeps_its_error(store: AnyStore) {
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

async fn a_repeated_settlement_is_already_mine(store: AnyStore) {
    let ended = running(&store, "j").await;
    let retried = running(&store, "j").await;
    let batch = || vec![success(&ended), retry_at(&retried, t(30))];
    assert_eq!(
        store.settle(batch()).await.unwrap(),
        [WriteAnswer::Settled; 2]
    );
    assert_eq!(
        store.settle(batch()).await.unwrap(),
        [WriteAnswer::AlreadyMine; 2]
    );
    let read = record(&store, retried.execution_id).await;
    assert_eq!(
        (read.status, read.attempts.len()),
        (ExecutionStatus::Pending, 1)
    );
}

async fn the_same_fence_twice_in_a_batch_settles_once(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let batch = vec![success(&claimed), failure(&claimed)];
    assert_eq!(
        store.settle(batch).await.unwrap(),
        [WriteAnswer::Settled, WriteAnswer::AlreadyMine]
    );
    assert_eq!(
        status(&store, claimed.execution_id).await,
        ExecutionStatus::Succeeded
    );
}

async fn progress_is_written_while_the_lease_exists(store: AnyStore) {
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
    assert_eq!(answer, [WriteAnswer::Settled]);
    store.report(vec![report(20, None)]).await.unwrap();
    let read = record(&store, id).await;
    assert_eq!(
        (read.progress, read.progress_message.as_deref()),
        (30, Some("first"))
    );

    settle(&store, failure(&claimed)).await;
    assert_eq!(
        store.report(vec![report(90, None)]).await.unwrap(),
        [WriteAnswer::Stale]
    );
    let read = record(&store, id).await;
    assert_eq!(
        (read.progress, read.progress_message.as_deref()),
        (30, Some("first"))
    );
}

async fn concurrent_settlements_are_answered_per_row(store: AnyStore) {
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
                    WriteAnswer::Stale
                } else {
                    WriteAnswer::Settled
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

async fn every_kind_of_settlement_is_repeatable(Handles([here, there]): Handles) {
    let nexts = [
        (AttemptOutcome::Succeeded, Next::Succeed("1".to_owned())),
        (AttemptOutcome::Failed, Next::Fail),
        (AttemptOutcome::Cancelled, Next::Cancel),
        (AttemptOutcome::TimedOut, Next::RetryAt(t(30))),
        (AttemptOutcome::Snoozed, Next::RetryAt(t(30))),
        (AttemptOutcome::Released, Next::GiveBack),
    ];
    for (outcome, next) in nexts {
        let claimed = running(&here, "j").await;
        let end = settlement(&claimed, outcome, next);
        assert_eq!(settle(&here, end.clone()).await, WriteAnswer::Settled);
        let after = format!("{:?}", record(&here, claimed.execution_id).await);
        for store in [&here, &there] {
            assert_eq!(settle(store, end.clone()).await, WriteAnswer::AlreadyMine);
        }
        // What it says when it is asked again counts no more.
        assert_eq!(
            settle(&there, failure(&claimed)).await,
            WriteAnswer::AlreadyMine
        );
        let read = format!("{:?}", record(&there, claimed.execution_id).await);
        assert_eq!(read, after);
        here.cancel(claimed.execution_id, t(40)).await.unwrap();
    }
}

async fn a_settlement_is_repeatable_after_the_next_attempt(store: AnyStore) {
    let first = running(&store, "j").await;
    let session = first.fence.session;
    let ends = [
        settlement(&first, AttemptOutcome::Released, Next::GiveBack),
        retry_at(&first, t(1)),
    ];
    settle(&store, ends[0].clone()).await;
    let second = claim_one(&store, session, 2).await;
    for end in &ends {
        assert_eq!(settle(&store, end.clone()).await, WriteAnswer::AlreadyMine);
    }
    settle(&store, success(&second)).await;
    for end in &ends {
        assert_eq!(settle(&store, end.clone()).await, WriteAnswer::AlreadyMine);
    }
    let read = record(&store, first.execution_id).await;
    assert_eq!(read.status, ExecutionStatus::Succeeded);
    assert_eq!(read.attempts[0].outcome, Some(AttemptOutcome::Released));
}
