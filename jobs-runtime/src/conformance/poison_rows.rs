//! Poison rows: rows that the database rejects.

use super::backend::Write;
use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, enqueue_limited};
use super::requirement::requirements;

requirements! { "poison-rows" {
    a_poison_row_fails_only_its_caller: "Of callers that enqueue at the same time, only the one whose row the database rejects fails.",
    a_poison_lease_is_postponed: "An execution whose lease the database rejects is postponed for a minute. The others are claimed.",
    a_poison_promotion_is_postponed: "An execution whose promotion the database rejects is postponed for a minute. The others become ready.",
    a_poison_admission_is_postponed: "An execution whose admission the database rejects is postponed for a minute. Another one gets its permit.",
    a_poison_waiter_is_postponed: "An execution whose place at a limit the database rejects is postponed for a minute. It delays no other.",
    a_poison_lease_is_skipped_by_a_take_over: "A take-over skips a lease whose move the database rejects. The others are moved.",
    poison_progress_is_dropped: "Progress that the database rejects is dropped and answered with `Rejected`. Other progress is written.",
    poison_log_lines_are_dropped: "Log lines that the database rejects are dropped and answered with `Rejected`. Other lines are written.",
}}

/// A time in seconds at which postponed executions are due again.
const LATER: u64 = 120;

async fn a_poison_row_fails_only_its_caller(db: Rejecting) {
    let store = db.store.clone();
    let batches: Vec<_> = (0..6).map(|_| new("j")).collect();
    let ids: Vec<_> = batches.iter().map(|new| new.id).collect();
    db.reject(ids[2], Write::Execution).await;
    let answers = at_once(batches.len(), |n| {
        let (store, new) = (store.clone(), batches[n].clone());
        async move { store.enqueue(vec![new]).await.is_ok() }
    });
    assert_eq!(answers.await, [true, true, false, true, true, true]);
    for (n, id) in ids.iter().enumerate() {
        let there = store.execution(*id).await.unwrap().is_some();
        assert_eq!(there, n != 2);
    }
}

async fn a_poison_lease_is_postponed(db: Rejecting) {
    let store = &db.store;
    let all = enqueue(store, "j", 6).await;
    db.reject(all[2], Write::Lease).await;
    let session = session(store, "w").await;
    let mut got = Vec::new();
    for number in 1..=8 {
        got.extend(ids(&store
            .claim(claim(session, number, &["j"], 9))
            .await
            .unwrap()));
    }
    let expected: Vec<_> = all.iter().copied().filter(|id| *id != all[2]).collect();
    assert_eq!(got, expected);
    let postponed = record(store, all[2]).await;
    assert_eq!(postponed.status, ExecutionStatus::Pending);
    assert_eq!(postponed.run_at, t(60));

    // After the cause is repaired, the execution is claimed.
    db.accept(all[2], Write::Lease).await;
    store.promote(t(LATER), 9).await.unwrap();
    let claimed = store.claim(claim(session, 9, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&claimed), [all[2]]);
}

