//! Enqueues and settlements in a caller's transaction on the same database.
//!
//! Each call writes inside of a savepoint. A rejection or an error thus leaves the transaction as
//! it was, and a caller that stops waiting leaves no partial write.
//!
//! **Isolation.** Under READ COMMITTED, PostgreSQL's default, a call sees what other transactions
//! commit in between, and handles it. A transaction of a higher level reads an old snapshot. Where
//! that matters (a lease that was taken over, an idempotency key that was just used), PostgreSQL
//! reports a serialization failure. Its owner then rolls back and begins anew, as with any such
//! failure.

use std::sync::{MutexGuard, PoisonError};

use async_trait::async_trait;
use jobs::TransactionRef;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use uuid::Uuid;

use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, without_events};
use super::conn::statements::Statements;
use super::conn::text;
use super::conn::tx::Tx;
use super::enqueue::enqueue_in_txn;
use super::limits::{EnsureLimits, LimitIds, RequestedLimits};
use super::settle::settle_in_txn;
use super::{DEADLINE, PostgresStore};
use crate::clock::real;
use crate::store::{EnqueueAnswer, NewExecution, Settlement, StoreError, WriteAnswer};

/// Tries of an enqueue that loses a race against other transactions.
const MAX_TRIES: usize = 10;

/// Sets `lock_timeout` if the caller's transaction has none, and then returns a row. Without a
/// timeout, a program that waits for a lock of its own other transaction would wait forever.
const SET_LOCK_TIMEOUT: &str = "SELECT set_config('lock_timeout', '5s', TRUE) \
                              WHERE current_setting('lock_timeout') = '0'";
/// Undoes [`SET_LOCK_TIMEOUT`].
const RESET_LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = 0";

/// Identity of a database with a schema of this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    installation: Uuid,
    /// Differs in a copy on the same server.
    database: i64,
    /// Start time of the server; differs in a copy of the whole server.
    started: String,
}

/// Reads the identity of the store's own database.
pub(super) struct ReadIdentity;

#[async_trait]
impl Operation for ReadIdentity {
    type Output = Identity;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Identity>, DbError> {
        Ok(without_events(identity(tx).await?))
    }
}

async fn identity(tx: &mut Tx<'_>) -> Result<Identity, DbError> {
    let rows = tx.fetch(tx.query(&tx.sql.caller_tx_identity)).await?;
    let row = rows.first().ok_or(DbError::Raced)?;
    Ok(Identity {
        installation: row.try_get(0)?,
        database: row.try_get(1)?,
        started: row.try_get(2)?,
    })
}

/// A caller's connection in its transaction, and what is needed to write on it.
pub(super) struct CallerTx<'c> {
    pub(super) conn: &'c mut PgConnection,
    pub(super) sql: &'c Statements,
    pub(super) schema: &'c str,
    /// True if statements may stay prepared on the server.
    pub(super) prepared: bool,
}

/// Database that a caller's connection is connected to.
pub(super) enum Target {
    /// It has the schema of this store, with this identity.
    Schema(Identity),
    /// It has no such schema; its name.
    NoSchema(String),
}

impl PostgresStore {
    /// [`enqueue_in`](crate::store::EnqueueStore::enqueue_in).
    pub(super) async fn enqueue_in_caller_tx(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        let batch = text::encode_batch(batch);
        within_deadline(async {
            let mut caller = self.caller_tx(tx).await?;
            // Limits are written in a transaction of the store, because the caller's may stay open
            // for long.
            let requested = RequestedLimits::by(&batch);
            let limits = if requested.is_empty() {
                LimitIds::new()
            } else {
                self.permits.run(EnsureLimits(requested)).await?
            };
            let answers = caller.enqueue(&batch, &limits).await;
            answers.map_err(|error| explain_error(error, &self.shared.location))
        })
        .await
    }

    /// [`settle_in`](crate::store::WorkerStore::settle_in).
    pub(super) async fn settle_in_caller_tx(
        &self,
        tx: TransactionRef<'_>,
        settlement: Settlement,
    ) -> Result<WriteAnswer, StoreError> {
        within_deadline(async {
            let mut caller = self.caller_tx(tx).await?;
            let answer = caller.settle(settlement).await;
            answer.map_err(|error| explain_error(error, &self.shared.location))
        })
        .await
    }

    /// Checks that a caller's transaction is on the database of this store.
    async fn caller_tx<'t>(&'t self, tx: TransactionRef<'t>) -> Result<CallerTx<'t>, StoreError> {
        let location = &self.shared.location;
        let wrong = |found: String| StoreError::WrongDatabase {
            found,
            expected: location.to_string(),
        };
        let TransactionRef::Postgres(conn) = tx else {
            return Err(wrong("a database of another kind".to_owned()));
        };
        let mut caller = CallerTx {
            conn,
            sql: &self.shared.sql,
            schema: &self.schema,
            prepared: self.shared.connector.prologue().is_none(),
        };
        let target = caller.target().await;
        let found = match target.map_err(|error| explain_error(error, location))? {
            Target::Schema(found) => found,
            Target::NoSchema(database) => {
                let schema = &self.schema;
                return Err(wrong(format!(
                    "the database {database}, which has no schema {schema} of this store"
                )));
            }
        };
        if self.identity().as_ref() == Some(&found) {
            return Ok(caller);
        }
        // Unknown as yet, or the server was restarted since it was read.
        let own = self.read(ReadIdentity).await?;
        *self.identity() = Some(own.clone());
        if own == found {
            Ok(caller)
        } else {
            Err(wrong(
                "another database with a layout of this store".to_owned(),
            ))
        }
    }

