//! Locks of other transactions.

use std::sync::Arc;
use std::time::Duration;

use jobs::{JobContext, JobError, OnConflict, Progress, ScheduleRule, TransactionRef, job};
use jobs_runtime::store::{
    Claimed, EnqueueAnswer, LogBatch, LogLevel, LogLine, ProgressReport, Renewal, StoreError,
    WriteAnswer,
};
use jobs_runtime::{EngineConfig, NewSchedule, Runtime};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tests::jobs::Wait;
use tests::postgres::Postgres;
use tests::process::{now, wait_for};

use crate::support::{
    AT_MOST, T0, application, claim, concurrent, keyed, limited, new, ready, schema_of, session,
    success, unique,
};

/// Reports progress until it is cancelled.
#[job(id = "locks.steps", timeout = "10m", retries = 0)]
async fn steps(ctx: &JobContext) -> Result<(), JobError> {
    for step in 0_u32.. {
        ctx.progress(f64::from(step % 100), "stepping");
        tracing::info!(step, "a step");
        ctx.sleep(Duration::from_millis(10)).await?;
        ctx.check()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_locked_by_a_transaction_blocks_no_other_enqueue() {
    let store = ready(&Postgres::shared().fresh_url()).await;
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    let joined = TransactionRef::Postgres(&mut tx);
    store
        .enqueue_in(joined, vec![keyed("job", "k")])
        .await
        .unwrap();

    let waiting = store.enqueue(vec![keyed("job", "k")]);
    let others = async {
        for _ in 0..20 {
            store.enqueue(vec![new("job")]).await.unwrap();
        }
    };
    let (waited, ()) = tokio::join!(waiting, others);
    match waited {
        Err(StoreError::Unavailable { reason, .. }) => {
            assert!(reason.contains("holds a lock"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    tx.rollback().await.unwrap();
    store.enqueue(vec![keyed("job", "k")]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_waits_for_the_transaction_that_ends_the_same_attempt() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let store = ready(&url).await;
    let session = session(&*store, "worker").await;
    store.enqueue(vec![new("job")]).await.unwrap();
    let claimed = store.claim(claim(session, 1, "job", 1)).await.unwrap();
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    let joined = TransactionRef::Postgres(&mut tx);
    let answer = store.settle_in(joined, success(&claimed[0])).await.unwrap();
    assert_eq!(answer, WriteAnswer::Settled);

    let engine = store.settle(vec![success(&claimed[0])]);
    let handler = async {
        // Renewals do not queue behind a settlement that waits.
        for _ in 0..20 {
            assert_eq!(store.renew(session, T0).await.unwrap(), Renewal::Renewed);
        }
        let waiting = format!(
            "SELECT COUNT(*) FROM pg_stat_activity
             WHERE wait_event_type = 'Lock' AND query LIKE '%\"{}\".leases%'",
            schema_of(&url)
        );
        wait_for("the settlement to wait for the lease", || {
            server.sql("postgres", &waiting) == "1"
        });
        tx.commit().await.unwrap();
    };
    let (settled, ()) = tokio::join!(engine, handler);
    assert_eq!(settled.unwrap(), [WriteAnswer::AlreadyMine]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_transactions_with_the_same_key_do_not_wait_forever() {
    let store = ready(&Postgres::shared().fresh_url()).await;
    let (mut one, mut other) = (application().await, application().await);
    let mut first = one.begin().await.unwrap();
    let joined = TransactionRef::Postgres(&mut first);
    let batch = vec![keyed("job", "k")];
    store.enqueue_in(joined, batch).await.unwrap();

    // If both belong to one handler, the server cannot detect the deadlock.
    let mut second = other.begin().await.unwrap();
    let joined = TransactionRef::Postgres(&mut second);
    let waiting = store.enqueue_in(joined, vec![keyed("job", "k")]);
    let waited = tokio::time::timeout(AT_MOST, waiting).await;
    match waited.expect("an answer comes") {
        Err(StoreError::Transaction(reason)) => {
            assert!(reason.contains("holds a lock"), "{reason}");
        }
        other => panic!("{other:?}"),
    }

    // The transaction and its settings are unchanged.
    let lock_timeout = "SELECT current_setting('lock_timeout')";
    let left: String = sqlx::query_scalar(lock_timeout)
        .fetch_one(&mut *second)
        .await
        .unwrap();
    assert_eq!(left, "0");
    first.rollback().await.unwrap();
    let joined = TransactionRef::Postgres(&mut second);
    let answers = store.enqueue_in(joined, vec![keyed("job", "k")]).await;
    assert_eq!(answers.unwrap(), [EnqueueAnswer::Created]);
    let left: String = sqlx::query_scalar(lock_timeout)
        .fetch_one(&mut *second)
        .await
        .unwrap();
    assert_eq!(left, "0");
    second.commit().await.unwrap();
}

fn one_line(claimed: &Claimed) -> LogBatch {
    let line = LogLine {
        line: 1,
        at: T0,
        level: LogLevel::Info,
        target: "locks".to_owned(),
        message: "a line".to_owned(),
        fields: None,
    };
    LogBatch {
        fence: claimed.fence,
        lines: vec![Arc::new(line)],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_lease_delays_no_progress_and_no_log_of_another_attempt() {
    let store = ready(&Postgres::shared().fresh_url()).await;
    let worker = session(&*store, "worker").await;
    let batch = (0..10).map(|_| new("job")).collect();
    store.enqueue(batch).await.unwrap();
    let claimed = store.claim(claim(worker, 1, "job", 10)).await.unwrap();
    // In the middle: leases before and after it are free.
    let ending = &claimed[5];
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    let joined = TransactionRef::Postgres(&mut tx);
    store.settle_in(joined, success(ending)).await.unwrap();

    let expected: Vec<_> = (0..10)
        .map(|n| match n {
            5 => WriteAnswer::Locked,
            _ => WriteAnswer::Settled,
        })
        .collect();
    let reports = claimed.iter().map(|claimed| ProgressReport {
        fence: claimed.fence,
        progress: Progress {
            percent: 50,
            message: None,
        },
    });
    assert_eq!(store.report(reports.collect()).await.unwrap(), expected);
    let lines = claimed.iter().map(one_line);
    assert_eq!(store.append_logs(lines.collect()).await.unwrap(), expected);
    for other in claimed.iter().filter(|other| other.fence != ending.fence) {
        let settled = store.settle(vec![success(other)]).await.unwrap();
        assert_eq!(settled, [WriteAnswer::Settled]);
    }
    tx.commit().await.unwrap();
    // The session has ended the attempt itself, and may add to its log.
    let answers = store.append_logs(vec![one_line(ending)]).await.unwrap();
    assert_eq!(answers, [WriteAnswer::AlreadyMine]);
}

#[tokio::test(flavor = "multi_thread")]
async fn enqueues_with_keys_do_not_fail_with_one_that_waits() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let store = ready(&url).await;
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    let joined = TransactionRef::Postgres(&mut tx);
    let kept = vec![keyed("job", "kept")];
    store.enqueue_in(joined, kept).await.unwrap();

    let call = |key: String| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.enqueue(vec![keyed("job", &key)]).await })
    };
    // While the first one waits, the others become pending, one with the same key among them.
    let first = call("kept".to_owned());
    let schema = schema_of(&url);
    let waiting = format!(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
         AND query LIKE '%\"{schema}\".idempotency_keys%'"
    );
    wait_for("the first to wait", || {
        server.sql("postgres", &waiting) == "1"
    });
    let others: Vec<_> = (0..40).map(|n| call(format!("k{n}"))).collect();
    let second = call("kept".to_owned());
    for other in others {
        assert_eq!(other.await.unwrap().unwrap(), [EnqueueAnswer::Created]);
    }
    for waiting in [first, second] {
        assert!(waiting.await.unwrap().is_err());
    }
    tx.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_locked_by_other_transactions_are_skipped() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let schema = schema_of(&url);
    let store = ready(&url).await;
    let worker = session(&*store, "worker").await;
    let mut application = application().await;

    let batch: Vec<_> = (0..4).map(|_| new("job")).collect();
    let ids: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    let mut tx = application.begin().await.unwrap();
    let head = format!("SELECT 1 FROM {schema}.ready ORDER BY rank, seq LIMIT 1 FOR UPDATE");
    sqlx::query(AssertSqlSafe(head))
        .execute(&mut *tx)
        .await
        .unwrap();
    let taken = store.claim(claim(worker, 1, "job", 1)).await.unwrap();
    assert_eq!(taken[0].execution_id, ids[1]);
    let mut only = claim(worker, 2, "job", 2);
    only.only = vec![ids[0], ids[2]];
    let taken = store.claim(only).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].execution_id, ids[2]);
    tx.rollback().await.unwrap();

    let due = T0.after(Duration::from_secs(1));
    let later = || {
        let mut later = new("job");
        later.run_at = Some(due);
        later
    };
    store.enqueue(vec![later(), later()]).await.unwrap();
    let mut tx = application.begin().await.unwrap();
    let first = format!("SELECT 1 FROM {schema}.scheduled ORDER BY seq LIMIT 1 FOR UPDATE");
    sqlx::query(AssertSqlSafe(first))
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(store.promote(due, 10).await.unwrap().promoted, 1);
    tx.rollback().await.unwrap();
    assert_eq!(store.promote(due, 10).await.unwrap().promoted, 1);
}

/// Calls that bring a locked key keep coming while others are measured.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_key_delays_no_other_key_and_no_limit() {
    let store = ready(&Postgres::shared().fresh_url()).await;
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    for locked in [keyed("job", "locked"), unique("locked", OnConflict::Skip)] {
        let joined = TransactionRef::Postgres(&mut tx);
        store.enqueue_in(joined, vec![locked]).await.unwrap();
    }

    let call = |new| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.enqueue(vec![new]).await })
    };
    // On a busy machine an enqueue takes long without any lock.
    let mut undisturbed = Vec::new();
    for n in 0..100 {
        let begun = now();
        let other = keyed("job", &format!("before-{n}"));
        store.enqueue(vec![other]).await.unwrap();
        undisturbed.push(begun.elapsed());
    }
    undisturbed.sort_unstable();
    let undisturbed = undisturbed[undisturbed.len() * 9 / 10];

    let mut waiting = Vec::new();
    let mut times = Vec::new();
    for n in 0..100 {
        if n % 5 == 0 {
            waiting.push(call(keyed("job", "locked")));
            waiting.push(call(unique("locked", OnConflict::Skip)));
        }
        let others = [
            keyed("job", &format!("k{n}")),
            unique(&format!("u{n}"), OnConflict::Skip),
            limited(&[concurrent(&format!("l{}", n % 3), 1)]),
        ];
        for other in others {
            let begun = now();
            let answers = store.enqueue(vec![other]).await.unwrap();
            assert_eq!(answers, [EnqueueAnswer::Created]);
            times.push(begun.elapsed());
        }
    }
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    let slowest = times[times.len() - 1];
    assert!(
        p99 < Duration::from_millis(500) + undisturbed * 4,
        "p99 {p99:?}, slowest {slowest:?} of {} enqueues; {undisturbed:?} before",
        times.len()
    );
    // Those that still wait are answered soon after the end of the transaction.
    tx.rollback().await.unwrap();
    let late = store.enqueue(vec![keyed("job", "locked")]).await.unwrap();
    assert_eq!(late.len(), 1);
    for waiting in waiting {
        let waited = tokio::time::timeout(AT_MOST, waiting).await;
        let answer = waited.expect("an answer comes").unwrap();
        assert!(
            matches!(&answer, Ok(_) | Err(StoreError::Unavailable { .. })),
            "{answer:?}"
        );
    }
}

/// The lease of one attempt is locked, as by a handler that keeps `succeed_in` open.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_lease_delays_no_cancellation_of_another_attempt() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let runtime = Runtime::builder().database(&*url).start().await.unwrap();
    let jobs = runtime.client();
    let stepping = jobs.enqueue(Steps::new()).await.unwrap();
    let waits = jobs.enqueue(Wait::new()).await.unwrap();
    let schema = schema_of(&url);
    let running = format!("SELECT COUNT(*) FROM \"{schema}\".leases WHERE progress_message <> ''");
    wait_for("both to report progress", || {
        server.sql("postgres", &running) == "2"
    });
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    let lock = format!(
        "SELECT 1 FROM \"{schema}\".leases AS l JOIN \"{schema}\".executions AS x USING (seq)
         WHERE x.job_id = 'locks.steps' FOR UPDATE OF l"
    );
    sqlx::query(AssertSqlSafe(lock))
        .execute(&mut *tx)
        .await
        .unwrap();
    let begun = now();
    runtime.store().cancel(waits.id(), T0).await.unwrap();
    let ended = waits.result().await;
    let took = begun.elapsed();
    assert!(ended.is_err(), "{ended:?}");
    assert!(took < Duration::from_secs(1), "cancelled after {took:?}");

    tx.rollback().await.unwrap();
    runtime.store().cancel(stepping.id(), T0).await.unwrap();
    assert!(stepping.result().await.is_err());
}

