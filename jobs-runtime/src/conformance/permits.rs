//! Permits of many limits at once: batches in which each execution has a key of its own.

use std::collections::BTreeMap;

use super::limits::{Worker, concurrent, enqueue_limited, limited};
use super::point::area;
use super::words::*;

area! { "permits" {
    of_many_keys_each_gets_its_own_back: "Permits of many keys that come back together come back to each of them, once.",
    those_that_run_on_keep_theirs: "Where one attempt of each of many keys ends, one of each is let in, whether or not somebody waited.",
    who_comes_after_many_ends_finds_room: "Permits that came back while nobody waited are there for what is due later, and for what is retried.",
    ends_of_many_keys_are_never_too_many: "Any number of batches of ends may come before somebody is let in.",
    one_of_many_gives_way: "What is more urgent takes the permit of the last in its limit's order that has not been claimed, whatever stands between.",
}}

/// More keys than are looked at one by one.
const KEYS: usize = 20;

fn key(n: usize) -> Limit {
    concurrent(&format!("key {n}"), 2)
}

/// So many for each key, one key after the other.
async fn enqueue_each(store: &AnyStore, count: usize) -> Vec<NewExecution> {
    let keys = (0..KEYS * count).map(|n| limited(&[key(n % KEYS)]));
    let batch: Vec<_> = keys.collect();
    store.enqueue(batch.clone()).await.unwrap();
    batch
}

async fn end_all(store: &AnyStore, claimed: &[Claimed]) {
    let ends = claimed.iter().map(success).collect();
    let answers = store.settle(ends).await.unwrap();
    assert_eq!(answers, vec![Answer::Settled; claimed.len()]);
}

/// How many of each key, in the order of their numbers.
fn of_each(claimed: &[Claimed], all: &[NewExecution]) -> Vec<usize> {
    let mut counts = BTreeMap::new();
    for id in ids(claimed) {
        let place = all.iter().position(|new| new.id == id);
        *counts.entry(place.unwrap() % KEYS).or_insert(0) += 1;
    }
    counts.into_values().collect()
}

async fn of_many_keys_each_gets_its_own_back(store: AnyStore) {
    let mut worker = Worker::new(&store).await;
    for _ in 0..3 {
        let all = enqueue_each(&store, 5).await;
        for expected in [2, 2, 1] {
            let taken = worker.take().await;
            assert_eq!(of_each(&taken, &all), [expected; KEYS]);
            assert!(worker.take().await.is_empty());
            end_all(&store, &taken).await;
        }
    }
}

async fn those_that_run_on_keep_theirs(store: AnyStore) {
    for waiting in [0, 1] {
        let first = enqueue_each(&store, 2 + waiting).await;
        let mut worker = Worker::new(&store).await;
        let mut running = worker.take().await;
        assert_eq!(of_each(&running, &first), [2; KEYS]);
        let mut all = first;
        for more in [1, 1, 2] {
            // They were let in one key after the other.
            let ended = running.drain(..KEYS).collect::<Vec<_>>();
            end_all(&store, &ended).await;
            all.extend(enqueue_each(&store, more).await);
            let next = worker.take().await;
            assert_eq!(of_each(&next, &all), [1; KEYS]);
            assert!(worker.take().await.is_empty());
            running.extend(next);
        }
        while !running.is_empty() {
            end_all(&store, &running).await;
            running = worker.take().await;
        }
    }
}

async fn who_comes_after_many_ends_finds_room(store: AnyStore) {
    let all = enqueue_each(&store, 2).await;
    let later: Vec<_> = (0..2 * KEYS)
        .map(|n| {
            let mut new = limited(&[key(n % KEYS)]);
            new.run_at = Some(t(60));
            new
        })
        .collect();
    store.enqueue(later.clone()).await.unwrap();
    let mut worker = Worker::new(&store).await;
    let first = worker.take().await;
    assert_eq!(of_each(&first, &all), [2; KEYS]);
    let failed = first.iter().map(failure).collect();
    store.settle(failed).await.unwrap();
    let second = worker.take_at(t(60), 1_000).await;
    assert_eq!(of_each(&second, &later), [2; KEYS]);
    end_all(&store, &second).await;
    for new in &all {
        let answer = store.retry(new.id, None, t(60)).await.unwrap();
        assert_eq!(answer, RetryAnswer::Queued);
    }
    let third = worker.take_at(t(60), 1_000).await;
    assert_eq!(of_each(&third, &all), [2; KEYS]);
}

async fn ends_of_many_keys_are_never_too_many(store: AnyStore) {
    let mut worker = Worker::new(&store).await;
    for _ in 0..5 {
        let all = enqueue_each(&store, 2 * 20).await;
        let mut left = all.len();
        while left > 0 {
            let taken = worker.take().await;
            assert_eq!(of_each(&taken, &all), [2; KEYS]);
            end_all(&store, &taken[..KEYS]).await;
            end_all(&store, &taken[KEYS..]).await;
            left -= taken.len();
        }
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
