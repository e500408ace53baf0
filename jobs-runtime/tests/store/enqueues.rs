//! Creating executions.

use jobs::{ExecutionStatus, JobDescriptor};
use jobs_runtime::store::{EnqueueAnswer, PublishedJob, StoreError, StoreEvent};

use super::harness::*;

pub(crate) async fn an_execution_reads_back_as_written(store: AnyStore) {
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
            Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
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
    assert_eq!((claimed.fence.attempt, claimed.spent), (1, 0));

    assert!(store.execution(id()).await.unwrap().is_none());
}

pub(crate) async fn a_batch_is_written_whole_or_not_at_all(store: AnyStore) {
    let taken = new_with("j", |new| new.idempotency_key = key("k", "one"));
    store.enqueue(vec![taken]).await.unwrap();
    let batch = vec![
        new("j"),
        new_with("j", |new| new.idempotency_key = key("k", "two")),
        new("j"),
    ];
    let first = batch[0].id;
    let refused = store.enqueue(batch).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::IdempotencyConflict { index: 1, .. }),
        "{refused:?}"
    );
    assert!(store.execution(first).await.unwrap().is_none());
    assert_eq!(store.enqueue(Vec::new()).await.unwrap(), []);
}

pub(crate) async fn a_repeated_enqueue_creates_nothing_new(store: AnyStore) {
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
    assert_eq!(answers, [EnqueueAnswer::Created; 3], "also while they run");
}

pub(crate) async fn payloads_and_texts_are_opaque(store: AnyStore) {
    let payloads = [
        r#"{"z":1,"a":{"y":2,"b":[]},"z":3}"#,
        r#"{"nul":"\u0000","half":"\ud83d\ude00","slash":"\/","quote":"\""}"#,
        r#"{ "big": 123456789012345678901234567890.10, "e": 1E400, "zero": -0.0 }"#,
        "{\"text\":\"naïve ☃ 😀\",\n\t\"space\" : 1 }",
        "{}",
    ];
    let odd = "nul \u{0} quote \" slash \\ snow ☃";
    let batch: Vec<_> = payloads
        .iter()
        .map(|payload| {
            new_with("j", |new| {
                new.payload = (*payload).to_owned();
                new.item_id = Some(odd.to_owned());
                new.tags = vec![odd.to_owned()];
            })
        })
        .collect();
    store.enqueue(batch.clone()).await.unwrap();
    let session = session(&store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    for (claimed, payload) in claimed.iter().zip(payloads) {
        assert_eq!(claimed.payload, payload);
        let mut settlement = failure(claimed);
        if let Some(error) = &mut settlement.end.error {
            error.message = odd.to_owned();
        }
        settle(&store, settlement).await;
    }
    for (new, payload) in batch.iter().zip(payloads) {
        let read = record(&store, new.id).await;
        assert_eq!(read.payload.get(), payload.trim());
        assert_eq!(read.item_id.as_deref(), Some(odd));
        assert_eq!(read.tags, [odd]);
        assert_eq!(read.error.unwrap().message, odd);
        assert_eq!(read.attempts[0].error.as_ref().unwrap().message, odd);
    }
}

pub(crate) async fn a_key_creates_one_execution(store: AnyStore) {
    let first = new_with("j", |new| new.idempotency_key = key("k", "d"));
    let second = new_with("j", |new| new.idempotency_key = key("k", "d"));
    let other_job = new_with("other", |new| new.idempotency_key = key("k", "x"));
    store.enqueue(vec![first.clone()]).await.unwrap();
    let answers = store
        .enqueue(vec![second.clone(), other_job])
        .await
        .unwrap();
    assert_eq!(
        answers,
        [EnqueueAnswer::Replayed(first.id), EnqueueAnswer::Created]
    );
    assert!(store.execution(second.id).await.unwrap().is_none());
    // A repeated call after a lost answer.
    let answers = store.enqueue(vec![first]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created]);
}

pub(crate) async fn a_key_with_another_payload_is_a_conflict_for_its_caller_alone(store: AnyStore) {
    let first = new_with("j", |new| new.idempotency_key = key("k", "d"));
    store.enqueue(vec![first.clone()]).await.unwrap();
    let calls = (0..20).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let digest = if n % 2 == 0 { "d" } else { "other" };
            let new = new_with("j", |new| new.idempotency_key = key("k", digest));
            store.enqueue(vec![new]).await
        })
    });
    for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        match call.await.unwrap() {
            Ok(answers) => {
                assert_eq!(n % 2, 0);
                assert_eq!(answers, [EnqueueAnswer::Replayed(first.id)]);
            }
            Err(StoreError::IdempotencyConflict {
                index: 0,
                key,
                execution_id,
            }) => {
                assert_eq!(n % 2, 1);
                assert_eq!((key.as_str(), execution_id), ("k", first.id));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn an_expired_key_is_replaced(store: AnyStore) {
    let first = new_with("j", |new| new.idempotency_key = key("k", "d"));
    store.enqueue(vec![first]).await.unwrap();
    let later = |digest: &'static str| {
        new_with("j", |new| {
            new.created_at = t(86_400);
            new.idempotency_key = key("k", digest);
            if let Some(key) = &mut new.idempotency_key {
                key.expires_at = t(2 * 86_400);
            }
        })
    };
    let second = later("other");
    let answers = store.enqueue(vec![second.clone()]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created]);
    let answers = store.enqueue(vec![later("other")]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Replayed(second.id)]);
}

