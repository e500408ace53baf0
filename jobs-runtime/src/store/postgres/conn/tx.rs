//! A connection with what is needed to use it.

use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, SqlStr};

use super::error::Fault;
use super::statements::Statements;

/// How each of our own transactions begins, whatever the database's defaults are.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;";

/// A connection, of ours or of a caller's, while something is done on it.
pub(in crate::store::postgres) struct Db<'c> {
    pub(in crate::store::postgres) conn: &'c mut PgConnection,
    pub(in crate::store::postgres) sql: &'c Statements,
    /// Whether statements may stay prepared on the server.
    prepared: bool,
    /// What is to be sent before the first statement: it shares its trip where it can.
    pending: Option<String>,
    /// What is sent together with the commit.
    last_words: String,
}

impl<'c> Db<'c> {
    /// A connection that is in a transaction, or needs none.
    pub(in crate::store::postgres) fn plain(
        conn: &'c mut PgConnection,
        sql: &'c Statements,
        prepared: bool,
    ) -> Self {
        Self {
            conn,
            sql,
            prepared,
            pending: None,
            last_words: String::new(),
        }
    }

    /// A connection on which a transaction begins with the first statement.
    pub(in crate::store::postgres) fn in_transaction(
        conn: &'c mut PgConnection,
        sql: &'c Statements,
        prologue: Option<&SqlStr>,
    ) -> Self {
        let mut begin = BEGIN.to_owned();
        begin.push_str(prologue.map_or("", |prologue| prologue.as_str()));
        Self {
            pending: Some(begin),
            ..Self::plain(conn, sql, prologue.is_none())
        }
    }

    /// A statement, ready to bind.
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
    ) -> Result<Vec<PgRow>, Fault> {
        self.begin().await?;
        Ok(query.fetch_all(&mut *self.conn).await?)
    }

    /// Runs a statement and returns how many rows it touched.
    pub(in crate::store::postgres) async fn execute(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, Fault> {
        self.begin().await?;
        Ok(query.execute(&mut *self.conn).await?.rows_affected())
    }

    /// Runs SQL without parameters, in one trip with the beginning of the transaction. The values of
    /// its rows come as text.
    pub(in crate::store::postgres) async fn script(
        &mut self,
        sql: &str,
    ) -> Result<Vec<PgRow>, Fault> {
        let mut script = self.pending.take().unwrap_or_default();
        script.push_str(sql);
        let rows = sqlx::raw_sql(AssertSqlSafe(script))
            .fetch_all(&mut *self.conn)
            .await?;
        Ok(rows)
    }

    /// Waits for locks no longer than `millis` in this transaction, which has not begun yet.
    pub(in crate::store::postgres) fn hurry(&mut self, millis: u16) {
        if let Some(begin) = &mut self.pending {
            begin.push_str(&format!("SET LOCAL lock_timeout = {millis};"));
        }
    }

    /// Adds SQL without parameters that runs in one trip with the commit.
    pub(in crate::store::postgres) fn at_last(&mut self, sql: &str) {
        self.last_words.push_str(sql);
        self.last_words.push(';');
    }

    async fn begin(&mut self) -> Result<(), Fault> {
        if let Some(begin) = self.pending.take() {
            self.conn.execute(AssertSqlSafe(begin)).await?;
        }
        Ok(())
    }

    /// Commits, if a transaction has begun.
    pub(in crate::store::postgres) async fn commit(mut self) -> Result<(), Fault> {
        if self.pending.is_some() {
            return Ok(());
        }
        self.last_words.push_str("COMMIT");
        let last_words = std::mem::take(&mut self.last_words);
        self.conn.execute(AssertSqlSafe(last_words)).await?;
        Ok(())
    }
}
