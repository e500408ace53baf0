//! Permits: how they come back, one by one and those of many keys together.

use std::collections::BTreeMap;
use std::time::Duration;

use super::limited::{Worker, concurrent, end_all, enqueue_limited, limited, rate};
use super::point::area;
use super::words::*;

area! { "permits" {
    a_permit_comes_back_with_its_attempt: "A settlement, a release and a rescue each free the permit, once.",
    a_permit_comes_back_whatever_is_said_of_it: "A settlement that knows nothing of limits, or of others, gives the permit back too, alone and among others.",
    a_permit_is_given_back_by_who_has_it: "A settlement that says the limits of another execution, alone and while that one runs, gives back what is its own and nothing else.",
    what_leaves_gives_its_permit_to_another: "A permit that is out to an execution which is cancelled goes to another.",
    a_stuck_attempt_keeps_its_permit: "A permit that a settlement keeps comes back when the handler has ended, once, or with its session.",
    of_many_keys_each_gets_its_own_back: "Permits of many keys that come back together come back to each of them, once.",
    those_that_run_on_keep_theirs: "Where one attempt of each of many keys ends, one of each is let in, whether or not somebody waited.",
    who_comes_after_many_ends_finds_room: "Permits that came back while nobody waited are there for what is due later, and for what is retried.",
    of_a_thousand_keys_each_gets_its_own_back: "However many keys those have that end together.",
    ends_at_a_rate_give_nothing_back: "A start is a start: what ends, among many others, gives no start back to its rate.",
    ends_of_many_keys_are_never_too_many: "Any number of batches of ends may come before somebody is let in.",
}}

async fn a_permit_comes_back_with_its_attempt(store: AnyStore) {
    enqueue_limited(&store, &[concurrent("", 1)], 6).await;
    let mut worker = Worker::new(&store).await;
    let ends: [fn(&Claimed) -> Settlement; 4] = [
        success,
        failure,
        |claimed| settlement(claimed, AttemptOutcome::Released, Next::GiveBack),
        |claimed| retry_at(claimed, t(3_600)),
    ];
    for end in ends {
        let taken = worker.take().await;
        assert_eq!(taken.len(), 1);
        assert!(worker.take().await.is_empty());
        let end = end(&taken[0]);
        assert_eq!(settle(&store, end.clone()).await, WriteAnswer::Settled);
        // Said twice, it is given back once.
        assert_eq!(settle(&store, end).await, WriteAnswer::AlreadyMine);
    }
    // The lease that goes over to a rescuer takes its permit along.
    let taken = worker.take().await;
    let lost = taken_over(&store, &taken[0]).await;
    let mut another = Worker::new(&store).await;
    assert!(another.take().await.is_empty());
    assert_eq!(settle(&store, success(&taken[0])).await, WriteAnswer::Stale);
    assert!(another.take().await.is_empty());
    let end = settlement(&lost, AttemptOutcome::Lost, Next::Fail);
    assert_eq!(settle(&store, end).await, WriteAnswer::Settled);
    assert_eq!(another.take().await.len(), 1);
    assert!(another.take().await.is_empty());
}

