//! Rows that this program cannot read.

use super::point::area;
use super::words::*;

area! { "damage" {
    a_damaged_row_spoils_no_claim: "One row that cannot be read is handed out with the reason, beside the others of its claim, and is settled like them.",
    a_damaged_row_is_found_again: "So it is when a claim is asked for again, and when it is taken over.",
    a_damaged_row_can_be_looked_at: "It is listed, read, cancelled and deleted like any other.",
}}

async fn a_damaged_row_spoils_no_claim(ground: Fragile) {
    let store = &ground.store;
    let all = enqueue(store, "j", 3).await;
    ground.poison(all[1]).await;
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
    assert_eq!(answers, [Answer::Settled; 3]);
    assert_eq!(status(store, all[1]).await, ExecutionStatus::Failed);
    let rest = store.claim(claim(session, 2, &["j"], 9)).await.unwrap();
    assert!(rest.is_empty());
}

async fn a_damaged_row_is_found_again(ground: Fragile) {
    let store = &ground.store;
    let all = enqueue(store, "j", 2).await;
    ground.poison(all[0]).await;
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
    ground.poison(id).await;
    assert_eq!(status(store, id).await, ExecutionStatus::Queued);
    let page = store.feed(FeedQuery::newest(9)).await.unwrap();
    assert_eq!(page.executions.len(), 1);
    let answer = store.cancel(id, t(1)).await.unwrap();
    assert_eq!(answer, CancelAnswer::Cancelled);
    assert_eq!(store.delete(id).await.unwrap(), DeleteAnswer::Deleted);
}
