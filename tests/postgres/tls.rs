//! Encrypted connections.

use jobs_runtime::store::open;
use tests::postgres::Postgres;

use super::support::{parsed, ready};

#[tokio::test]
async fn connections_are_encrypted_on_request_and_never_to_a_stranger() {
    let server = Postgres::start();
    let url = server.url("postgres");
    let refused = open(&parsed(&format!("{url}?sslmode=require"))).await;
    let refused = refused.err().expect("it does not encrypt yet").to_string();
    assert!(refused.contains("TLS"), "{refused}");

    server.encrypt();
    let store = ready(&format!("{url}?sslmode=require")).await;
    store.ping().await.unwrap();
    let plain = "SELECT COUNT(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                 WHERE client_port IS NOT NULL AND pid <> pg_backend_pid() AND NOT ssl";
    assert_eq!(server.sql("postgres", plain), "0");

    let stranger = open(&parsed(&format!("{url}?sslmode=verify-full"))).await;
    let stranger = stranger.err().expect("nobody signed it").to_string();
    assert!(stranger.contains("certificate"), "{stranger}");
}