async fn a_permit_comes_back_whatever_is_said_of_it(store: AnyStore) {
    enqueue_limited(&store, &[concurrent("", 2)], 11).await;
    store.enqueue(vec![new("j"), new("j")]).await.unwrap();
    let mut worker = Worker::new(&store).await;
    let taken = worker.take().await;
    assert_eq!(
        taken
            .iter()
            .filter(|claimed| claimed.limits.is_some())
            .count(),
        2
    );
    // All ways to end at once: without limits, with them, and with them but not knowing.
    let mut batch: Vec<_> = taken.iter().map(success).collect();
    let known = batch.iter_mut().find(|end| end.permits.is_some());
    known.expect("two have limits").permits = None;
    let answers = store.settle(batch).await.unwrap();
    assert_eq!(answers, [WriteAnswer::Settled; 4]);

    // What is not one's own, of one that has none, too.
    let other = Some(Permits::released("[4711]".into()));
    let words = ["[4711]", "nonsense", "", "null", "[null]", "[4711]"];
    enqueue(&store, "j", 4).await;
    let taken = worker.take().await;
    assert_eq!(taken.len(), words.len());
    let mut batch: Vec<_> = taken.iter().map(success).collect();
    for (end, words) in batch.iter_mut().zip(words) {
        end.permits = Some(Permits::released(words.into()));
    }
    let answers = store.settle(batch).await.unwrap();
    assert_eq!(answers, [WriteAnswer::Settled; 6]);

    let ends: [fn(&Claimed) -> Settlement; 3] = [
        failure,
        |claimed| settlement(claimed, AttemptOutcome::Released, Next::GiveBack),
        |claimed| retry_at(claimed, t(3_600)),
    ];
    for end in ends {
        let taken = worker.take().await;
        assert_eq!(taken.len(), 2);
        for (claimed, said) in taken.iter().zip([None, other.clone()]) {
            let mut end = end(claimed);
            end.permits = said;
            assert_eq!(settle(&store, end).await, WriteAnswer::Settled);
        }
    }
    assert_eq!(worker.take().await.len(), 2);
}

async fn a_permit_is_given_back_by_who_has_it(store: AnyStore) {
    let all = enqueue_limited(&store, &[concurrent("", 1)], 2).await;
    enqueue(&store, "j", 3).await;
    let mut worker = Worker::new(&store).await;
    let (limited, free): (Vec<_>, Vec<_>) = worker
        .take()
        .await
        .into_iter()
        .partition(|claimed| claimed.limits.is_some());
    assert_eq!((ids(&limited), free.len()), (all[..1].to_vec(), 3));
    let saying = |mut end: Settlement, other: &Claimed| {
        end.permits = other.limits.clone().map(Permits::released);
        end
    };
    let ends: [fn(&Claimed) -> Settlement; 3] = [
        success,
        |claimed| settlement(claimed, AttemptOutcome::Released, Next::GiveBack),
        |claimed| retry_at(claimed, t(3_600)),
    ];
    for (end, claimed) in ends.iter().zip(&free) {
        let end = saying(end(claimed), &limited[0]);
        assert_eq!(settle(&store, end).await, WriteAnswer::Settled);
        let taken = worker.take().await;
        assert!(!ids(&taken).contains(&all[1]), "the permit is out");
    }
    settle(&store, success(&limited[0])).await;
    let taken = worker.take().await;
    assert_eq!(ids(&taken), all[1..]);
    settle(&store, success(&taken[0])).await;

    // One limit's for another's.
    for end in ends {
        let one = enqueue_limited(&store, &[concurrent("one", 1)], 2).await;
        let other = enqueue_limited(&store, &[concurrent("other", 1)], 2).await;
        let first = worker.take().await;
        assert_eq!(ids(&first), [one[0], other[0]]);
        let wrong = saying(end(&first[0]), &first[1]);
        assert_eq!(settle(&store, wrong).await, WriteAnswer::Settled);
        let second = worker.take().await;
        assert!(
            ids(&second) == one[1..] || ids(&second) == one[..1],
            "{second:?}"
        );
        settle(&store, success(&first[1])).await;
        let third = worker.take().await;
        assert_eq!(ids(&third), other[1..]);
        for claimed in second.iter().chain(&third) {
            settle(&store, success(claimed)).await;
        }
        while let [claimed] = &worker.take().await[..] {
            settle(&store, success(claimed)).await;
        }
    }
}

async fn what_leaves_gives_its_permit_to_another(store: AnyStore) {
    let all = enqueue_limited(&store, &[concurrent("", 1)], 4).await;
    store.promote(T0, 100).await.unwrap();
    // One that is ready, one that is held, and one that nobody has looked at.
    assert_eq!(
        store.cancel(all[0], T0).await.unwrap(),
        CancelAnswer::Cancelled
    );
    assert_eq!(
        store.cancel(all[2], T0).await.unwrap(),
        CancelAnswer::Cancelled
    );
    let unseen = enqueue_limited(&store, &[concurrent("", 1)], 1).await;
    assert_eq!(
        store.cancel(unseen[0], T0).await.unwrap(),
        CancelAnswer::Cancelled
    );
    let mut worker = Worker::new(&store).await;
    let taken = worker.take().await;
    assert_eq!(ids(&taken), [all[1]]);
    assert!(worker.take().await.is_empty());
    settle(&store, success(&taken[0])).await;
    assert_eq!(ids(&worker.take().await), [all[3]]);
}

