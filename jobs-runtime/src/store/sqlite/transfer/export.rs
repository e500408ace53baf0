//! Export: reads whole executions.

use jobs::ExecutionId;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::decode::export::ExportedPage;
use crate::store::rules::execution_rows::Hex;
use crate::store::sqlite::conn::error::DbError;
use crate::store::sqlite::conn::json;
use crate::store::{Cursor, Export, TransferredExecution};

/// Reads a page. Its statements do not share a snapshot, because a store is exported at rest.
pub(super) async fn page_on_conn(
    conn: &mut SqliteConnection,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Export, DbError> {
    let rows = sqlx::query(concat!(
        include_str!("../sql/transfer/page_after.sql"),
        include_str!("../sql/transfer/export_executions.sql")
    ))
    .bind(after.map_or(0, |after| after.0))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(&mut *conn)
    .await?;
    Ok(with_records(conn, &rows).await?.into_export())
}

/// Reads some executions, or the first of them if they are long. Leaves out those that this program
/// cannot read completely.
pub(in crate::store::sqlite) async fn listed_on_conn(
    conn: &mut SqliteConnection,
    ids: impl Iterator<Item = ExecutionId>,
) -> Result<Vec<TransferredExecution>, DbError> {
    let rows = sqlx::query(concat!(
        include_str!("../sql/transfer/page_listed.sql"),
        include_str!("../sql/transfer/export_executions.sql")
    ))
    .bind(json::array(ids.map(Hex))?)
    .fetch_all(&mut *conn)
    .await?;
    Ok(with_records(conn, &rows).await?.into_complete())
}

/// Reads what the other tables keep of the executions in these rows.
async fn with_records(
    conn: &mut SqliteConnection,
    rows: &[SqliteRow],
) -> Result<ExportedPage, DbError> {
    let mut page = ExportedPage::of(rows)?;
    let seqs = page.seqs();
    if !seqs.is_empty() {
        let seqs = json::array(seqs)?;
        let attempts = include_str!("../sql/transfer/export_attempts.sql");
        page.add_attempts(&rows_of(conn, attempts, &seqs).await?)?;
        let logs = include_str!("../sql/transfer/export_logs.sql");
        page.add_logs(&rows_of(conn, logs, &seqs).await?)?;
        let keys = include_str!("../sql/transfer/export_keys.sql");
        page.add_keys(&rows_of(conn, keys, &seqs).await?)?;
        let limits = include_str!("../sql/transfer/export_limits.sql");
        page.add_limits(&rows_of(conn, limits, &seqs).await?)?;
        let names = include_str!("../sql/transfer/export_dedup_keys.sql");
        page.add_names(&rows_of(conn, names, &seqs).await?)?;
    }
    Ok(page)
}

/// Reads the rows of the executions with these seqs, a JSON array.
async fn rows_of(
    conn: &mut SqliteConnection,
    sql: &'static str,
    seqs: &str,
) -> Result<Vec<SqliteRow>, DbError> {
    Ok(sqlx::query(sql).bind(seqs).fetch_all(conn).await?)
}
