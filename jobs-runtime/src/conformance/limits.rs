//! Limits: permits of so many at a time, and who gets them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::point::area;
use super::words::*;

area! { "limits" {
    as_many_run_as_are_allowed: "Of a job with `max_concurrent`, never more attempts are leased in the whole fleet, and never fewer than could be.",
    each_key_has_its_own_permits: "A limit per payload field counts each value apart, and a key with a backlog holds up no other.",
    a_permit_comes_back_with_its_attempt: "A settlement, a release and a rescue each free the permit, once.",
    a_permit_comes_back_whatever_is_said_of_it: "A settlement that knows nothing of limits, or of others, gives the permit back too, alone and among others.",
    a_permit_is_given_back_by_who_has_it: "A settlement that says the limits of another execution, alone and while that one runs, gives back what is its own and nothing else.",
    a_retry_needs_another_permit: "What is retried, snoozed or released waits for a permit like any other.",
    what_is_held_is_queued: "What a limit holds back is queued for everybody who reads.",
    the_most_urgent_are_let_in_first: "Permits go to the most urgent first, the oldest among equals.",
    urgent_latecomers_take_the_place_of_what_is_not_claimed: "What is more urgent takes the permit of one that has not been claimed.",
    what_leaves_gives_its_permit_to_another: "A permit that is out to an execution which is cancelled goes to another.",
    a_stuck_attempt_keeps_its_permit: "A permit that a settlement keeps comes back when the handler has ended, once, or with its session.",
    a_key_is_not_held_up_at_a_common_limit: "Where a job has a limit per key and a common one, a backlog of one key delays no other.",
    whoever_comes_first_to_a_common_limit_goes_first: "Behind the limit of its key, an execution stands at the common one by when it came there: a backlog of another key has its turns, and no more.",
    an_obstacle_names_limit_and_holder: "What is held tells at which limit, and who has its permits.",
    a_new_rule_holds_for_what_waits: "A limit that is published with another number lets in what it allows now.",
    published_weights_hold_for_their_keys: "A weight that is published lets in so many times as many of its key, and no more of the others.",
    of_many_promoters_none_lets_in_too_many: "Of many who promote, claim and settle at once, none lets in more than there are permits.",
    many_who_enqueue_share_the_permits: "Of many who enqueue at once, beside promotions and claims, none lets in more than there are permits.",
    who_waits_is_not_overtaken: "An enqueue finds no room where others wait, nor at a rate that rests, whatever has come back meanwhile.",
    an_open_transaction_holds_up_no_other: "An enqueue in a transaction that stays open holds up no other execution of its limit.",
}}

pub(super) fn concurrent(key: &str, count: u32) -> Limit {
    Limit {
        key: format!("j/concurrent/{key}"),
        job_id: "j".to_owned(),
        rule: LimitRule::Concurrent { count },
    }
}

pub(super) fn rate(key: &str, count: u32, period: Duration) -> Limit {
    Limit {
        key: format!("j/rate/{key}"),
        job_id: "j".to_owned(),
        rule: LimitRule::Rate(Rate {
            count,
            period_ms: u64::try_from(period.as_millis()).unwrap(),
        }),
    }
}

pub(super) fn limited(limits: &[Limit]) -> NewExecution {
    new_with("j", |new| new.rules.limits = limits.to_vec())
}

pub(super) async fn enqueue_limited(
    store: &AnyStore,
    limits: &[Limit],
    count: usize,
) -> Vec<ExecutionId> {
    let batch: Vec<_> = (0..count).map(|_| limited(limits)).collect();
    let ids = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    ids
}

/// A worker that claims whatever there is.
pub(super) struct Worker {
    store: AnyStore,
    session: SessionId,
    claims: i64,
}

impl Worker {
    pub(super) async fn new(store: &AnyStore) -> Self {
        Self {
            store: Arc::clone(store),
            session: session(store, "w").await,
            claims: 0,
        }
    }

    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    /// Lets in what there are permits for, and claims it.
    pub(super) async fn take_at(&mut self, now: Timestamp, limit: usize) -> Vec<Claimed> {
        self.store.promote(now, 1_000).await.unwrap();
        self.claim_at(now, limit).await
    }