async fn a_stuck_attempt_keeps_its_permit(store: AnyStore) {
    enqueue_limited(&store, &[concurrent("", 1)], 5).await;
    let mut worker = Worker::new(&store).await;
    let mut another = Worker::new(&store).await;
    let stuck = |claimed: &Claimed| {
        let mut end = settlement(claimed, AttemptOutcome::TimedOut, Next::Fail);
        end.permits = kept(claimed);
        end
    };
    let first = worker.take().await;
    settle(&store, stuck(&first[0])).await;
    assert!(another.take().await.is_empty());
    for _ in 0..2 {
        store.release_permits(vec![first[0].fence]).await.unwrap();
    }
    let second = worker.take().await;
    assert_eq!(second.len(), 1);
    assert!(another.take().await.is_empty(), "it comes back once");
    settle(&store, stuck(&second[0])).await;
    assert!(another.take().await.is_empty());
    // A session that ends has no handlers any more.
    store.close_session(worker.session()).await.unwrap();
    let third = another.take().await;
    assert_eq!(third.len(), 1);
    settle(&store, stuck(&third[0])).await;
    let dead = beat(&store, another.session()).await;
    let mut rescuer = Worker::new(&store).await;
    assert!(rescuer.take().await.is_empty());
    assert!(rescuer.take_over(dead, 9).await.is_empty());
    let fourth = rescuer.take().await;
    assert_eq!(fourth.len(), 1);
    // Nor has one that was taken over and not rid of its leases yet: nobody comes for it again.
    let over = beat(&store, rescuer.session()).await;
    let mut last = Worker::new(&store).await;
    assert!(last.take_over(over, 0).await.is_empty());
    settle(&store, stuck(&fourth[0])).await;
    assert_eq!(last.take().await.len(), 1);
}

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

async fn of_a_thousand_keys_each_gets_its_own_back(store: AnyStore) {
    const KEYS: usize = 1_200;
    let mut worker = Worker::new(&store).await;
    for _ in 0..3 {
        let keys = (0..KEYS).map(|n| limited(&[concurrent(&format!("one of {n}"), 1)]));
        store.enqueue(keys.collect()).await.unwrap();
        let mut taken = Vec::new();
        while taken.len() < KEYS {
            let some = worker.take().await;
            assert!(!some.is_empty(), "{} of {KEYS}", taken.len());
            taken.extend(some);
        }
        end_all(&store, &taken).await;
    }
}

async fn ends_at_a_rate_give_nothing_back(store: AnyStore) {
    let rate = rate("", 1_000, Duration::from_secs(1));
    let LimitRule::Rate(rule) = rate.rule else {
        panic!("{rate:?}");
    };
    let burst = usize::try_from(rule.burst()).unwrap();
    assert!(burst >= KEYS);
    let both = (0..KEYS).map(|n| limited(&[key(n), rate.clone()]));
    store.enqueue(both.collect()).await.unwrap();
    let mut worker = Worker::new(&store).await;
    let first = worker.take().await;
    assert_eq!(first.len(), KEYS);
    // As many as may start together are let in, and not claimed yet.
    let later = |count: usize| {
        let batch = (0..count).map(|_| {
            let mut new = limited(std::slice::from_ref(&rate));
            new.created_at = t(1);
            new
        });
        store.enqueue(batch.collect())
    };
    later(burst).await.unwrap();
    store.promote(t(1), 1_000).await.unwrap();
    end_all(&store, &first).await;
    later(5).await.unwrap();
    assert_eq!(worker.take_at(t(1), 1_000).await.len(), burst);
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
