//! The arguments of commands that execute jobs or enqueue executions: `work`, `trigger`, `exec`.

use std::ffi::OsString;

use clap::Args as ClapArgs;

/// The arguments of `work`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct WorkArgs {
    /// Queues to claim from; `mail:10` allows ten concurrent attempts of `mail` [default: all]
    #[arg(long, value_name = "QUEUE,…", value_delimiter = ',')]
    pub(in crate::cli) queues: Vec<String>,
    /// Label that `processes` shows for this worker; repeatable
    #[arg(long = "label", value_name = "WORD")]
    pub(in crate::cli) labels: Vec<String>,
    /// Exit when no execution is running or ready
    #[arg(long)]
    pub(in crate::cli) until_idle: bool,
}

/// The arguments of `trigger` and `exec`. `rest` is parsed when the job is known, because its flags
/// depend on the payload's schema.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct JobArgs {
    /// Id of the job
    #[arg(allow_hyphen_values = true)]
    pub(in crate::cli) job: Option<String>,
    /// Payload fields and options; `JOB --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(in crate::cli) rest: Vec<OsString>,
}

impl JobArgs {
    /// True if help was asked for, and no job is named.
    pub(in crate::cli) fn wants_help(&self) -> bool {
        matches!(self.job.as_deref(), Some("--help" | "-h"))
    }
}