    fn identity(&self) -> MutexGuard<'_, Option<Identity>> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a call on a caller's connection, no longer than [`DEADLINE`].
async fn within_deadline<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let answer = real::timeout(DEADLINE, call).await;
    answer.unwrap_or(Err(StoreError::Timeout(DEADLINE)))
}

impl CallerTx<'_> {
    /// Finds out which database the connection is connected to. Leaves the transaction as it was.
    async fn target(&mut self) -> Result<Target, DbError> {
        if !self.conn.is_in_transaction() {
            let reason = "the connection is in no transaction that sqlx knows of: begin it by \
                          `begin()`";
            return Err(StoreError::Transaction(reason.to_owned()).into());
        }
        let mut savepoint = self.conn.begin().await?;
        let mut tx = Tx::plain(&mut savepoint, self.sql, self.prepared);
        match read_target(&mut tx, self.schema).await {
            Ok(target) => {
                savepoint.commit().await?;
                Ok(target)
            }
            Err(error) => {
                savepoint.rollback().await?;
                Err(error)
            }
        }
    }

    /// Creates executions in the caller's transaction.
    pub(super) async fn enqueue(
        &mut self,
        batch: &[NewExecution],
        limits: &LimitIds,
    ) -> Result<Vec<EnqueueAnswer>, DbError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut savepoint = self.conn.begin().await?;
            let mut tx = Tx::plain(&mut savepoint, self.sql, self.prepared);
            match enqueue_with_lock_timeout(&mut tx, batch, limits).await {
                Ok(answers) => {
                    savepoint.commit().await?;
                    return Ok(answers);
                }
                Err(DbError::Raced) if tries < MAX_TRIES => savepoint.rollback().await?,
                Err(error) => {
                    savepoint.rollback().await?;
                    return Err(error);
                }
            }
        }
    }

    /// Ends an attempt in the caller's transaction.
    pub(super) async fn settle(&mut self, settlement: Settlement) -> Result<WriteAnswer, DbError> {
        let mut savepoint = self.conn.begin().await?;
        let mut tx = Tx::plain(&mut savepoint, self.sql, self.prepared);
        match settle_with_lock_timeout(&mut tx, settlement).await {
            Ok(answer) => {
                savepoint.commit().await?;
                Ok(answer)
            }
            Err(error) => {
                savepoint.rollback().await?;
                Err(error)
            }
        }
    }
}

/// Creates executions. On an error, the rollback to the savepoint undoes the setting.
async fn enqueue_with_lock_timeout(
    tx: &mut Tx<'_>,
    batch: &[NewExecution],
    limits: &LimitIds,
) -> Result<Vec<EnqueueAnswer>, DbError> {
    let was_set = set_lock_timeout(tx).await?;
    let (mut answers, _) = enqueue_in_txn(tx, batch, limits).await?;
    let answers = answers.pop().unwrap_or_else(|| Ok(Vec::new()));
    let answers = answers.map_err(text::decode_error)?;
    reset_lock_timeout(tx, was_set).await?;
    Ok(answers)
}

/// Ends an attempt, with the same setting.
async fn settle_with_lock_timeout(
    tx: &mut Tx<'_>,
    settlement: Settlement,
) -> Result<WriteAnswer, DbError> {
    let was_set = set_lock_timeout(tx).await?;
    let (answers, _) = settle_in_txn(tx, &[settlement]).await?;
    reset_lock_timeout(tx, was_set).await?;
    answers.first().copied().ok_or(DbError::Raced)
}

/// Returns true if the timeout was set, because the caller had none.
async fn set_lock_timeout(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    Ok(!tx.script(SET_LOCK_TIMEOUT).await?.is_empty())
}

async fn reset_lock_timeout(tx: &mut Tx<'_>, was_set: bool) -> Result<(), DbError> {
    if was_set {
        tx.script(RESET_LOCK_TIMEOUT).await?;
    }
    Ok(())
}

async fn read_target(tx: &mut Tx<'_>, schema: &str) -> Result<Target, DbError> {
    let query = tx.query(&tx.sql.caller_tx_schema_exists).bind(schema);
    let rows = tx.fetch(query).await?;
    let row = rows.first().ok_or(DbError::Raced)?;
    Ok(if row.try_get(0)? {
        Target::Schema(identity(tx).await?)
    } else {
        Target::NoSchema(row.try_get(1)?)
    })
}

/// Translates an error for the owner of the transaction.
fn explain_error(error: DbError, location: &str) -> StoreError {
    if error.is_aborted() {
        return StoreError::Transaction(
            "an earlier statement of the transaction has failed: roll it back and begin anew"
                .to_owned(),
        );
    }
    if matches!(&error, DbError::Sql(_)) && error.is_contention() {
        return StoreError::Transaction(
            "it cannot be serialized with another transaction: roll it back and begin anew"
                .to_owned(),
        );
    }
    match error.at(location) {
        StoreError::Unavailable { reason, .. } => StoreError::Transaction(reason),
        error => error,
    }
}
