//! Builds of large indexes, beside running work and outside a transaction.
//!
//! `CREATE INDEX CONCURRENTLY` locks no reader and no writer out, and may take hours. It cannot run
//! in a transaction. A build has two connections of its own, without time limits:
//!
//! * the *guard* has a transaction open, which holds the migrations' advisory lock and writes the
//!   ledger at the end. It is idle meanwhile and has no snapshot, which the build would wait for;
//! * the *builder* runs the statement.
//!
//! A program that dies leaves an index without a row in the ledger. The server may still build it,
//! or it is invalid. The next program waits until no build of it runs. It keeps a complete index,
//! and drops and builds an invalid one again.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Row};

use super::{checked_ledger, try_lock, write_to_ledger};
use crate::store::postgres::PostgresStore;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::statements::in_schema;
use crate::store::postgres::conn::tx::Tx;
use crate::store::rules::migrations::Migration;

/// The interval of log lines about a build, and of statements that keep the guard's connection open
/// in networks that drop silent ones.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Applies the migration `steps[step]`, which builds an index. Does nothing if another process
/// applies migrations, or has applied this one.
pub(super) async fn build(
    store: &PostgresStore,
    steps: &'static [Migration],
    step: usize,
) -> Result<(), DbError> {
    let migration = &steps[step];
    let Some(index) = migration.concurrent_index else {
        return Ok(());
    };
    let connector = store.shared.connector.without_timeouts();
    let sql = &store.shared.sql;
    let mut connection = connector.connect().await?;
    let mut guard = Tx::in_transaction(&mut connection, sql, connector.prologue());
    let is_next = try_lock(&mut guard, &store.schema).await?
        && checked_ledger(&mut guard, steps).await?.len() == step;
    if !is_next {
        return Ok(());
    }
    // Ends the last statement's portal, and its snapshot with it.
    let without_limit = "SET LOCAL idle_in_transaction_session_timeout = 0";
    guard.script(without_limit).await?;
    tracing::info!(
        index,
        "a migration builds an index; executions go on meanwhile"
    );
    let mut builder = Builder {
        connection: connector.connect().await?,
        store,
        index,
    };
    let building = builder.build(migration);
    tokio::pin!(building);
    let mut minutes = 0;
    loop {
        tokio::select! {
            built = &mut building => {
                built?;
                break;
            }
            () = tokio::time::sleep(REPORT_INTERVAL) => {
                minutes += 1;
                tracing::info!(index, minutes, "a migration still builds an index");
                guard.script(without_limit).await?;
            }
        }
    }
    write_to_ledger(&mut guard, migration).await?;
    guard.commit().await
}

/// The interval of looks at a build of an earlier program.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The state of an index before the next statement.
enum IndexState {
    Absent,
    /// The server builds it for another connection, or vacuums its table.
    Building,
    /// Nothing builds it, and it is not complete.
    Invalid,
    Complete,
}

/// The connection that builds an index.
struct Builder<'s> {
    connection: PgConnection,
    store: &'s PostgresStore,
    index: &'static str,
}

impl Builder<'_> {
    /// Returns when the index is complete.
    async fn build(&mut self, migration: &Migration) -> Result<(), DbError> {
        let mut is_left = false;
        loop {
            match self.state().await? {
                IndexState::Complete => return Ok(()),
                IndexState::Absent => {
                    let statement = in_schema(migration.sql, &self.store.schema);
                    self.run(statement).await?;
                }
                // A look holds no snapshot between two looks, and a statement that waits for a lock
                // has one. The build that it waits for would wait for that snapshot in turn.
                IndexState::Building => tokio::time::sleep(LOOK_INTERVAL).await,
                // The build may have ended between the two parts of the look.
                IndexState::Invalid if !is_left => is_left = true,
                IndexState::Invalid => {
                    is_left = false;
                    tracing::info!(index = self.index, "drops the rest of an unfinished build");
                    let (schema, index) = (&self.store.schema, self.index);
                    let drop =
                        format!("DROP INDEX CONCURRENTLY IF EXISTS \"{schema}\".\"{index}\"");
                    self.run(drop).await?;
                }
            }
        }
    }

    async fn state(&mut self) -> Result<IndexState, DbError> {
        let mut tx = Tx::plain(&mut self.connection, &self.store.shared.sql, false);
        let query = tx
            .query(&tx.sql.migrate_index_state)
            .bind(&self.store.schema)
            .bind(self.index);
        let rows = tx.fetch(query).await?;
        let Some(row) = rows.first() else {
            return Ok(IndexState::Absent);
        };
        Ok(match (row.try_get(0)?, row.try_get(1)?) {
            (true, _) => IndexState::Complete,
            (false, true) => IndexState::Building,
            (false, false) => IndexState::Invalid,
        })
    }

    async fn run(&mut self, statement: String) -> Result<(), DbError> {
        self.connection.execute(AssertSqlSafe(statement)).await?;
        Ok(())
    }
}