    /// Claims what has been let in.
    pub(super) async fn claim_at(&mut self, now: Timestamp, limit: usize) -> Vec<Claimed> {
        self.claims += 1;
        let mut claim = claim(self.session, self.claims, &["j"], limit);
        claim.now = now;
        self.store.claim(claim).await.unwrap()
    }

    pub(super) async fn take(&mut self) -> Vec<Claimed> {
        self.take_at(T0, 1_000).await
    }
}

async fn as_many_run_as_are_allowed(store: AnyStore) {
    let all = enqueue_limited(&store, &[concurrent("", 3)], 10).await;
    let (mut one, mut other) = (Worker::new(&store).await, Worker::new(&store).await);
    let mut running = one.take_at(T0, 2).await;
    running.extend(other.take().await);
    assert_eq!(ids(&running), all[..3]);
    assert!(one.take().await.is_empty());
    let mut left = all[3..].iter().copied();
    while !running.is_empty() {
        assert_eq!(
            settle(&store, success(&running.remove(0))).await,
            Answer::Settled
        );
        let next = one.take().await;
        assert_eq!(ids(&next), Vec::from_iter(left.next()));
        running.extend(next);
    }
    assert_eq!(left.next(), None);
}

async fn each_key_has_its_own_permits(store: AnyStore) {
    let long = enqueue_limited(&store, &[concurrent("a", 2)], 500).await;
    let short = enqueue_limited(&store, &[concurrent("b", 2)], 1).await;
    let mut worker = Worker::new(&store).await;
    let taken = worker.take().await;
    assert_eq!(ids(&taken), [long[0], long[1], short[0]]);
    assert!(worker.take().await.is_empty());
}

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
        assert_eq!(settle(&store, end.clone()).await, Answer::Settled);
        // Said twice, it is given back once.
        assert_eq!(settle(&store, end).await, Answer::AlreadyMine);
    }
    // The lease that goes over to a rescuer takes its permit along.
    let taken = worker.take().await;
    let lost = taken_over(&store, &taken[0]).await;
    let mut another = Worker::new(&store).await;
    assert!(another.take().await.is_empty());
    assert_eq!(settle(&store, success(&taken[0])).await, Answer::Stale);
    assert!(another.take().await.is_empty());
    let end = settlement(&lost, AttemptOutcome::Lost, Next::Fail);
    assert_eq!(settle(&store, end).await, Answer::Settled);
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
    assert_eq!(answers, [Answer::Settled; 4]);

    // What is not one's own, of one that has none, too.
    let other = Some(Permits::returned("[4711]".into()));
    let words = ["[4711]", "nonsense", "", "null", "[null]", "[4711]"];
    enqueue(&store, "j", 4).await;
    let taken = worker.take().await;
    assert_eq!(taken.len(), words.len());
    let mut batch: Vec<_> = taken.iter().map(success).collect();
    for (end, words) in batch.iter_mut().zip(words) {
        end.permits = Some(Permits::returned(words.into()));
    }
    let answers = store.settle(batch).await.unwrap();
    assert_eq!(answers, [Answer::Settled; 6]);

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
            assert_eq!(settle(&store, end).await, Answer::Settled);
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
        end.permits = other.limits.clone().map(Permits::returned);
        end
    };
    let ends: [fn(&Claimed) -> Settlement; 3] = [
        success,
        |claimed| settlement(claimed, AttemptOutcome::Released, Next::GiveBack),
        |claimed| retry_at(claimed, t(3_600)),
    ];
    for (end, claimed) in ends.iter().zip(&free) {
        let end = saying(end(claimed), &limited[0]);
        assert_eq!(settle(&store, end).await, Answer::Settled);
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
        assert_eq!(settle(&store, wrong).await, Answer::Settled);
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

async fn a_retry_needs_another_permit(store: AnyStore) {
    let all = enqueue_limited(&store, &[concurrent("", 1)], 2).await;
    let mut worker = Worker::new(&store).await;
    let first = worker.take().await;
    settle(&store, retry_at(&first[0], t(10))).await;
    let second = worker.take().await;
    assert_eq!(ids(&second), all[1..]);
    assert!(worker.take_at(t(20), 9).await.is_empty());
    settle(&store, success(&second[0])).await;
    let again = worker.take_at(t(20), 9).await;
    assert_eq!(ids(&again), all[..1]);
    assert_eq!(again[0].fence.attempt, 2);
    assert_eq!(again[0].spent, 1);
    // By hand, too.
    settle(&store, failure(&again[0])).await;
    let blocking = enqueue_limited(&store, &[concurrent("", 1)], 1).await;
    let running = worker.take_at(t(21), 9).await;
    assert_eq!(ids(&running), blocking);
    assert_eq!(
        store.retry(all[0], None, t(22)).await.unwrap(),
        RetryAnswer::Queued
    );
    assert!(worker.take_at(t(22), 9).await.is_empty());
    settle(&store, success(&running[0])).await;
    assert_eq!(ids(&worker.take_at(t(22), 9).await), all[..1]);
}

async fn what_is_held_is_queued(store: AnyStore) {
    let all = enqueue_limited(&store, &[concurrent("", 1)], 3).await;
    let is_queued = async |id| {
        let record = record(&store, id).await;
        assert_eq!(
            (record.status, record.attempt),
            (ExecutionStatus::Queued, 0)
        );
    };
    for id in &all {
        is_queued(*id).await;
    }
    let mut worker = Worker::new(&store).await;
    assert_eq!(worker.take().await.len(), 1);
    for id in &all[1..] {
        is_queued(*id).await;
    }
    let standings = store.standings(all.clone()).await.unwrap();
    let running = standings
        .iter()
        .filter(|it| it.status == ExecutionStatus::Running);
    assert_eq!((running.count(), standings.len()), (1, 3));
    let page = store
        .feed(FeedQuery {
            status: Some(ExecutionStatus::Queued),
            ..FeedQuery::newest(10)
        })
        .await
        .unwrap();
    let found: Vec<_> = page.executions.iter().map(|record| record.id).collect();
    assert_eq!(found, [all[2], all[1]]);
    let queues = store.queues().await.unwrap();
    assert_eq!(
        (queues[0].held, queues[0].ready, queues[0].running),
        (2, 0, 1)
    );
}

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
        store.unstick(vec![first[0].fence]).await.unwrap();
    }
    let second = worker.take().await;
    assert_eq!(second.len(), 1);
    assert!(another.take().await.is_empty(), "it comes back once");
    settle(&store, stuck(&second[0])).await;
    assert!(another.take().await.is_empty());
    // A session that ends has no handlers any more.
    store.close_session(worker.session).await.unwrap();
    let third = another.take().await;
    assert_eq!(third.len(), 1);
    settle(&store, stuck(&third[0])).await;
    let dead = beat(&store, another.session).await;
    let mut rescuer = Worker::new(&store).await;
    assert!(rescuer.take().await.is_empty());
    rescuer.claims += 1;
    let take_over = claim(rescuer.session, rescuer.claims, &[], 9);
    assert!(store.take_over(dead, take_over).await.unwrap().is_empty());
    let fourth = rescuer.take().await;
    assert_eq!(fourth.len(), 1);
    // Nor has one that was taken over and not rid of its leases yet: nobody comes for it again.
    let over = beat(&store, rescuer.session).await;
    let mut last = Worker::new(&store).await;
    last.claims += 1;
    let take_over = claim(last.session, last.claims, &[], 0);
    assert!(store.take_over(over, take_over).await.unwrap().is_empty());
    settle(&store, stuck(&fourth[0])).await;
    assert_eq!(last.take().await.len(), 1);
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

