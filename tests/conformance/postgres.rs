//! A server, plain and as behind a pooler.

use std::sync::Arc;

use async_trait::async_trait;
use jobs::ExecutionId;
use jobs_runtime::conformance::{Backend, BackendError, Damage, Database, Transaction, Write};
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
impl Backend for Server {
    fn name(&self) -> &str {
        self.name
    }

    async fn fresh(&self) -> Result<Box<dyn Database>, BackendError> {
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

    async fn another(&self) -> Result<Option<Arc<dyn Store>>, BackendError> {
        Ok(Some(store::open(&self.url).await?))
    }

    async fn begin(&self) -> Result<Option<Box<dyn Transaction>>, BackendError> {
        Ok(Some(Box::new(self.application.begin().await?)))
    }

    async fn damage(&self, id: ExecutionId, what: Damage) -> Result<bool, BackendError> {
        let schema = &self.schema;
        let row = format!("seq = (SELECT seq FROM \"{schema}\".executions WHERE id = '{id}')");
        let damage = match what {
            Damage::Retries => {
                format!("UPDATE \"{schema}\".executions SET retry = 'soon' WHERE id = '{id}'")
            }
            // Of limits that nobody has, or none; another in each row.
            Damage::Limits => {
                let limits = "CASE seq % 3
                    WHEN 0 THEN '{4711}' WHEN 1 THEN '{NULL}' ELSE '{NULL,4711}' END::bigint[]";
                format!(
                    "UPDATE \"{schema}\".limited SET limits = {limits} WHERE {row};
                     UPDATE \"{schema}\".ready SET limits = {limits} WHERE {row}"
                )
            }
            _ => return Ok(false),
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(damage))
            .execute(&self.application)
            .await?;
        Ok(true)
    }

    async fn refuse(
        &self,
        id: ExecutionId,
        write: Write,
        refuse: bool,
    ) -> Result<bool, BackendError> {
        let schema = &self.schema;
        let (table, row) = match write {
            Write::Execution => ("executions", format!("id = '{id}'")),
            Write::Ready => ("ready", self.row(id).await?),
            Write::Held => ("blocked", self.row(id).await?),
            Write::Lease => ("leases", self.row(id).await?),
            Write::Log => ("logs", self.row(id).await?),
            _ => return Ok(false),
        };
        let trigger = format!("refuse_{}", id.to_string().replace('-', "_"));
        let script = match refuse {
            true => format!(
                "CREATE OR REPLACE FUNCTION \"{schema}\".refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE 'refused' USING ERRCODE = 'data_corrupted'; END $$;
                 CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON \"{schema}\".{table}
                 FOR EACH ROW WHEN (NEW.{row}) EXECUTE FUNCTION \"{schema}\".refuse()"
            ),
            false => format!("DROP TRIGGER {trigger} ON \"{schema}\".{table}"),
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(script))
            .execute(&self.application)
            .await?;
        Ok(true)
    }
}

impl InSchema {
    /// Which rows of other tables are about an execution.
    async fn row(&self, id: ExecutionId) -> Result<String, BackendError> {
        let schema = &self.schema;
        let query = format!("SELECT seq FROM \"{schema}\".executions WHERE id = '{id}'");
        let seq: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&self.application)
            .await?;
        Ok(format!("seq = {seq}"))
    }
}
