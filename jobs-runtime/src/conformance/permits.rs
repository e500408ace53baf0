//! Permits of limits: their release, one by one and in batches of many keys.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, end_all, enqueue_limited, limited, rate};
use super::requirement::requirements;

requirements! { "permits" {
    a_permit_is_released_with_its_attempt: "A settlement, a release and a rescue each release the permit once.",
    a_permit_is_released_without_a_valid_token: "A settlement without a permit token, or with an invalid one, releases the permit, alone and in a batch.",
    the_token_of_another_execution_releases_only_own_permits: "A settlement with the token of another execution releases its own permits only.",
    a_cancelled_execution_releases_its_permit: "The permit of a ready execution that is cancelled goes to another execution.",
    a_retained_permit_is_released_with_its_handler: "A retained permit is released once, when its handler or its session has ended.",
    permits_of_many_keys_are_released_to_their_keys: "If permits of many keys are released together, each key gets its own permits back, once.",
    running_attempts_keep_their_permits: "If a batch ends one of two attempts per key, one execution per key is admitted, whether or not executions were waiting.",
    released_permits_are_free_for_later_executions: "Permits that are released while no execution waits are free for executions that become due or are retried later.",
    permits_of_a_thousand_keys_are_released_to_their_keys: "If permits of 1,200 keys are released together, each key gets its own permit back.",
    an_ended_attempt_returns_no_start_to_its_rate: "The end of an attempt returns no start to its rate limit, also among many others.",
    many_settlements_before_an_admission_are_counted: "Permits are counted correctly if several batches of settlements precede an admission.",
}}

async fn a_permit_is_released_with_its_attempt(store: AnyStore) {
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
        // A repeated settlement releases the permit once.
        assert_eq!(settle(&store, end).await, WriteAnswer::AlreadyMine);
    }
    // A lease that is taken over keeps its permit.
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

async fn a_permit_is_released_without_a_valid_token(store: AnyStore) {
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
    // One batch of executions without limits, with the right token, and without one.
    let mut batch: Vec<_> = taken.iter().map(success).collect();
    let known = batch.iter_mut().find(|end| end.permits.is_some());
    known.expect("two have limits").permits = None;
    let answers = store.settle(batch).await.unwrap();
    assert_eq!(answers, [WriteAnswer::Settled; 4]);

    // Invalid tokens, also for executions without limits.
    let other = Some(Permits::released("[4711]".into()));
    let tokens = ["[4711]", "nonsense", "", "null", "[null]", "[4711]"];
    enqueue(&store, "j", 4).await;
    let taken = worker.take().await;
    assert_eq!(taken.len(), tokens.len());
    let mut batch: Vec<_> = taken.iter().map(success).collect();
    for (end, token) in batch.iter_mut().zip(tokens) {
        end.permits = Some(Permits::released(token.into()));
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
        for (claimed, permits) in taken.iter().zip([None, other.clone()]) {
            let mut end = end(claimed);
            end.permits = permits;
            assert_eq!(settle(&store, end).await, WriteAnswer::Settled);
        }
    }
    assert_eq!(worker.take().await.len(), 2);
}

