//! The command `archive`: lists, reads and searches an archive, and restores executions from it.

use serde_json::value::to_raw_value;

use super::{start_client, start_reader};
use crate::archive::restore::{BATCH, KEEP, Restored, restore as restore_batch};
use crate::cli::args::{ArchiveArgs, ArchiveCommand};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::table::table;
use crate::clock::timestamp;
use crate::service::Redactor;
use crate::{ArchiveError, ArchiveFile, ArchiveFilter, ArchiveReader, ArchivedExecution};

pub(in crate::cli) async fn run(
    settings: &Settings,
    output: Output,
    command: Option<ArchiveCommand>,
) -> Result<(), Failure> {
    let Some(directory) = &settings.archive else {
        return Err(Failure::usage(
            "there is no archive: set `archive` in jobs.toml, `JOBS_ARCHIVE` or `--archive DIR`",
        ));
    };
    let reader = ArchiveReader::new(directory);
    match command {
        None => list(&reader, output),
        Some(ArchiveCommand::Read { filter, reveal }) => {
            let found = reader.executions(filter.into())?;
            read(settings, output, found, reveal, None).await
        }
        Some(ArchiveCommand::Grep {
            text,
            filter,
            reveal,
        }) => {
            let found = reader.executions(filter.into())?;
            read(settings, output, found, reveal, Some(&text)).await
        }
        Some(ArchiveCommand::Restore { filter, all, keep }) => {
            if !all && filter.accepts_all() {
                return Err(Failure::usage(
                    "name the executions with `--id`, `--job`, `--status`, `--since` or `--until`, \
                     or give `--all`",
                ));
            }
            let found = reader.executions(filter.into())?;
            restore(settings, output, found, keep.unwrap_or(KEEP)).await
        }
    }
}

impl ArchiveArgs {
    fn accepts_all(&self) -> bool {
        self.ids.is_empty()
            && self.job.is_none()
            && self.status.is_none()
            && self.since.is_none()
            && self.until.is_none()
    }
}

impl From<ArchiveArgs> for ArchiveFilter {
    fn from(args: ArchiveArgs) -> Self {
        Self {
            ids: args.ids,
            job_id: args.job,
            status: args.status,
            since: args.since,
            until: args.until,
        }
    }
}

/// Prints the files with what their manifests say.
fn list(reader: &ArchiveReader, output: Output) -> Result<(), Failure> {
    let files = reader.files()?;
    output.result(&files, |files| {
        let rows = files.iter().map(|file| {
            let manifest = file.manifest.as_ref();
            [
                file.path.display().to_string(),
                manifest.map_or_else(|| "?".to_owned(), |it| it.executions.to_string()),
                file.bytes.to_string(),
                manifest.map_or_else(String::new, |it| it.first_finished_at.to_string()),
                manifest.map_or_else(String::new, |it| it.last_finished_at.to_string()),
            ]
        });
        table(
            ["FILE", "EXECUTIONS", "BYTES", "FIRST END", "LAST END"],
            rows,
        )
    })?;
    let truncated = ArchiveFile::truncated(&files);
    if truncated.is_empty() {
        return Ok(());
    }
    let lost = "shorter than their manifests say: executions are lost";
    Err(Failure::failed(format!("{truncated} are {lost}")))
}

/// Prints executions, one a line. Errors of files and lines are printed, and fail the command at
/// its end.
async fn read(
    settings: &Settings,
    output: Output,
    found: impl Iterator<Item = Result<ArchivedExecution, ArchiveError>>,
    reveal: bool,
    text: Option<&str>,
) -> Result<(), Failure> {
    // The catalogue says which fields are sensitive.
    let runtime = if reveal {
        None
    } else {
        Some(start_reader(settings).await?)
    };
    let mut redactor = runtime.as_ref().map(|it| Redactor::new(it.service()));
    let mut has_failed = false;
    for one in found {
        let mut one = match one {
            Ok(one) => one,
            Err(error) => {
                output.failure(&Failure::because(&error));
                has_failed = true;
                continue;
            }
        };
        if let Some(redactor) = &mut redactor {
            redactor.redact_archived(&mut one).await;
        }
        let line = to_raw_value(&one).map_err(|error| Failure::because(&error))?;
        if text.is_some_and(|text| !line.get().contains(text)) {
            continue;
        }
        match output.line(&line, |line| line.get().to_owned()) {
            Err(Failure::OutputClosed) => break,
            printed => printed?,
        }
    }
    if has_failed {
        Err(Failure::FailedReported)
    } else {
        Ok(())
    }
}

/// Writes executions into the store. An error of a file or a line does not keep the others from it.
async fn restore(
    settings: &Settings,
    output: Output,
    found: impl Iterator<Item = Result<ArchivedExecution, ArchiveError>>,
    keep: std::time::Duration,
) -> Result<(), Failure> {
    let runtime = start_client(settings).await?;
    let Some(target) = runtime.store().transfer() else {
        return Err(Failure::failed(
            "this store cannot import executions: use one on SQLite or PostgreSQL",
        ));
    };
    let keep_until = timestamp(&**runtime.service().clock()).after(keep);
    let mut report = Restored::default();
    let mut batch = Vec::new();
    let mut has_failed = false;
    for one in found {
        match one {
            Ok(one) => batch.push(one),
            Err(error) => {
                output.failure(&Failure::because(&error));
                has_failed = true;
            }
        }
        if batch.len() == BATCH {
            restore_batch(target, std::mem::take(&mut batch), keep_until, &mut report).await?;
        }
    }
    restore_batch(target, batch, keep_until, &mut report).await?;
    let after = serde_json::to_value(report).ok();
    let service = runtime.service();
    service
        .record_act("archive.restore", "store", None, after)
        .await;
    output.result(&report, |report| {
        format!(
            "{} executions restored, {} were there already; retention leaves them alone until \
             {keep_until}\n",
            report.restored, report.skipped
        )
    })?;
    if has_failed {
        Err(Failure::FailedReported)
    } else {
        Ok(())
    }
}
