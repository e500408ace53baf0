//! Columns of a row, for [`decode`](crate::store::decode).

use jobs::ExecutionId;
use sqlx::postgres::PgRow;
use sqlx::{Column, Row, TypeInfo};
use uuid::Uuid;

use super::error::DbError;
use super::text;
use crate::store::decode::Columns;

impl Columns for PgRow {
    type Error = DbError;

    fn opt_text(&self, column: &str) -> Result<Option<String>, DbError> {
        Ok(self.opt_json(column)?.map(text::decode))
    }

    fn opt_json(&self, column: &str) -> Result<Option<String>, DbError> {
        Ok(self.try_get(column)?)
    }

    fn opt_integer(&self, column: &str) -> Result<Option<i64>, DbError> {
        Ok(match self.try_column(column)?.type_info().name() {
            "INT2" => self.try_get::<Option<i16>, _>(column)?.map(i64::from),
            "INT4" => self.try_get::<Option<i32>, _>(column)?.map(i64::from),
            _ => self.try_get(column)?,
        })
    }

    fn opt_id(&self, column: &str) -> Result<Option<ExecutionId>, DbError> {
        let id: Option<Uuid> = self.try_get(column)?;
        Ok(id.map(|id| ExecutionId::from_bytes(*id.as_bytes())))
    }

    fn opt_texts(&self, column: &str) -> Result<Option<Vec<String>>, DbError> {
        Ok(self.try_get::<Option<_>, _>(column)?.map(text::decode_all))
    }

    fn flag(&self, column: &str) -> Result<bool, DbError> {
        Ok(self.try_get(column)?)
    }
}
