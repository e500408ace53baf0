//! The arguments of operators' acts on executions, queues and limits: `cancel`, `edit`,
//! `operations`, `queues`, `limits`.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};

/// An execution by its id, or all executions that a filter matches.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct BulkArgs {
    /// Id of the execution
    #[arg(required_unless_present = "filter", conflicts_with = "filter")]
    pub(in crate::cli) id: Option<String>,
    /// Instead of an id: every execution that matches, as in "job=mail.send status=failed since=2h"
    #[arg(
        long = "where",
        id = "filter",
        value_name = "FILTER",
        long_help = crate::cli::bulk_filter::HELP
    )]
    pub(in crate::cli) filter: Option<String>,
}

/// The arguments of `edit`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct EditArgs {
    #[command(flatten)]
    pub(in crate::cli) target: BulkArgs,
    /// New priority: low, normal, high, critical or 0 to 100
    #[arg(long)]
    pub(in crate::cli) priority: Option<jobs::Priority>,
    /// New delay from now, as in 30s or 5m; 0s makes the execution due now
    #[arg(
        long,
        value_name = "DURATION",
        allow_hyphen_values = true,
        value_parser = jobs_grammar::duration::parse
    )]
    pub(in crate::cli) delay: Option<Duration>,
    /// New due time, as in 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "delay")]
    pub(in crate::cli) run_at: Option<crate::time::Timestamp>,
    /// Replacement for the payload; `-` reads it from standard input
    #[arg(long, value_name = "JSON", conflicts_with = "filter")]
    pub(in crate::cli) payload: Option<String>,
    /// New queue, with --where
    #[arg(long, conflicts_with = "id")]
    pub(in crate::cli) queue: Option<String>,
}

/// The actions of `operations`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OperationCommand {
    /// Show an operation with its progress
    Show {
        /// Id of the operation
        id: String,
    },
    /// End an operation; what it has changed stays changed
    Cancel {
        /// Id of the operation
        id: String,
    },
}

/// The actions of `queues`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum QueueCommand {
    /// Pause a queue: workers claim nothing from it, and running attempts continue
    Pause {
        /// Name of the queue
        queue: String,
        /// Why it is paused, for people
        #[arg(long)]
        reason: Option<String>,
    },
    /// Pause a queue and wait until its running attempts have ended
    Drain {
        /// Name of the queue
        queue: String,
    },
    /// Resume a paused queue: workers claim from it again
    Resume {
        /// Name of the queue
        queue: String,
    },
}

/// The actions of `limits`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LimitCommand {
    /// Forget the starts and the pause of a rate limit: one burst may start at once
    Reset {
        /// Name of the limit, as `explain` prints it
        limit: String,
    },
}
