//! Concurrency limits: `max_concurrent`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, enqueue_limited, limited, rate};
use super::requirement::requirements;

requirements! { "limits" {
    max_concurrent_is_reached_and_never_exceeded: "With `max_concurrent`, the leased attempts never exceed the limit in the whole fleet, and reach it while enough executions wait.",
    each_key_has_its_own_permits: "A limit per payload field counts each value separately. The backlog of one value delays no other value.",
    a_retry_needs_another_permit: "An execution that is retried, snoozed or released waits for a permit again.",
    blocked_executions_are_queued: "Readers see a blocked execution as queued.",
    blocked_by_names_the_limit_and_its_holders: "`blocked_by` returns the limit that blocks an execution, with the holders of its permits.",
    a_changed_limit_applies_to_waiting_executions: "A limit that is published with another number admits waiting executions by the new number.",
    published_weights_apply_to_their_keys: "A published weight multiplies the permits of its own key and of no other key.",
    concurrent_promotions_never_exceed_a_limit: "Concurrent promotions, claims and settlements never exceed a limit.",
    concurrent_enqueues_never_exceed_a_limit: "Concurrent enqueues, promotions and claims never exceed a limit.",
    an_open_transaction_delays_no_other_execution_of_its_limit: "An enqueue in a transaction that stays open delays no other execution of the same limit.",
}}

async fn max_concurrent_is_reached_and_never_exceeded(store: AnyStore) {
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
            WriteAnswer::Settled
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
    // A manual retry also waits for a permit.
    settle(&store, failure(&again[0])).await;
    let blocking = enqueue_limited(&store, &[concurrent("", 1)], 1).await;
    let running = worker.take_at(t(21), 9).await;
    assert_eq!(ids(&running), blocking);
    assert_eq!(
        store
            .retry(all[0], None, EnqueueRules::default(), t(22))
            .await
            .unwrap(),
        RetryAnswer::Queued
    );
    assert!(worker.take_at(t(22), 9).await.is_empty());
    settle(&store, success(&running[0])).await;
    assert_eq!(ids(&worker.take_at(t(22), 9).await), all[..1]);
}

async fn blocked_executions_are_queued(store: AnyStore) {
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
    let states = store.execution_states(all.clone()).await.unwrap();
    let running = states
        .iter()
        .filter(|it| it.status == ExecutionStatus::Running);
    assert_eq!((running.count(), states.len()), (1, 3));
    let page = store
        .list_executions(ExecutionQuery {
            status: Some(ExecutionStatus::Queued),
            ..ExecutionQuery::newest(10)
        })
        .await
        .unwrap();
    let found: Vec<_> = page.executions.iter().map(|record| record.id).collect();
    assert_eq!(found, [all[2], all[1]]);
    let queues = store.queues().await.unwrap();
    assert_eq!(
        (queues[0].blocked, queues[0].ready, queues[0].running),
        (2, 0, 1)
    );
}

async fn blocked_by_names_the_limit_and_its_holders(store: AnyStore) {
    let limit = concurrent("", 1);
    let all = enqueue_limited(&store, std::slice::from_ref(&limit), 3).await;
    assert_eq!(
        store.blocked_by(all[0], T0).await.unwrap(),
        None,
        "the allocator has not run"
    );
    let mut worker = Worker::new(&store).await;
    let taken = worker.take().await;
    assert_eq!(
        store.blocked_by(all[0], T0).await.unwrap(),
        None,
        "it is running"
    );
    let blocked_by = store
        .blocked_by(all[2], T0)
        .await
        .unwrap()
        .expect("it is blocked");
    assert_eq!(
        (blocked_by.key, blocked_by.rule, blocked_by.ahead),
        (limit.key, limit.rule, 1)
    );
    assert_eq!(blocked_by.free_at, None);
    assert_eq!(
        blocked_by.holders,
        [PermitHolder {
            execution_id: all[0],
            attempt: 1,
            worker: Some("w".to_owned()),
            stuck: false,
        }]
    );
    let mut end = settlement(&taken[0], AttemptOutcome::TimedOut, Next::Fail);
    end.permits = retained_permits(&taken[0]);
    settle(&store, end).await;
    let blocked_by = store
        .blocked_by(all[1], T0)
        .await
        .unwrap()
        .expect("it is blocked");
    assert!(blocked_by.holders[0].stuck);
    let per_minute = rate("", 1, Duration::from_secs(60));
    let waiting = enqueue_limited(&store, &[per_minute], 2).await;
    worker.take().await;
    store.promote(T0, 100).await.unwrap();
    let blocked_by = store
        .blocked_by(waiting[1], T0)
        .await
        .unwrap()
        .expect("it is blocked");
    // The period of a rate is longer by the delay from a claim to its start that the rate covers.
    let covered = Duration::from_millis(250);
    assert_eq!(blocked_by.free_at, Some(t(60).after(covered)));
}

async fn a_changed_limit_applies_to_waiting_executions(store: AnyStore) {
    let all = enqueue_limited(&store, &[concurrent("", 1)], 8).await;
    let mut worker = Worker::new(&store).await;
    assert_eq!(worker.take().await.len(), 1);
    // An enqueue and a publication change the rule. A publication without the limit lifts it.
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

async fn published_weights_apply_to_their_keys(store: AnyStore) {
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
    // The newest publication applies: six, two and two at a time.
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

async fn concurrent_promotions_never_exceed_a_limit(Handles(stores): Handles) {
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

async fn concurrent_enqueues_never_exceed_a_limit(store: AnyStore) {
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
    // All of them are admitted in the end, seven at a time.
    let mut worker = Worker::new(&store).await;
    let mut ended = 0;
    loop {
        taken.extend(worker.take().await);
        assert!(taken.len() <= 7, "{}", taken.len());
        if taken.is_empty() {
            break;
        }
        for claimed in taken.drain(..) {
            assert_eq!(
                settle(&store, success(&claimed)).await,
                WriteAnswer::Settled
            );
            ended += 1;
        }
    }
    assert_eq!(ended, 8 * 5 * 3);
}

async fn an_open_transaction_delays_no_other_execution_of_its_limit(db: Transactional) {
    let store = Arc::clone(&db.store);
    let limit = concurrent("", 2);
    let first = enqueue_limited(&store, std::slice::from_ref(&limit), 1).await;
    let mut worker = Worker::new(&store).await;
    let running = worker.take().await;
    assert_eq!(ids(&running), first);
    let mut tx = db.begin().await;
    let inside = limited(std::slice::from_ref(&limit));
    let hidden = inside.id;
    store.enqueue_in(tx.by_ref(), vec![inside]).await.unwrap();
    // SQLite has one writer: other writers wait for the open transaction in any case.
    if store.describe().kind != "sqlite" {
        settle(&store, success(&running[0])).await;
        let others = enqueue_limited(&store, std::slice::from_ref(&limit), 3).await;
        assert_eq!(ids(&worker.take().await), others[..2]);
    }
    tx.commit().await.unwrap();
    assert_eq!(status(&store, hidden).await, ExecutionStatus::Queued);
}
