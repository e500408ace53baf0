//! Rows that this program cannot read.

use super::point::area;
use super::words::*;

area! { "damage" {
    a_damaged_row_can_be_looked_at: "It is listed, read, cancelled and deleted like any other.",
}}

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