pub(crate) async fn a_key_used_by_many_at_once_creates_one(store: AnyStore) {
    let calls: Vec<_> = (0..32)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let new = new_with("j", |new| new.idempotency_key = key("k", "d"));
                let id = new.id;
                (id, store.enqueue(vec![new]).await.unwrap()[0])
            })
        })
        .collect();
    let mut created = Vec::new();
    let mut replayed = Vec::new();
    for call in calls {
        match call.await.unwrap() {
            (id, EnqueueAnswer::Created) => created.push(id),
            (_, EnqueueAnswer::Replayed(id)) => replayed.push(id),
        }
    }
    assert_eq!(created.len(), 1);
    assert_eq!(replayed, vec![created[0]; 31]);
}

pub(crate) async fn a_key_used_twice_in_a_batch_creates_one(store: AnyStore) {
    let batch: Vec<_> = (0..2)
        .map(|_| new_with("j", |new| new.idempotency_key = key("k", "d")))
        .collect();
    let first = batch[0].id;
    let answers = store.enqueue(batch).await.unwrap();
    assert_eq!(
        answers,
        [EnqueueAnswer::Created, EnqueueAnswer::Replayed(first)]
    );
}

pub(crate) async fn a_refused_batch_leaves_its_keys_free(store: AnyStore) {
    let refused = vec![
        new_with("j", |new| new.idempotency_key = key("mine", "1")),
        new_with("j", |new| new.idempotency_key = key("twice", "1")),
        new_with("j", |new| new.idempotency_key = key("twice", "2")),
    ];
    let free = new_with("j", |new| new.idempotency_key = key("mine", "2"));
    let (refused, accepted) = tokio::join!(store.enqueue(refused), store.enqueue(vec![free]));
    assert!(matches!(
        refused.unwrap_err(),
        StoreError::IdempotencyConflict { .. }
    ));
    assert_eq!(accepted.unwrap(), [EnqueueAnswer::Created]);
}

pub(crate) async fn delayed_ones_are_pending_and_announced(store: AnyStore) {
    let mut events = store.events();
    let delayed = new_with("j", |new| new.run_at = Some(t(60)));
    store
        .enqueue(vec![
            new_with("j", |new| new.run_at = Some(t(90))),
            delayed.clone(),
        ])
        .await
        .unwrap();
    let said = event(&mut events, |_| true).await;
    assert!(
        matches!(said, StoreEvent::Scheduled(at) if at == t(60)),
        "{said:?}"
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
    event(&mut events, |event| matches!(event, StoreEvent::Ready)).await;
    assert_eq!(status(&store, delayed.id).await, ExecutionStatus::Queued);

    // A time that has passed is no delay.
    let past = new_with("j", |new| new.run_at = Some(T0));
    store.enqueue(vec![past.clone()]).await.unwrap();
    assert_eq!(status(&store, past.id).await, ExecutionStatus::Queued);
}

pub(crate) async fn descriptors_are_published_by_fingerprint(store: AnyStore) {
    let descriptor = |id: &str, label: &str| -> JobDescriptor {
        serde_json::from_value(serde_json::json!({
            "id": id, "label": label, "description": "", "queue": "default",
            "routingKey": format!("jobs.{id}"), "priority": 50, "timeoutMs": 1000,
            "maxAttempts": 4, "retryDelaysMs": [30000], "tags": [], "enabled": true,
            "handler": "linked", "payloadSchema": {"type": "object"}, "resultSchema": true,
            "source": "m:1",
        }))
        .unwrap()
    };
    let publish = |id: &str, label: &str, at: u64| PublishedJob {
        descriptor: descriptor(id, label),
        fingerprint: format!("{id}-{label}"),
        published_at: t(at),
    };
    let (old, newer) = (publish("b", "old", 1), publish("b", "new", 2));
    store
        .publish(vec![old.clone(), publish("a", "x", 1)])
        .await
        .unwrap();
    store.publish(vec![newer.clone()]).await.unwrap();
    let listed = store.catalogue().await.unwrap();
    assert_eq!(listed, [publish("a", "x", 1), newer]);

    // An old program starts again: its version is the newest published one now.
    let again = PublishedJob {
        published_at: t(3),
        ..old
    };
    store.publish(vec![again.clone()]).await.unwrap();
    assert_eq!(store.catalogue().await.unwrap()[1], again);
}