#[job(id = "locks.scheduled", unique = (by = ["name"]))]
async fn scheduled(name: String) -> Result<(), JobError> {
    tracing::info!(name, "executed");
    Ok(())
}

/// An open transaction holds the unique keys of two schedules that are due before a third one.
#[tokio::test(flavor = "multi_thread")]
async fn schedules_with_locked_keys_stop_no_other_schedule() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let runtime = Runtime::builder().database(&*url).start().await.unwrap();
    let jobs = runtime.client();
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    for name in ["a", "b"] {
        let held = jobs.enqueue(Scheduled::new(name.to_owned()));
        held.tx(&mut tx).await.unwrap();
    }
    for name in ["a", "b", "c"] {
        let new = NewSchedule {
            name: name.to_owned(),
            job_id: "locks.scheduled".to_owned(),
            rule: ScheduleRule::new("* * * * * *"),
            payload: Some(format!(r#"{{"name": "{name}"}}"#)),
        };
        runtime.service().create_schedule(new).await.unwrap();
        // The next one is due in a later second.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    let fired = async {
        loop {
            let runs = runtime.store().schedule_runs("c".to_owned(), 1).await;
            if !runs.unwrap().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let fired = tokio::time::timeout(AT_MOST, fired).await;
    fired.expect("the schedule c fires while the keys of a and b are locked");
    tx.rollback().await.unwrap();
    runtime.shutdown().await;
}

#[job(id = "locks.succeed", max_concurrent = 1)]
async fn succeed(ctx: &JobContext, url: String) -> Result<(), JobError> {
    let mut connection = PgConnection::connect(&url).await?;
    let mut tx = connection.begin().await?;
    ctx.succeed_in(&mut tx, &()).await?;
    tx.commit().await?;
    Ok(())
}

/// The event of the returned permit is in the handler's transaction, which notifies no worker.
#[tokio::test(flavor = "multi_thread")]
async fn a_permit_that_a_handlers_transaction_returns_admits_the_next_at_once() {
    let server = Postgres::shared();
    // Polls alone would take minutes.
    let config = EngineConfig {
        poll: Duration::from_secs(60),
        ..EngineConfig::default()
    };
    let runtime = Runtime::builder()
        .database(server.fresh_url())
        .engine(config)
        .start()
        .await
        .unwrap();
    let jobs = runtime.client();
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(
            jobs.enqueue(Succeed::new(server.url("postgres")))
                .await
                .unwrap(),
        );
    }
    let ended = async {
        for execution in all {
            execution.result().await.unwrap();
        }
    };
    // Without the event, each execution waits for maintenance: five seconds.
    let ended = tokio::time::timeout(Duration::from_secs(25), ended).await;
    ended.expect("each execution ends soon after the one before");
    runtime.shutdown().await;
}
