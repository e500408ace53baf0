//! Rate limits: `rate_limit`, pauses and reservations.

use std::sync::Arc;
use std::time::Duration;

use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, enqueue_limited, limited, rate};
use super::requirement::requirements;

requirements! { "rates" {
    rate_limit_is_never_exceeded: "Starts per period never exceed `rate_limit` in the whole fleet.",
    a_start_is_no_earlier_than_its_permit: "A start counts from the later of the claim time and the grant time.",
    starts_that_follow_their_claims_late_keep_the_rate: "Handlers that begin up to a twentieth of the period after their claims, and at most 250 ms, never exceed `rate_limit`.",
    a_wrong_clock_delays_a_rate_by_one_burst: "After a clock that was an hour ahead, starts and reservations of a rate are free again after one burst. A pause stays.",
    unused_starts_are_not_accumulated: "Unused starts are not accumulated beyond one burst.",
    a_promotion_with_an_older_time_allows_no_early_start: "A promotion with an older time, because it has waited for the store, allows no start before the grant time.",
    paused_until_pauses_the_rate: "A settlement with `paused_until` pauses the rate limit, and so does `pause_limit`.",
    a_reset_forgets_the_starts_and_the_pause_of_a_rate: "`reset_limit` forgets the starts and the pause of a rate, announces it, and leaves permits in use.",
    reservations_get_different_times: "Concurrent reservations of a rate get different times. A reservation that would be after `latest` reserves nothing.",
}}

const HOUR: Duration = Duration::from_secs(3_600);

async fn rate_limit_is_never_exceeded(store: AnyStore) {
    enqueue_limited(&store, &[rate("", 10, Duration::from_secs(1))], 60).await;
    let mut worker = Worker::new(&store).await;
    let mut starts = Vec::new();
    for millis in (0..4_000).step_by(25) {
        let now = T0.after(Duration::from_millis(millis));
        let taken = worker.take_at(now, 100).await;
        starts.extend(std::iter::repeat_n(millis, taken.len()));
    }
    for (first, at) in starts.iter().enumerate() {
        let within = starts[first..]
            .iter()
            .take_while(|next| **next < at + 1_000);
        assert!(within.count() <= 10, "after {at} ms: {starts:?}");
    }
    assert!((30..=41).contains(&starts.len()), "{starts:?}");
}

async fn a_start_is_no_earlier_than_its_permit(store: AnyStore) {
    let per_second = rate("", 1, Duration::from_secs(1));
    let all = enqueue_limited(&store, std::slice::from_ref(&per_second), 3).await;
    let mut worker = Worker::new(&store).await;
    assert_eq!(worker.take().await[0].claimed_at, T0);
    // Admitted by a promotion, and later by an enqueue, each after the time of the claim.
    store.promote(t(5), 100).await.unwrap();
    let second = worker.claim_at(t(4), 9).await;
    assert_eq!((ids(&second), second[0].claimed_at), (vec![all[1]], t(5)));
    let record = store.execution(all[1]).await.unwrap().unwrap();
    assert_eq!(record.started_at, Some(t(5)));
    let early = T0.after(Duration::from_millis(5_999));
    assert!(worker.take_at(early, 9).await.is_empty());
    assert_eq!(ids(&worker.take_at(t(7), 9).await), [all[2]]);

    let mut new = limited(&[per_second]);
    new.created_at = t(20);
    store.enqueue(vec![new]).await.unwrap();
    store.promote(t(20), 100).await.unwrap();
    assert_eq!(worker.claim_at(t(19), 9).await[0].claimed_at, t(20));
}