async fn an_obstacle_names_limit_and_holder(store: AnyStore) {
    let limit = concurrent("", 1);
    let all = enqueue_limited(&store, std::slice::from_ref(&limit), 3).await;
    assert_eq!(
        store.obstacle(all[0], T0).await.unwrap(),
        None,
        "nobody has looked"
    );
    let mut worker = Worker::new(&store).await;
    let taken = worker.take().await;
    assert_eq!(store.obstacle(all[0], T0).await.unwrap(), None, "it runs");
    let obstacle = store
        .obstacle(all[2], T0)
        .await
        .unwrap()
        .expect("it is held");
    assert_eq!(
        (obstacle.key, obstacle.rule, obstacle.ahead),
        (limit.key, limit.rule, 1)
    );
    assert_eq!(obstacle.free_at, None);
    assert_eq!(
        obstacle.holders,
        [PermitHolder {
            execution_id: all[0],
            attempt: 1,
            worker: Some("w".to_owned()),
            stuck: false,
        }]
    );
    let mut end = settlement(&taken[0], AttemptOutcome::TimedOut, Next::Fail);
    end.permits = kept(&taken[0]);
    settle(&store, end).await;
    let obstacle = store
        .obstacle(all[1], T0)
        .await
        .unwrap()
        .expect("it is held");
    assert!(obstacle.holders[0].stuck);
    let per_minute = rate("", 1, Duration::from_secs(60));
    let starved = enqueue_limited(&store, &[per_minute], 2).await;
    worker.take().await;
    store.promote(T0, 100).await.unwrap();
    let obstacle = store
        .obstacle(starved[1], T0)
        .await
        .unwrap()
        .expect("it is held");
    assert_eq!(obstacle.free_at, Some(t(60)));
}

