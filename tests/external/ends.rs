//! Ends of attempts whose lease another transaction locks, and ends without a caller.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::time::Duration;

use jobs::AttemptOutcome;
use jobs_runtime::Runtime;
use serde_json::{Value, json};
use tests::http::{self, Answer};
use tests::postgres::{BackgroundSql, Postgres};
use tests::process::wait_for;

use super::python_worker::Site;

/// Leases an execution of `job` and returns the path of its lease.
fn lease(address: SocketAddr, job: &str, payload: &Value) -> String {
    http::trigger(address, job, payload);
    let poll = json!({"workerId": "by-hand", "jobs": [job], "waitMs": 20_000});
    let poll = http::post(address, "/api/v1/workers/leases", &poll.to_string());
    let token = poll.body["leases"][0]["token"].as_str();
    format!("/api/v1/workers/leases/{}", token.expect("a lease"))
}

fn fail(address: SocketAddr, lease: &str, message: &str) -> Answer {
    let body = json!({ "message": message });
    http::post(address, &format!("{lease}/fail"), &body.to_string())
}

/// A transaction that locks every lease of a schema until it is dropped.
fn lock_leases(url: &str) -> BackgroundSql {
    let schema = url.rsplit('=').next().unwrap();
    let server = Postgres::shared();
    let lock = format!("SELECT FROM {schema}.leases FOR UPDATE; SELECT pg_sleep(600);");
    let transaction = server.sql_in_background("postgres", &lock);
    let is_locked = format!(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE wait_event = 'PgSleep' AND query LIKE 'SELECT FROM {schema}.leases%'"
    );
    wait_for("the lock", || server.sql("postgres", &is_locked) == "1");
    transaction
}

/// Ends the transactions that lock leases of a schema. The end of their client does not.
fn unlock_leases(url: &str) {
    let schema = url.rsplit('=').next().unwrap();
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE query LIKE 'SELECT FROM {schema}.leases%' AND pid <> pg_backend_pid()"
    );
    Postgres::shared().sql("postgres", &end);
}

#[test]
fn a_lease_that_stays_locked_is_no_lost_lease() {
    let url = Postgres::shared().fresh_url();
    let site = Site::start(url.clone(), "2m");
    let lease = lease(site.address, "kit.work", &json!({"mode": "echo"}));
    let _transaction = lock_leases(&url);
    let answer = fail(site.address, &lease, "once");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.body["code"], "store_unavailable");
    unlock_leases(&url);
    let answer = fail(site.address, &lease, "once");
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// A runtime whose `on_finish` hook sends the ends to a channel.
macro_rules! runtime_with_hook {
    ($database:expr, $sender:expr) => {
        Runtime::builder()
            .database($database)
            .workers(false)
            .bind(([127, 0, 0, 1], 0).into())
            .on_finish(move |end| $sender.send(end.clone()).unwrap())
            .start()
            .await
            .unwrap()
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_calls_the_hooks_although_its_worker_has_gone() {
    let url = Postgres::shared().fresh_url();
    let (sender, ended) = channel();
    let runtime = runtime_with_hook!(&url, sender);
    let address = runtime.address().unwrap();
    let end = tokio::task::spawn_blocking(move || {
        let lease = lease(address, "kit.work", &json!({"mode": "echo"}));
        let _transaction = lock_leases(&url);
        let mut worker = TcpStream::connect(address).unwrap();
        let body = r#"{"message": "gone"}"#;
        let length = body.len();
        let request = format!(
            "POST {lease}/fail HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        worker.write_all(request.as_bytes()).unwrap();
        let schema = url.rsplit('=').next().unwrap().to_owned();
        let waits = format!(
            "SELECT count(*) FROM pg_stat_activity AS a \
             JOIN pg_stat_activity AS b ON b.pid = ANY(pg_blocking_pids(a.pid)) \
             WHERE b.query LIKE 'SELECT FROM {schema}.leases%'"
        );
        wait_for("the settlement to wait for the lock", || {
            Postgres::shared().sql("postgres", &waits) != "0"
        });
        drop(worker);
        unlock_leases(&url);
        ended.recv_timeout(Duration::from_secs(60)).unwrap()
    });
    let end = end.await.unwrap();
    assert_eq!(end.outcome, AttemptOutcome::Failed);
    assert_eq!(end.error.unwrap().message, "gone");
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_get_no_sensitive_value_that_a_worker_quotes() {
    let (sender, ended) = channel();
    let runtime = runtime_with_hook!("sqlite::memory:", sender);
    let address = runtime.address().unwrap();
    let end = tokio::task::spawn_blocking(move || {
        let lease = lease(address, "test.secret", &json!({"token": "hunter2-4711"}));
        let answer = fail(address, &lease, "hunter2-4711 was refused");
        assert_eq!(answer.status, 200, "{answer:?}");
        ended.recv_timeout(Duration::from_secs(60)).unwrap()
    });
    let end = end.await.unwrap();
    assert_eq!(end.error.unwrap().message, "••• was refused");
    runtime.shutdown().await;
}
