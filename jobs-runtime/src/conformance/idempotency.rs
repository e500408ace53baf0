//! Idempotency keys: requirements that a repeated enqueue creates nothing.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "idempotency" {
    an_idempotency_key_creates_one_execution: "An enqueue with an idempotency key that the job already has returns the execution that the key names.",
    another_payload_under_a_key_is_a_conflict_for_its_caller_only: "An enqueue with an existing idempotency key and another payload fails. Concurrent calls of other callers succeed.",
    a_key_names_its_execution_in_every_status: "An idempotency key names its execution while that waits, while it runs and when it is final.",
    an_expired_key_can_be_used_again: "An expired idempotency key names no execution and can be used again.",
    concurrent_enqueues_with_one_key_create_one_execution: "Of concurrent enqueues with the same idempotency key, exactly one creates an execution.",
    enqueues_of_two_processes_with_one_key_create_one_execution: "Of concurrent enqueues of two processes with the same idempotency key, exactly one creates an execution.",
    a_key_twice_in_a_batch_creates_one_execution: "Two executions of a batch with the same idempotency key create one execution.",
    a_rejected_batch_reserves_no_keys: "The idempotency keys of a rejected batch remain free.",
    keys_are_compared_byte_by_byte: "Idempotency keys are compared byte by byte.",
}}

async fn an_idempotency_key_creates_one_execution(store: AnyStore) {
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
    // A repeated call, as after a lost answer.
    let answers = store.enqueue(vec![first]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created]);
}

async fn another_payload_under_a_key_is_a_conflict_for_its_caller_only(store: AnyStore) {
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

async fn an_expired_key_can_be_used_again(store: AnyStore) {
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

async fn concurrent_enqueues_with_one_key_create_one_execution(store: AnyStore) {
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

async fn a_key_twice_in_a_batch_creates_one_execution(store: AnyStore) {
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

async fn a_rejected_batch_reserves_no_keys(store: AnyStore) {
    let rejected = vec![
        new_with("j", |new| new.idempotency_key = key("mine", "1")),
        new_with("j", |new| new.idempotency_key = key("twice", "1")),
        new_with("j", |new| new.idempotency_key = key("twice", "2")),
    ];
    let free = new_with("j", |new| new.idempotency_key = key("mine", "2"));
    let (rejected, accepted) = tokio::join!(store.enqueue(rejected), store.enqueue(vec![free]));
    assert!(matches!(
        rejected.unwrap_err(),
        StoreError::IdempotencyConflict { .. }
    ));
    assert_eq!(accepted.unwrap(), [EnqueueAnswer::Created]);
}

async fn enqueues_of_two_processes_with_one_key_create_one_execution(Handles(handles): Handles) {
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
            panic!("exactly one call must create: {created:?}")
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

async fn a_key_names_its_execution_in_every_status(store: AnyStore) {
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
    // Texts that people, collations or C strings confuse.
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
