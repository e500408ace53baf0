//! `.tx` in a build without the driver of a database: the compiler names the feature.

use super::enqueue::Enqueue;

/// A transaction of a database whose driver is not compiled in. No type implements it.
#[diagnostic::on_unimplemented(
    message = "`.tx` needs the driver of the database, which is a feature of `jobs`",
    label = "no driver is compiled in",
    note = "in Cargo.toml: `jobs = {{ …, features = [\"sqlx-postgres\"] }}`, or `\"sqlx-sqlite\"`, or \
            `\"sqlx\"` for both"
)]
pub trait TransactionOfADriver {}

impl<Kind> Enqueue<Kind> {
    /// Needs the feature `sqlx-postgres` or `sqlx-sqlite`.
    #[doc(hidden)]
    pub fn tx<T: TransactionOfADriver>(self, _: &mut T) -> Self {
        self
    }
}
