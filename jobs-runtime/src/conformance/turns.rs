//! Turns: who of those that wait at a limit gets its permits.

use std::time::Duration;

use super::limited::{Worker, concurrent, end_all, enqueue_limited, limited, rate};
use super::point::area;
use super::words::*;

area! { "turns" {
    the_most_urgent_are_let_in_first: "Permits go to the most urgent first, the oldest among equals.",
    urgent_latecomers_take_the_place_of_what_is_not_claimed: "What is more urgent takes the permit of one that has not been claimed.",
    the_less_urgent_gives_way_whenever_it_came: "Also what came, less urgent, when others had permits.",
    one_of_many_gives_way: "What is more urgent takes the permit of the last in its limit's order that has not been claimed, whatever stands between.",
    each_of_many_keys_gives_way: "Where what is more urgent comes for many keys at once, each finds the one that gives way.",
    who_waits_is_not_overtaken: "An enqueue finds no room where others wait, nor at a rate that rests, whatever has come back meanwhile.",
    a_key_is_not_held_up_at_a_common_limit: "Where a job has a limit per key and a common one, a backlog of one key delays no other.",
    whoever_comes_first_to_a_common_limit_goes_first: "Behind the limit of its key, an execution stands at the common one by when it came there: a backlog of another key has its turns, and no more.",
}}

async fn the_most_urgent_are_let_in_first(store: AnyStore) {
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

async fn urgent_latecomers_take_the_place_of_what_is_not_claimed(store: AnyStore) {
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

async fn the_less_urgent_gives_way_whenever_it_came(store: AnyStore) {
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

async fn one_of_many_gives_way(store: AnyStore) {
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

async fn each_of_many_keys_gives_way(store: AnyStore) {
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

async fn who_waits_is_not_overtaken(store: AnyStore) {
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
    told_to_wait.permits = resting(&running[0], until);
    assert_eq!(settle(&store, told_to_wait).await, WriteAnswer::Settled);
    let after = enqueue_limited(&store, &[slow], 1).await;
    assert!(worker.take().await.is_empty(), "the rate rests");
    assert_eq!(ids(&worker.take_at(until, 1).await), after);
}

async fn a_key_is_not_held_up_at_a_common_limit(store: AnyStore) {
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

async fn whoever_comes_first_to_a_common_limit_goes_first(store: AnyStore) {
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
