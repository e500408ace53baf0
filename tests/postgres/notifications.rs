//! Events of other processes.

use std::time::Duration;

use jobs_runtime::Runtime;
use jobs_runtime::store::StoreEvent;
use tests::jobs::Add;
use tests::postgres::Postgres;

use crate::support::{T0, claim, event, new, ready, schema_of, session, success};

#[tokio::test(flavor = "multi_thread")]
async fn another_process_gets_the_events_with_their_ids() {
    let url = Postgres::shared().fresh_url();
    let (here, there) = (ready(&url).await, ready(&url).await);
    let mut events = there.events();
    // The begin of listening is an event itself.
    event(&mut events, |event| matches!(event, StoreEvent::Elsewhere)).await;

    let execution = new("job");
    let id = execution.id;
    let later = T0.after(Duration::from_secs(60));
    let mut delayed = new("job");
    delayed.run_at = Some(later);
    let delayed_id = delayed.id;
    here.enqueue(vec![execution, delayed]).await.unwrap();
    event(&mut events, StoreEvent::is_ready).await;
    let mut events_again = there.events();

    let session = session(&*here, "worker").await;
    let claimed = here.claim(claim(session, 1, "job", 1)).await.unwrap();
    here.cancel(id, T0).await.unwrap();
    event(&mut events_again, |event| {
        matches!(event, StoreEvent::CancelRequested)
    })
    .await;
    here.settle(vec![success(&claimed[0])]).await.unwrap();
    event(
        &mut events_again,
        |event| matches!(event, StoreEvent::Finished(ids) if ids[..] == [id]),
    )
    .await;
    here.cancel(delayed_id, T0).await.unwrap();
    event(
        &mut events,
        |event| matches!(event, StoreEvent::Scheduled(at) if *at == later),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_listener_tells_subscribers_to_poll() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let store = ready(&url).await;
    let mut events = store.events();
    let anything = |event: &StoreEvent| matches!(event, StoreEvent::Elsewhere);
    event(&mut events, anything).await;
    let schema = schema_of(&url);
    for _ in 0..2 {
        let listener = format!(
            "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE query = 'LISTEN \"jobs:{schema}\"' OR query LIKE '%LISTEN \"jobs:{schema}\"%'
                 AND pid <> pg_backend_pid()"
        );
        server.sql("postgres", &listener);
        event(&mut events, anything).await;
    }
    // It receives notifications again.
    let there = ready(&url).await;
    there.enqueue(vec![new("job")]).await.unwrap();
    event(&mut events, |event| {
        matches!(event, StoreEvent::Elsewhere) || event.is_ready()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_every_process_polls() {
    let url = format!("{}&pgbouncer=true", Postgres::shared().fresh_url());
    let store = ready(&url).await;
    let mut events = store.events();
    event(&mut events, |event| matches!(event, StoreEvent::Elsewhere)).await;
}

/// The number of the server's last transaction that has written.
fn last_write(server: &Postgres) -> u64 {
    let number = server.sql(
        "postgres",
        "SELECT txid_snapshot_xmax(txid_current_snapshot())",
    );
    number.parse().unwrap()
}

/// A worker is told of executions of a job that it does not have.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_writes_nothing_for_jobs_of_others() {
    const TOLD: u64 = 40;
    // The server of its own counts only this test's transactions.
    let server = Postgres::start_with(&["autovacuum=off"]);
    let url = format!("{}?schema=told", server.url("postgres"));
    let runtime = Runtime::builder().database(&*url).start().await.unwrap();
    let (there, observer) = (ready(&url).await, ready(&url).await);
    let mut events = observer.events();
    event(&mut events, |event| matches!(event, StoreEvent::Elsewhere)).await;
    // Connections and prepared statements are there, and the worker is idle.
    let jobs = runtime.client();
    let sum = jobs.enqueue(Add::new(1, 2)).await.unwrap();
    assert_eq!(sum.result().await.ok(), Some(3));

    let before = last_write(&server);
    for _ in 0..TOLD {
        there.enqueue(vec![new("of.another")]).await.unwrap();
        event(
            &mut events,
            |event| matches!(event, StoreEvent::JobsReady(jobs) if jobs[..] == ["of.another"]),
        )
        .await;
    }
    let writes = last_write(&server) - before;
    assert!(
        // An enqueue and its notification are one transaction each.
        (TOLD..TOLD * 2 + TOLD / 2).contains(&writes),
        "{writes} transactions for {TOLD} enqueues"
    );
    let sum = jobs.enqueue(Add::new(2, 3)).await.unwrap();
    assert_eq!(sum.result().await.ok(), Some(5));

    // A claim of these jobs finds nothing and writes nothing.
    let session = session(&*there, "worker").await;
    let before = last_write(&server);
    for number in 1..=10 {
        let claimed = there.claim(claim(session, number, "unknown", 1)).await;
        assert!(claimed.unwrap().is_empty());
    }
    let writes = last_write(&server) - before;
    assert!(writes < 5, "{writes} transactions for 10 claims");
}
