//! The SQLite store as a backend: in a file and in memory.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jobs::ExecutionId;
use jobs_runtime::conformance::{Backend, BackendError, Damage, Database, Transaction, Write};
use jobs_runtime::store::{self, DatabaseUrl, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;

/// Creates a SQLite file per database.
pub(crate) struct File;

/// A SQLite file, the store in it, and the application that shares it.
struct InFile {
    store: Arc<dyn Store>,
    url: DatabaseUrl,
    application: SqlitePool,
    _directory: TempDir,
}

#[async_trait]
impl Backend for File {
    fn name(&self) -> &str {
        "sqlite file"
    }

    fn regressions(&self) -> Option<PathBuf> {
        Some(crate::regressions())
    }

    async fn create_database(&self) -> Result<Box<dyn Database>, BackendError> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("jobs.db");
        // These tests simulate no power cut, so commits need not wait for the disk.
        let url: DatabaseUrl = format!("sqlite:{}?synchronous=normal", path.display()).parse()?;
        Ok(Box::new(InFile {
            store: store::open(&url).await?,
            url,
            application: SqlitePool::connect_lazy_with(SqliteConnectOptions::new().filename(path)),
            _directory: directory,
        }))
    }
}

#[async_trait]
impl Database for InFile {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    async fn open_again(&self) -> Result<Option<Arc<dyn Store>>, BackendError> {
        Ok(Some(store::open(&self.url).await?))
    }

    async fn begin(&self) -> Result<Option<Box<dyn Transaction>>, BackendError> {
        let tx = self.application.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Some(Box::new(tx)))
    }

    async fn damage(&self, id: ExecutionId, what: Damage) -> Result<bool, BackendError> {
        let statements = match what {
            Damage::Retries => "UPDATE jobs_executions SET retry = 'soon' WHERE id = $1",
            // A different damage per row.
            Damage::Limits => {
                "UPDATE jobs_limited SET limits = CASE seq % 3 WHEN 0 THEN 'none]' WHEN 1 THEN '[\"x\"]' ELSE '' END
                 WHERE seq = (SELECT seq FROM jobs_executions WHERE id = $1);
                 UPDATE jobs_ready SET limits = CASE seq % 3 WHEN 0 THEN 'none]' WHEN 1 THEN '[\"x\"]' ELSE '' END
                 WHERE seq = (SELECT seq FROM jobs_executions WHERE id = $1)"
            }
            Damage::NewStatus => {
                "UPDATE jobs_outcomes SET status = 'expired'
                 WHERE seq = (SELECT seq FROM jobs_executions WHERE id = $1)"
            }
            Damage::NewWords => {
                "UPDATE jobs_outcomes SET outcome = 'replayed', error_kind = 'quota'
                 WHERE seq = (SELECT seq FROM jobs_executions WHERE id = $1);
                 UPDATE jobs_attempts SET outcome = 'replayed', error_kind = 'quota'
                 WHERE seq = (SELECT seq FROM jobs_executions WHERE id = $1);
                 UPDATE jobs_catalogue SET descriptor = replace(descriptor, '\"linked\"', '\"remote\"')
                 WHERE job_id = (SELECT job_id FROM jobs_executions WHERE id = $1);
                 INSERT INTO jobs_unique_keys (job_id, kind, key, execution_id)
                 SELECT job_id, 'window', 'k', id FROM jobs_executions WHERE id = $1;
                 UPDATE jobs_sessions SET slot_caps = '[{\"zone\":1}]' WHERE $1 IS NOT NULL"
            }
            // This store keeps no permit events.
            Damage::NewPermitEvent => return Ok(true),
            Damage::NewLimitKind => {
                "PRAGMA ignore_check_constraints = ON;
                 UPDATE jobs_limits SET kind = 'credit' WHERE id IN (
                     SELECT i.value
                     FROM jobs_executions AS x
                     JOIN jobs_limited AS m ON m.seq = x.seq, json_each(m.limits) AS i
                     WHERE x.id = $1
                 )"
            }
            Damage::NewAct => {
                "UPDATE jobs_operations SET request = '{\"act\":{\"kind\":\"fly\"},\"filter\":{}}'
                 WHERE $1 IS NOT NULL"
            }
            _ => return Ok(false),
        };
        sqlx::query(statements)
            .bind(id.as_bytes().as_slice())
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
        let hex = id.to_string().replace('-', "");
        let (table, row) = match write {
            Write::Execution => ("jobs_executions", format!("id = x'{hex}'")),
            Write::Ready => ("jobs_ready", self.row(id).await?),
            Write::Blocked => ("jobs_blocked", self.row(id).await?),
            Write::Lease => ("jobs_leases", self.row(id).await?),
            Write::Log => ("jobs_logs", self.row(id).await?),
            Write::Outcome => ("jobs_outcomes", self.row(id).await?),
            _ => return Ok(false),
        };
        let script = ["INSERT", "UPDATE"].map(|event| {
            if rejected {
                format!(
                    "CREATE TRIGGER reject_{event}_{hex} BEFORE {event} ON {table} WHEN NEW.{row}
                 BEGIN SELECT RAISE(ABORT, 'rejected'); END;"
                )
            } else {
                format!("DROP TRIGGER reject_{event}_{hex};")
            }
        });
        sqlx::raw_sql(sqlx::AssertSqlSafe(script.concat()))
            .execute(&self.application)
            .await?;
        Ok(true)
    }
}

impl InFile {
    /// Returns the condition for the rows of an execution in the other tables.
    async fn row(&self, id: ExecutionId) -> Result<String, BackendError> {
        let seq: i64 = sqlx::query_scalar("SELECT seq FROM jobs_executions WHERE id = $1")
            .bind(id.as_bytes().as_slice())
            .fetch_one(&self.application)
            .await?;
        Ok(format!("seq = {seq}"))
    }
}

/// Creates SQLite databases in memory. The store handle is the only access to one.
pub(crate) struct Memory;

struct InMemory(Arc<dyn Store>);

#[async_trait]
impl Backend for Memory {
    fn name(&self) -> &str {
        "sqlite memory"
    }

    fn regressions(&self) -> Option<PathBuf> {
        Some(crate::regressions())
    }

    async fn create_database(&self) -> Result<Box<dyn Database>, BackendError> {
        let store = store::open(&DatabaseUrl::SqliteMemory).await?;
        Ok(Box::new(InMemory(store)))
    }
}

impl Database for InMemory {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0)
    }
}
