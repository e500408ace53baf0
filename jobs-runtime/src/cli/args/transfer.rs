//! The arguments of `move` and `import`, which copy executions from another store or system.

use clap::Args as ClapArgs;

use crate::import::SourceKind;

/// The arguments of `move`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct MoveArgs {
    /// Store to read from
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) from: String,
    /// Store to write to
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) to: String,
    /// Leave the source in use; without it, it accepts no new executions and no workers
    #[arg(long)]
    pub(in crate::cli) keep_source: bool,
}

/// The arguments of `import`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ImportArgs {
    /// System whose tables to read
    #[arg(value_enum)]
    pub(in crate::cli) system: SourceKind,
    /// Database of that system: `sqlite:FILE` or `postgres://…`
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) from: String,
    /// Job of a name of that system: NAME=JOB; a name without it is a job id
    #[arg(long, value_name = "NAME=JOB", value_parser = name_and_job)]
    pub(in crate::cli) map: Vec<(String, String)>,
    /// Schema of graphile_worker's tables
    #[arg(long, value_name = "NAME", default_value = "graphile_worker")]
    pub(in crate::cli) schema: String,
    /// Tell what an import would do, and write nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}

/// Parses `NAME=JOB`. A name may contain `=`, a job id may not.
fn name_and_job(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((name, job)) if !name.is_empty() && !job.is_empty() => {
            Ok((name.to_owned(), job.to_owned()))
        }
        _ => Err("expected NAME=JOB".to_owned()),
    }
}
