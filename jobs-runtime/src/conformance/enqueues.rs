//! Enqueueing executions.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "enqueues" {
    an_execution_reads_back_as_written: "Every field of an execution reads back as it was written, and is handed to the worker that claims it.",
    a_batch_is_atomic: "A batch with a rejected execution writes nothing. The error names the index of that execution.",
    the_order_of_a_batch_is_kept: "Executions of a batch are claimed and listed in the order of the batch, whatever their ids are.",
    a_large_batch_is_written_and_claimed_whole: "One call writes a batch of 3,000 executions, and one call claims it.",
    a_repeated_enqueue_creates_nothing_new: "A repeated enqueue creates nothing and returns the same answers, in every status of the executions, also within a larger batch.",
    the_same_batch_from_two_processes_is_written_once: "If several callers enqueue the same batch at the same time, it is written once, and all callers receive the same answers.",
    empty_batches_return_empty_answers: "A call with an empty batch returns an empty answer.",
    delayed_executions_are_pending_and_announced: "A delayed execution is pending, and an event announces its time. A `run_at` in the past is no delay.",
    times_have_millisecond_precision: "Times are stored with a precision of one millisecond.",
}}

async fn an_execution_reads_back_as_written(store: AnyStore) {
    let parent = id();
    let new = new_with("letters.send", |new| {
        new.queue = "mail".to_owned();
        new.priority = 75;
        new.policy.retry_jitter = 0.25;
        new.policy.timeout_ms = None;
        new.correlation_id = Some("c-1".to_owned());
        new.item_id = Some("i-1".to_owned());
        new.created_by = Some("user:bob".to_owned());
        new.tags = vec!["a".to_owned(), "b".to_owned()];
        new.parent_id = Some(parent);
        new.triggered_by = "http".to_owned();
        new.trace_parent =
            Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 a=1,b=2".to_owned());
    });
    let policy = new.policy.clone();
    let answers = store.enqueue(vec![new.clone()]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created]);

    let read = record(&store, new.id).await;
    assert_eq!(read.id, new.id);
    assert_eq!(read.job_id, "letters.send");
    assert_eq!(read.status, ExecutionStatus::Queued);
    assert_eq!((read.queue.as_str(), read.priority), ("mail", 75));
    assert_eq!(read.payload.get(), new.payload);
    assert!(read.result.is_none() && read.error.is_none());
    assert_eq!((read.attempt, read.max_attempts, read.progress), (0, 4, 0));
    assert_eq!((read.created_at, read.run_at), (T0, T0));
    assert_eq!((read.started_at, read.finished_at), (None, None));
    assert_eq!(read.correlation_id.as_deref(), Some("c-1"));
    assert_eq!(read.item_id.as_deref(), Some("i-1"));
    assert_eq!(read.created_by.as_deref(), Some("user:bob"));
    assert_eq!(read.tags, ["a", "b"]);
    assert_eq!(read.parent_id, Some(parent));
    assert_eq!(read.triggered_by, "http");
    assert_eq!(
        read.trace_id.as_deref(),
        Some("4bf92f3577b34da6a3ce929d0e0e4736")
    );

    let session = session(&store, "w").await;
    let claimed = store.claim(claim(session, 1, &["letters.send"], 9)).await;
    let claimed = claimed.unwrap().pop().unwrap();
    assert_eq!(claimed.policy, policy);
    assert_eq!(claimed.correlation_id.as_deref(), Some("c-1"));
    assert_eq!(
        (claimed.run_at, &claimed.trace_parent),
        (T0, &new.trace_parent)
    );
    assert_eq!((claimed.fence.attempt, claimed.spent), (1, 0));

    assert!(store.execution(id()).await.unwrap().is_none());
}

async fn a_batch_is_atomic(store: AnyStore) {
    let taken = new_with("j", |new| new.idempotency_key = key("k", "one"));
    store.enqueue(vec![taken]).await.unwrap();
    let batch = vec![
        new("j"),
        new_with("j", |new| new.idempotency_key = key("k", "two")),
        new("j"),
    ];
    let first = batch[0].id;
    let rejected = store.enqueue(batch).await.unwrap_err();
    assert!(
        matches!(rejected, StoreError::IdempotencyConflict { index: 1, .. }),
        "{rejected:?}"
    );
    assert!(store.execution(first).await.unwrap().is_none());
    assert_eq!(store.enqueue(Vec::new()).await.unwrap(), []);
}

async fn a_repeated_enqueue_creates_nothing_new(store: AnyStore) {
    let batch: Vec<_> = (0..3).map(|_| new("j")).collect();
    store.enqueue(batch.clone()).await.unwrap();
    let mut again = batch.clone();
    again.push(new("j"));
    again.push(again[3].clone());
    let answers = store.enqueue(again).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created; 5]);

    let session = session(&store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 99)).await.unwrap();
    assert_eq!(claimed.len(), 4);
    assert_eq!(
        ids(&claimed)[..3],
        batch.iter().map(|new| new.id).collect::<Vec<_>>()
    );

    let answers = store.enqueue(batch).await.unwrap();
    assert_eq!(
        answers,
        [EnqueueAnswer::Created; 3],
        "also while they are running"
    );
}