async fn a_new_rule_holds_for_what_waits(store: AnyStore) {
    let all = enqueue_limited(&store, &[concurrent("", 1)], 8).await;
    let mut worker = Worker::new(&store).await;
    assert_eq!(worker.take().await.len(), 1);
    // By another enqueue, and by a publication; one of a version without the limit lifts it.
    enqueue_limited(&store, &[concurrent("", 3)], 1).await;
    assert_eq!(ids(&worker.take().await), all[1..3]);
    let publish = async |count: Option<u32>| {
        let mut job = super::catalogue::publication("j", "f", 0);
        job.descriptor.limits.max_concurrent = count.map(|count| jobs::ConcurrencyLimit {
            count,
            per: None,
            weights: BTreeMap::new(),
        });
        job.fingerprint = format!("{count:?}");
        store.publish(vec![job]).await.unwrap();
    };
    publish(Some(4)).await;
    assert_eq!(ids(&worker.take().await), all[3..4]);
    publish(None).await;
    assert_eq!(worker.take().await.len(), 5);
}

async fn published_weights_hold_for_their_keys(store: AnyStore) {
    let keys = ["\"a\"", "7", "\"c\""];
    let mut all = Vec::new();
    for key in keys {
        all.push(enqueue_limited(&store, &[concurrent(key, 1)], 5).await);
    }
    let mut worker = Worker::new(&store).await;
    assert_eq!(worker.take().await.len(), 3);
    let mut job = super::catalogue::publication("j", "f", 0);
    job.descriptor.limits.max_concurrent = Some(jobs::ConcurrencyLimit {
        count: 1,
        per: Some("key".to_owned()),
        weights: [("a".to_owned(), 3), ("7".to_owned(), 2)].into(),
    });
    store.publish(vec![job]).await.unwrap();
    let more = [&all[0][1..3], &all[1][1..2]].concat();
    assert_eq!(ids(&worker.take().await), more);
    // The next publication has the last word: six, two and two at a time.
    let mut same = super::catalogue::publication("j", "g", 0);
    same.descriptor.limits.max_concurrent = Some(jobs::ConcurrencyLimit {
        count: 2,
        per: Some("key".to_owned()),
        weights: [("a".to_owned(), 3)].into(),
    });
    store.publish(vec![same]).await.unwrap();
    let more = [&all[0][3..], &all[2][1..2]].concat();
    assert_eq!(ids(&worker.take().await), more);
}

