//! Released permits whose subtraction was deferred.
//!
//! A batch that releases permits of many limits stores them in one row of `jobs_released_permits`,
//! if no execution is blocked. Until they are subtracted here, `in_use` still counts them. The
//! allocator subtracts them before it admits executions, a lookup before it reports a limit as
//! full.

use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::rules::permits::LimitId;
use crate::store::sqlite::conn::error::DbError;
use crate::store::sqlite::conn::json;
use crate::store::sqlite::conn::script::rows_named;

/// Subtracts all stored permits from `in_use`, and deletes the rows.
pub(in crate::store::sqlite) async fn subtract_in_txn(
    conn: &mut SqliteConnection,
) -> Result<(), DbError> {
    let rows = sqlx::query(include_str!("../sql/limits/take_released.sql"))
        .fetch_all(&mut *conn)
        .await?;
    subtract_rows(conn, &rows).await
}

/// The same for rows that `take_released.sql` has returned, among other rows of a script. Logs and
/// skips values that cannot be read.
pub(in crate::store::sqlite) async fn subtract_rows(
    conn: &mut SqliteConnection,
    rows: &[SqliteRow],
) -> Result<(), DbError> {
    let mut limits: Vec<LimitId> = Vec::new();
    for row in rows_named(rows, "released") {
        let text = row.try_get(1)?;
        match serde_json::from_slice::<Vec<LimitId>>(text) {
            Ok(released) => limits.extend(released),
            Err(error) => {
                tracing::error!(%error, "skipped released permits that cannot be read");
                let released: Vec<Value> = serde_json::from_slice(text).unwrap_or_default();
                limits.extend(released.iter().filter_map(Value::as_i64));
            }
        }
    }
    if limits.is_empty() {
        return Ok(());
    }
    limits.sort_unstable();
    let counts = limits.chunk_by(PartialEq::eq);
    let counts = counts.map(|permits| (permits[0], permits.len()));
    sqlx::query(include_str!("../sql/limits/subtract_released.sql"))
        .bind(json::array(counts)?)
        .execute(conn)
        .await?;
    Ok(())
}