async fn a_poison_promotion_is_postponed(db: Rejecting) {
    let store = &db.store;
    let batch: Vec<_> = (1..=6)
        .map(|second| new_with("j", |new| new.run_at = Some(t(second))))
        .collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    db.reject(all[3], Write::Ready).await;
    let promotion = store.promote(t(6), 100).await.unwrap();
    assert_eq!(promotion.promoted, 5);
    assert_eq!(promotion.next_due, Some(t(66)));
    assert_eq!(status(store, all[3]).await, ExecutionStatus::Pending);
    let session = session(store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    let expected: Vec<_> = all.iter().copied().filter(|id| *id != all[3]).collect();
    assert_eq!(ids(&claimed), expected);

    db.accept(all[3], Write::Ready).await;
    let promotion = store.promote(t(LATER), 100).await.unwrap();
    assert_eq!(promotion.promoted, 1);
}

async fn a_poison_admission_is_postponed(db: Rejecting) {
    let store = &db.store;
    let (two, one) = ([concurrent("two", 2)], [concurrent("one", 1)]);
    let mut worker = Worker::new(store).await;
    enqueue_limited(store, &two, 2).await;
    enqueue_limited(store, &one, 1).await;
    let running = worker.take().await;
    assert_eq!(running.len(), 3);
    let waiting = enqueue_limited(store, &two, 4).await;
    let elsewhere = enqueue_limited(store, &one, 1).await;
    assert!(worker.take().await.is_empty());

    db.reject(waiting[0], Write::Ready).await;
    for claimed in &running {
        assert_eq!(settle(store, success(claimed)).await, WriteAnswer::Settled);
    }
    let next = worker.take().await;
    let expected = [&waiting[1..3], &elsewhere].concat();
    assert_eq!(ids(&next), expected);
    let postponed = record(store, waiting[0]).await;
    assert_eq!(postponed.status, ExecutionStatus::Pending);
    assert_eq!(postponed.run_at, t(60));

    // A postponed execution holds no permit and gets one like any other.
    db.accept(waiting[0], Write::Ready).await;
    settle(store, success(&next[0])).await;
    settle(store, success(&next[1])).await;
    let last = worker.take_at(t(LATER), 9).await;
    assert_eq!(ids(&last), [waiting[0], waiting[3]]);
}

async fn a_poison_waiter_is_postponed(db: Rejecting) {
    let store = &db.store;
    let limits = [concurrent("", 1)];
    let first = enqueue_limited(store, &limits, 1).await;
    let mut worker = Worker::new(store).await;
    let running = worker.take().await;
    assert_eq!(ids(&running), first);
    // A new waiter that gets its place at the limit.
    let waiting = enqueue_limited(store, &limits, 3).await;
    db.reject(waiting[1], Write::Blocked).await;
    assert!(worker.take().await.is_empty());
    assert_eq!(record(store, waiting[1]).await.run_at, t(60));
    settle(store, success(&running[0])).await;
    let next = worker.take().await;
    assert_eq!(ids(&next), [waiting[0]]);
    settle(store, success(&next[0])).await;
    assert_eq!(ids(&worker.take().await), [waiting[2]]);
}

async fn a_poison_lease_is_skipped_by_a_take_over(db: Rejecting) {
    let store = &db.store;
    let all = enqueue(store, "j", 6).await;
    let dead = session(store, "dead").await;
    let claimed = store.claim(claim(dead, 1, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&claimed), all);
    db.reject(all[1], Write::Lease).await;
    let watched = beat(store, dead).await;
    let rescuer = session(store, "rescuer").await;
    let mut got = Vec::new();
    for number in 1..=8 {
        let taken = store.take_over(watched.clone(), claim(rescuer, number, &[], 9));
        got.extend(ids(&taken.await.unwrap()));
    }
    let expected: Vec<_> = all.iter().copied().filter(|id| *id != all[1]).collect();
    got.sort_unstable();
    assert_eq!(got, expected);
    // The fence of the old session is stale.
    assert_eq!(
        settle(store, success(&claimed[0])).await,
        WriteAnswer::Stale
    );
}

/// Claims three executions and makes the database reject a write about the second.
async fn claim_three(db: &Rejecting, write: Write) -> Vec<Claimed> {
    let store = &db.store;
    let all = enqueue(store, "j", 3).await;
    let session = session(store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    db.reject(all[1], write).await;
    claimed
}

async fn poison_progress_is_dropped(db: Rejecting) {
    let store = &db.store;
    let claimed = claim_three(&db, Write::Lease).await;
    let report = |claimed: &Claimed| ProgressReport {
        fence: claimed.fence,
        progress: Progress {
            percent: 40,
            message: None,
        },
    };
    let answers = store.report(claimed.iter().map(report).collect()).await;
    let expected = [
        WriteAnswer::Settled,
        WriteAnswer::Rejected,
        WriteAnswer::Settled,
    ];
    assert_eq!(answers.unwrap(), expected);
    let mut noted = Vec::new();
    for one in &claimed {
        noted.push(record(store, one.execution_id).await.progress);
    }
    assert_eq!(noted, [40, 0, 40]);
}

async fn poison_log_lines_are_dropped(db: Rejecting) {
    let store = &db.store;
    let claimed = claim_three(&db, Write::Log).await;
    let lines = |claimed: &Claimed| batch(claimed, vec![line(1, "a"), line(2, "b")]);
    let answers = store.append_logs(claimed.iter().map(lines).collect()).await;
    let expected = [
        WriteAnswer::Settled,
        WriteAnswer::Rejected,
        WriteAnswer::Settled,
    ];
    assert_eq!(answers.unwrap(), expected);
    for (n, one) in claimed.iter().enumerate() {
        let lines = log(store, one.execution_id).await.len();
        assert_eq!(lines, if n == 1 { 0 } else { 2 });
        assert_eq!(settle(store, success(one)).await, WriteAnswer::Settled);
    }
}
