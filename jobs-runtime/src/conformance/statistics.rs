//! Statistics: recent outcomes, and the list of limits.

use std::time::Duration;

use super::fixtures::*;
use super::limit_fixtures::*;
use super::requirement::requirements;

requirements! { "statistics" {
    recent_outcomes_are_the_newest_final_executions: "`recent_outcomes` returns the newest final executions up to its limit, of all jobs or of one.",
    waiters_of_a_limit_are_listed_in_order: "`limit_waiters` lists the executions that wait for a permit of a limit in the order in which they get it, up to its limit.",
    limits_are_listed_with_permits_and_waiters: "`limits` lists limits by job, with their permits in use and the executions that wait for one.",
}}

async fn recent_outcomes_are_the_newest_final_executions(store: AnyStore) {
    let session = session(&store, "w").await;
    enqueue(&store, "j", 3).await;
    for number in 1..=2 {
        let claimed = claim_one(&store, session, number).await;
        let end = if number == 1 {
            success(&claimed)
        } else {
            failure(&claimed)
        };
        settle(&store, end).await;
    }
    let other = enqueue(&store, "other", 1).await[0];
    store.cancel(other, t(9)).await.unwrap();
    let all = store.recent_outcomes(None, 9).await.unwrap();
    let mut statuses: Vec<_> = all.iter().map(|one| (&*one.job_id, one.status)).collect();
    statuses.sort_by_key(|(job, status)| (job.to_string(), status.as_str()));
    assert_eq!(
        statuses,
        [
            ("j", ExecutionStatus::Failed),
            ("j", ExecutionStatus::Succeeded),
            ("other", ExecutionStatus::Cancelled),
        ]
    );
    let newest = store.recent_outcomes(None, 1).await.unwrap();
    assert_eq!(
        newest,
        [RecentOutcome {
            job_id: "other".to_owned(),
            status: ExecutionStatus::Cancelled,
            attempt: 0,
            created_at: T0,
            due_at: T0,
            started_at: None,
            finished_at: t(9),
        }]
    );
    let of_job = store
        .recent_outcomes(Some("j".to_owned()), 9)
        .await
        .unwrap();
    assert_eq!(of_job.len(), 2);
    for one in of_job {
        assert_eq!((one.attempt, one.started_at), (1, Some(t(1))));
        assert_eq!(one.finished_at, t(3));
    }
    let none = store.recent_outcomes(Some("none".to_owned()), 9).await;
    assert_eq!(none.unwrap(), []);
}

async fn limits_are_listed_with_permits_and_waiters(store: AnyStore) {
    let two = concurrent("k", 2);
    enqueue_limited(&store, &[two], 5).await;
    let hourly = rate("r", 1, Duration::from_secs(3_600));
    enqueue_limited(&store, &[hourly], 2).await;
    let mut worker = Worker::new(&store).await;
    assert_eq!(worker.take().await.len(), 3);
    let listed = store.limits(None, 9).await.unwrap();
    let mut listed: Vec<_> = listed
        .iter()
        .map(|limit| (&*limit.key, limit.count, limit.waiting, limit.period_ms))
        .collect();
    listed.sort_unstable();
    assert_eq!(
        listed,
        [
            ("j/concurrent/k", 2, 3, None),
            ("j/rate/r", 1, 1, Some(3_600_000)),
        ]
    );
    let of_job = store.limits(Some("j".to_owned()), 9).await.unwrap();
    let concurrent = of_job.iter().find(|limit| limit.kind == "concurrent");
    let concurrent = concurrent.expect("it is listed");
    assert_eq!((concurrent.in_use, concurrent.paused_until), (2, None));
    assert_eq!(store.limits(None, 1).await.unwrap().len(), 1);
    let none = store.limits(Some("none".to_owned()), 9).await.unwrap();
    assert_eq!(none, []);
}

async fn waiters_of_a_limit_are_listed_in_order(store: AnyStore) {
    let ids = enqueue_limited(&store, &[concurrent("k", 1)], 4).await;
    let mut worker = Worker::new(&store).await;
    assert_eq!(worker.take().await.len(), 1);
    let waiters = |key: &str, limit| store.limit_waiters(key.to_owned(), limit);
    let key = store.limits(None, 1).await.unwrap().remove(0).key;
    assert_eq!(waiters(&key, 9).await.unwrap(), ids[1..]);
    assert_eq!(waiters(&key, 2).await.unwrap(), ids[1..3]);
    assert_eq!(waiters("none", 9).await.unwrap(), []);
}
