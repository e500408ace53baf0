//! Turns: who of those that wait at a limit gets its permits.

use std::time::Duration;

use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, end_all, enqueue_limited, limited, rate};
use super::requirement::requirements;

requirements! { "waiter-order" {
    permits_go_to_the_highest_priority_first: "Permits go to the executions with the highest priority first, the oldest first among equals.",
    an_urgent_newcomer_takes_an_unclaimed_permit: "A newcomer takes the permit of a less urgent execution that is admitted and not claimed.",
    a_newcomer_takes_the_permit_of_a_later_less_urgent_execution: "A newcomer also takes the unclaimed permit of a less urgent execution that was admitted after more urgent ones.",
    the_last_unclaimed_execution_loses_its_permit: "A newcomer takes the permit of the last unclaimed execution of its limit, whatever other executions are ready between them.",
    newcomers_of_many_keys_take_permits_of_their_own_keys: "If newcomers of many keys are more urgent, each takes the unclaimed permit of its own key.",
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

async fn an_urgent_newcomer_takes_an_unclaimed_permit(store: AnyStore) {
    let early = enqueue_limited(&store, &[concurrent("", 2)], 3).await;
    // They are ready, and nobody claims them.
    store.promote(T0, 100).await.unwrap();
    let mut urgent = limited(&[concurrent("", 2)]);
    urgent.priority = 100;
    let late = urgent.id;
    store.enqueue(vec![urgent]).await.unwrap();
    let mut worker = Worker::new(&store).await;
    let taken = worker.take().await;
    assert_eq!(ids(&taken), [late, early[0]]);
    settle(&store, success(&taken[0])).await;
    assert_eq!(ids(&worker.take().await), [early[1]]);
}

async fn a_newcomer_takes_the_permit_of_a_later_less_urgent_execution(store: AnyStore) {
    let mut worker = Worker::new(&store).await;
    for count in 1_u32..=2 {
        let mut all = Vec::new();
        for priority in [50, 30, 40] {
            let batch = (0..count).map(|_| {
                let mut new = limited(&[concurrent(&format!("{count}"), 2 * count)]);
                new.priority = priority;
                new
            });
            let batch: Vec<_> = batch.collect();
            all.push(batch.iter().map(|new| new.id).collect::<Vec<_>>());
            store.enqueue(batch).await.unwrap();
            store.promote(T0, 100).await.unwrap();
        }
        let taken = worker.take().await;
        assert_eq!(ids(&taken), [&all[0][..], &all[2][..]].concat());
        end_all(&store, &taken).await;
        assert_eq!(ids(&worker.take().await), all[1]);
    }
}

async fn the_last_unclaimed_execution_loses_its_permit(store: AnyStore) {
    // Each of the first key's stands elsewhere among thousands.
    let mut firsts = Vec::new();
    for _ in 0..3 {
        firsts.extend(enqueue_limited(&store, &[concurrent("first", 3)], 1).await);
        enqueue(&store, "other", 3_000).await;
        enqueue_limited(&store, &[concurrent("second", 1_000)], 10).await;
    }
    store.promote(T0, 1_000).await.unwrap();
    let urgent: Vec<_> = [60, 70]
        .into_iter()
        .map(|priority| {
            let mut new = limited(&[concurrent("first", 3)]);
            new.priority = priority;
            new
        })
        .collect();
    let (second, first) = (urgent[0].id, urgent[1].id);
    store.enqueue(urgent).await.unwrap();
    let mut worker = Worker::new(&store).await;
    let taken = worker.take_at(T0, 3).await;
    assert_eq!(ids(&taken), [first, second, firsts[0]]);
    end_all(&store, &taken).await;
    let taken = ids(&worker.take().await);
    assert!(firsts[1..].iter().all(|id| taken.contains(id)));
}

async fn newcomers_of_many_keys_take_permits_of_their_own_keys(store: AnyStore) {
    let of_each = async |priority| {
        let batch = (0..300).map(|n| {
            let mut new = limited(&[concurrent(&format!("key {n}"), 1)]);
            new.priority = priority;
            new
        });
        let batch: Vec<_> = batch.collect();
        let ids: Vec<_> = batch.iter().map(|new| new.id).collect();
        store.enqueue(batch).await.unwrap();
        store.promote(T0, 1_000).await.unwrap();
        ids
    };
    let (first, urgent, last) = (of_each(50).await, of_each(60).await, of_each(40).await);
    let mut worker = Worker::new(&store).await;
    for expected in [urgent, first, last] {
        let taken = worker.take().await;
        assert_eq!(ids(&taken), expected);
        end_all(&store, &taken).await;
    }
}

async fn an_enqueue_does_not_overtake_waiters(store: AnyStore) {
    let first = enqueue_limited(&store, &[concurrent("", 1)], 2).await;
    let mut worker = Worker::new(&store).await;
    let running = worker.take().await;
    assert_eq!(ids(&running), first[..1]);
    // Its permit comes back, and nobody has looked at that yet.
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
    let mut told_to_wait = success(&running[0]);
    let until = T0.after(Duration::from_secs(60));
    told_to_wait.permits = paused_permits(&running[0], until);
    assert_eq!(settle(&store, told_to_wait).await, WriteAnswer::Settled);
    let after = enqueue_limited(&store, &[slow], 1).await;
    assert!(worker.take().await.is_empty(), "the rate rests");
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
    // The urgent go before everybody all the same.
    let mut urgent = limited(&of("c"));
    urgent.priority = 100;
    let id = urgent.id;
    store.enqueue(vec![urgent]).await.unwrap();
    store.promote(t(6), 100).await.unwrap();
    settle(&store, success(&running[0])).await;
    assert_eq!(ids(&worker.take_at(t(7), 9).await), [id]);
}
