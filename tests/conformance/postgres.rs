//! A server, plain and as behind a pooler.

use std::sync::Arc;

use async_trait::async_trait;
use jobs::ExecutionId;
use jobs_runtime::conformance::{Database, Ground, GroundError, Transaction};
use jobs_runtime::store::{self, DatabaseUrl, Store};
use sqlx::postgres::PgPool;
use tests::postgres::Postgres;

/// A schema for each database.
pub(crate) struct Server {
    /// The head of its column.
    pub(crate) name: &'static str,
    /// Options of the store's URL.
    pub(crate) options: &'static str,
}

/// A schema, the store in it, and the application that has its tables beside it.
struct InSchema {
    store: Arc<dyn Store>,
    url: DatabaseUrl,
    schema: String,
    application: PgPool,
}

#[async_trait]
impl Ground for Server {
    fn name(&self) -> &str {
        self.name
    }

    async fn fresh(&self) -> Result<Box<dyn Database>, GroundError> {
        let server = Postgres::shared();
        let fresh = format!("{}{}", server.fresh_url(), self.options);
        let url: DatabaseUrl = fresh.parse()?;
        let DatabaseUrl::Postgres(of_schema) = &url else {
            return Err("it is the URL of a server".into());
        };
        Ok(Box::new(InSchema {
            store: store::open(&url).await?,
            schema: of_schema.schema().to_owned(),
            application: PgPool::connect_lazy(&server.url("postgres"))?,
            url,
        }))
    }
}

#[async_trait]
impl Database for InSchema {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    async fn another(&self) -> Result<Option<Arc<dyn Store>>, GroundError> {
        Ok(Some(store::open(&self.url).await?))
    }

    async fn begin(&self) -> Result<Option<Box<dyn Transaction>>, GroundError> {
        Ok(Some(Box::new(self.application.begin().await?)))
    }

    async fn poison(&self, id: ExecutionId) -> Result<bool, GroundError> {
        let schema = &self.schema;
        let poison = format!("UPDATE \"{schema}\".executions SET retry = 'soon' WHERE id = '{id}'");
        sqlx::query(sqlx::AssertSqlSafe(poison))
            .execute(&self.application)
            .await?;
        Ok(true)
    }
}
