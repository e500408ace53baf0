//! Golden expansions of `#[resource]`.

use super::golden;

#[test]
fn fallible_resource() {
    golden(
        "resource_fallible",
        r#"
        /// The members' database.
        #[resource]
        async fn workspace_db() -> Result<WorkspaceDb, sqlx::Error> {
            WorkspaceDb::open().await
        }
        "#,
    );
}

#[test]
fn infallible_resource() {
    golden(
        "resource_infallible",
        r#"
        #[resource]
        pub fn settings() -> Settings {
            Settings::default()
        }
        "#,
    );
}

#[test]
fn shared_resource() {
    golden(
        "resource_shared",
        r#"
        #[resource]
        pub async fn greeter() -> anyhow::Result<Arc<dyn Greeter>> {
            Ok(Arc::new(Polite))
        }
        "#,
    );
}

#[test]
fn resource_of_others() {
    golden(
        "resource_of_others",
        r#"
        #[resource]
        async fn pool(settings: &Settings, tls: &dyn Tls) -> Result<Pool, sqlx::Error> {
            Pool::connect(&settings.url, tls).await
        }
        "#,
    );
}
