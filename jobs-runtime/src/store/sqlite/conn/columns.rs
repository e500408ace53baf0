//! Columns of a row, for [`decode`](crate::store::decode).

use jobs::ExecutionId;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::DbError;
use super::json::id_from_blob;
use crate::store::decode::{Columns, corrupt};

impl Columns for SqliteRow {
    type Error = DbError;

    fn opt_text(&self, column: &str) -> Result<Option<String>, DbError> {
        Ok(self.try_get(column)?)
    }

    fn opt_json(&self, column: &str) -> Result<Option<String>, DbError> {
        Ok(self.try_get(column)?)
    }

    fn opt_integer(&self, column: &str) -> Result<Option<i64>, DbError> {
        Ok(self.try_get(column)?)
    }

    fn opt_id(&self, column: &str) -> Result<Option<ExecutionId>, DbError> {
        let id: Option<&[u8]> = self.try_get(column)?;
        id.map(id_from_blob).transpose()
    }

    fn opt_texts(&self, column: &str) -> Result<Option<Vec<String>>, DbError> {
        let texts = self
            .opt_json(column)?
            .map(|text| serde_json::from_str(&text));
        Ok(texts.transpose().map_err(|error| corrupt(column, error))?)
    }

    fn flag(&self, column: &str) -> Result<bool, DbError> {
        Ok(self.try_get(column)?)
    }
}
