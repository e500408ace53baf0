//! Writing in a caller's own transaction.

use super::point::area;
use super::words::*;

area! { "transactions" {
    what_is_committed_is_there: "An enqueue in a caller's transaction is seen once that is committed, and not before.",
    what_is_rolled_back_was_never_there: "Rolled back means never seen: no execution, no key, no number of an attempt.",
    a_refusal_leaves_the_transaction_as_it_was: "A refused batch takes nothing of the transaction with it, and what follows in it is written.",
    an_answer_holds_within_the_transaction: "Within one transaction later calls see earlier ones.",
    an_end_is_committed_with_its_transaction: "An attempt's end in a handler's transaction holds once that is committed; its settlement is then found again, whatever it says.",
    an_end_that_was_rolled_back_is_none: "An end that was rolled back is none: the attempt runs on and is settled.",
    an_open_end_holds_up_no_other: "While the transaction that an end was written in stays open, other attempts are settled; a word about that attempt is to be said again later.",
    an_end_in_a_transaction_is_fenced: "An end in a transaction is refused like any other once its lease does not hold.",
}}

async fn what_is_committed_is_there(ground: Joinable) {
    let store = &ground.store;
    let batch: Vec<_> = (0..3).map(|_| new("j")).collect();
    let delayed = new_with("j", |new| new.run_at = Some(t(60)));
    let mut tx = ground.begin().await;
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

async fn what_is_rolled_back_was_never_there(ground: Joinable) {
    let store = &ground.store;
    let keyed = || new_with("j", |new| new.idempotency_key = key("k", "d"));
    let new = keyed();
    let mut tx = ground.begin().await;
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

async fn a_refusal_leaves_the_transaction_as_it_was(ground: Joinable) {
    let store = &ground.store;
    let keyed = |digest| new_with("j", |new| new.idempotency_key = key("k", digest));
    store.enqueue(vec![keyed("d")]).await.unwrap();
    let (before, refused, after) = (new("j"), new("j"), new("j"));
    let mut tx = ground.begin().await;
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

async fn an_answer_holds_within_the_transaction(ground: Joinable) {
    let store = &ground.store;
    let keyed = || new_with("j", |new| new.idempotency_key = key("k", "d"));
    let first = keyed();
    let mut tx = ground.begin().await;
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

async fn an_end_is_committed_with_its_transaction(ground: Joinable) {
    let store = &ground.store;
    let claimed = running(store, "j").await;
    let mut tx = ground.begin().await;
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

async fn an_end_that_was_rolled_back_is_none(ground: Joinable) {
    let store = &ground.store;
    let claimed = running(store, "j").await;
    let mut tx = ground.begin().await;
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

async fn an_open_end_holds_up_no_other(ground: Joinable) {
    let store = &ground.store;
    let session = session(store, "w").await;
    enqueue(store, "j", 3).await;
    let claimed = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    let mut tx = ground.begin().await;
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

async fn an_end_in_a_transaction_is_fenced(ground: Joinable) {
    let store = &ground.store;
    let claimed = running(store, "j").await;
    let taken = taken_over(store, &claimed).await;
    let mut tx = ground.begin().await;
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
