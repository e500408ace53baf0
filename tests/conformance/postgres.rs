//! The PostgreSQL store as a backend: directly, and through PgBouncer.

use std::sync::Arc;

use async_trait::async_trait;
use jobs::ExecutionId;
use jobs_runtime::conformance::{Backend, BackendError, Damage, Database, Transaction, Write};
use jobs_runtime::store::{self, DatabaseUrl, Store};
use sqlx::postgres::PgPool;
use tests::pgbouncer::PgBouncer;
use tests::postgres::Postgres;

/// Creates a schema on the test server per database.
pub(crate) struct Server {
    /// The head of the column.
    pub(crate) name: &'static str,
    /// True if the store's connections go through PgBouncer.
    pub(crate) is_pooled: bool,
}

/// A schema, the store in it, and the application on the same database.
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

    async fn create_database(&self) -> Result<Box<dyn Database>, BackendError> {
        let server = Postgres::shared();
        let fresh = server.fresh_url();
        let fresh = if self.is_pooled {
            PgBouncer::shared().url(server, &fresh)
        } else {
            fresh
        };
        let url: DatabaseUrl = fresh.parse()?;
        let DatabaseUrl::Postgres(of_schema) = &url else {
            return Err("the URL is not that of a server".into());
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

    async fn open_again(&self) -> Result<Option<Arc<dyn Store>>, BackendError> {
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
            // Limits that do not exist, and NULL; a different damage per row.
            Damage::Limits => {
                let limits = "CASE seq % 3
                    WHEN 0 THEN '{4711}' WHEN 1 THEN '{NULL}' ELSE '{NULL,4711}' END::bigint[]";
                format!(
                    "UPDATE \"{schema}\".limited SET limits = {limits} WHERE {row};
                     UPDATE \"{schema}\".ready SET limits = {limits} WHERE {row}"
                )
            }
            Damage::NewStatus => {
                format!("UPDATE \"{schema}\".outcomes SET status = 'expired' WHERE {row}")
            }
            Damage::NewWords => format!(
                "UPDATE \"{schema}\".outcomes SET outcome = 'replayed', error_kind = 'quota' WHERE {row};
                 UPDATE \"{schema}\".attempts SET outcome = 'replayed', error_kind = 'quota' WHERE {row};
                 UPDATE \"{schema}\".catalogue
                 SET descriptor = replace(descriptor, '\"linked\"', '\"remote\"')
                 WHERE job_id = (SELECT job_id FROM \"{schema}\".executions WHERE id = '{id}');
                 INSERT INTO \"{schema}\".unique_keys (job_id, kind, key, execution_id)
                 SELECT job_id, 'window', 'k', id FROM \"{schema}\".executions WHERE id = '{id}';
                 UPDATE \"{schema}\".sessions SET slot_caps = '[{{\"zone\":1}}]'"
            ),
            Damage::NewPermitEvent => format!(
                "INSERT INTO \"{schema}\".permit_events (kind, limits, counts)
                 SELECT 'lent', limits, ARRAY[1] FROM \"{schema}\".limited WHERE {row}"
            ),
            Damage::NewLimitKind => format!(
                "ALTER TABLE \"{schema}\".limits DROP CONSTRAINT limits_kind_check;
                 UPDATE \"{schema}\".limits SET kind = 'credit'
                 WHERE id IN (SELECT unnest(limits) FROM \"{schema}\".limited WHERE {row})"
            ),
            Damage::NewAct => format!(
                "UPDATE \"{schema}\".operations
                 SET request = '{{\"act\":{{\"kind\":\"fly\"}},\"filter\":{{}}}}'"
            ),
            _ => return Ok(false),
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(damage))
            .execute(&self.application)
            .await?;
        Ok(true)
    }

    async fn set_rejected(
        &self,
        id: ExecutionId,
        write: Write,
        rejected: bool,
    ) -> Result<bool, BackendError> {
        let schema = &self.schema;
        let (table, row) = match write {
            Write::Execution => ("executions", format!("id = '{id}'")),
            Write::Ready => ("ready", self.row(id).await?),
            Write::Blocked => ("blocked", self.row(id).await?),
            Write::Lease => ("leases", self.row(id).await?),
            Write::Log => ("logs", self.row(id).await?),
            Write::Outcome => ("outcomes", self.row(id).await?),
            _ => return Ok(false),
        };
        let trigger = format!("reject_{}", id.to_string().replace('-', "_"));
        let script = if rejected {
            format!(
                "CREATE OR REPLACE FUNCTION \"{schema}\".reject() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE 'rejected' USING ERRCODE = 'data_corrupted'; END $$;
                 CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON \"{schema}\".{table}
                 FOR EACH ROW WHEN (NEW.{row}) EXECUTE FUNCTION \"{schema}\".reject()"
            )
        } else {
            format!("DROP TRIGGER {trigger} ON \"{schema}\".{table}")
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(script))
            .execute(&self.application)
            .await?;
        Ok(true)
    }
}

impl InSchema {
    /// Returns the condition for the rows of an execution in the other tables.
    async fn row(&self, id: ExecutionId) -> Result<String, BackendError> {
        let schema = &self.schema;
        let query = format!("SELECT seq FROM \"{schema}\".executions WHERE id = '{id}'");
        let seq: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&self.application)
            .await?;
        Ok(format!("seq = {seq}"))
    }
}
