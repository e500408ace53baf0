//! Limits in a fleet, with concurrent operators and with transactions that stay open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobs::{AttemptOutcome, ExecutionId, OnConflict, TransactionRef};
use jobs_runtime::store::{
    CancelAnswer, Claimed, DebounceKey, EditAnswer, EnqueueAnswer, ExecutionEdit, Limit, LimitRule,
    Next, Permits, Rate, Reservation, SessionBeat, StoreError, WriteAnswer,
};
use sqlx::{AssertSqlSafe, Connection};
use tests::postgres::Postgres;
use tests::process::wait_for;

use crate::support::{
    T0, all, application, at, claim, concurrent, execute, fleet, limited, new, ready, schema_of,
    session, success, unique,
};

fn end(claimed: &Claimed, outcome: AttemptOutcome, next: Next) -> jobs_runtime::store::Settlement {
    let mut end = success(claimed);
    end.end.outcome = outcome;
    end.next = next;
    end
}

#[tokio::test(flavor = "multi_thread")]
async fn permits_stay_exact_for_every_end_of_an_execution() {
    const PERMITS: usize = 3;
    const TOTAL: usize = 240;
    let server = Postgres::shared();
    let url = server.fresh_url();
    let stores = fleet(&url, 3).await;
    let limits = |n: usize| {
        [
            concurrent(&format!("key {}", n % 7), 2),
            concurrent("", u32::try_from(PERMITS).unwrap()),
        ]
    };
    let batch: Vec<_> = (0..TOTAL).map(|n| limited(&limits(n))).collect();
    let ids: Arc<[ExecutionId]> = batch.iter().map(|new| new.id).collect();
    stores[0].enqueue(batch).await.unwrap();
    let left = Arc::new(AtomicUsize::new(TOTAL));
    let workers = (0..6).map(|n| {
        let store = Arc::clone(&stores[n % 3]);
        let left = Arc::clone(&left);
        async move {
            let session = session(&*store, "worker").await;
            let mut number = 0;
            while left.load(Ordering::SeqCst) > 0 {
                store.promote(at(9), 50).await.unwrap();
                number += 1;
                let mut take = claim(session, number, "job", 2);
                take.now = at(9);
                for claimed in store.claim(take).await.unwrap() {
                    let again = claimed.fence.attempt < 3;
                    let mut settlement = match number % 5 {
                        0 if again => end(&claimed, AttemptOutcome::Released, Next::GiveBack),
                        1 if again => end(&claimed, AttemptOutcome::Failed, Next::RetryAt(at(8))),
                        _ => success(&claimed),
                    };
                    let stuck = number % 4 == 0;
                    settlement.permits = Some(Permits {
                        retained: stuck,
                        ..Permits::default()
                    });
                    let ends = !matches!(settlement.next, Next::GiveBack | Next::RetryAt(_));
                    let settled = store.settle(vec![settlement]).await.unwrap();
                    assert_eq!(settled, [WriteAnswer::Settled]);
                    if ends {
                        left.fetch_sub(1, Ordering::SeqCst);
                    }
                    if stuck {
                        store.release_permits(vec![claimed.fence]).await.unwrap();
                    }
                }
            }
        }
    });
    let operator = {
        let (store, ids) = (Arc::clone(&stores[0]), Arc::clone(&ids));
        let left = Arc::clone(&left);
        async move {
            for (n, id) in ids.iter().enumerate().rev().step_by(3) {
                if n % 2 == 0 {
                    let edit = ExecutionEdit {
                        priority: Some(u8::try_from(n % 100).unwrap()),
                        ..ExecutionEdit::default()
                    };
                    store.edit(*id, edit, at(9)).await.unwrap();
                } else if store.cancel(*id, T0).await.unwrap() == CancelAnswer::Cancelled {
                    left.fetch_sub(1, Ordering::SeqCst);
                }
            }
        }
    };
    let schema = schema_of(&url);
    // In every snapshot: permits of ready, running and ended executions, compared with the limits.
    let beyond = format!(
        "SELECT l.key || ' has ' || COUNT(*) FROM (
             SELECT limits FROM {schema}.ready UNION ALL SELECT limits FROM {schema}.leases
             UNION ALL SELECT limits FROM {schema}.retained_permits
         ) AS p CROSS JOIN LATERAL unnest(p.limits) AS i (id) JOIN {schema}.limits AS l ON l.id = i.id
         GROUP BY l.id HAVING COUNT(*) > l.count"
    );
    let checker = {
        let left = Arc::clone(&left);
        async move {
            let mut checks = 0;
            let mut application = application().await;
            while left.load(Ordering::SeqCst) > 0 {
                let beyond: Vec<String> = sqlx::query_scalar(AssertSqlSafe(beyond.as_str()))
                    .fetch_all(&mut application)
                    .await
                    .unwrap();
                assert!(beyond.is_empty(), "{beyond:?}");
                checks += 1;
            }
            checks
        }
    };
    let (operating, checking) = (tokio::spawn(operator), tokio::spawn(checker));
    all(workers).await;
    operating.await.unwrap();
    assert!(
        checking.await.unwrap() > 10,
        "permits were checked while the executions ran"
    );
    stores[0].promote(at(9), 1_000).await.unwrap();
    let left = server.sql(
        "postgres",
        &format!(
            "SELECT (SELECT SUM(in_use) FROM {schema}.limits), (SELECT COUNT(*) FROM {schema}.blocked), \
             (SELECT COUNT(*) FROM {schema}.permit_events), \
             (SELECT COUNT(*) FROM {schema}.retained_permits), \
             (SELECT COUNT(*) FROM {schema}.ready), (SELECT COUNT(*) FROM {schema}.outcomes)"
        ),
    );
    assert_eq!(
        left,
        format!("0|0|0|0|0|{TOTAL}"),
        "every permit is released"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_blocks_no_enqueue_with_other_keys() {
    let url = Postgres::shared().fresh_url();
    let stores = fleet(&url, 2).await;
    let (here, there) = (&stores[0], &stores[1]);
    let worker = session(&**there, "worker").await;
    let limit = concurrent("", 2);
    let debounced = |key: &str| {
        let mut new = new("job");
        new.run_at = Some(at(60));
        new.rules.debounce = Some(DebounceKey {
            key: key.to_owned(),
            delay_ms: 60_000,
            at_most_ms: None,
        });
        new
    };
    let capped = || {
        let mut new = new("capped");
        new.rules.max_waiting = Some(3);
        new
    };
    // A ready, a scheduled and a blocked execution, into which the transaction merges others.
    let mut blocked = unique("blocked", OnConflict::Replace);
    blocked.rules.limits = vec![concurrent("full", 1)];
    let mut before = vec![
        unique("ready", OnConflict::Replace),
        debounced("scheduled"),
        blocked.clone(),
    ];
    before.insert(2, limited(&blocked.rules.limits));
    here.enqueue(before).await.unwrap();
    here.promote(T0, 100).await.unwrap();
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    blocked.id = new("job").id;
    let inside = vec![
        limited(std::slice::from_ref(&limit)),
        limited(&[concurrent("new", 1)]),
        unique("inside", OnConflict::Skip),
        debounced("inside"),
        capped(),
        unique("ready", OnConflict::Replace),
        debounced("scheduled"),
        blocked,
    ];
    let answers = here
        .enqueue_in(TransactionRef::Postgres(&mut tx), inside)
        .await
        .unwrap();
    let merged = |answer: &&EnqueueAnswer| matches!(answer, EnqueueAnswer::Merged(_));
    assert_eq!(answers.iter().filter(merged).count(), 3);

    // An enqueue that waited for a lock would fail after 5 s.
    let others = vec![
        limited(std::slice::from_ref(&limit)),
        limited(&[concurrent("new", 4)]),
        unique("outside", OnConflict::Reject),
        debounced("outside"),
        capped(),
    ];
    there.enqueue(others).await.unwrap();
    let rejected = there.enqueue((0..3).map(|_| capped()).collect()).await;
    assert!(
        matches!(rejected, Err(StoreError::QueueFull { .. })),
        "the committed backlog is counted: {rejected:?}"
    );
    there.promote(T0, 100).await.unwrap();
    let taken = there.claim(claim(worker, 1, "job", 100)).await.unwrap();
    assert_eq!(
        taken.len(),
        4,
        "one of each limit that has permits, and one without"
    );
    let settled = there.settle(taken.iter().map(success).collect()).await;
    assert_eq!(settled.unwrap(), [WriteAnswer::Settled; 4]);
    there.promote(T0, 100).await.unwrap();
    let zoo = Limit {
        rule: LimitRule::Rate(Rate {
            count: 1,
            period_ms: 1_000,
        }),
        ..concurrent("zoo", 1)
    };
    let reserved = there.reserve(zoo, 1, T0, at(9)).await.unwrap();
    assert_eq!(reserved, Reservation::At(T0));
    // Rows that the transaction has locked are skipped, and the next promotion is not due at once.
    let promotion = there.promote(at(60), 100).await.unwrap();
    assert!(promotion.next_due > Some(at(60)), "{promotion:?}");
    tx.commit().await.unwrap();

    // Two were due and two get permits. Skipped waiters are checked again 1 s later.
    assert_eq!(there.promote(at(60), 100).await.unwrap().promoted, 4);
    let mut order = Vec::new();
    for number in 2..9 {
        let mut take = claim(worker, number, "job", 100);
        take.now = at(60);
        there.promote(at(62), 100).await.unwrap();
        let taken = there.claim(take).await.unwrap();
        order.extend(taken.iter().map(|claimed| claimed.execution_id));
        there
            .settle(taken.iter().map(success).collect())
            .await
            .unwrap();
    }
    assert_eq!(order.len(), 8, "every waiting execution has run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_retained_by_a_closed_session_is_released() {
    let url = Postgres::shared().fresh_url();
    let store = ready(&url).await;
    let (dead, rescuer) = (
        session(&*store, "dead").await,
        session(&*store, "rescuer").await,
    );
    let limit = concurrent("", 1);
    let batch = (0..2).map(|_| limited(std::slice::from_ref(&limit)));
    store.enqueue(batch.collect()).await.unwrap();
    store.promote(T0, 100).await.unwrap();
    let taken = store.claim(claim(dead, 1, "job", 9)).await.unwrap();
    // Closed by a take-over that has moved no lease yet.
    let beats = store.sessions().await.unwrap();
    let beat: SessionBeat = beats.into_iter().find(|it| it.session == dead).unwrap();
    let moved = store.take_over(beat, claim(rescuer, 1, "job", 0)).await;
    assert!(moved.unwrap().is_empty());
    let mut stuck = end(&taken[0], AttemptOutcome::TimedOut, Next::Fail);
    stuck.permits = Some(Permits {
        retained: true,
        ..Permits::default()
    });
    assert_eq!(
        store.settle(vec![stuck]).await.unwrap(),
        [WriteAnswer::Settled]
    );
    assert_eq!(store.promote(T0, 100).await.unwrap().promoted, 1);
}

/// A settlement that began before an execution was blocked cannot see the waiter and sends no
/// event.
#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_concurrent_with_a_new_waiter_is_covered_by_a_recheck() {
    let url = Postgres::shared().fresh_url();
    let stores = fleet(&url, 2).await;
    let (here, there) = (&stores[0], &stores[1]);
    let worker = session(&**there, "worker").await;
    let limit = concurrent("", 1);
    let one = || vec![limited(std::slice::from_ref(&limit))];
    here.enqueue(one()).await.unwrap();
    let taken = there.claim(claim(worker, 1, "job", 9)).await.unwrap();

    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    let row = format!(
        "SELECT 1 FROM {}.leases WHERE seq = {} FOR UPDATE",
        schema_of(&url),
        taken[0].fence.row
    );
    execute(&mut tx, row).await;
    let ending = tokio::spawn({
        let (there, end) = (Arc::clone(there), success(&taken[0]));
        async move {
            // A settlement that waits for a lock for too long is repeated.
            let mut answer = WriteAnswer::Locked;
            while answer == WriteAnswer::Locked {
                answer = there.settle(vec![end.clone()]).await.unwrap()[0];
            }
            answer
        }
    });
    let schema = schema_of(&url);
    let waits = format!(
        "SELECT COUNT(*) FROM pg_stat_activity \
         WHERE wait_event_type = 'Lock' AND query LIKE '%\"{schema}\".leases%'"
    );
    wait_for("the settlement to wait", || {
        Postgres::shared().sql("postgres", &waits) == "1"
    });
    here.enqueue(one()).await.unwrap();
    let promotion = here.promote(T0, 100).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(ending.await.unwrap(), WriteAnswer::Settled);
    assert_eq!(promotion.promoted, 0);
    let again = promotion.next_due.expect("permits are checked again");
    assert!(again <= T0.after(Duration::from_secs(1)), "{again:?}");
    assert_eq!(here.promote(again, 100).await.unwrap().promoted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_edits_and_promotions_lose_no_permit() {
    let url = Postgres::shared().fresh_url();
    let stores = fleet(&url, 2).await;
    for round in 0..60 {
        let mut batch: Vec<_> = (0..4).map(|_| limited(&[concurrent("", 9)])).collect();
        for new in batch.iter_mut().step_by(2) {
            new.run_at = Some(at(1));
        }
        let ids: Vec<_> = batch.iter().map(|new| new.id).collect();
        stores[0].enqueue(batch).await.unwrap();
        let editing = async {
            for (n, id) in ids.iter().enumerate() {
                let edit = ExecutionEdit {
                    priority: Some(u8::try_from(n * 20).unwrap()),
                    ..ExecutionEdit::default()
                };
                let answer = stores[0].edit(*id, edit, at(1)).await.unwrap();
                assert_eq!(answer, EditAnswer::Changed);
            }
        };
        let (promoted, ()) = tokio::join!(stores[1].promote(at(1), 100), editing);
        promoted.unwrap();
        for id in ids {
            let answer = stores[0].cancel(id, T0).await.unwrap();
            assert_eq!(answer, CancelAnswer::Cancelled, "round {round}");
        }
    }
    stores[0].promote(at(1), 100).await.unwrap();
    let in_use = format!("SELECT SUM(in_use) FROM {}.limits", schema_of(&url));
    assert_eq!(Postgres::shared().sql("postgres", &in_use), "0");
}
