//! Outages: crashed servers and lost connections.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use jobs_runtime::store::{EnqueueAnswer, Renewal, Store, StoreError, WriteAnswer};
use tests::postgres::Postgres;

use crate::support::{AT_MOST, T0, claim, new, opened, ready, schema_of, session, success};

/// Repeats a call until it succeeds; every error until then must be transient.
macro_rules! until_it_answers {
    ($call:expr) => {{
        let asking = async {
            loop {
                match $call.await {
                    Ok(answer) => break answer,
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let answered = tokio::time::timeout(AT_MOST, asking).await;
        answered.expect("the store answers again")
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pool_survives_a_crash_of_the_server() {
    let server = Postgres::start();
    let store: Arc<dyn Store> = ready(&server.fresh_url()).await;
    let session = session(&*store, "worker").await;
    let first = new("job");
    store.enqueue(vec![first.clone()]).await.unwrap();
    let claimed = store.claim(claim(session, 1, "job", 1)).await.unwrap();
    let [running] = &claimed[..] else {
        panic!("one is claimed");
    };

    server.crash();
    assert!(store.renew(session, T0).await.is_err());
    assert!(store.enqueue(vec![new("job")]).await.is_err());
    assert!(store.claim(claim(session, 2, "job", 1)).await.is_err());
    assert!(store.settle(vec![success(running)]).await.is_err());
    assert!(store.execution(first.id).await.is_err());
    assert!(store.cancel(first.id, T0).await.is_err());
    server.start_again();

    // Acknowledged writes are there, and the same calls succeed.
    assert_eq!(
        until_it_answers!(store.renew(session, T0)),
        Renewal::Renewed
    );
    let settled = until_it_answers!(store.settle(vec![success(running)]));
    assert_eq!(settled, [WriteAnswer::Settled]);
    let again = until_it_answers!(store.enqueue(vec![first.clone()]));
    assert_eq!(again, [EnqueueAnswer::Created]);
    let nothing = until_it_answers!(store.claim(claim(session, 2, "job", 5)));
    assert!(
        nothing.is_empty(),
        "the first was repeated, not created twice"
    );
    until_it_answers!(store.cancel(first.id, T0));
    let record = until_it_answers!(store.execution(first.id)).unwrap();
    assert!(record.status.is_final());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_while_connections_are_idle_causes_no_error() {
    let server = Postgres::start();
    let store: Arc<dyn Store> = ready(&server.fresh_url()).await;
    let session = session(&*store, "worker").await;
    store.enqueue(vec![new("job")]).await.unwrap();
    store.claim(claim(session, 1, "none", 1)).await.unwrap();
    let unknown = new("job").id;
    store.cancel(unknown, T0).await.unwrap();

    server.crash();
    server.start_again();

    assert_eq!(store.renew(session, T0).await.unwrap(), Renewal::Renewed);
    store.enqueue(vec![new("job")]).await.unwrap();
    let claimed = store.claim(claim(session, 2, "job", 5)).await.unwrap();
    assert_eq!(claimed.len(), 2);
    store.cancel(unknown, T0).await.unwrap();
}

/// Sends a signal to a process of the server.
fn signal(name: &str, pid: &str) {
    let status = Command::new("kill").args([name, pid]).status();
    assert!(status.is_ok_and(|status| status.success()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_replaces_a_connection_that_does_not_answer() {
    let server = Postgres::start();
    let url = server.fresh_url();
    let store = ready(&url).await;
    let session = session(&*store, "worker").await;
    assert_eq!(store.renew(session, T0).await.unwrap(), Renewal::Renewed);

    // Simulates a connection whose other end is lost without a message.
    let schema = schema_of(&url);
    let pid = server.sql(
        "postgres",
        &format!(
            "SELECT pid FROM pg_stat_activity WHERE state = 'idle' \
             AND query LIKE '%\"{schema}\".beats SET beat = beat + 1%'"
        ),
    );
    signal("-STOP", &pid);
    let renewed = store.renew(session, T0).await;
    signal("-CONT", &pid);
    assert_eq!(renewed.unwrap(), Renewal::Renewed);
}

#[tokio::test]
async fn a_ping_writes_also_without_any_worker() {
    let server = Postgres::shared();
    let name = server.fresh_database();
    let store = ready(&server.url(&name)).await;
    // A transaction that locks a row writes its id into `xmax`.
    let writer = || server.sql(&name, "SELECT xmax FROM jobs.installation");
    let before = writer();
    store.ping().await.unwrap();
    assert_ne!(writer(), before);

    server.sql(
        &name,
        &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"),
    );
    let store = opened(&server.url(&name)).await;
    match store.ping().await {
        Err(StoreError::Unavailable { reason, .. }) => {
            assert!(reason.contains("read-only"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}
