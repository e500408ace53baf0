//! The command `migrate`: creates and updates the tables of the store.

use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::table::table;
use crate::store::DatabaseUrl;

/// Applies the pending migrations, unless `status_only`, and lists all migrations. With `reopens`,
/// a store that was moved away accepts executions and workers again.
pub(in crate::cli) async fn migrate(
    settings: &Settings,
    output: Output,
    status_only: bool,
    reopens: bool,
) -> Result<(), Failure> {
    let url: DatabaseUrl = settings
        .database
        .parse()
        .map_err(|error: crate::store::ParseDatabaseUrlError| Failure::usage(error.to_string()))?;
    if status_only && !super::store_exists(settings) {
        return Err(Failure::failed(format!(
            "the store {url} does not exist: `migrate` creates it"
        )));
    }
    let store = crate::store::open(&url).await?;
    let migrations = if status_only {
        store.migrations().await?
    } else {
        store.migrate().await?
    };
    if let (true, Some(moved)) = (reopens, store.transfer()) {
        moved.mark_moved(None).await?;
    }
    output.result(&migrations, |migrations| {
        let rows = migrations.iter().map(|migration| {
            [
                migration.version.to_string(),
                migration.name.clone(),
                migration
                    .applied_at
                    .map_or("pending".to_owned(), |at| at.to_string()),
            ]
        });
        table(["VERSION", "NAME", "APPLIED"], rows)
    })
}