async fn the_token_of_another_execution_releases_only_own_permits(store: AnyStore) {
    let all = enqueue_limited(&store, &[concurrent("", 1)], 2).await;
    enqueue(&store, "j", 3).await;
    let mut worker = Worker::new(&store).await;
    let (limited, free): (Vec<_>, Vec<_>) = worker
        .take()
        .await
        .into_iter()
        .partition(|claimed| claimed.limits.is_some());
    assert_eq!((ids(&limited), free.len()), (all[..1].to_vec(), 3));
    let with_token_of = |mut end: Settlement, other: &Claimed| {
        end.permits = other.limits.clone().map(Permits::released);
        end
    };
    let ends: [fn(&Claimed) -> Settlement; 3] = [
        success,
        |claimed| settlement(claimed, AttemptOutcome::Released, Next::GiveBack),
        |claimed| retry_at(claimed, t(3_600)),
    ];
    for (end, claimed) in ends.iter().zip(&free) {
        let end = with_token_of(end(claimed), &limited[0]);
        assert_eq!(settle(&store, end).await, WriteAnswer::Settled);
        let taken = worker.take().await;
        assert!(!ids(&taken).contains(&all[1]), "the permit is in use");
    }
    settle(&store, success(&limited[0])).await;
    let taken = worker.take().await;
    assert_eq!(ids(&taken), all[1..]);
    settle(&store, success(&taken[0])).await;

    // The token of another limit.
    for end in ends {
        let one = enqueue_limited(&store, &[concurrent("one", 1)], 2).await;
        let other = enqueue_limited(&store, &[concurrent("other", 1)], 2).await;
        let first = worker.take().await;
        assert_eq!(ids(&first), [one[0], other[0]]);
        let wrong = with_token_of(end(&first[0]), &first[1]);
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

async fn a_cancelled_execution_releases_its_permit(store: AnyStore) {
    let all = enqueue_limited(&store, &[concurrent("", 1)], 4).await;
    store.promote(T0, 100).await.unwrap();
    // One execution is ready, one is blocked, and one is a new waiter.
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

async fn a_retained_permit_is_released_with_its_handler(store: AnyStore) {
    enqueue_limited(&store, &[concurrent("", 1)], 5).await;
    let mut worker = Worker::new(&store).await;
    let mut another = Worker::new(&store).await;
    let retaining = |claimed: &Claimed| {
        let mut end = settlement(claimed, AttemptOutcome::TimedOut, Next::Fail);
        end.permits = retained_permits(claimed);
        end
    };
    let first = worker.take().await;
    settle(&store, retaining(&first[0])).await;
    assert!(another.take().await.is_empty());
    for _ in 0..2 {
        store.release_permits(vec![first[0].fence]).await.unwrap();
    }
    let second = worker.take().await;
    assert_eq!(second.len(), 1);
    assert!(another.take().await.is_empty(), "it is released once");
    settle(&store, retaining(&second[0])).await;
    assert!(another.take().await.is_empty());
    // The end of a session releases its retained permits.
    store.close_session(worker.session()).await.unwrap();
    let third = another.take().await;
    assert_eq!(third.len(), 1);
    settle(&store, retaining(&third[0])).await;
    let dead = beat(&store, another.session()).await;
    let mut rescuer = Worker::new(&store).await;
    assert!(rescuer.take().await.is_empty());
    assert!(rescuer.take_over(dead, 9).await.is_empty());
    let fourth = rescuer.take().await;
    assert_eq!(fourth.len(), 1);
    // So does the end of a session that was taken over and still has leases.
    let over = beat(&store, rescuer.session()).await;
    let mut last = Worker::new(&store).await;
    assert!(last.take_over(over, 0).await.is_empty());
    settle(&store, retaining(&fourth[0])).await;
    assert_eq!(last.take().await.len(), 1);
}

/// More keys than a store handles one by one.
const KEYS: usize = 20;

fn key(n: usize) -> Limit {
    concurrent(&format!("key {n}"), 2)
}

/// Enqueues `count` executions per key, alternating between the keys.
async fn enqueue_each(store: &AnyStore, count: usize) -> Vec<NewExecution> {
    let keys = (0..KEYS * count).map(|n| limited(&[key(n % KEYS)]));
    let batch: Vec<_> = keys.collect();
    store.enqueue(batch.clone()).await.unwrap();
    batch
}

/// Counts the claimed executions per key, in the order of the keys.
fn of_each(claimed: &[Claimed], all: &[NewExecution]) -> Vec<usize> {
    let mut counts = BTreeMap::new();
    for id in ids(claimed) {
        let index = all.iter().position(|new| new.id == id);
        *counts.entry(index.unwrap() % KEYS).or_insert(0) += 1;
    }
    counts.into_values().collect()
}

async fn permits_of_many_keys_are_released_to_their_keys(store: AnyStore) {
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

async fn running_attempts_keep_their_permits(store: AnyStore) {
    for waiting in [0, 1] {
        let first = enqueue_each(&store, 2 + waiting).await;
        let mut worker = Worker::new(&store).await;
        let mut running = worker.take().await;
        assert_eq!(of_each(&running, &first), [2; KEYS]);
        let mut all = first;
        for more in [1, 1, 2] {
            // The first half has one attempt of each key.
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

async fn released_permits_are_free_for_later_executions(store: AnyStore) {
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
        let answer = store
            .retry(new.id, None, EnqueueRules::default(), t(60))
            .await
            .unwrap();
        assert_eq!(answer, RetryAnswer::Queued);
    }
    let third = worker.take_at(t(60), 1_000).await;
    assert_eq!(of_each(&third, &all), [2; KEYS]);
}

async fn permits_of_a_thousand_keys_are_released_to_their_keys(store: AnyStore) {
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

async fn an_ended_attempt_returns_no_start_to_its_rate(store: AnyStore) {
    let rate = rate("", 1_000, Duration::from_secs(1));
    let LimitRule::Rate(rule) = rate.rule else {
        panic!("{rate:?}");
    };
    let burst = usize::try_from(rule.of_claims().burst()).unwrap();
    assert!(burst >= KEYS);
    let both = (0..KEYS).map(|n| limited(&[key(n), rate.clone()]));
    store.enqueue(both.collect()).await.unwrap();
    let mut worker = Worker::new(&store).await;
    let first = worker.take().await;
    assert_eq!(first.len(), KEYS);
    // As many executions as may start together are admitted and not claimed yet.
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

async fn many_settlements_before_an_admission_are_counted(store: AnyStore) {
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
