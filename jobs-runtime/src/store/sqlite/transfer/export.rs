//! Export: reads whole executions.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::decode::export::ExportedPage;
use crate::store::sqlite::conn::error::DbError;
use crate::store::{Cursor, Export};

/// Reads a page. Its statements do not share a snapshot, because a store is exported at rest.
pub(super) async fn page_on_conn(
    conn: &mut SqliteConnection,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Export, DbError> {
    let rows = sqlx::query(include_str!("../sql/transfer/export_executions.sql"))
        .bind(after.map_or(0, |after| after.0))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *conn)
        .await?;
    let mut page = ExportedPage::of(&rows)?;
    if let Some(range) = page.range() {
        let attempts = include_str!("../sql/transfer/export_attempts.sql");
        page.add_attempts(&rows_of(conn, attempts, range).await?)?;
        let logs = include_str!("../sql/transfer/export_logs.sql");
        page.add_logs(&rows_of(conn, logs, range).await?)?;
        let keys = include_str!("../sql/transfer/export_keys.sql");
        page.add_keys(&rows_of(conn, keys, range).await?)?;
        let limits = include_str!("../sql/transfer/export_limits.sql");
        page.add_limits(&rows_of(conn, limits, range).await?)?;
        let names = include_str!("../sql/transfer/export_dedup_keys.sql");
        page.add_names(&rows_of(conn, names, range).await?)?;
    }
    Ok(page.into_export())
}

/// Reads the rows of the executions with these seqs and those between.
async fn rows_of(
    conn: &mut SqliteConnection,
    sql: &'static str,
    (first, last): (i64, i64),
) -> Result<Vec<SqliteRow>, DbError> {
    let rows = sqlx::query(sql).bind(first).bind(last);
    Ok(rows.fetch_all(conn).await?)
}
