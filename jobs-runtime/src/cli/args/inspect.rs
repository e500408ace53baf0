//! The arguments of commands that show executions: `executions`, `failures`, `logs`, `top`.

use std::time::Duration;

use clap::Args as ClapArgs;

/// The arguments of `executions`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ExecutionsArgs {
    /// Maximum number of executions to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::cli) limit: u16,
    /// List only executions of this job
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) job: Option<String>,
    /// List only executions in this status
    #[arg(long)]
    pub(in crate::cli) status: Option<jobs::ExecutionStatus>,
    /// List only executions of this queue
    #[arg(long)]
    pub(in crate::cli) queue: Option<String>,
    /// List only executions with this item id
    #[arg(long)]
    pub(in crate::cli) item: Option<String>,
    /// List only executions with this correlation id
    #[arg(long)]
    pub(in crate::cli) correlation_id: Option<String>,
    /// List only executions that this user or program created
    #[arg(long)]
    pub(in crate::cli) created_by: Option<String>,
    /// List only executions that an attempt of this execution enqueued
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) parent: Option<jobs::ExecutionId>,
    /// List only executions with this tag
    #[arg(long)]
    pub(in crate::cli) tag: Option<String>,
    /// List only executions created at or after this time, as in 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<crate::time::Timestamp>,
    /// List only executions created before this time
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<crate::time::Timestamp>,
    /// List only final executions whose last attempt took at least this long, as in 5m
    #[arg(long, value_name = "DURATION", value_parser = jobs_grammar::duration::parse)]
    pub(in crate::cli) longer_than: Option<Duration>,
    /// List only failed executions whose error has this fingerprint, as `failures` prints it
    #[arg(long, value_name = "FINGERPRINT")]
    pub(in crate::cli) error_fingerprint: Option<String>,
    /// List only executions whose payload contains this text
    #[arg(long)]
    pub(in crate::cli) text: Option<String>,
    /// Order of a page: `created`, newest first, or `duration`, the longest of the 2,500 executions
    /// that a page looks at [default: created]
    #[arg(long, value_name = "ORDER")]
    pub(in crate::cli) sort: Option<crate::store::ExecutionSort>,
    /// List the page after this cursor, which the previous page printed
    #[arg(long)]
    pub(in crate::cli) cursor: Option<crate::store::Cursor>,
    /// Show the values of sensitive payload fields, with --json
    #[arg(long)]
    pub(in crate::cli) reveal: bool,
}

/// The arguments of `failures`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct FailuresArgs {
    /// List only failures of this job
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) job: Option<String>,
    /// List only failures of this queue
    #[arg(long)]
    pub(in crate::cli) queue: Option<String>,
    /// List failures of this long ago and later, as in 2h [default: 1d]
    #[arg(long, value_name = "DURATION", value_parser = jobs_grammar::duration::parse)]
    pub(in crate::cli) since: Option<Duration>,
}

/// The arguments of `logs`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct LogsArgs {
    /// Id of the execution
    pub(in crate::cli) id: String,
    /// Show only lines of this attempt
    #[arg(long, value_name = "N")]
    pub(in crate::cli) attempt: Option<u32>,
    /// Show only lines of this level and above: trace, debug, info, warn, error
    #[arg(long)]
    pub(in crate::cli) level: Option<crate::store::LogLevel>,
    /// Print new lines until the execution is final
    #[arg(long)]
    pub(in crate::cli) follow: bool,
    /// Show the values of sensitive payload fields where lines quote them
    #[arg(long)]
    pub(in crate::cli) reveal: bool,
}

/// The arguments of `top`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct TopArgs {
    /// Time between two views, as in 2s; at least 500ms
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = interval)]
    pub(in crate::cli) interval: Duration,
    /// Print one view and end
    #[arg(long)]
    pub(in crate::cli) once: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = jobs_grammar::duration::parse(text)?;
    if (Duration::from_millis(500)..=Duration::from_secs(3_600)).contains(&interval) {
        Ok(interval)
    } else {
        Err("give 500ms to 1h".to_owned())
    }
}
