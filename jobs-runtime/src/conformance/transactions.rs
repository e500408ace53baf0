//! Writing in a caller's own transaction.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "transactions" {
    an_enqueue_is_visible_after_the_commit: "An enqueue in a caller's transaction is visible after the commit, and not before.",
    a_rollback_leaves_no_trace: "A rollback leaves no execution and no idempotency key.",
    an_error_leaves_the_transaction_usable: "A rejected batch changes nothing in the transaction, and later calls in it are written.",
    later_calls_of_a_transaction_see_earlier_ones: "Within one transaction, later calls see the executions of earlier calls.",
    a_settlement_is_committed_with_its_transaction: "A settlement in a handler's transaction takes effect with the commit. A later one is answered with `AlreadyMine`.",
    a_settlement_is_undone_by_a_rollback: "After a rollback of its settlement, an attempt is still running and can be settled.",
    an_open_settlement_delays_no_other_attempt: "While a transaction with a settlement stays open, other attempts are settled. Settlements of the same attempt are answered with `Locked`.",
    a_settlement_in_a_transaction_is_fenced: "A settlement in a transaction is stale if its lease does not exist any more.",
}}

async fn an_enqueue_is_visible_after_the_commit(db: Transactional) {
    let store = &db.store;
    let batch: Vec<_> = (0..3).map(|_| new("j")).collect();
    let delayed = new_with("j", |new| new.run_at = Some(t(60)));
    let mut tx = db.begin().await;
    let answers = store.enqueue_in(tx.by_ref(), batch.clone()).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created; 3]);
    store
        .enqueue_in(tx.by_ref(), vec![delayed.clone()])
        .await
        .unwrap();
    assert!(store.execution(batch[0].id).await.unwrap().is_none());
    tx.commit().await.unwrap();
    let session = session(store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    let written: Vec<_> = batch.iter().map(|new| new.id).collect();
    assert_eq!(ids(&claimed), written);
    assert_eq!(status(store, delayed.id).await, ExecutionStatus::Pending);
    // The answer to the commit may be lost as well.
    let answers = store.enqueue(batch).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created; 3]);
}

async fn a_rollback_leaves_no_trace(db: Transactional) {
    let store = &db.store;
    let keyed = || new_with("j", |new| new.idempotency_key = key("k", "d"));
    let new = keyed();
    let mut tx = db.begin().await;
    store
        .enqueue_in(tx.by_ref(), vec![new.clone()])
        .await
        .unwrap();
    tx.roll_back().await.unwrap();
    assert!(store.execution(new.id).await.unwrap().is_none());
    let session = session(store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    assert!(claimed.is_empty());
    let answers = store.enqueue(vec![keyed()]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created], "its key is free");
}

async fn an_error_leaves_the_transaction_usable(db: Transactional) {
    let store = &db.store;
    let keyed = |digest| new_with("j", |new| new.idempotency_key = key("k", digest));
    store.enqueue(vec![keyed("d")]).await.unwrap();
    let (before, refused, after) = (new("j"), new("j"), new("j"));
    let mut tx = db.begin().await;
    store
        .enqueue_in(tx.by_ref(), vec![before.clone()])
        .await
        .unwrap();
    let batch = vec![refused.clone(), keyed("other")];
    let conflict = store.enqueue_in(tx.by_ref(), batch).await.unwrap_err();
    assert!(
        matches!(conflict, StoreError::IdempotencyConflict { index: 1, .. }),
        "{conflict:?}"
    );
    store
        .enqueue_in(tx.by_ref(), vec![after.clone()])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for (id, there) in [(before.id, true), (refused.id, false), (after.id, true)] {
        assert_eq!(store.execution(id).await.unwrap().is_some(), there);
    }
}

async fn later_calls_of_a_transaction_see_earlier_ones(db: Transactional) {
    let store = &db.store;
    let keyed = || new_with("j", |new| new.idempotency_key = key("k", "d"));
    let first = keyed();
    let mut tx = db.begin().await;
    for _ in 0..2 {
        let answers = store.enqueue_in(tx.by_ref(), vec![first.clone()]).await;
        assert_eq!(answers.unwrap(), [EnqueueAnswer::Created]);
    }
    let answers = store.enqueue_in(tx.by_ref(), vec![keyed()]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Replayed(first.id)]);
    tx.commit().await.unwrap();
    let page = store
        .list_executions(ExecutionQuery::newest(9))
        .await
        .unwrap();
    assert_eq!(page.executions.len(), 1);
}

