//! Migrations of the layout, and the ledger of applied ones.
//!
//! The ledger is the table `migrations` in the store's own schema, apart from the application's
//! migrations. A migration and its row in the ledger are one transaction, which holds an advisory
//! lock. If several processes start at once, one applies it and the others find it applied.
//!
//! A migration waits for a lock of a table for [`LOCK_TIMEOUT`] at most, because all other
//! statements on that table wait behind it. It is then tried again after [`LOCK_PAUSE`], up to
//! [`MAX_LOCK_TRIES`] times.
//!
//! A large index is built by [`concurrent`], beside running work. The folder may import the
//! connections and the shared rules. It must not import another module of the store.

mod concurrent;
#[cfg(test)]
mod tests;

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
use crate::store::{MigrationStatus, StoreError};
use crate::time::Timestamp;

/// The longest wait of a migration for the lock of a table.
const LOCK_TIMEOUT: &str = "2s";

/// The time in which the fleet goes on before the next try.
const LOCK_PAUSE: Duration = Duration::from_secs(3);

/// The number of tries: about a quarter of an hour.
const MAX_LOCK_TRIES: u32 = 180;

/// The pause before the next look at the lock of another process that applies a migration. Such a
/// process may build an index for hours, so there is no last look.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// The looks after which the log tells of the wait: about five seconds.
const WAITS_BEFORE_WARNING: u32 = 50;

/// The migrations in their order, written for the schema `jobs` like every statement.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "layout",
    compatible_from: 1,
    concurrent_index: None,
    sql: include_str!("migrations/0001_layout.sql"),
}];

/// Applies the missing migrations. A role that may create nothing can use a layout that is up to
/// date.
pub(super) async fn migrate(store: &PostgresStore) -> Result<Vec<MigrationStatus>, StoreError> {
    apply_missing(store, MIGRATIONS).await
}

/// Applies those of `steps` that are missing.
async fn apply_missing(
    store: &PostgresStore,
    steps: &'static [Migration],
) -> Result<Vec<MigrationStatus>, StoreError> {
    let status = || store.operate(ReadMigrations::new(&store.schema, steps));
    let missing = status().await?;
    if missing.iter().all(|step| step.applied_at.is_some()) {
        return Ok(missing);
    }
    let mut tries = 0;
    let mut waits = 0;
    loop {
        let next = ApplyNextMigration {
            schema: store.schema.clone(),
            steps,
        };
        match store.operate(next).await? {
            Progress::Complete => return status().await,
            Progress::Applied => {}
            Progress::Concurrent(step) => {
                let at = |error: DbError| error.at(&store.shared.location);
                concurrent::build(store, steps, step).await.map_err(at)?;
            }
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
            Progress::Busy => {
                waits += 1;
                if waits == WAITS_BEFORE_WARNING {
                    tracing::warn!("another process applies a migration; this one waits for it");
                }
                tokio::time::sleep(BUSY_PAUSE).await;
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
    /// The next migration, by its place among the steps, builds an index outside a transaction.
    Concurrent(usize),
    /// Another transaction locks a table that the next migration needs.
    Locked,
    /// Another process applies a migration.
    Busy,
}

/// Key of a schema's advisory lock, which is local to the database.
fn lock_key(schema: &str) -> i64 {
    let digest = Sha256::digest(format!("jobs: migrations of {schema}"));
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(bytes)
}

/// Takes the advisory lock for the transaction, if it is free. Does not wait: a statement that
/// waits has a snapshot, and an index is complete only when all older snapshots are gone.
async fn try_lock(tx: &mut Tx<'_>, schema: &str) -> Result<bool, DbError> {
    let key = lock_key(schema);
    let rows = tx
        .script(&format!("SELECT pg_try_advisory_xact_lock({key})::text"))
        .await?;
    let taken: &str = rows.last().ok_or(DbError::Raced)?.try_get(0)?;
    Ok(taken == "true")
}

/// Writes a migration into the ledger.
async fn write_to_ledger(tx: &mut Tx<'_>, migration: &Migration) -> Result<(), DbError> {
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

/// Applies the first missing migration, if it is a transaction.
struct ApplyNextMigration {
    schema: String,
    steps: &'static [Migration],
}

#[async_trait]
impl Operation for ApplyNextMigration {
    type Output = Progress;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Progress>, DbError> {
        let schema = &self.schema;
        if !try_lock(tx, schema).await? {
            return Ok(without_events(Progress::Busy));
        }
        let state = SchemaState::load(tx, schema).await?;
        let applied = if state.has_ledger {
            checked_ledger(tx, self.steps).await?
        } else {
            Vec::new()
        };
        let Some(migration) = self.steps.get(applied.len()) else {
            return Ok(without_events(Progress::Complete));
        };
        state.check(schema)?;
        if migration.concurrent_index.is_some() {
            return Ok(without_events(Progress::Concurrent(applied.len())));
        }
        tx.script(&format!(
            "SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SAVEPOINT migration"
        ))
        .await?;
        match self.apply(migration, &state, tx).await {
            Ok(()) if applied.len() + 1 == self.steps.len() => {
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
        write_to_ledger(tx, migration).await
    }
}

/// Lists the migrations that this program knows, with the times at which they were applied.
pub(super) struct ReadMigrations {
    schema: String,
    steps: &'static [Migration],
}

impl ReadMigrations {
    /// Lists the migrations of this program.
    pub(super) fn of_schema(schema: &str) -> Self {
        Self::new(schema, MIGRATIONS)
    }

    fn new(schema: &str, steps: &'static [Migration]) -> Self {
        Self {
            schema: schema.to_owned(),
            steps,
        }
    }
}

#[async_trait]
impl Operation for ReadMigrations {
    type Output = Vec<MigrationStatus>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let applied = if SchemaState::load(tx, &self.schema).await?.has_ledger {
            checked_ledger(tx, self.steps).await?
        } else {
            Vec::new()
        };
        Ok(without_events(migration_status(self.steps, &applied)))
    }
}

/// Reads the ledger and checks it against the program's migrations.
async fn checked_ledger(
    tx: &mut Tx<'_>,
    steps: &[Migration],
) -> Result<Vec<AppliedMigration>, DbError> {
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
    check_ledger(steps, &applied).map_err(DbError::Store)?;
    Ok(applied)
}