async fn of_many_promoters_none_lets_in_too_many(Handles(stores): Handles) {
    const PERMITS: u32 = 3;
    let total = 120;
    enqueue_limited(&stores[0], &[concurrent("", PERMITS)], total).await;
    let running = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicU64::new(0));
    let total = total as u64;
    at_once(6, |n| {
        let store = Arc::clone(&stores[n % 2]);
        let (running, done) = (Arc::clone(&running), Arc::clone(&done));
        async move {
            let mut worker = Worker::new(&store).await;
            while done.load(Ordering::SeqCst) < total {
                for claimed in worker.take_at(T0, 2).await {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(now <= PERMITS.into(), "{now} at once");
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    settle(&store, success(&claimed)).await;
                    done.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    })
    .await;
}

async fn many_who_enqueue_share_the_permits(store: AnyStore) {
    let callers = (0..8).map(|_| async {
        for _ in 0..5 {
            enqueue_limited(&store, &[concurrent("", 7), concurrent("all", 50)], 3).await;
        }
    });
    let claims = async {
        let mut worker = Worker::new(&store).await;
        let mut taken = Vec::new();
        for _ in 0..20 {
            taken.extend(worker.take().await);
        }
        taken
    };
    let (_, mut taken) = tokio::join!(futures_util::future::join_all(callers), claims);
    assert!(taken.len() <= 7, "{}", taken.len());
    // All of them are let in in the end, seven at a time.
    let mut worker = Worker::new(&store).await;
    let mut ended = 0;
    loop {
        taken.extend(worker.take().await);
        assert!(taken.len() <= 7, "{}", taken.len());
        if taken.is_empty() {
            break;
        }
        for claimed in taken.drain(..) {
            assert_eq!(settle(&store, success(&claimed)).await, Answer::Settled);
            ended += 1;
        }
    }
    assert_eq!(ended, 8 * 5 * 3);
}

async fn who_waits_is_not_overtaken(store: AnyStore) {
    let first = enqueue_limited(&store, &[concurrent("", 1)], 2).await;
    let mut worker = Worker::new(&store).await;
    let running = worker.take().await;
    assert_eq!(ids(&running), first[..1]);
    // Its permit comes back, and nobody has looked at that yet.
    assert_eq!(settle(&store, success(&running[0])).await, Answer::Settled);
    let late = enqueue_limited(&store, &[concurrent("", 1)], 1).await;
    let next = worker.take().await;
    assert_eq!(ids(&next), first[1..]);
    assert_eq!(settle(&store, success(&next[0])).await, Answer::Settled);
    assert_eq!(ids(&worker.take().await), late);

    let slow = rate("", 1_000, Duration::from_secs(1));
    enqueue_limited(&store, std::slice::from_ref(&slow), 1).await;
    let running = worker.take().await;
    let mut told_to_wait = success(&running[0]);
    let until = T0.after(Duration::from_secs(60));
    told_to_wait.permits = resting(&running[0], until);
    assert_eq!(settle(&store, told_to_wait).await, Answer::Settled);
    let after = enqueue_limited(&store, &[slow], 1).await;
    assert!(worker.take().await.is_empty(), "the rate rests");
    assert_eq!(ids(&worker.take_at(until, 1).await), after);
}

async fn an_open_transaction_holds_up_no_other(ground: Joinable) {
    let store = Arc::clone(&ground.store);
    let limit = concurrent("", 2);
    let first = enqueue_limited(&store, std::slice::from_ref(&limit), 1).await;
    let mut worker = Worker::new(&store).await;
    let running = worker.take().await;
    assert_eq!(ids(&running), first);
    let mut tx = ground.begin().await;
    let inside = limited(std::slice::from_ref(&limit));
    let hidden = inside.id;
    store.enqueue_in(tx.by_ref(), vec![inside]).await.unwrap();
    // An embedded store has one writer: there, the others wait for the caller in any case.
    if store.describe().kind != "sqlite" {
        settle(&store, success(&running[0])).await;
        let others = enqueue_limited(&store, std::slice::from_ref(&limit), 3).await;
        assert_eq!(ids(&worker.take().await), others[..2]);
    }
    tx.commit().await.unwrap();
    assert_eq!(status(&store, hidden).await, ExecutionStatus::Queued);
}
