//! The command `import`: enqueues the waiting work of another queue.

use std::collections::BTreeMap;

use super::{start_client, start_reader};
use crate::cli::args::ImportArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::printable;
use crate::cli::settings::Settings;
use crate::cli::table::table;
use crate::import::{Import, ImportError, ImportReport, Source};

/// Imports, or tells what an import would do. Fails if a row was refused.
pub(in crate::cli) async fn import(
    settings: &Settings,
    output: Output,
    args: &ImportArgs,
) -> Result<(), Failure> {
    let names: BTreeMap<String, String> = args.map.iter().cloned().collect();
    let mut source = Source::open(args.system, &args.from, &args.schema).await?;
    let runtime = if args.dry_run {
        start_reader(settings).await?
    } else {
        start_client(settings).await?
    };
    let import = Import {
        kind: args.system,
        names: &names,
        dry_run: args.dry_run,
    };
    let report = import.run(&mut source, runtime.service(), |rows| {
        if output.is_interactive() {
            output.status(&format!("{rows} rows"));
        }
    });
    let report = report.await;
    output.status("");
    let report = report?;
    output.result(&report, |report| describe(report, settings))?;
    if report.sum(|name| name.refused) > 0 {
        return Err(Failure::FailedReported);
    }
    Ok(())
}

/// The report as a table, and what to do next.
fn describe(report: &ImportReport, settings: &Settings) -> String {
    if report.names.is_empty() {
        return "nothing waits there\n".to_owned();
    }
    let new = if report.dry_run { "NEW" } else { "IMPORTED" };
    let headings = ["NAME", "JOB", new, "EXISTING", "RUNNING", "REFUSED"];
    let rows = report.names.iter().map(|(name, row)| {
        [
            name.clone(),
            row.job_id.clone().unwrap_or_else(|| "-".to_owned()),
            row.imported.to_string(),
            row.existing.to_string(),
            row.running.to_string(),
            row.refused.to_string(),
        ]
    });
    let mut text = table(headings, rows);
    for (name, row) in &report.names {
        if let Some((id, reason)) = &row.first_refused {
            let refused = format!("refused, as {name} {id}: {reason}");
            text.push_str(&format!("{}\n", printable::line(&refused)));
        }
        if row.ordered > 0 {
            let name = printable::line(name);
            text.push_str(&format!(
                "{} rows of {name} were in a queue that runs one after the other: give the job \
                 `max_concurrent = 1`\n",
                row.ordered
            ));
        }
    }
    if report.sum(|name| name.running) > 0 {
        text.push_str("running rows stay there: let the old workers finish, and import again\n");
    }
    if report.dry_run {
        text.push_str("nothing was written: import without `--dry-run`\n");
    } else {
        text.push_str(&format!(
            "the source is unchanged, the executions wait in {}\n",
            settings.database
        ));
    }
    text
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Url(reason) => Self::usage(reason),
            ImportError::Read { .. } | ImportError::Enqueue(_) => Self::because(&error),
        }
    }
}
