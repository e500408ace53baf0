//! Rows that this program cannot read.

use super::ground::Damage;
use super::limited::{Worker, concurrent, enqueue_limited};
use super::point::area;
use super::words::*;

area! { "damage" {
    a_damaged_row_spoils_no_claim: "One row that cannot be read is handed out with the reason, beside the others of its claim, and is settled like them.",
    a_damaged_row_is_found_again: "So it is when a claim is asked for again, and when it is taken over.",
    a_damaged_row_can_be_looked_at: "It is listed, read, cancelled and deleted like any other.",
    damaged_limits_hold_up_nobody: "An execution whose limits are damaged is in nobody's way, ready, at its limit or at the door, and ends like any other; whoever stands behind it is let in by the permits of others. One that it had itself may stay out.",
    what_has_damaged_limits_can_be_moved: "It is put off and cancelled like any other, too.",
}}

async fn a_damaged_row_spoils_no_claim(ground: Fragile) {
    let store = &ground.store;
    let all = enqueue(store, "j", 3).await;
    ground.damage(all[1], Damage::Retries).await;
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

async fn a_damaged_row_is_found_again(ground: Fragile) {
    let store = &ground.store;
    let all = enqueue(store, "j", 2).await;
    ground.damage(all[0], Damage::Retries).await;
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

async fn a_damaged_row_can_be_looked_at(ground: Fragile) {
    let store = &ground.store;
    let id = enqueue(store, "j", 1).await[0];
    ground.damage(id, Damage::Retries).await;
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

async fn damaged_limits_hold_up_nobody(ground: Fragile) {
    let store = &ground.store;
    let mut worker = Worker::new(store).await;
    let one = [concurrent("one", 1)];
    enqueue_limited(store, &one, 1).await;
    let holder = worker.take().await;
    let line = enqueue_limited(store, &one, 2).await;
    let ready = enqueue_limited(store, &[concurrent("another", 2)], 2).await;
    store.promote(T0, 1_000).await.unwrap();
    let door = enqueue_limited(store, &one, 2).await;
    for id in [line[0], ready[0], door[0]] {
        ground.damage(id, Damage::Limits).await;
    }

    // Whoever is damaged may be claimed at once: it waits for no permit that could be read.
    let mut left: Vec<_> = [&line[..], &ready[..], &door[..]].concat();
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
    assert!(!first.contains(&line[1]) && !first.contains(&door[1]));
    end(holder).await;
    let second = end(worker.take().await).await;
    assert!(second.contains(&line[1]), "{second:?}");
    let third = end(worker.take().await).await;
    assert!(third.contains(&door[1]), "{third:?}");
    assert_eq!(left, []);
    assert!(worker.take().await.is_empty());
}

async fn what_has_damaged_limits_can_be_moved(ground: Fragile) {
    let store = &ground.store;
    let limits = [concurrent("", 1)];
    let all = enqueue_limited(store, &limits, 2).await;
    store.promote(T0, 1_000).await.unwrap();
    for id in &all {
        ground.damage(*id, Damage::Limits).await;
        let later = ExecutionEdit {
            priority: None,
            run_at: Some(t(60)),
            payload: None,
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
