//! Permits that came back while nobody waited: many ends note them in one row, and they are counted before somebody
//! has to know how many are out.

use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::rules::permits::LimitId;
use crate::store::sqlite::conn::error::Fault;
use crate::store::sqlite::conn::json;
use crate::store::sqlite::conn::script::rows_named;

/// Takes what was noted off the numbers of its limits.
pub(in crate::store::sqlite) async fn count_in_txn(
    conn: &mut SqliteConnection,
) -> Result<(), Fault> {
    let rows = sqlx::query(include_str!("../sql/limits/released_take.sql"))
        .fetch_all(&mut *conn)
        .await?;
    count_taken(conn, &rows).await
}

/// The same with notes that were taken already, among other rows. What is damaged is nobody's.
pub(in crate::store::sqlite) async fn count_taken(
    conn: &mut SqliteConnection,
    rows: &[SqliteRow],
) -> Result<(), Fault> {
    let mut limits: Vec<LimitId> = Vec::new();
    for row in rows_named(rows, "noted") {
        let note = row.try_get(1)?;
        match serde_json::from_slice::<Vec<LimitId>>(note) {
            Ok(noted) => limits.extend(noted),
            Err(error) => {
                tracing::error!(%error, "some permits that came back are left out");
                let noted: Vec<Value> = serde_json::from_slice(note).unwrap_or_default();
                limits.extend(noted.iter().filter_map(Value::as_i64));
            }
        }
    }
    if limits.is_empty() {
        return Ok(());
    }
    limits.sort_unstable();
    let counts = limits.chunk_by(PartialEq::eq);
    let counts = counts.map(|alike| (alike[0], alike.len()));
    sqlx::query(include_str!("../sql/limits/released.sql"))
        .bind(json::array(counts)?)
        .execute(conn)
        .await?;
    Ok(())
}
