//! Migrations of the layout, and the ledger of applied ones.
//!
//! The ledger is the table `migrations` in the store's own schema, apart from the application's
//! migrations. A migration and its row in the ledger are one transaction, which holds an advisory
//! lock. If several processes start at once, one applies it and the others find it applied.
//!
//! A migration waits for a lock of a table for [`LOCK_TIMEOUT`] at most, because all other
//! statements on that table wait behind it. It is then tried again after [`LOCK_PAUSE`], up to
//! [`MAX_LOCK_TRIES`] times.

use std::time::Duration;

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

/// The longest wait of a migration for the lock of a table.
const LOCK_TIMEOUT: &str = "2s";

/// The time in which the fleet goes on before the next try.
const LOCK_PAUSE: Duration = Duration::from_secs(3);

/// The number of tries: about a quarter of an hour.
const MAX_LOCK_TRIES: u32 = 180;

/// The migrations in their order, written for the schema `jobs` like every statement.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "layout",
    compatible_from: 1,
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
    let mut tries = 0;
    loop {
        match store
            .operate(ApplyNextMigration { schema: schema() })
            .await?
        {
            Progress::Complete => return store.migrations().await,
            Progress::Applied => {}
            Progress::Locked => {
                tries += 1;
                if tries >= MAX_LOCK_TRIES {
                    return Err(StoreError::Unavailable {
                        location: store.shared.location.to_string(),
                        reason: "a migration waits for a lock that a transaction keeps: look for \
                                 one that stays open (pg_stat_activity)"
                            .to_owned(),
                    });
                }
                if tries == 1 {
                    tracing::warn!("a migration waits for a transaction that locks its tables");
                }
                tokio::time::sleep(LOCK_PAUSE).await;
            }
        }
    }
}

/// The progress of the migrations after one call.
enum Progress {
    /// No migration is missing.
    Complete,
    /// One was applied, and another one is missing.
    Applied,
    /// Another transaction locks a table that the next migration needs.
    Locked,
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

/// Applies the first missing migration.
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
    type Output = Progress;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Progress>, DbError> {
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
            return Ok(without_events(Progress::Complete));
        };
        state.check(schema)?;
        tx.script(&format!(
            "SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SAVEPOINT migration"
        ))
        .await?;
        match self.apply(migration, &state, tx).await {
            Ok(()) if applied.len() + 1 == MIGRATIONS.len() => {
                Ok(without_events(Progress::Complete))
            }
            Ok(()) => Ok(without_events(Progress::Applied)),
            Err(error) if error.is_locked() => {
                // Also gives up the locks that it has got.
                tx.script("ROLLBACK TO SAVEPOINT migration").await?;
                Ok(without_events(Progress::Locked))
            }
            Err(error) => Err(error),
        }
    }
}

impl ApplyNextMigration {
    async fn apply(
        &self,
        migration: &Migration,
        state: &SchemaState,
        tx: &mut Tx<'_>,
    ) -> Result<(), DbError> {
        let schema = &self.schema;
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
            .bind(migration.checksum())
            .bind(i32::try_from(migration.compatible_from).unwrap_or(i32::MAX));
        tx.execute(query).await?;
        Ok(())
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
            compatible_from: row
                .try_get::<Option<i32>, _>(4)?
                .and_then(|from| u32::try_from(from).ok()),
            applied_at: Timestamp::from_millis(row.try_get(3)?),
        });
    }
    check_ledger(MIGRATIONS, &applied).map_err(DbError::Store)?;
    Ok(applied)
}
