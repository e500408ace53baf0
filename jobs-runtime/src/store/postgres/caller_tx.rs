//! Joining a transaction of the application's on the same database.
//!
//! What is written goes into a savepoint, so that a refusal and a failure leave the transaction as
//! it was, and a caller that stops waiting leaves nothing half done behind.
//!
//! **Isolation.** Under READ COMMITTED, PostgreSQL's default, what others commit in between is seen
//! and handled. A transaction of a higher level sees the past: where that matters (a lease that was
//! taken over, an idempotency key that another has just used), PostgreSQL refuses with a
//! serialization failure, which the owner of the transaction answers as always, by beginning anew.

use async_trait::async_trait;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use uuid::Uuid;

use super::conn::error::Fault;
use super::conn::operation::{Done, Shape, Transition, quietly};
use super::conn::statements::Statements;
use super::conn::text;
use super::conn::tx::Db;
use super::enqueue::admit_in_txn;
use super::limits::Numbers;
use super::settle::settle_in_txn;
use crate::store::{EnqueueAnswer, NewExecution, Settlement, StoreError, WriteAnswer};

/// How often a look is repeated that others have made worthless.
const TRIES: usize = 10;

/// In a caller's transaction nobody waits for ever for somebody else's lock: the owner of that may be
/// the one who waits. Answers with a row if no patience was set before.
const LIMIT_PATIENCE: &str = "SELECT set_config('lock_timeout', '5s', TRUE) \
                              WHERE current_setting('lock_timeout') = '0'";
/// Takes that back.
const AS_BEFORE: &str = "SET LOCAL lock_timeout = 0";

/// What tells one database from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    installation: Uuid,
    /// A copy within the same server has another one.
    database: i64,
    /// A copy of the whole server was started at another time.
    started: String,
}

/// Who a store is.
pub(super) struct Who;

#[async_trait]
impl Transition for Who {
    type Answer = Identity;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Identity>, Fault> {
        Ok(quietly(identity(db).await?))
    }
}

async fn identity(db: &mut Db<'_>) -> Result<Identity, Fault> {
    let rows = db.fetch(db.query(&db.sql.caller_tx_identity)).await?;
    let row = rows.first().ok_or(Fault::Raced)?;
    Ok(Identity {
        installation: row.try_get(0)?,
        database: row.try_get(1)?,
        started: row.try_get(2)?,
    })
}

/// A caller's connection, and what is needed to write on it.
pub(super) struct Guest<'c> {
    pub(super) conn: &'c mut PgConnection,
    pub(super) sql: &'c Statements,
    pub(super) schema: &'c str,
    /// Whether statements may stay prepared on its server.
    pub(super) prepared: bool,
}

/// Who a transaction's connection is connected to.
pub(super) enum Found {
    /// A layout of ours.
    Layout(Identity),
    /// A database without one, of this name.
    Nothing(String),
}

impl Guest<'_> {
    /// Who the connection is connected to. Leaves the transaction as it was.
    pub(super) async fn found(&mut self) -> Result<Found, Fault> {
        if !self.conn.is_in_transaction() {
            let reason = "the connection is in no transaction that sqlx knows of: begin it by \
                          `begin()`";
            return Err(StoreError::Transaction(reason.to_owned()).into());
        }
        let mut savepoint = self.conn.begin().await?;
        let mut db = Db::plain(&mut savepoint, self.sql, self.prepared);
        let found = found(&mut db, self.schema).await;
        match found {
            Ok(found) => {
                savepoint.commit().await?;
                Ok(found)
            }
            Err(fault) => {
                savepoint.rollback().await?;
                Err(fault)
            }
        }
    }

    /// Creates executions in the caller's transaction.
    pub(super) async fn enqueue(
        &mut self,
        batch: &[NewExecution],
        limits: &Numbers,
    ) -> Result<Vec<EnqueueAnswer>, Fault> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut savepoint = self.conn.begin().await?;
            let mut db = Db::plain(&mut savepoint, self.sql, self.prepared);
            match admit_patiently(&mut db, batch, limits).await {
                Ok(answers) => {
                    savepoint.commit().await?;
                    return Ok(answers);
                }
                Err(Fault::Raced) if tries < TRIES => savepoint.rollback().await?,
                Err(fault) => {
                    savepoint.rollback().await?;
                    return Err(fault);
                }
            }
        }
    }

    /// Ends an attempt in the caller's transaction.
    pub(super) async fn settle(&mut self, settlement: Settlement) -> Result<WriteAnswer, Fault> {
        let mut savepoint = self.conn.begin().await?;
        let mut db = Db::plain(&mut savepoint, self.sql, self.prepared);
        match settle_patiently(&mut db, settlement).await {
            Ok(answer) => {
                savepoint.commit().await?;
                Ok(answer)
            }
            Err(fault) => {
                savepoint.rollback().await?;
                Err(fault)
            }
        }
    }
}

/// Creates executions. Whatever fails takes the setting back with the savepoint.
async fn admit_patiently(
    db: &mut Db<'_>,
    batch: &[NewExecution],
    limits: &Numbers,
) -> Result<Vec<EnqueueAnswer>, Fault> {
    let limited = limit_patience(db).await?;
    let (mut answers, _) = admit_in_txn(db, batch, limits).await?;
    let answers = answers.pop().unwrap_or_else(|| Ok(Vec::new()));
    let answers = answers.map_err(text::refusal)?;
    as_before(db, limited).await?;
    Ok(answers)
}

/// Ends an attempt, likewise.
async fn settle_patiently(db: &mut Db<'_>, settlement: Settlement) -> Result<WriteAnswer, Fault> {
    let limited = limit_patience(db).await?;
    let (answers, _) = settle_in_txn(db, &[settlement]).await?;
    as_before(db, limited).await?;
    answers.first().copied().ok_or(Fault::Raced)
}

/// Whether it had to be limited.
async fn limit_patience(db: &mut Db<'_>) -> Result<bool, Fault> {
    Ok(!db.script(LIMIT_PATIENCE).await?.is_empty())
}

async fn as_before(db: &mut Db<'_>, limited: bool) -> Result<(), Fault> {
    if limited {
        db.script(AS_BEFORE).await?;
    }
    Ok(())
}

async fn found(db: &mut Db<'_>, schema: &str) -> Result<Found, Fault> {
    let query = db.query(&db.sql.caller_tx_schema_exists).bind(schema);
    let rows = db.fetch(query).await?;
    let row = rows.first().ok_or(Fault::Raced)?;
    Ok(match row.try_get(0)? {
        true => Found::Layout(identity(db).await?),
        false => Found::Nothing(row.try_get(1)?),
    })
}

/// The same failure in words for the owner of the transaction.
pub(super) fn explained(fault: Fault, location: &str) -> StoreError {
    if fault.is_aborted() {
        return StoreError::Transaction(
            "an earlier statement of it has failed: roll it back and begin anew".to_owned(),
        );
    }
    if matches!(&fault, Fault::Sql(_)) && fault.is_contention() {
        return StoreError::Transaction(
            "it could not be serialized with another transaction: roll it back and begin anew"
                .to_owned(),
        );
    }
    match fault.at(location) {
        StoreError::Unavailable { reason, .. } => StoreError::Transaction(reason),
        error => error,
    }
}
