//! The order in which the waiters of a limit get its permits.

use std::time::Duration;

use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, end_all, enqueue_limited, limited, rate};
use super::requirement::requirements;

requirements! { "waiter-order" {
    permits_go_to_the_highest_priority_first: "Permits go to the executions with the highest priority first, the oldest first among equals.",
    an_admitted_execution_keeps_its_permits: "An execution that is admitted and not claimed keeps its permits when more urgent ones arrive.",
    no_more_executions_than_permits_go_before_an_urgent_one: "A more urgent execution goes before all that wait for its limit. At most as many go before it as the limit has permits.",
    an_enqueue_does_not_overtake_waiters: "An enqueue takes no permit while other executions wait for it, or while its rate limit is paused.",
    the_backlog_of_one_key_delays_no_other_at_a_common_limit: "If a job has a limit per key and a common one, the backlog of one key delays no other key.",
    a_common_limit_admits_in_the_order_of_arrival: "Equally urgent executions get the permits of a common limit in the order in which they arrive there.",
}}

async fn permits_go_to_the_highest_priority_first(store: AnyStore) {
    let batch: Vec<_> = [10, 90, 50, 90, 75]
        .into_iter()
        .map(|priority| {
            let mut new = limited(&[concurrent("", 1)]);
            new.priority = priority;
            new
        })
        .collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    let mut worker = Worker::new(&store).await;
    let mut order = Vec::new();
    for _ in 0..5 {
        let taken = worker.take().await;
        order.extend(ids(&taken));
        settle(&store, success(&taken[0])).await;
    }
    assert_eq!(order, [1, 3, 4, 2, 0].map(|n: usize| all[n]));
}

async fn an_admitted_execution_keeps_its_permits(store: AnyStore) {
    // The second one passes a limit of its key, then a common one.
    for limits in [
        vec![concurrent("", 2)],
        vec![concurrent("key", 9), concurrent("common", 2)],
    ] {
        let early = enqueue_limited(&store, &limits, 3).await;
        store.promote(T0, 100).await.unwrap();
        let mut urgent = limited(&limits);
        urgent.priority = 100;
        let late = urgent.id;
        store.enqueue(vec![urgent]).await.unwrap();
        store.promote(t(1), 100).await.unwrap();
        let blocked = |id| store.blocked_by(id, t(1));
        for id in &early[..2] {
            assert_eq!(blocked(*id).await.unwrap(), None, "it was admitted");
        }
        let limit = blocked(late).await.unwrap().expect("it waits");
        assert_eq!(limit.ahead, 0, "{limit:?}");
        let mut worker = Worker::new(&store).await;
        let taken = worker.take_at(t(2), 9).await;
        assert_eq!(ids(&taken), early[..2]);
        end_all(&store, &taken).await;
        let taken = worker.take_at(t(3), 9).await;
        assert_eq!(ids(&taken), [late, early[2]]);
        end_all(&store, &taken).await;
    }
}

async fn no_more_executions_than_permits_go_before_an_urgent_one(store: AnyStore) {
    const PERMITS: usize = 3;
    let limit = concurrent("", 3);
    enqueue_limited(&store, std::slice::from_ref(&limit), 20).await;
    let mut worker = Worker::new(&store).await;
    let mut running = worker.take_at(T0, 1).await;
    assert_eq!(running.len(), 1);
    let mut urgent = limited(std::slice::from_ref(&limit));
    urgent.priority = 100;
    let late = urgent.id;
    store.enqueue(vec![urgent]).await.unwrap();
    let mut before = running.len();
    for second in 1.. {
        end_all(&store, &running).await;
        running = worker.take_at(t(second), 1).await;
        if ids(&running) == [late] {
            break;
        }
        before += running.len();
        assert!(before <= PERMITS, "{before} went before it");
    }
}

async fn an_enqueue_does_not_overtake_waiters(store: AnyStore) {
    let first = enqueue_limited(&store, &[concurrent("", 1)], 2).await;
    let mut worker = Worker::new(&store).await;
    let running = worker.take().await;
    assert_eq!(ids(&running), first[..1]);
    // The permit is released, and the allocator has not run yet.
    assert_eq!(
        settle(&store, success(&running[0])).await,
        WriteAnswer::Settled
    );
    let late = enqueue_limited(&store, &[concurrent("", 1)], 1).await;
    let next = worker.take().await;
    assert_eq!(ids(&next), first[1..]);
    assert_eq!(
        settle(&store, success(&next[0])).await,
        WriteAnswer::Settled
    );
    assert_eq!(ids(&worker.take().await), late);

    let slow = rate("", 1_000, Duration::from_secs(1));
    enqueue_limited(&store, std::slice::from_ref(&slow), 1).await;
    let running = worker.take().await;
    let mut pausing = success(&running[0]);
    let until = T0.after(Duration::from_secs(60));
    pausing.permits = paused_permits(&running[0], until);
    assert_eq!(settle(&store, pausing).await, WriteAnswer::Settled);
    let after = enqueue_limited(&store, &[slow], 1).await;
    assert!(worker.take().await.is_empty(), "the rate is paused");
    assert_eq!(ids(&worker.take_at(until, 1).await), after);
}

async fn the_backlog_of_one_key_delays_no_other_at_a_common_limit(store: AnyStore) {
    let of = |key| [concurrent(key, 1), rate("", 60, Duration::from_secs(60))];
    enqueue_limited(&store, &of("a"), 200).await;
    let other = enqueue_limited(&store, &of("b"), 1).await;
    let mut worker = Worker::new(&store).await;
    let mut found = Vec::new();
    for second in 0..3 {
        let taken = worker.take_at(t(second), 9).await;
        found.extend(ids(&taken));
    }
    assert!(
        found.contains(&other[0]),
        "it waits behind the backlog of another key"
    );
    assert_eq!(found.len(), 2, "each key has one permit");
}

async fn a_common_limit_admits_in_the_order_of_arrival(store: AnyStore) {
    let of = |key: &str| [concurrent(key, 2), concurrent("", 1)];
    let backlog = enqueue_limited(&store, &of("a"), 6).await;
    let mut worker = Worker::new(&store).await;
    let mut running = worker.take_at(T0, 9).await;
    assert_eq!(ids(&running), [backlog[0]]);
    let late = enqueue_limited(&store, &of("b"), 1).await;
    store.promote(t(1), 100).await.unwrap();
    let mut order = Vec::new();
    for second in 2..=5 {
        settle(&store, success(&running[0])).await;
        running = worker.take_at(t(second), 9).await;
        order.extend(ids(&running));
    }
    assert_eq!(order, [backlog[1], late[0], backlog[2], backlog[3]]);
    // A more urgent execution goes first nevertheless.
    let mut urgent = limited(&of("c"));
    urgent.priority = 100;
    let id = urgent.id;
    store.enqueue(vec![urgent]).await.unwrap();
    store.promote(t(6), 100).await.unwrap();
    settle(&store, success(&running[0])).await;
    assert_eq!(ids(&worker.take_at(t(7), 9).await), [id]);
}
