//! Damaged rows: stored values that this program cannot read.

use super::backend::Damage;
use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, enqueue_limited};
use super::requirement::requirements;

requirements! { "damaged-rows" {
    a_damaged_row_is_claimed_with_the_reason: "A row that cannot be read is claimed with the reason, beside the other rows, and can be settled.",
    a_damaged_row_is_returned_again: "A repeated claim and a take-over return a damaged row as well.",
    a_damaged_row_can_be_read_cancelled_and_deleted: "A damaged row can be listed, read, cancelled and deleted.",
    damaged_limits_delay_no_other_execution: "An execution with damaged limits delays no other, as a new waiter, at its limit or when ready. Its own permit may stay in use.",
    an_execution_with_damaged_limits_can_be_edited: "An execution with damaged limits can be edited and cancelled.",
}}

async fn a_damaged_row_is_claimed_with_the_reason(db: Damageable) {
    let store = &db.store;
    let all = enqueue(store, "j", 3).await;
    db.damage(all[1], Damage::Retries).await;
    let session = session(store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&claimed), all);
    let readable: Vec<_> = claimed.iter().map(|c| c.unreadable.is_none()).collect();
    assert_eq!(readable, [true, false, true]);
    let ends = vec![
        success(&claimed[0]),
        failure(&claimed[1]),
        success(&claimed[2]),
    ];
    let answers = store.settle(ends).await.unwrap();
    assert_eq!(answers, [WriteAnswer::Settled; 3]);
    assert_eq!(status(store, all[1]).await, ExecutionStatus::Failed);
    let rest = store.claim(claim(session, 2, &["j"], 9)).await.unwrap();
    assert!(rest.is_empty());
}

async fn a_damaged_row_is_returned_again(db: Damageable) {
    let store = &db.store;
    let all = enqueue(store, "j", 2).await;
    db.damage(all[0], Damage::Retries).await;
    let dead = session(store, "dead").await;
    for _ in 0..2 {
        let claimed = store.claim(claim(dead, 1, &["j"], 9)).await.unwrap();
        assert_eq!(ids(&claimed), all);
        assert!(claimed[0].unreadable.is_some() && claimed[1].unreadable.is_none());
    }
    let watched = beat(store, dead).await;
    let rescuer = session(store, "rescuer").await;
    let taken = store.take_over(watched, claim(rescuer, 1, &[], 9)).await;
    let taken = taken.unwrap();
    assert_eq!(ids(&taken), all);
    assert!(taken[0].unreadable.is_some() && taken[1].unreadable.is_none());
}

async fn a_damaged_row_can_be_read_cancelled_and_deleted(db: Damageable) {
    let store = &db.store;
    let id = enqueue(store, "j", 1).await[0];
    db.damage(id, Damage::Retries).await;
    assert_eq!(status(store, id).await, ExecutionStatus::Queued);
    let page = store
        .list_executions(ExecutionQuery::newest(9))
        .await
        .unwrap();
    assert_eq!(page.executions.len(), 1);
    let answer = store.cancel(id, t(1)).await.unwrap();
    assert_eq!(answer, CancelAnswer::Cancelled);
    assert_eq!(store.delete(id).await.unwrap(), DeleteAnswer::Deleted);
}

async fn damaged_limits_delay_no_other_execution(db: Damageable) {
    let store = &db.store;
    let mut worker = Worker::new(store).await;
    let one = [concurrent("one", 1)];
    enqueue_limited(store, &one, 1).await;
    let holder = worker.take().await;
    let waiting = enqueue_limited(store, &one, 2).await;
    let ready = enqueue_limited(store, &[concurrent("another", 2)], 2).await;
    store.promote(T0, 1_000).await.unwrap();
    let new_waiters = enqueue_limited(store, &one, 2).await;
    for id in [waiting[0], ready[0], new_waiters[0]] {
        db.damage(id, Damage::Limits).await;
    }

    // An execution with damaged limits is admitted at once: it has no limit that could be read.
    let mut left: Vec<_> = [&waiting[..], &ready[..], &new_waiters[..]].concat();
    let mut end = async |claimed: Vec<Claimed>| {
        let ended = ids(&claimed);
        for claimed in &claimed {
            assert_eq!(settle(store, failure(claimed)).await, WriteAnswer::Settled);
        }
        left.retain(|id| !ended.contains(id));
        ended
    };
    let first = end(worker.take().await).await;
    assert!(first.contains(&ready[1]), "{first:?}");
    assert!(!first.contains(&waiting[1]) && !first.contains(&new_waiters[1]));
    end(holder).await;
    let second = end(worker.take().await).await;
    assert!(second.contains(&waiting[1]), "{second:?}");
    let third = end(worker.take().await).await;
    assert!(third.contains(&new_waiters[1]), "{third:?}");
    assert_eq!(left, []);
    assert!(worker.take().await.is_empty());
}

async fn an_execution_with_damaged_limits_can_be_edited(db: Damageable) {
    let store = &db.store;
    let limits = [concurrent("", 1)];
    let all = enqueue_limited(store, &limits, 2).await;
    store.promote(T0, 1_000).await.unwrap();
    for id in &all {
        db.damage(*id, Damage::Limits).await;
        let later = ExecutionEdit {
            priority: None,
            run_at: Some(t(60)),
            payload: None,
            queue: None,
        };
        let answer = store.edit(*id, later, T0).await.unwrap();
        assert_eq!(answer, EditAnswer::Changed);
        assert_eq!(status(store, *id).await, ExecutionStatus::Pending);
    }
    assert_eq!(
        store.cancel(all[0], t(1)).await.unwrap(),
        CancelAnswer::Cancelled
    );
    let mut worker = Worker::new(store).await;
    let due = worker.take_at(t(60), 9).await;
    assert_eq!(ids(&due), all[1..]);
    assert_eq!(settle(store, failure(&due[0])).await, WriteAnswer::Settled);
}
