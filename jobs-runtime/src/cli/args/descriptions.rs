//! The arguments of `check` and `client`: the linked jobs as their callers see them.

use clap::{Args as ClapArgs, ValueEnum};

/// The arguments of `check`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct CheckArgs {
    /// Lock file to compare with
    #[arg(long, value_name = "FILE", default_value = "jobs.lock.json")]
    pub(in crate::cli) lock: std::path::PathBuf,
    /// Write the linked jobs to the lock file
    #[arg(long)]
    pub(in crate::cli) update: bool,
    /// Also check the payloads of waiting executions in the store
    #[arg(long)]
    pub(in crate::cli) waiting: bool,
}

/// The language of a generated client.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum ClientLanguage {
    /// Python 3.9 or newer
    Python,
    /// TypeScript 5 or newer
    Typescript,
}