async fn starts_that_follow_their_claims_late_keep_the_rate(store: AnyStore) {
    const COUNT: u32 = 20;
    enqueue_limited(&store, &[rate("", COUNT, Duration::from_secs(1))], 40).await;
    let mut worker = Worker::new(&store).await;
    let mut starts = Vec::new();
    for millis in (0..1_200).step_by(4) {
        let now = T0.after(Duration::from_millis(millis));
        // The first handlers begin late, all others at once.
        let delay = if starts.is_empty() { 50 } else { 0 };
        let taken = worker.take_at(now, 100).await;
        starts.extend(std::iter::repeat_n(millis + delay, taken.len()));
    }
    starts.sort_unstable();
    for (first, at) in starts.iter().enumerate() {
        let within = starts[first..].iter();
        let within = within.take_while(|next| **next < at + 1_000).count();
        assert!(within <= COUNT as usize, "{within} after {at}: {starts:?}");
    }
    assert!(starts.len() > COUNT as usize, "{starts:?}");
}

async fn a_wrong_clock_delays_a_rate_by_one_burst(store: AnyStore) {
    let ahead = T0.after(HOUR);
    let per_second = rate("", 1, Duration::from_secs(1));
    enqueue_limited(&store, std::slice::from_ref(&per_second), 9).await;
    let mut worker = Worker::new(&store).await;
    let taken = worker.take_at(ahead, 9).await;
    assert_eq!(taken.len(), 1);
    // A look at the limit is planned an hour ahead, too.
    store.promote(ahead, 100).await.unwrap();
    let promotion = store.promote(t(1), 100).await.unwrap();
    assert!(promotion.next_due <= Some(t(3)), "{promotion:?}");
    assert!(worker.take_at(t(1), 9).await.is_empty());
    for second in [3, 5] {
        assert_eq!(worker.take_at(t(second), 9).await.len(), 1, "at {second} s");
    }

    let reserve = |now, latest| store.reserve(zoo(), 1, now, latest);
    reserve(ahead, ahead).await.unwrap();
    let answer = reserve(t(1), t(9)).await.unwrap();
    assert_eq!(answer, Reservation::At(t(2)));

    let keys = vec![per_second.key.clone()];
    store.pause_limit(keys, T0.after(HOUR)).await.unwrap();
    for at in [t(60), T0.after(HOUR / 2)] {
        assert!(worker.take_at(at, 9).await.is_empty(), "paused at {at:?}");
    }
    assert_eq!(worker.take_at(T0.after(HOUR), 9).await.len(), 1);
}

/// A named rate of one start per second.
fn zoo() -> Limit {
    Limit {
        key: "zoo".to_owned(),
        job_id: String::new(),
        rule: LimitRule::Rate(Rate {
            count: 1,
            period_ms: 1_000,
        }),
    }
}

async fn unused_starts_are_not_accumulated(store: AnyStore) {
    let minute = Duration::from_secs(60);
    enqueue_limited(&store, &[rate("", 6, minute)], 20).await;
    let mut worker = Worker::new(&store).await;
    assert_eq!(worker.take().await.len(), 1);
    assert!(worker.take_at(t(9), 9).await.is_empty());
    let promotion = store.promote(t(9), 100).await.unwrap();
    assert_eq!(
        promotion.next_due,
        Some(T0.after(Duration::from_millis(10_042))),
        "the time of the next permit"
    );
    // No claim for an hour: the unused starts are lost.
    store.promote(t(600), 100).await.unwrap();
    assert_eq!(worker.take_at(T0.after(HOUR), 9).await.len(), 1);
    assert!(worker.take_at(T0.after(HOUR), 9).await.is_empty());
    assert_eq!(
        worker.take_at(T0.after(HOUR + minute / 5), 9).await.len(),
        1
    );
}

async fn a_promotion_with_an_older_time_allows_no_early_start(store: AnyStore) {
    let rate = |key| rate(key, 1, Duration::from_secs(10));
    let mut worker = Worker::new(&store).await;
    // Two limits, passed at different times. The promotion for the second has an older time.
    enqueue_limited(&store, &[rate("a"), concurrent("", 1)], 1).await;
    let first = worker.take().await;
    enqueue_limited(&store, &[rate("b"), concurrent("", 1)], 2).await;
    store.promote(t(5), 100).await.unwrap();
    settle(&store, success(&first[0])).await;
    let second = worker.take_at(t(1), 9).await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].claimed_at, t(5));
    settle(&store, success(&second[0])).await;
    assert!(worker.take_at(t(15), 9).await.is_empty());
    let third = worker.take_at(t(16), 9).await;
    assert_eq!(third.len(), 1);
    settle(&store, success(&third[0])).await;
}

