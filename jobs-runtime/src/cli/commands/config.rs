//! The command `config`: lists the settings in force.

use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::table::table;

/// Prints every setting with its source.
pub(in crate::cli) fn show(settings: &Settings, output: Output) -> Result<(), Failure> {
    output.result(&settings.entries, |entries| {
        let rows = entries.iter().map(|entry| {
            [
                entry.key.to_owned(),
                entry.value.clone(),
                entry.origin.to_string(),
            ]
        });
        table(["SETTING", "VALUE", "SOURCE"], rows)
    })
}
