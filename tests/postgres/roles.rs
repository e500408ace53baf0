//! Privileges: what a role needs, and advice if it lacks something.

use jobs_runtime::store::StoreError;
use tests::postgres::Postgres;
use tests::process::run;

use crate::support::{claim, new, opened, ready, schema_of, session};

/// A database, and a role that owns nothing in it.
struct Unprivileged {
    database: String,
    role: String,
    url: String,
}

fn unprivileged() -> Unprivileged {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let role = format!("{database}_role");
    // The store must not depend on a search path.
    server.sql(
        &database,
        &format!(
            "CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
             ALTER ROLE {role} SET search_path = '';
             REVOKE ALL ON SCHEMA public FROM PUBLIC"
        ),
    );
    let url = server.url(&database).replace("jobs@", &format!("{role}@"));
    Unprivileged {
        database,
        role,
        url,
    }
}

#[tokio::test]
async fn the_owner_of_the_schema_needs_no_other_privilege() {
    let Unprivileged {
        database,
        role,
        url,
    } = unprivileged();
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
async fn a_role_with_create_on_the_database_creates_the_schema() {
    let Unprivileged {
        database,
        role,
        url,
    } = unprivileged();
    let grant = format!("GRANT CREATE ON DATABASE {database} TO {role}");
    Postgres::shared().sql(&database, &grant);
    let status = ready(&url).await.migrations().await.unwrap();
    assert!(status.iter().all(|step| step.applied_at.is_some()));
}

#[tokio::test]
async fn a_role_without_privileges_is_told_what_to_run() {
    let Unprivileged {
        database,
        role,
        url,
    } = unprivileged();
    let rejects = async |part: &str| match opened(&url).await.migrate().await {
        Err(StoreError::Layout(reason)) => assert!(reason.contains(part), "{reason}"),
        other => panic!("{other:?}"),
    };
    rejects(&format!("CREATE SCHEMA jobs AUTHORIZATION {role}")).await;
    let server = Postgres::shared();
    server.sql(&database, "CREATE SCHEMA jobs");
    rejects(&format!("GRANT CREATE, USAGE ON SCHEMA jobs TO {role}")).await;
}

#[tokio::test]
async fn a_role_may_use_a_layout_that_another_role_has_created() {
    let Unprivileged {
        database,
        role,
        url,
    } = unprivileged();
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

/// A worker waits for a server that is away, but not for one that refuses its user.
#[test]
fn a_refused_user_ends_the_start_at_once() {
    let server = Postgres::shared();
    let url = server.url("postgres").replace("jobs@", "no_such_user@");
    let directory = tempfile::tempdir().unwrap();
    for command in [&["work"][..], &["serve", "--bind", "127.0.0.1:0"]] {
        let args = [command, &["--database", &url]].concat();
        let ran = run(env!("CARGO_BIN_EXE_worker"), directory.path(), &args);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("refuses the user"), "{ran:?}");
        assert!(
            ran.err.contains("check the user and the password"),
            "{ran:?}"
        );
        assert!(!ran.err.contains("the start waits"), "{ran:?}");
    }
}
