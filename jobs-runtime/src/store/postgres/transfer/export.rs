//! Export: executions with everything that the store keeps of them.

use async_trait::async_trait;
use sqlx::SqlStr;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::store::decode::export::ExportedPage;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, without_events};
use crate::store::postgres::conn::tx::Tx;
use crate::store::{Cursor, Export, TransferredExecution};

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
        let rows = tx.fetch(query).await?;
        Ok(without_events(with_records(tx, &rows).await?.into_export()))
    }
}

/// Reads some executions, or the first of them if they are long. Leaves out those that this program
/// cannot read completely.
pub(in crate::store::postgres) struct ExportListed(pub(in crate::store::postgres) Vec<Uuid>);

#[async_trait]
impl Operation for ExportListed {
    type Output = Vec<TransferredExecution>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.transfer_export_listed)
            .bind(self.0.clone());
        let rows = tx.fetch(query).await?;
        Ok(without_events(
            with_records(tx, &rows).await?.into_complete(),
        ))
    }
}

/// Reads what the other tables keep of the executions in these rows.
async fn with_records(tx: &mut Tx<'_>, rows: &[PgRow]) -> Result<ExportedPage, DbError> {
    let mut page = ExportedPage::of(rows)?;
    let seqs = page.seqs();
    if !seqs.is_empty() {
        let sql = tx.sql;
        page.add_attempts(&rows_of(tx, &sql.transfer_export_attempts, &seqs).await?)?;
        page.add_logs(&rows_of(tx, &sql.transfer_export_logs, &seqs).await?)?;
        page.add_keys(&rows_of(tx, &sql.transfer_export_keys, &seqs).await?)?;
        page.add_limits(&rows_of(tx, &sql.transfer_export_limits, &seqs).await?)?;
        page.add_names(&rows_of(tx, &sql.transfer_export_dedup_keys, &seqs).await?)?;
    }
    Ok(page)
}

/// Reads the rows of the executions with these seqs.
async fn rows_of(tx: &mut Tx<'_>, statement: &SqlStr, seqs: &[i64]) -> Result<Vec<PgRow>, DbError> {
    let query = tx.query(statement).bind(seqs.to_vec());
    tx.fetch(query).await
}
