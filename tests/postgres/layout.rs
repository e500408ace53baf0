//! Migrations: the schema and its ledger.

use jobs_runtime::store::{self, StoreError};
use tests::postgres::Postgres;

use crate::support::{opened, parsed, ready, schema_of};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_starts_apply_each_migration_once() {
    let url = Postgres::shared().fresh_url();
    let mut starters = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        starters.spawn(async move { opened(&url).await.migrate().await });
    }
    while let Some(status) = starters.join_next().await {
        let status = status.unwrap().unwrap();
        assert!(status.iter().all(|step| step.applied_at.is_some()));
    }
    let schema = schema_of(&url);
    let count = format!("SELECT COUNT(*), COUNT(DISTINCT version) FROM {schema}.migrations");
    let steps = opened(&url).await.migrations().await.unwrap().len();
    let counted = Postgres::shared().sql("postgres", &count);
    assert_eq!(counted, format!("{steps}|{steps}"));
}

#[tokio::test]
async fn a_ledger_with_another_history_is_rejected() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let schema = schema_of(&url);
    let store = ready(&url).await;
    let rejects = async |part: &str| match store.migrate().await {
        Err(StoreError::Layout(reason)) => assert!(reason.contains(part), "{reason}"),
        other => panic!("{other:?}"),
    };

    server.sql(
        "postgres",
        &format!("INSERT INTO {schema}.migrations VALUES (999, 'later', 'x', 0)"),
    );
    rejects("which this program does not know").await;
    server.sql(
        "postgres",
        &format!(
            "DELETE FROM {schema}.migrations WHERE version = 999;
             UPDATE {schema}.migrations SET checksum = 'x' WHERE version = 1"
        ),
    );
    rejects("with another text").await;
}

#[tokio::test]
async fn a_schema_without_a_layout_says_what_to_run() {
    let store = opened(&Postgres::shared().fresh_url()).await;
    match store.sessions().await {
        Err(StoreError::Layout(reason)) => assert!(reason.contains("`migrate`"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn schemas_of_one_database_are_independent() {
    let server = Postgres::shared();
    let (one, other) = (server.fresh_url(), server.fresh_url());
    let (one, other) = (ready(&one).await, ready(&other).await);
    let new = crate::support::new("job");
    let id = new.id;
    one.enqueue(vec![new]).await.unwrap();
    assert!(one.execution(id).await.unwrap().is_some());
    assert!(other.execution(id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_database_must_be_encoded_as_utf8() {
    let server = Postgres::shared();
    let name = server.fresh_database();
    server.sql(
        "postgres",
        &format!("CREATE DATABASE {name}_ascii ENCODING 'SQL_ASCII' TEMPLATE template0"),
    );
    let store = opened(&server.url(&format!("{name}_ascii"))).await;
    match store.migrate().await {
        Err(StoreError::Layout(reason)) => assert!(reason.contains("UTF8"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unreachable_server_is_named_without_the_password() {
    let url = parsed("postgres://jobs:secret@127.0.0.1:1/none");
    let Err(error) = store::open(&url).await else {
        panic!("no server listens on port 1");
    };
    let said = format!("{error} {error:?} {url} {url:?}");
    assert!(
        error.is_transient() && said.contains("127.0.0.1:1"),
        "{said}"
    );
    assert!(!said.contains("secret"), "{said}");
}
