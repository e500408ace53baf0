//! Migrations of the layout, and the ledger of applied ones.
//!
//! The ledger is the table `migrations` in the store's own schema, apart from the application's
//! migrations. A migration and its row in the ledger are one transaction, which holds an advisory
//! lock. If several processes start at once, one applies it and the others find it applied.

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::PostgresStore;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::statements::in_schema;
use super::conn::tx::Tx;
use crate::store::rules::migrations::{
    AppliedMigration, Migration, check_ledger, migration_status,
};
use crate::store::{MigrationStatus, SetupStore, StoreError};
use crate::time::Timestamp;

/// The migrations in their order, written for the schema `jobs` like every statement.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "layout",
    sql: include_str!("migrations/0001_layout.sql"),
}];

/// Applies the missing migrations. A role that may create nothing can use a layout that is up to
/// date.
pub(super) async fn migrate(store: &PostgresStore) -> Result<Vec<MigrationStatus>, StoreError> {
    let status = store.migrations().await?;
    if status.iter().all(|step| step.applied_at.is_some()) {
        return Ok(status);
    }
    let schema = || store.schema.clone();
    while !store
        .operate(ApplyNextMigration { schema: schema() })
        .await?
    {}
    store.migrations().await
}

/// State of the schema before a migration, and the privileges of this role.
struct SchemaState {
    has_ledger: bool,
    has_schema: bool,
    may_create: bool,
    role: String,
    database: String,
    encoding: String,
}

impl SchemaState {
    async fn load(tx: &mut Tx<'_>, schema: &str) -> Result<Self, DbError> {
        let query = tx.query(&tx.sql.migrate_schema_state).bind(schema);
        let rows = tx.fetch(query).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        Ok(Self {
            has_ledger: row.try_get(0)?,
            has_schema: row.try_get(1)?,
            may_create: row.try_get(2)?,
            role: row.try_get(3)?,
            database: row.try_get(4)?,
            encoding: row.try_get(5)?,
        })
    }

    /// Fails with advice if a migration could not be applied.
    fn check(&self, schema: &str) -> Result<(), StoreError> {
        let Self {
            role,
            database,
            encoding,
            ..
        } = self;
        if encoding != "UTF8" {
            return Err(StoreError::Layout(format!(
                "the database {database} is encoded as {encoding}, which cannot hold \
                 every text: create one with ENCODING 'UTF8'"
            )));
        }
        if self.may_create {
            return Ok(());
        }
        Err(StoreError::Layout(if self.has_schema {
            format!(
                "the role {role} may not create tables in the schema {schema}: run, as its owner, \
                 GRANT CREATE, USAGE ON SCHEMA {schema} TO {role}"
            )
        } else {
            format!(
                "there is no schema {schema} in the database {database}, and the role {role} may \
                 not create it: run, as an administrator, CREATE SCHEMA {schema} AUTHORIZATION \
                 {role}"
            )
        }))
    }
}

/// Applies the first missing migration. Outputs true if none is missing afterwards.
struct ApplyNextMigration {
    schema: String,
}

impl ApplyNextMigration {
    /// Key of this schema's advisory lock, which is local to the database.
    fn lock(&self) -> i64 {
        let digest = Sha256::digest(format!("jobs: migrations of {}", self.schema));
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        i64::from_be_bytes(bytes)
    }
}

#[async_trait]
impl Operation for ApplyNextMigration {
    type Output = bool;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let schema = &self.schema;
        // Another process may be applying a migration, which takes longer than other operations.
        tx.script(&format!(
            "SET LOCAL lock_timeout = '20s'; SELECT pg_advisory_xact_lock({})",
            self.lock()
        ))
        .await?;
        let state = SchemaState::load(tx, schema).await?;
        let applied = if state.has_ledger {
            checked_ledger(tx).await?
        } else {
            Vec::new()
        };
        let Some(migration) = MIGRATIONS.get(applied.len()) else {
            return Ok(without_events(true));
        };
        state.check(schema)?;
        if !state.has_schema {
            tx.script(&format!("CREATE SCHEMA \"{schema}\"")).await?;
        }
        let create = tx.sql.migrate_ledger_create.clone();
        tx.script(create.as_str()).await?;
        tx.script(&in_schema(migration.sql, schema)).await?;
        let version = i32::try_from(migration.version).unwrap_or(i32::MAX);
        let query = tx
            .query(&tx.sql.migrate_ledger_write)
            .bind(version)
            .bind(migration.name)
            .bind(migration.checksum());
        tx.execute(query).await?;
        Ok(without_events(applied.len() + 1 == MIGRATIONS.len()))
    }
}

/// Lists the migrations that this program knows, with the times at which they were applied.
pub(super) struct ReadMigrations {
    pub(super) schema: String,
}

#[async_trait]
impl Operation for ReadMigrations {
    type Output = Vec<MigrationStatus>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let applied = if SchemaState::load(tx, &self.schema).await?.has_ledger {
            checked_ledger(tx).await?
        } else {
            Vec::new()
        };
        Ok(without_events(migration_status(MIGRATIONS, &applied)))
    }
}

/// Reads the ledger and checks it against this program's migrations.
async fn checked_ledger(tx: &mut Tx<'_>) -> Result<Vec<AppliedMigration>, DbError> {
    let rows = tx.fetch(tx.query(&tx.sql.migrate_ledger_read)).await?;
    let mut applied = Vec::with_capacity(rows.len());
    for row in &rows {
        let version: i32 = row.try_get(0)?;
        applied.push(AppliedMigration {
            version: u32::try_from(version).unwrap_or(0),
            name: row.try_get(1)?,
            checksum: row.try_get(2)?,
            applied_at: Timestamp::from_millis(row.try_get(3)?),
        });
    }
    check_ledger(MIGRATIONS, &applied).map_err(DbError::Store)?;
    Ok(applied)
}
