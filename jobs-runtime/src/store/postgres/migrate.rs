//! The layout's steps and the ledger of those applied.
//!
//! The ledger is ours and in our schema; the application's own migrations never meet it. A step and
//! its line in the ledger are one transaction under an advisory lock of that transaction, so that
//! of several starters one applies it and the others find it applied.

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::conn::error::Fault;
use super::conn::operation::{Done, Shape, Transition, quietly};
use super::conn::statements::in_schema;
use super::conn::tx::Db;
use crate::store::rules::migrations::{
    AppliedMigration, Migration, check_ledger, migration_status,
};
use crate::store::{MigrationStatus, StoreError};
use crate::time::Timestamp;

/// The steps of this store's layout, written for the schema `jobs`, like every statement.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "layout",
    sql: include_str!("migrations/0001_layout.sql"),
}];

/// What is there before a step, and what this role may do.
struct Ground {
    has_ledger: bool,
    has_schema: bool,
    may_create: bool,
    role: String,
    database: String,
    encoding: String,
}

impl Ground {
    async fn look(db: &mut Db<'_>, schema: &str) -> Result<Self, Fault> {
        let query = db.query(&db.sql.migrate_schema_state).bind(schema);
        let rows = db.fetch(query).await?;
        let row = rows.first().ok_or(Fault::Raced)?;
        Ok(Self {
            has_ledger: row.try_get(0)?,
            has_schema: row.try_get(1)?,
            may_create: row.try_get(2)?,
            role: row.try_get(3)?,
            database: row.try_get(4)?,
            encoding: row.try_get(5)?,
        })
    }

    /// Refuses in words what would fail in the middle.
    fn check(&self, schema: &str) -> Result<(), StoreError> {
        let Self {
            role,
            database,
            encoding,
            ..
        } = self;
        if encoding != "UTF8" {
            return Err(StoreError::Layout(format!(
                "the database {database} is encoded as {encoding}, which does not hold every \
                 text: create one with ENCODING 'UTF8'"
            )));
        }
        if self.may_create {
            return Ok(());
        }
        Err(StoreError::Layout(match self.has_schema {
            true => format!(
                "the role {role} may not create tables in the schema {schema}: run, as its owner, \
                 GRANT CREATE, USAGE ON SCHEMA {schema} TO {role}"
            ),
            false => format!(
                "there is no schema {schema} in the database {database}, and the role {role} may \
                 not create it: run, as an administrator, CREATE SCHEMA {schema} AUTHORIZATION \
                 {role}"
            ),
        }))
    }
}

/// Applies the first step that is missing, and answers whether that was the last.
pub(super) struct MigrateNext {
    pub(super) schema: String,
}

impl MigrateNext {
    /// Names the lock of this schema; a database has its own locks.
    fn lock(&self) -> i64 {
        let digest = Sha256::digest(format!("jobs: migrations of {}", self.schema));
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        i64::from_be_bytes(bytes)
    }
}

#[async_trait]
impl Transition for MigrateNext {
    type Answer = bool;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<bool>, Fault> {
        let schema = &self.schema;
        // Others may need a while for their step.
        db.script(&format!(
            "SET LOCAL lock_timeout = '20s'; SELECT pg_advisory_xact_lock({})",
            self.lock()
        ))
        .await?;
        let ground = Ground::look(db, schema).await?;
        let applied = match ground.has_ledger {
            true => checked_ledger(db).await?,
            false => Vec::new(),
        };
        let Some(migration) = MIGRATIONS.get(applied.len()) else {
            return Ok(quietly(true));
        };
        ground.check(schema)?;
        if !ground.has_schema {
            db.script(&format!("CREATE SCHEMA \"{schema}\"")).await?;
        }
        let create = db.sql.migrate_ledger_create.clone();
        db.script(create.as_str()).await?;
        db.script(&in_schema(migration.sql, schema)).await?;
        let version = i32::try_from(migration.version).unwrap_or(i32::MAX);
        let query = db
            .query(&db.sql.migrate_ledger_write)
            .bind(version)
            .bind(migration.name)
            .bind(migration.checksum());
        db.execute(query).await?;
        Ok(quietly(applied.len() + 1 == MIGRATIONS.len()))
    }
}

/// Every step known to this program, and when it was applied.
pub(super) struct Status {
    pub(super) schema: String,
}

#[async_trait]
impl Transition for Status {
    type Answer = Vec<MigrationStatus>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let applied = match Ground::look(db, &self.schema).await?.has_ledger {
            true => checked_ledger(db).await?,
            false => Vec::new(),
        };
        Ok(quietly(migration_status(MIGRATIONS, &applied)))
    }
}

/// The rows of the ledger, after [`check_ledger`].
async fn checked_ledger(db: &mut Db<'_>) -> Result<Vec<AppliedMigration>, Fault> {
    let rows = db.fetch(db.query(&db.sql.migrate_ledger_read)).await?;
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
    check_ledger(MIGRATIONS, &applied).map_err(Fault::Store)?;
    Ok(applied)
}
