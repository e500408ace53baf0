//! Rows of series and of sizes.

use super::{Columns, readable_rows};
use crate::store::TableSize;
use crate::time::Timestamp;

/// Reads the rows of `telemetry/points.sql`.
pub(in crate::store) fn points<R: Columns>(
    rows: &[R],
) -> Result<Vec<(Timestamp, String)>, R::Error> {
    readable_rows("a point of a series", rows, |row| {
        Ok((row.time("at")?, row.json("value")?))
    })
}

/// Reads the rows of `telemetry/sizes.sql`.
pub(in crate::store) fn sizes<R: Columns>(rows: &[R]) -> Result<Vec<TableSize>, R::Error> {
    readable_rows("the size of a table", rows, |row| {
        // Negative: the database has not counted the rows yet.
        let row_estimate = row.integer::<i64>("row_estimate")?;
        Ok(TableSize {
            name: row.text("name")?,
            row_estimate: u64::try_from(row_estimate).ok(),
            bytes: row.integer("bytes")?,
        })
    })
}
