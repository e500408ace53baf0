//! Decoding of rows: the results of both stores' statements become values of the contract.
//!
//! The statements of both stores name their columns alike. A store implements [`Columns`] for its
//! rows; the functions in here read them by name. They import the contract and `rules`, and never a
//! store.

pub(in crate::store) mod audit;
pub(in crate::store) mod export;
pub(in crate::store) mod page;
pub(in crate::store) mod records;
pub(in crate::store) mod schedules;
pub(in crate::store) mod telemetry;
pub(in crate::store) mod tokens;
pub(in crate::store) mod window;
pub(in crate::store) mod words;

use std::fmt::Display;
use std::str::FromStr;

use jobs::ExecutionId;

use crate::store::StoreError;
use crate::time::Timestamp;

/// An error of a store's rows.
pub(in crate::store) trait RowError: From<StoreError> {
    /// Returns the error of the contract, if it is one.
    fn as_store_error(&self) -> Option<&StoreError>;
}

/// A row, read by the names of its columns. `opt_…` returns `None` for NULL; other methods fail.
pub(in crate::store) trait Columns {
    type Error: RowError;

    /// Reads a text that may have been encoded for the store.
    fn opt_text(&self, column: &str) -> Result<Option<String>, Self::Error>;

    /// Reads a word or JSON, which is stored as it is.
    fn opt_json(&self, column: &str) -> Result<Option<String>, Self::Error>;

    /// Reads an integer of any width.
    fn opt_integer(&self, column: &str) -> Result<Option<i64>, Self::Error>;

    fn opt_id(&self, column: &str) -> Result<Option<ExecutionId>, Self::Error>;

    /// Reads a list of texts.
    fn opt_texts(&self, column: &str) -> Result<Option<Vec<String>>, Self::Error>;

    fn flag(&self, column: &str) -> Result<bool, Self::Error>;

    fn text(&self, column: &str) -> Result<String, Self::Error> {
        some(column, self.opt_text(column)?)
    }

    fn json(&self, column: &str) -> Result<String, Self::Error> {
        some(column, self.opt_json(column)?)
    }

    fn id(&self, column: &str) -> Result<ExecutionId, Self::Error> {
        some(column, self.opt_id(column)?)
    }

    fn integer<N: TryFrom<i64>>(&self, column: &str) -> Result<N, Self::Error> {
        let stored = some(column, self.opt_integer(column)?)?;
        let number = N::try_from(stored);
        number.map_err(|_| corrupt(column, format!("it is {stored}")).into())
    }

    fn opt_time(&self, column: &str) -> Result<Option<Timestamp>, Self::Error> {
        Ok(self.opt_integer(column)?.map(Timestamp::from_millis))
    }

    fn time(&self, column: &str) -> Result<Timestamp, Self::Error> {
        some(column, self.opt_time(column)?)
    }

    fn opt_word<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, Self::Error> {
        let word = self.opt_json(column)?.map(|word| word.parse());
        word.transpose()
            .map_err(|error| corrupt(column, error).into())
    }

    fn word<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, Self::Error> {
        some(column, self.opt_word(column)?)
    }
}

fn some<T, E: From<StoreError>>(column: &str, value: Option<T>) -> Result<T, E> {
    value.ok_or_else(|| corrupt(column, "it is NULL").into())
}

/// Returns the error for a stored value that this program cannot read.
#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` passes the error by value"
)]
pub(in crate::store) fn corrupt(what: &str, reason: impl ToString) -> StoreError {
    StoreError::Corrupt {
        what: what.to_owned(),
        reason: reason.to_string(),
    }
}

/// Returns `None` for a row that this program cannot read, and logs it.
pub(in crate::store) fn readable<T, E: RowError>(
    row: impl Display,
    read: Result<T, E>,
) -> Result<Option<T>, E> {
    if let Err(error) = &read
        && let Some(StoreError::Corrupt { what, reason }) = error.as_store_error()
    {
        words::log_unreadable(row, what, reason);
        return Ok(None);
    }
    read.map(Some)
}

/// Reads all rows but those that this program cannot read.
pub(in crate::store) fn readable_rows<R: Columns, T>(
    name: &str,
    rows: &[R],
    read: impl Fn(&R) -> Result<T, R::Error>,
) -> Result<Vec<T>, R::Error> {
    rows.iter()
        .filter_map(|row| readable(name, read(row)).transpose())
        .collect()
}
