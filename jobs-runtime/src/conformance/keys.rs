//! Idempotency keys.

use super::point::area;
use super::words::*;

area! { "keys" {
    a_key_creates_one_execution: "A live idempotency key answers with the execution it names, per job.",
    a_key_with_another_payload_is_a_conflict_for_its_caller_alone: "A key with another payload is refused, and spoils no call beside it.",
    a_key_names_its_execution_to_the_end: "A key names its execution while that waits, runs and is final.",
    an_expired_key_is_replaced: "A key that has expired names nothing, and is given anew.",
    a_key_used_by_many_at_once_creates_one: "Of many callers with one key at once exactly one creates.",
    a_key_used_from_two_processes_creates_one: "So it is with callers in several processes.",
    a_key_used_twice_in_a_batch_creates_one: "A key that comes twice in a batch creates one execution.",
    a_refused_batch_leaves_its_keys_free: "A batch that is refused gives its keys to nobody.",
    keys_are_compared_byte_by_byte: "Keys that only look alike are different ones.",
}}

async fn a_key_creates_one_execution(store: AnyStore) {
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

async fn a_key_with_another_payload_is_a_conflict_for_its_caller_alone(store: AnyStore) {
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

async fn an_expired_key_is_replaced(store: AnyStore) {
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

async fn a_key_used_by_many_at_once_creates_one(store: AnyStore) {
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
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!(created.len(), 1);
    assert_eq!(replayed, vec![created[0]; 31]);
}

async fn a_key_used_twice_in_a_batch_creates_one(store: AnyStore) {
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

async fn a_refused_batch_leaves_its_keys_free(store: AnyStore) {
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

async fn a_key_used_from_two_processes_creates_one(Handles(handles): Handles) {
    for round in 0..4 {
        let answers = at_once(16, |n| {
            let store = handles[n % 2].clone();
            async move {
                let new = new_with("j", |new| {
                    new.idempotency_key = key(&format!("k{round}"), "d");
                });
                (new.id, store.enqueue(vec![new]).await.unwrap()[0])
            }
        })
        .await;
        let created = answers
            .iter()
            .filter(|(_, answer)| *answer == EnqueueAnswer::Created);
        let created: Vec<_> = created.map(|(id, _)| *id).collect();
        let [created] = created[..] else {
            panic!("exactly one is created: {created:?}")
        };
        for (id, answer) in answers {
            assert!(id == created || answer == EnqueueAnswer::Replayed(created));
        }
    }
    let page = handles[1]
        .list_executions(ExecutionQuery::newest(99))
        .await
        .unwrap();
    assert_eq!(page.executions.len(), 4);
}

async fn a_key_names_its_execution_to_the_end(store: AnyStore) {
    let first = new_with("j", |new| new.idempotency_key = key("k", "d"));
    store.enqueue(vec![first.clone()]).await.unwrap();
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    for end in [None, Some(success(&claimed))] {
        if let Some(end) = end {
            settle(&store, end).await;
        }
        let again = new_with("j", |new| new.idempotency_key = key("k", "d"));
        let answers = store.enqueue(vec![again]).await.unwrap();
        assert_eq!(answers, [EnqueueAnswer::Replayed(first.id)]);
    }
}

async fn keys_are_compared_byte_by_byte(store: AnyStore) {
    // Alike to people, to collations or to what cuts texts short.
    let keys = [
        "k", "K", "k ", "k\u{0}", "k\u{0}2", "é", "e\u{301}", "", "😀",
    ];
    for text in keys {
        let new = new_with("j", |new| new.idempotency_key = key(text, "d"));
        let answers = store.enqueue(vec![new]).await.unwrap();
        assert_eq!(answers, [EnqueueAnswer::Created], "{text:?}");
    }
    for text in keys {
        let new = new_with("j", |new| new.idempotency_key = key(text, "d"));
        let answers = store.enqueue(vec![new]).await.unwrap();
        assert!(matches!(answers[0], EnqueueAnswer::Replayed(_)), "{text:?}");
    }
}