async fn a_settlement_is_committed_with_its_transaction(db: Transactional) {
    let store = &db.store;
    let claimed = running(store, "j").await;
    let mut tx = db.begin().await;
    let end = with_logs(success(&claimed), vec![line(1, "done")]);
    let answer = store.settle_in(tx.by_ref(), end).await.unwrap();
    assert_eq!(answer, WriteAnswer::Settled);
    let again = store.settle_in(tx.by_ref(), success(&claimed)).await;
    assert_eq!(again.unwrap(), WriteAnswer::AlreadyMine);
    assert_eq!(
        status(store, claimed.execution_id).await,
        ExecutionStatus::Running
    );
    tx.commit().await.unwrap();
    assert_eq!(
        status(store, claimed.execution_id).await,
        ExecutionStatus::Succeeded
    );
    let mut events = store.events();
    assert_eq!(
        settle(store, failure(&claimed)).await,
        WriteAnswer::AlreadyMine
    );
    event(
        &mut events,
        |event| matches!(event, StoreEvent::Finished(ids) if ids.contains(&claimed.execution_id)),
    )
    .await;
    assert_eq!(log(store, claimed.execution_id).await, ["1-1 done"]);
}

async fn a_settlement_is_undone_by_a_rollback(db: Transactional) {
    let store = &db.store;
    let claimed = running(store, "j").await;
    let mut tx = db.begin().await;
    let answer = store.settle_in(tx.by_ref(), success(&claimed)).await;
    assert_eq!(answer.unwrap(), WriteAnswer::Settled);
    tx.roll_back().await.unwrap();
    assert_eq!(report(store, claimed.fence, 10).await, WriteAnswer::Settled);
    assert_eq!(settle(store, failure(&claimed)).await, WriteAnswer::Settled);
    assert_eq!(
        status(store, claimed.execution_id).await,
        ExecutionStatus::Failed
    );
}

async fn an_open_settlement_delays_no_other_attempt(db: Transactional) {
    let store = &db.store;
    let session = session(store, "w").await;
    enqueue(store, "j", 3).await;
    let claimed = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    let mut tx = db.begin().await;
    let answer = store.settle_in(tx.by_ref(), success(&claimed[1])).await;
    assert_eq!(answer.unwrap(), WriteAnswer::Settled);
    let ends = || {
        let late = with_logs(failure(&claimed[1]), vec![line(1, "late")]);
        vec![success(&claimed[0]), late, success(&claimed[2])]
    };
    // An embedded store has one writer: there, the others wait for the caller in any case.
    if store.describe().kind != "sqlite" {
        let answers = store.settle(ends()).await.unwrap();
        assert_eq!(
            answers,
            [
                WriteAnswer::Settled,
                WriteAnswer::Locked,
                WriteAnswer::Settled
            ]
        );
        let held_up = record(store, claimed[1].execution_id).await;
        assert_eq!(held_up.status, ExecutionStatus::Running);
    }
    tx.commit().await.unwrap();
    let answers = store.settle(ends()).await.unwrap();
    assert_eq!(answers[1], WriteAnswer::AlreadyMine);
    for one in &claimed {
        let status = status(store, one.execution_id).await;
        assert_eq!(status, ExecutionStatus::Succeeded);
    }
    assert_eq!(log(store, claimed[1].execution_id).await, ["1-1 late"]);
}

async fn a_settlement_in_a_transaction_is_fenced(db: Transactional) {
    let store = &db.store;
    let claimed = running(store, "j").await;
    let taken = taken_over(store, &claimed).await;
    let mut tx = db.begin().await;
    let stale = store.settle_in(tx.by_ref(), success(&claimed)).await;
    assert_eq!(stale.unwrap(), WriteAnswer::Stale);
    // The transaction is as it was.
    let other = new("other");
    store
        .enqueue_in(tx.by_ref(), vec![other.clone()])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(status(store, other.id).await, ExecutionStatus::Queued);
    assert_eq!(
        status(store, claimed.execution_id).await,
        ExecutionStatus::Running
    );
    assert_eq!(settle(store, success(&taken)).await, WriteAnswer::Settled);
}