async fn paused_until_pauses_the_rate(store: AnyStore) {
    let per_second = rate("", 1, Duration::from_secs(1));
    enqueue_limited(&store, std::slice::from_ref(&per_second), 5).await;
    let mut worker = Worker::new(&store).await;
    let taken = worker.take().await;
    let mut end = settlement(&taken[0], AttemptOutcome::Snoozed, Next::RetryAt(t(60)));
    end.permits = paused_permits(&taken[0], t(60));
    settle(&store, end).await;
    assert!(worker.take_at(t(59), 9).await.is_empty());
    assert_eq!(worker.take_at(t(60), 9).await.len(), 1);
    store
        .pause_limit(vec![per_second.key, "unknown".to_owned()], t(120))
        .await
        .unwrap();
    assert!(worker.take_at(t(119), 9).await.is_empty());
    assert_eq!(worker.take_at(t(121), 9).await.len(), 1);
    assert!(worker.take_at(t(121), 9).await.is_empty());
}

async fn a_reset_forgets_the_starts_and_the_pause_of_a_rate(store: AnyStore) {
    let per_hour = rate("", 1, HOUR);
    let one_at_a_time = concurrent("", 1);
    enqueue_limited(&store, std::slice::from_ref(&per_hour), 3).await;
    enqueue_limited(&store, std::slice::from_ref(&one_at_a_time), 2).await;
    let mut worker = Worker::new(&store).await;
    assert_eq!(worker.take().await.len(), 2);
    assert!(worker.take_at(t(1), 9).await.is_empty());
    let key = per_hour.key.clone();
    store.pause_limit(vec![key.clone()], t(60)).await.unwrap();
    let mut events = store.events();
    assert!(store.reset_limit(key).await.unwrap());
    event(
        &mut events,
        |event| matches!(event, StoreEvent::Scheduled(at) if *at <= T0),
    )
    .await;
    assert_eq!(worker.take_at(t(1), 9).await.len(), 1);
    assert!(worker.take_at(t(2), 9).await.is_empty(), "it counts again");
    for key in [one_at_a_time.key, "unknown".to_owned()] {
        assert!(!store.reset_limit(key).await.unwrap());
    }
    assert!(worker.take_at(t(2), 9).await.is_empty(), "it is in use");
}

async fn reservations_get_different_times(Handles(stores): Handles) {
    let zoo = zoo();
    let answers = at_once(10, |n| {
        let (store, zoo) = (Arc::clone(&stores[n % 2]), zoo.clone());
        async move { store.reserve(zoo, 1, T0, t(100)).await.unwrap() }
    })
    .await;
    let mut moments: Vec<_> = answers
        .into_iter()
        .map(|answer| match answer {
            Reservation::At(at) => at,
            Reservation::TooLate(at) => panic!("{at}"),
        })
        .collect();
    moments.sort_unstable();
    assert_eq!(moments, (0..10).map(t).collect::<Vec<_>>());
    let store = &stores[0];
    let late = store.reserve(zoo.clone(), 1, t(1), t(9)).await.unwrap();
    assert_eq!(late, Reservation::TooLate(t(10)));
    assert_eq!(
        store.reserve(zoo.clone(), 3, t(1), t(20)).await.unwrap(),
        Reservation::At(t(12))
    );
    assert_eq!(
        store.reserve(zoo.clone(), 1, t(1), t(20)).await.unwrap(),
        Reservation::At(t(13))
    );
    store
        .pause_limit(vec![zoo.key.clone()], t(60))
        .await
        .unwrap();
    assert_eq!(
        store.reserve(zoo, 1, t(14), t(90)).await.unwrap(),
        Reservation::At(t(60))
    );
}