async fn delayed_executions_are_pending_and_announced(store: AnyStore) {
    let mut events = store.events();
    let delayed = new_with("j", |new| new.run_at = Some(t(60)));
    store
        .enqueue(vec![
            new_with("j", |new| new.run_at = Some(t(90))),
            delayed.clone(),
        ])
        .await
        .unwrap();
    // `Elsewhere` may arrive at any time.
    let received = event(&mut events, |received| {
        !matches!(received, StoreEvent::Elsewhere)
    })
    .await;
    assert!(
        matches!(received, StoreEvent::Scheduled(at) if at == t(60)),
        "{received:?}"
    );
    let read = record(&store, delayed.id).await;
    assert_eq!(
        (read.status, read.run_at),
        (ExecutionStatus::Pending, t(60))
    );

    let promotion = store.promote(t(59), 10).await.unwrap();
    assert_eq!((promotion.promoted, promotion.next_due), (0, Some(t(60))));
    let promotion = store.promote(t(60), 10).await.unwrap();
    assert_eq!((promotion.promoted, promotion.next_due), (1, Some(t(90))));
    event(&mut events, StoreEvent::is_ready).await;
    assert_eq!(status(&store, delayed.id).await, ExecutionStatus::Queued);

    // A time in the past is no delay.
    let past = new_with("j", |new| new.run_at = Some(T0));
    store.enqueue(vec![past.clone()]).await.unwrap();
    assert_eq!(status(&store, past.id).await, ExecutionStatus::Queued);
}

async fn the_order_of_a_batch_is_kept(store: AnyStore) {
    let mut batch: Vec<_> = (0..20).map(|_| new("j")).collect();
    // The order of the ids differs from that of the batch.
    batch.reverse();
    batch.swap(3, 11);
    let written: Vec<_> = batch.iter().map(|new| new.id).collect();
    let answers = store.enqueue(batch).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created; 20]);
    let session = session(&store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 99)).await.unwrap();
    assert_eq!(ids(&claimed), written);
    let page = store
        .list_executions(ExecutionQuery::newest(99))
        .await
        .unwrap();
    let fed: Vec<_> = page.executions.iter().map(|read| read.id).rev().collect();
    assert_eq!(fed, written);
}

async fn the_same_batch_from_two_processes_is_written_once(Handles(handles): Handles) {
    let batch: Vec<_> = (0..10).map(|_| new("j")).collect();
    let answers = at_once(8, |n| {
        let (store, batch) = (handles[n % 2].clone(), batch.clone());
        async move { store.enqueue(batch).await.unwrap() }
    })
    .await;
    for answer in answers {
        assert_eq!(answer, [EnqueueAnswer::Created; 10]);
    }
    let session = session(&handles[0], "w").await;
    let claimed = handles[0].claim(claim(session, 1, &["j"], 99)).await;
    assert_eq!(claimed.unwrap().len(), 10);
}

async fn a_large_batch_is_written_and_claimed_whole(store: AnyStore) {
    let written = enqueue(&store, "j", 3_000).await;
    let session = session(&store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 5_000)).await.unwrap();
    assert_eq!(ids(&claimed), written);
}

async fn empty_batches_return_empty_answers(store: AnyStore) {
    assert_eq!(store.enqueue(Vec::new()).await.unwrap(), []);
    assert_eq!(store.settle(Vec::new()).await.unwrap(), []);
    assert_eq!(store.report(Vec::new()).await.unwrap(), []);
    assert_eq!(store.append_logs(Vec::new()).await.unwrap(), []);
    assert_eq!(store.execution_states(Vec::new()).await.unwrap(), []);
    store.publish(Vec::new()).await.unwrap();
    let claimed = running(&store, "j").await;
    let nothing = vec![batch(&claimed, Vec::new())];
    assert_eq!(
        store.append_logs(nothing).await.unwrap(),
        [WriteAnswer::Settled]
    );
}

async fn times_have_millisecond_precision(store: AnyStore) {
    let at = |millis| Timestamp::from_millis(T0.as_millis() + millis);
    let new = new_with("j", |new| {
        new.created_at = at(1);
        new.run_at = Some(at(3));
    });
    store.enqueue(vec![new.clone()]).await.unwrap();
    let read = record(&store, new.id).await;
    assert_eq!((read.created_at, read.run_at), (at(1), at(3)));
    assert_eq!(store.promote(at(2), 9).await.unwrap().promoted, 0);
    assert_eq!(store.promote(at(3), 9).await.unwrap().promoted, 1);

    let session = session(&store, "w").await;
    let mut claim = claim(session, 1, &["j"], 1);
    claim.now = at(5);
    let claimed = store.claim(claim).await.unwrap().pop().unwrap();
    assert_eq!(claimed.claimed_at, at(5));
    let mut end = failure(&claimed);
    (end.end.started_at, end.end.finished_at) = (at(7), at(1_234));
    end.next = Next::RetryAt(at(5_001));
    settle(&store, end).await;
    let read = record(&store, new.id).await;
    assert_eq!((read.started_at, read.run_at), (Some(at(7)), at(5_001)));
    assert_eq!(read.duration_ms, Some(1_227));
    assert_eq!(read.attempts[0].finished_at, Some(at(1_234)));
    assert_eq!(read.attempts[0].retry_at, Some(at(5_001)));
}
