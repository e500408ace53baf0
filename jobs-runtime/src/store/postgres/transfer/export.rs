//! Export: executions with everything that the store keeps of them.

use async_trait::async_trait;
use sqlx::SqlStr;
use sqlx::postgres::PgRow;

use crate::store::decode::export::ExportedPage;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, without_events};
use crate::store::postgres::conn::tx::Tx;
use crate::store::{Cursor, Export};

/// Reads a page of executions. Its statements are not one snapshot: the store must be at rest.
pub(super) struct ExportPage {
    pub(super) after: Option<Cursor>,
    pub(super) limit: usize,
}

#[async_trait]
impl Operation for ExportPage {
    type Output = Export;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Export>, DbError> {
        let query = tx
            .query(&tx.sql.transfer_export_executions)
            .bind(self.after.map_or(0, |after| after.0))
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let mut page = ExportedPage::of(&tx.fetch(query).await?)?;
        if let Some(range) = page.range() {
            let sql = tx.sql;
            page.add_attempts(&rows_of(tx, &sql.transfer_export_attempts, range).await?)?;
            page.add_logs(&rows_of(tx, &sql.transfer_export_logs, range).await?)?;
            page.add_keys(&rows_of(tx, &sql.transfer_export_keys, range).await?)?;
            page.add_limits(&rows_of(tx, &sql.transfer_export_limits, range).await?)?;
            page.add_names(&rows_of(tx, &sql.transfer_export_dedup_keys, range).await?)?;
        }
        Ok(without_events(page.into_export()))
    }
}

/// Reads the rows of the executions with these seqs and those between.
async fn rows_of(
    tx: &mut Tx<'_>,
    statement: &SqlStr,
    (first, last): (i64, i64),
) -> Result<Vec<PgRow>, DbError> {
    let query = tx.query(statement).bind(first).bind(last);
    tx.fetch(query).await
}
