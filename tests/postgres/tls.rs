//! Encrypted connections.

use jobs_runtime::store::open;
use tests::postgres::Postgres;

use super::support::{parsed, ready};

#[tokio::test]
async fn connections_are_encrypted_on_request_and_certificates_are_verified() {
    let server = Postgres::start();
    let url = server.url("postgres");
    let rejected = open(&parsed(&format!("{url}?sslmode=require"))).await;
    let rejected = rejected
        .err()
        .expect("the server does not encrypt yet")
        .to_string();
    assert!(rejected.contains("TLS"), "{rejected}");

    server.encrypt();
    let store = ready(&format!("{url}?sslmode=require")).await;
    store.ping().await.unwrap();
    let plain = "SELECT COUNT(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                 WHERE client_port IS NOT NULL AND pid <> pg_backend_pid() AND NOT ssl";
    assert_eq!(server.sql("postgres", plain), "0");

    let rejected = open(&parsed(&format!("{url}?sslmode=verify-full"))).await;
    let rejected = rejected
        .err()
        .expect("the certificate is not trusted")
        .to_string();
    assert!(rejected.contains("certificate"), "{rejected}");
}
