//! What a role may do, and needs to.

use jobs_runtime::store::StoreError;
use tests::postgres::Postgres;

use crate::support::{claim, new, opened, ready, schema_of, session};

/// A database with a role that owns nothing in it.
struct Guest {
    database: String,
    role: String,
    url: String,
}

fn guest() -> Guest {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let role = format!("{database}_role");
    // Nobody finds anything by a search path.
    server.sql(
        &database,
        &format!(
            "CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
             ALTER ROLE {role} SET search_path = '';
             REVOKE ALL ON SCHEMA public FROM PUBLIC"
        ),
    );
    let url = server.url(&database).replace("jobs@", &format!("{role}@"));
    Guest {
        database,
        role,
        url,
    }
}

#[tokio::test]
async fn a_role_that_owns_its_schema_needs_nothing_else() {
    let Guest {
        database,
        role,
        url,
    } = guest();
    Postgres::shared().sql(
        &database,
        &format!("CREATE SCHEMA jobs AUTHORIZATION {role}"),
    );
    let store = ready(&url).await;
    let session = session(&*store, "worker").await;
    store.enqueue(vec![new("job")]).await.unwrap();
    let claimed = store.claim(claim(session, 1, "job", 5)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    store.ping().await.unwrap();
    assert!(store.server_time().await.unwrap().is_some());
}

#[tokio::test]
async fn a_role_that_may_create_a_schema_creates_it() {
    let Guest {
        database,
        role,
        url,
    } = guest();
    let grant = format!("GRANT CREATE ON DATABASE {database} TO {role}");
    Postgres::shared().sql(&database, &grant);
    let status = ready(&url).await.migrations().await.unwrap();
    assert!(status.iter().all(|step| step.applied_at.is_some()));
}

#[tokio::test]
async fn a_role_that_may_not_is_told_what_to_run() {
    let Guest {
        database,
        role,
        url,
    } = guest();
    let refused = async |part: &str| match opened(&url).await.migrate().await {
        Err(StoreError::Layout(reason)) => assert!(reason.contains(part), "{reason}"),
        other => panic!("{other:?}"),
    };
    refused(&format!("CREATE SCHEMA jobs AUTHORIZATION {role}")).await;
    let server = Postgres::shared();
    server.sql(&database, "CREATE SCHEMA jobs");
    refused(&format!("GRANT CREATE, USAGE ON SCHEMA jobs TO {role}")).await;
}

#[tokio::test]
async fn a_role_that_only_uses_what_another_has_created_is_enough() {
    let Guest {
        database,
        role,
        url,
    } = guest();
    let server = Postgres::shared();
    let owner = ready(&server.url(&database)).await;
    server.sql(
        &database,
        &format!(
            "GRANT USAGE ON SCHEMA jobs TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO {role}"
        ),
    );
    assert_eq!(schema_of(&url), "jobs");
    let store = ready(&url).await;
    let id = {
        let new = new("job");
        let id = new.id;
        store.enqueue(vec![new]).await.unwrap();
        id
    };
    assert!(owner.execution(id).await.unwrap().is_some());
}
