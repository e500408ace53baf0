//! Rows that retention sweeps: keys, sessions, publications and limits; the turn at a task.

use std::time::Duration;

use super::catalogue::publication;
use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, end_all, enqueue_limited};
use super::requirement::requirements;

requirements! { "retention" {
    expired_keys_are_swept: "Expired idempotency keys are deleted; others stay in force.",
    closed_sessions_are_swept: "Sessions that were closed long ago are deleted; open ones and those with leases stay. Records of attempts remain readable.",
    unrenewed_publications_are_swept: "A publication that no program renews is deleted, unless it is the newest of a job with executions.",
    unused_limits_are_swept: "A limit is deleted once no execution names it and no permit is in use. Enqueues then create it anew.",
    a_turn_is_held_by_one_process: "The turn at a task is held by one process at a time. It ends with its time, and the task then rests.",
}}

fn sweep(rows: Leftover, before: Timestamp) -> Sweep {
    Sweep {
        rows,
        before,
        limit: 2,
    }
}

/// Sweeps until nothing is left, and returns the number of rows of each call.
async fn swept(store: &AnyStore, rows: Leftover, before: Timestamp) -> Vec<u64> {
    let mut calls = Vec::new();
    loop {
        match store.sweep(sweep(rows, before)).await.unwrap() {
            0 => return calls,
            deleted => calls.push(deleted),
        }
    }
}

async fn expired_keys_are_swept(store: AnyStore) {
    let keyed = |n: u64, expires_at: Timestamp| {
        new_with("j", |new| {
            new.idempotency_key =
                key(&format!("k{n}"), "d").map(|key| IdempotencyKey { expires_at, ..key });
        })
    };
    let short: Vec<_> = (0..5).map(|n| keyed(n, t(10 + n))).collect();
    let long = keyed(9, t(500));
    store.enqueue(short.clone()).await.unwrap();
    store.enqueue(vec![long.clone()]).await.unwrap();
    let calls = swept(&store, Leftover::IdempotencyKeys, t(13)).await;
    assert_eq!(calls, [2, 2], "bounded calls; the key of t(14) stays");
    let late = |n, expires_at| NewExecution {
        created_at: t(13),
        ..keyed(n, expires_at)
    };
    let again = vec![late(0, t(500)), late(4, t(500)), late(9, t(500))];
    let answers = store.enqueue(again).await.unwrap();
    assert_eq!(
        answers,
        [
            EnqueueAnswer::Created,
            EnqueueAnswer::Replayed(short[4].id),
            EnqueueAnswer::Replayed(long.id),
        ]
    );
}

async fn closed_sessions_are_swept(store: AnyStore) {
    let done = running(&store, "done").await;
    settle(&store, success(&done)).await;
    store.close_session(done.fence.session).await.unwrap();
    let idle = session(&store, "idle").await;
    store.close_session(idle).await.unwrap();
    let open = running(&store, "open").await;
    // Its session is closed by the take-over, and its lease names it as the executor.
    let lost = running(&store, "lost").await;
    let taken = taken_over(&store, &lost).await;

    assert!(swept(&store, Leftover::Sessions, T0).await.is_empty());
    let calls = swept(&store, Leftover::Sessions, t(9_000)).await;
    assert_eq!(calls.iter().sum::<u64>(), 2, "{calls:?}");
    let read = record(&store, done.execution_id).await;
    assert_eq!(read.attempts.len(), 1, "the attempt is kept");
    assert_eq!(settle(&store, success(&open)).await, WriteAnswer::Settled);
    let worker = record(&store, lost.execution_id).await.attempts[0]
        .worker
        .clone();
    assert_eq!(worker, "worker", "the session of a running attempt is kept");
    assert_eq!(settle(&store, success(&taken)).await, WriteAnswer::Settled);
    let renewal = store.renew(done.fence.session, t(9_001)).await.unwrap();
    assert_eq!(renewal, Renewal::Lost);
}

