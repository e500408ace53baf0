//! Gauges of the fleet.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "telemetry" {
    gauges_count_waiting_and_running_executions: "The gauges of a queue are its counts, and the time since which its next execution is ready: that of its creation, of its delay, or of its retry.",
    points_are_replaced_and_read_in_order: "A point replaces the one of the same series, width, time and source. The points of a series and width are read oldest first, from a time on, up to a limit.",
    expired_points_are_swept: "A sweep deletes points that had expired before its time, and keeps the others.",
    sizes_name_the_tables: "`sizes` returns the bytes of the store, and the tables with their bytes, the largest first.",
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

fn point(series: &str, at: u64, source: &str, value: &str) -> SeriesPoint {
    SeriesPoint {
        series: series.to_owned(),
        width_s: 60,
        at: t(at),
        source: source.to_owned(),
        expires_at: t(at + 100),
        value: value.to_owned(),
    }
}

async fn values(store: &AnyStore, series: &str, since: u64, limit: usize) -> Vec<(u64, String)> {
    let query = SeriesQuery {
        series: series.to_owned(),
        width_s: 60,
        since: t(since),
        limit,
    };
    let points = store.points(query).await.unwrap().into_iter();
    let points = points.map(|(at, value)| (at.since(T0).as_secs(), value));
    points.collect()
}

async fn points_are_replaced_and_read_in_order(store: AnyStore) {
    let mut wide = point("a", 60, "p", "wide");
    wide.width_s = 900;
    let first = vec![
        point("a", 120, "p", "1"),
        point("a", 60, "q", "2"),
        point("a", 60, "p", "3"),
        point("b", 60, "p", "4"),
        wide,
    ];
    store.put_points(first.clone()).await.unwrap();
    store.put_points(first).await.unwrap();
    store
        .put_points(vec![point("a", 60, "q", "5")])
        .await
        .unwrap();
    store.put_points(Vec::new()).await.unwrap();
    let all = [(60, "3"), (60, "5"), (120, "1")].map(|(at, value)| (at, value.to_owned()));
    assert_eq!(values(&store, "a", 0, 9).await, all);
    assert_eq!(values(&store, "a", 0, 2).await, all[..2]);
    assert_eq!(values(&store, "a", 61, 9).await, all[2..]);
    assert_eq!(values(&store, "none", 0, 9).await, []);
}

async fn expired_points_are_swept(store: AnyStore) {
    let points = (0..5).map(|n| point("a", n * 60, "p", "1"));
    store.put_points(points.collect()).await.unwrap();
    let sweep = |limit| Sweep {
        rows: Leftover::Series,
        before: t(221),
        limit,
    };
    // The points of 0, 60 and 120 seconds expire at 100, 160 and 220.
    assert_eq!(store.sweep(sweep(2)).await.unwrap(), 2);
    assert_eq!(store.sweep(sweep(2)).await.unwrap(), 1);
    assert_eq!(store.sweep(sweep(2)).await.unwrap(), 0);
    let left: Vec<_> = values(&store, "a", 0, 9).await;
    assert_eq!(
        left.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [180, 240]
    );
}

async fn sizes_name_the_tables(store: AnyStore) {
    enqueue(&store, "j", 20).await;
    let sizes = store.sizes().await.unwrap();
    assert!(sizes.bytes > 0, "{sizes:?}");
    let table = |table: &TableSize| table.name.ends_with("executions") && table.bytes > 0;
    assert!(sizes.tables.iter().any(table), "{sizes:?}");
    assert!(
        sizes
            .tables
            .is_sorted_by(|one, next| one.bytes >= next.bytes)
    );
}
