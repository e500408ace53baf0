//! Leasing ready executions.

use std::collections::HashSet;

use jobs::ExecutionStatus;
use jobs_runtime::store::{SessionId, StoreError};

use super::harness::*;

pub(crate) async fn the_most_urgent_come_first_then_the_oldest(store: AnyStore) {
    let priorities = [50, 100, 0, 50, 100, 75];
    let batch: Vec<_> = priorities
        .iter()
        .map(|priority| new_with("j", |new| new.priority = *priority))
        .collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    let session = session(&store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&claimed), [1, 4, 5, 0, 3, 2].map(|n: usize| all[n]));
}

pub(crate) async fn several_queues_are_merged_by_urgency(store: AnyStore) {
    let places = [
        ("b", 50),
        ("a", 50),
        ("c", 90),
        ("a", 90),
        ("b", 10),
        ("c", 50),
    ];
    let batch: Vec<_> = places
        .iter()
        .map(|(queue, priority)| {
            new_with("j", |new| {
                new.queue = (*queue).to_owned();
                new.priority = *priority;
            })
        })
        .collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    let session = session(&store, "w").await;
    let first = store.claim(claim(session, 1, &["j"], 4)).await.unwrap();
    assert_eq!(ids(&first), [2, 3, 0, 1].map(|n: usize| all[n]));
    let rest = store.claim(claim(session, 2, &["j"], 4)).await.unwrap();
    assert_eq!(ids(&rest), [5, 4].map(|n: usize| all[n]));
}

pub(crate) async fn limits_are_exact(store: AnyStore) {
    let all = enqueue(&store, "j", 10).await;
    let session = session(&store, "w").await;
    let mut found = Vec::new();
    for (number, limit, expected) in [(1, 3, 3), (2, 0, 0), (3, 1, 1), (4, 100, 6), (5, 5, 0)] {
        let claimed = store
            .claim(claim(session, number, &["j"], limit))
            .await
            .unwrap();
        assert_eq!(claimed.len(), expected);
        assert!(claimed.iter().all(|claimed| claimed.fence.claim == number));
        found.extend(ids(&claimed));
    }
    assert_eq!(found, all);
}

pub(crate) async fn unknown_jobs_stay_queued(store: AnyStore) {
    let unknown = enqueue(&store, "unknown", 3).await;
    let known = enqueue(&store, "known", 2).await;
    let session = session(&store, "w").await;
    let claimed = store
        .claim(claim(session, 1, &["known", "alias"], 9))
        .await
        .unwrap();
    assert_eq!(ids(&claimed), known);
    assert!(
        store
            .claim(claim(session, 2, &[], 9))
            .await
            .unwrap()
            .is_empty()
    );
    for id in unknown {
        assert_eq!(status(&store, id).await, ExecutionStatus::Queued);
    }
}

pub(crate) async fn only_the_named_queues_are_taken_from(store: AnyStore) {
    for queue in ["a", "b", "c"] {
        let batch = (0..2).map(|_| new_with("j", |new| new.queue = queue.to_owned()));
        store.enqueue(batch.collect()).await.unwrap();
    }
    let session = session(&store, "w").await;
    let mut number = 0;
    for (queues, expected) in [
        (vec!["b"], 2),
        (vec!["a", "b", "a"], 2),
        (vec!["x", "y"], 0),
    ] {
        number += 1;
        let mut claim = claim(session, number, &["j"], 9);
        claim.queues = queues.iter().map(|&queue| queue.to_owned()).collect();
        assert_eq!(
            store.claim(claim).await.unwrap().len(),
            expected,
            "{queues:?}"
        );
    }
    assert_eq!(
        store
            .claim(claim(session, 9, &["j"], 9))
            .await
            .unwrap()
            .len(),
        2
    );
}

pub(crate) async fn a_claim_is_found_again(store: AnyStore) {
    enqueue(&store, "j", 5).await;
    let session = session(&store, "w").await;
    let first = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    let again = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    assert_eq!(ids(&again), ids(&first));
    let fences = |claimed: &[jobs_runtime::store::Claimed]| -> Vec<_> {
        claimed.iter().map(|claimed| claimed.fence).collect()
    };
    assert_eq!(fences(&again), fences(&first));
    assert_eq!(again[0].claimed_at, T0);

    // What it holds *by now*.
    settle(&store, success(&first[0])).await;
    let again = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    assert_eq!(ids(&again), ids(&first)[1..]);
    assert_eq!(
        store
            .claim(claim(session, 2, &["j"], 9))
            .await
            .unwrap()
            .len(),
        2
    );
}

pub(crate) async fn competing_claims_share_without_overlap(store: AnyStore) {
    let all = enqueue(&store, "j", 200).await;
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let session = session(&store, "w").await;
                let mut found = Vec::new();
                for number in 1.. {
                    let claimed = store
                        .claim(claim(session, number, &["j"], 7))
                        .await
                        .unwrap();
                    if claimed.is_empty() {
                        return found;
                    }
                    found.extend(ids(&claimed));
                }
                found
            })
        })
        .collect();
    let mut found = Vec::new();
    for worker in workers {
        found.extend(worker.await.unwrap());
    }
    assert_eq!(found.len(), all.len());
    assert_eq!(found.into_iter().collect::<HashSet<_>>().len(), all.len());
}

pub(crate) async fn claims_need_a_session(store: AnyStore) {
    let all = enqueue(&store, "j", 1).await;
    let lost = store.claim(claim(SessionId(77), 1, &["j"], 1)).await;
    assert!(matches!(lost, Err(StoreError::SessionLost)), "{lost:?}");
    assert_eq!(status(&store, all[0]).await, ExecutionStatus::Queued);
}
