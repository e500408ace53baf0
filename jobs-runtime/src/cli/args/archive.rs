//! The arguments of `archive`, which reads archived executions and restores them.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};

/// The actions of `archive`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ArchiveCommand {
    /// Print archived executions, one JSON object a line
    Read {
        #[command(flatten)]
        filter: ArchiveArgs,
        /// Print the values of sensitive payload fields
        #[arg(long)]
        reveal: bool,
    },
    /// Print the archived executions whose JSON object contains a text
    Grep {
        /// The text, case included
        text: String,
        #[command(flatten)]
        filter: ArchiveArgs,
        /// Print, and search, the values of sensitive payload fields
        #[arg(long)]
        reveal: bool,
    },
    /// Write archived executions into the store again; those that it has are left alone
    Restore {
        #[command(flatten)]
        filter: ArchiveArgs,
        /// Restore the whole archive
        #[arg(long)]
        all: bool,
        /// Time for which retention leaves them alone [default: 30d]
        #[arg(long, value_name = "DURATION", value_parser = jobs_grammar::duration::parse)]
        keep: Option<Duration>,
    },
}

/// The filters of `archive`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ArchiveArgs {
    /// Ids of executions
    #[arg(long = "id", value_name = "ID")]
    pub(in crate::cli) ids: Vec<jobs::ExecutionId>,
    /// Only executions of this job
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) job: Option<String>,
    /// Only executions that ended with this status
    #[arg(long)]
    pub(in crate::cli) status: Option<jobs::ExecutionStatus>,
    /// Only executions that ended at or after this time, as in 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<crate::time::Timestamp>,
    /// Only executions that ended before this time
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<crate::time::Timestamp>,
}