async fn unrenewed_publications_are_swept(store: AnyStore) {
    let jobs = [
        publication("used", "old", 1),
        publication("used", "new", 2),
        publication("gone", "x", 2),
        publication("renewed", "old", 1),
        publication("renewed", "new", 2),
    ];
    for job in &jobs {
        store.publish(vec![job.clone()]).await.unwrap();
    }
    enqueue(&store, "used", 1).await;
    let renewed = ["old", "new"].map(|label| ("renewed".to_owned(), format!("renewed-{label}")));
    store
        .renew_publications(renewed.to_vec(), t(100))
        .await
        .unwrap();
    assert!(swept(&store, Leftover::Publications, t(1)).await.is_empty());
    let calls = swept(&store, Leftover::Publications, t(50)).await;
    assert_eq!(calls.iter().sum::<u64>(), 2, "{calls:?}");
    let listed = store.catalogue().await.unwrap();
    assert_eq!(
        listed,
        [jobs[4].clone(), jobs[1].clone()],
        "a renewal changes no time of publication"
    );
    let calls = swept(&store, Leftover::Publications, t(101)).await;
    assert_eq!(calls.iter().sum::<u64>(), 2, "{calls:?}");
}

async fn unused_limits_are_swept(store: AnyStore) {
    // A store may first retire a limit, and delete it in a later sweep.
    let sweeps = async |store: &AnyStore, at: u64| {
        let mut deleted = 0;
        for hours in 0..3 {
            let now = t(at).after(Duration::from_secs(hours * 7_200));
            deleted += swept(store, Leftover::Limits, now)
                .await
                .iter()
                .sum::<u64>();
        }
        deleted
    };
    let mut worker = Worker::new(&store).await;
    let limit = |key: &str| [concurrent(key, 1)];
    let first = enqueue_limited(&store, &limit("a"), 1).await;
    enqueue_limited(&store, &limit("b"), 1).await;
    assert_eq!(sweeps(&store, 10).await, 0, "permits are in use");
    let claimed = worker.take().await;
    assert_eq!(claimed.len(), 2);
    end_all(&store, &claimed).await;
    store.promote(t(5), 10).await.unwrap();
    assert_eq!(sweeps(&store, 10).await, 0, "an operator may retry them");

    assert_eq!(store.delete(first[0]).await.unwrap(), DeleteAnswer::Deleted);
    // The enqueue needs the limit, whose permits the allocator counts first.
    let second = enqueue_limited(&store, &limit("a"), 1).await;
    store.promote(t(6), 10).await.unwrap();
    assert_eq!(sweeps(&store, 10).await, 0, "a new execution names it");
    let claimed = worker.take().await;
    assert_eq!(ids(&claimed), second);
    end_all(&store, &claimed).await;
    store.delete(second[0]).await.unwrap();
    // The next execution with a limit lets the allocator count the permits that came back.
    let other = enqueue_limited(&store, &limit("b"), 1).await;
    store.promote(t(7), 10).await.unwrap();
    assert_eq!(sweeps(&store, 100_000).await, 1, "no execution names `a`");

    let third = enqueue_limited(&store, &limit("a"), 2).await;
    let claimed = worker.take().await;
    assert_eq!(ids(&claimed), [other[0], third[0]], "`a` allows one again");
}

async fn a_turn_is_held_by_one_process(Handles([here, there]): Handles) {
    let turn = |holder: &str, now: u64, urgent: bool| Turn {
        task: "retention".to_owned(),
        holder: holder.to_owned(),
        now: t(now),
        until: t(now + 60),
        latest: t(now + 10_000),
        urgent,
    };
    let answers = at_once(8, |n| {
        let store = if n % 2 == 0 { &here } else { &there }.clone();
        let turn = turn(&format!("w{n}"), 0, false);
        async move { store.take_turn(turn).await.unwrap() }
    });
    let answers = answers.await;
    let holders: Vec<_> = (0..8).filter(|&n| answers[n]).collect();
    assert_eq!(holders.len(), 1, "{answers:?}");
    let holder = format!("w{}", holders[0]);
    let take = async |turn: Turn| there.take_turn(turn).await.unwrap();
    assert!(take(turn(&holder, 30, false)).await, "it keeps its turn");
    assert!(!take(turn("x", 89, true)).await, "the turn is not over");
    let mut other = turn("x", 0, false);
    other.task = "another".to_owned();
    assert!(take(other).await, "each task has its own");
    let end = |holder: &str, until| here.end_turn("retention".into(), holder.into(), t(until));
    end("x", 0).await.unwrap();
    assert!(
        !take(turn("x", 80, true)).await,
        "another process cannot end it"
    );
    end(&holder, 500).await.unwrap();
    assert!(!take(turn("x", 499, false)).await, "the task rests");
    assert!(take(turn("x", 499, true)).await, "unless it is urgent");
    assert!(
        take(turn("y", 559, false)).await,
        "the turn of a dead process ends"
    );
    end("y", 90_000).await.unwrap();
    assert!(take(turn("z", 600, false)).await, "no rest is that long");
}
