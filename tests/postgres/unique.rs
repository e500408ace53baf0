//! Unique keys in concurrent enqueues.

use std::sync::Arc;

use jobs::{ExecutionId, OnConflict, TransactionRef};
use jobs_runtime::store::{EnqueueAnswer, NewExecution, StoreError};
use sqlx::Connection;
use tests::postgres::Postgres;

use crate::support::{all, application, claim, fleet, session, success, unique};

fn with_payload(mut new: NewExecution, payload: &str) -> NewExecution {
    new.payload = payload.to_owned();
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_never_leases_a_payload_that_a_merge_has_replaced() {
    let url = Postgres::shared().fresh_url();
    let stores = fleet(&url, 2).await;
    let worker = session(&*stores[1], "worker").await;
    // A claim with many other ids reaches this one long after its snapshot.
    let others = (0..20_000_u128).map(|n| ExecutionId::from_bytes(n.to_be_bytes()));
    let others: Vec<_> = others.collect();
    let mut merged = 0;
    for round in 0..40 {
        let key = format!("k{round}");
        let old = unique(&key, OnConflict::Replace);
        let id = old.id;
        stores[0]
            .enqueue(vec![with_payload(old, "0")])
            .await
            .unwrap();
        let newest = with_payload(unique(&key, OnConflict::Replace), "1");
        let mut slow = claim(worker, 2 * round + 1, "job", 9);
        slow.only = others.iter().copied().chain([id]).collect();
        let (taken, answers) = tokio::join!(stores[1].claim(slow), stores[0].enqueue(vec![newest]));
        let mut taken = taken.unwrap();
        let answers = answers.unwrap();
        taken.extend(
            stores[1]
                .claim(claim(worker, 2 * round + 2, "job", 9))
                .await
                .unwrap(),
        );
        let of_first = taken.iter().find(|claimed| claimed.execution_id == id);
        let payload = &*of_first.expect("it is claimed").payload;
        match answers[0] {
            EnqueueAnswer::Merged(into) => {
                merged += 1;
                assert_eq!((into, payload), (id, "1"), "round {round}");
            }
            EnqueueAnswer::Created => assert_eq!((taken.len(), payload), (2, "0")),
            other => panic!("{other:?}"),
        }
        stores[1]
            .settle(taken.iter().map(success).collect())
            .await
            .unwrap();
    }
    assert!(merged > 0, "some were in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_concurrent_enqueues_with_a_unique_key_creates_also_in_transactions() {
    let url = Postgres::shared().fresh_url();
    let stores = fleet(&url, 4).await;
    for on_conflict in [OnConflict::Skip, OnConflict::Replace, OnConflict::Reject] {
        let callers = (0..32).map(|n| {
            let store = Arc::clone(&stores[n % 4]);
            let new = unique(&format!("{on_conflict:?}"), on_conflict);
            async move {
                if n % 4 != 0 {
                    return store.enqueue(vec![new]).await;
                }
                let mut application = application().await;
                let mut tx = application.begin().await.unwrap();
                let joined = TransactionRef::Postgres(&mut tx);
                let answer = store.enqueue_in(joined, vec![new]).await;
                tx.commit().await.unwrap();
                answer
            }
        });
        let answers = all(callers).await;
        let created = answers
            .iter()
            .filter(|answer| matches!(answer, Ok(one) if *one == [EnqueueAnswer::Created]));
        assert_eq!(created.count(), 1, "{on_conflict:?}: {answers:?}");
        let expected = |answer: &&Result<_, StoreError>| match on_conflict {
            OnConflict::Reject => {
                matches!(answer, Ok(_) | Err(StoreError::UniqueConflict { .. }))
            }
            _ => answer.is_ok(),
        };
        let unexpected = answers.iter().find(|answer| !expected(answer));
        assert!(unexpected.is_none(), "{unexpected:?}");
    }
}
