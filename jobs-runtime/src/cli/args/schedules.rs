//! The arguments of `schedules`.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};

/// The actions of `schedules`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ScheduleCommand {
    /// Show a schedule with its next times and its last runs
    Show {
        /// Id of the schedule
        id: String,
    },
    /// Create a schedule
    Create {
        /// Id of the new schedule
        id: String,
        /// Id of the job
        job: String,
        /// Cron expression, as in "0 3 * * *"
        cron: String,
        #[command(flatten)]
        rule: RuleArgs,
    },
    /// Change a schedule; one of an attribute then keeps these values
    Edit {
        /// Id of the schedule
        id: String,
        /// New cron expression, as in "0 3 * * *"
        #[arg(long)]
        cron: Option<String>,
        #[command(flatten)]
        rule: RuleArgs,
    },
    /// Pause a schedule: its times pass without a run
    Pause {
        /// Id of the schedule
        id: String,
    },
    /// Resume a paused schedule
    Resume {
        /// Id of the schedule
        id: String,
    },
    /// Run a schedule now, beside its times
    Run {
        /// Id of the schedule
        id: String,
    },
    /// Delete a schedule that was created at run time, or whose declaration is gone
    Delete {
        /// Id of the schedule
        id: String,
    },
}

/// The options of a schedule.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RuleArgs {
    /// Time zone of the cron expression, as in Europe/Paris [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(in crate::cli) timezone: Option<String>,
    /// Runs for missed times: none, one or all(24) [default: one]
    #[arg(long, value_name = "RULE")]
    pub(in crate::cli) catch_up: Option<String>,
    /// Runs while an earlier execution is live: skip, queue or allow [default: skip]
    #[arg(long, value_name = "RULE")]
    pub(in crate::cli) overlap: Option<String>,
    /// Longest random delay of a run, as in 30s [default: 0s]
    #[arg(
        long,
        value_name = "DURATION",
        allow_hyphen_values = true,
        value_parser = jobs_grammar::duration::parse
    )]
    pub(in crate::cli) jitter: Option<Duration>,
    /// Payload of the executions; `-` reads it from standard input [default: the job's defaults]
    #[arg(long, value_name = "JSON")]
    pub(in crate::cli) payload: Option<String>,
}
