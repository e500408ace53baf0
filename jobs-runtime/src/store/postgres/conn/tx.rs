//! The connection that an operation runs on, with its transaction.

use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, SqlStr};

use super::error::DbError;
use super::statements::Statements;

/// Begins each transaction of the store, whatever the database's defaults are.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;";

/// A connection, of the store or of a caller, while an operation runs on it.
pub(in crate::store::postgres) struct Tx<'c> {
    pub(in crate::store::postgres) conn: &'c mut PgConnection,
    pub(in crate::store::postgres) sql: &'c Statements,
    /// True if statements may stay prepared on the server.
    prepared: bool,
    /// `BEGIN` and settings, sent before the first statement; a script sends them in its own round
    /// trip.
    begin_sql: Option<String>,
    /// Statements that are sent in one round trip with the commit.
    commit_prefix: String,
}

impl<'c> Tx<'c> {
    /// Uses a connection that is in a transaction already, or needs none.
    pub(in crate::store::postgres) fn plain(
        conn: &'c mut PgConnection,
        sql: &'c Statements,
        prepared: bool,
    ) -> Self {
        Self {
            conn,
            sql,
            prepared,
            begin_sql: None,
            commit_prefix: String::new(),
        }
    }

    /// Begins a transaction with the first statement.
    pub(in crate::store::postgres) fn in_transaction(
        conn: &'c mut PgConnection,
        sql: &'c Statements,
        prologue: Option<&SqlStr>,
    ) -> Self {
        let mut begin = BEGIN.to_owned();
        begin.push_str(prologue.map_or("", |prologue| prologue.as_str()));
        Self {
            begin_sql: Some(begin),
            ..Self::plain(conn, sql, prologue.is_none())
        }
    }

    /// Returns a query for the statement, without parameters bound.
    pub(in crate::store::postgres) fn query(
        &self,
        statement: &SqlStr,
    ) -> Query<'static, Postgres, PgArguments> {
        sqlx::query(statement.clone()).persistent(self.prepared)
    }

    /// Runs a statement and returns its rows.
    pub(in crate::store::postgres) async fn fetch(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, DbError> {
        self.begin().await?;
        Ok(query.fetch_all(&mut *self.conn).await?)
    }

    /// Runs a statement and returns the number of rows that it has affected.
    pub(in crate::store::postgres) async fn execute(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, DbError> {
        self.begin().await?;
        Ok(query.execute(&mut *self.conn).await?.rows_affected())
    }

    /// Runs SQL without parameters, in one round trip with the BEGIN. The values of its rows come
    /// as text.
    pub(in crate::store::postgres) async fn script(
        &mut self,
        sql: &str,
    ) -> Result<Vec<PgRow>, DbError> {
        let mut script = self.begin_sql.take().unwrap_or_default();
        script.push_str(sql);
        let rows = sqlx::raw_sql(AssertSqlSafe(script))
            .fetch_all(&mut *self.conn)
            .await?;
        Ok(rows)
    }

    /// Adds SQL without parameters that runs in one round trip with the commit.
    pub(in crate::store::postgres) fn before_commit(&mut self, sql: &str) {
        self.commit_prefix.push_str(sql);
        self.commit_prefix.push(';');
    }

    async fn begin(&mut self) -> Result<(), DbError> {
        if let Some(begin) = self.begin_sql.take() {
            self.conn.execute(AssertSqlSafe(begin)).await?;
        }
        Ok(())
    }

    /// Commits the transaction, if it has begun.
    pub(in crate::store::postgres) async fn commit(mut self) -> Result<(), DbError> {
        if self.begin_sql.is_some() {
            return Ok(());
        }
        self.commit_prefix.push_str("COMMIT");
        let commit_prefix = std::mem::take(&mut self.commit_prefix);
        self.conn.execute(AssertSqlSafe(commit_prefix)).await?;
        Ok(())
    }
}
