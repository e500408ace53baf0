//! Gauges of the fleet.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "telemetry" {
    gauges_count_waiting_and_running_executions: "The gauges of a queue are its counts, and the time since which its next execution is ready: that of its creation, of its delay, or of its retry.",
    permits_in_use_are_summed_by_job: "The permits in use of `max_concurrent` are summed over the keys of a job. Limits without permits in use are left out.",
}}

async fn gauges_count_waiting_and_running_executions(store: AnyStore) {
    assert_eq!(store.gauges().await.unwrap(), StoreGauges::default());
    let in_queue = |queue: &str, priority, created_at| {
        new_with("j", |new| {
            new.queue = queue.to_owned();
            new.priority = priority;
            new.created_at = created_at;
        })
    };
    let batch = vec![
        in_queue("a", 50, t(3)),
        in_queue("a", 10, t(2)),
        in_queue("a", 50, t(1)),
        in_queue("b", 50, t(9)),
    ];
    store.enqueue(batch).await.unwrap();
    let since = async || {
        let gauges = store.gauges().await.unwrap();
        let queues = gauges.queues.into_iter();
        let shown = queues.map(|of| (of.record.queue, of.record.ready, of.ready_since));
        shown.collect::<Vec<_>>()
    };
    let (a, b) = ("a".to_owned(), "b".to_owned());
    // The first of priority 50 is ready since 3 s, the one of priority 10 since 2 s.
    let expected = [(a, 3, Some(t(2))), (b.clone(), 1, Some(t(9)))];
    assert_eq!(since().await, expected);

    let session = session(&store, "w").await;
    let all = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    assert!(
        since()
            .await
            .iter()
            .all(|(_, ready, since)| (*ready, *since) == (0, None))
    );
    let of_b = all.iter().find(|one| one.queue == b).unwrap();
    let retry = Next::RetryAt(t(20));
    let failed = settlement(of_b, AttemptOutcome::Failed, retry);
    store.settle(vec![failed]).await.unwrap();
    store.promote(t(21), 9).await.unwrap();
    assert!(since().await.contains(&(b, 1, Some(t(20)))));
    assert_eq!(store.queues().await.unwrap()[0].running, 3);
}

async fn permits_in_use_are_summed_by_job(store: AnyStore) {
    let limited = |job: &str, key: &str| {
        let limit = Limit {
            key: format!("{job}/concurrent/{key}"),
            job_id: job.to_owned(),
            rule: LimitRule::Concurrent { count: 2 },
        };
        new_with(job, |new| new.rules.limits = vec![limit])
    };
    let batch = vec![
        limited("a", "x"),
        limited("a", "x"),
        limited("a", "y"),
        limited("b", "x"),
    ];
    store.enqueue(batch).await.unwrap();
    store.promote(t(1), 99).await.unwrap();
    let session = session(&store, "w").await;
    let all = store
        .claim(claim(session, 1, &["a", "b"], 9))
        .await
        .unwrap();
    assert_eq!(all.len(), 4);
    let permits = async || {
        let permits = store.gauges().await.unwrap().permits.into_iter();
        permits.map(|of| (of.job_id, of.in_use)).collect::<Vec<_>>()
    };
    assert_eq!(permits().await, [("a".to_owned(), 3), ("b".to_owned(), 1)]);
    let ends = all.iter().map(|one| {
        settlement(
            one,
            AttemptOutcome::Succeeded,
            Next::Succeed("1".to_owned()),
        )
    });
    store.settle(ends.collect()).await.unwrap();
    store.promote(t(2), 99).await.unwrap();
    assert_eq!(permits().await, []);
}
