//! The command line as typed.

use std::ffi::OsString;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::bench::{LimitKind, Scenario};

/// Background jobs: execute them, trigger them, look at them.
#[derive(Debug, Parser)]
#[command(name = "jobs", version, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) globals: Globals,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Settings that every command has; `jobs.toml` and `JOBS_*` variables give them as well.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct Globals {
    /// The store [default: sqlite:jobs.db]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) database: Option<String>,
    /// Where HTTP is served [default: 127.0.0.1:8091]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub(super) bind: Option<String>,
    /// Attempts of async handlers at a time [default: 4 per core]
    #[arg(long, global = true, value_name = "N")]
    pub(super) concurrency: Option<String>,
    /// Print JSON, one document
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Execute jobs and serve HTTP (the default)
    Run,
    /// Execute jobs
    Work(Work),
    /// Serve HTTP without executing
    Serve,
    /// The jobs that are known here
    List,
    /// One job: policy and payload
    Show {
        /// The job's id
        job: String,
    },
    /// Enqueue an execution of a job
    #[command(disable_help_flag = true)]
    Trigger(JobArgs),
    /// Enqueue and execute right here: progress, logs, result
    #[command(disable_help_flag = true)]
    Exec(JobArgs),
    /// Executions, newest first
    Executions(Executions),
    /// One execution with all of its attempts
    Execution {
        /// Its id
        id: String,
    },
    /// What the handler of an execution logged
    Logs(Logs),
    /// Why an execution is where it is
    Explain {
        /// Its id
        id: String,
    },
    /// Cancel an execution, or ask its worker to
    Cancel {
        /// Its id
        id: String,
    },
    /// Run a failed or cancelled execution again
    Retry {
        /// Its id
        id: String,
        /// Another payload; `-` reads it from standard input
        #[arg(long, value_name = "JSON")]
        payload: Option<String>,
    },
    /// Change a waiting execution: its place, its time, its payload
    Edit(Edit),
    /// Delete a final execution with its attempts and its log
    Delete {
        /// Its id
        id: String,
    },
    /// The queues: what is in them, and which are paused
    Queues {
        #[command(subcommand)]
        act: Option<QueueAct>,
    },
    /// The workers that have a session, and what they execute
    Processes,
    /// Bring the store's layout up to date
    Migrate {
        /// Only say what is applied
        #[arg(long)]
        status: bool,
    },
    /// Move everything that one store keeps to another
    Move(Move),
    /// Measure this program on this machine, with a store beside the one that is named
    Bench(Bench),
    /// The schemas of all linked jobs, as one JSON document
    Schema,
    /// The settings in force and where each comes from
    Config,
    /// Find out what is wrong with this set-up
    Doctor,
}

impl Command {
    /// Whether the command's own log is what its user wants to see.
    pub(super) fn is_long_running(&self) -> bool {
        matches!(
            self,
            Self::Run | Self::Work(_) | Self::Serve | Self::Exec(_)
        )
    }
}

/// What is done to a queue.
#[derive(Debug, Subcommand)]
pub(super) enum QueueAct {
    /// Let nothing be claimed from it any more; what runs goes on
    Pause {
        /// Its name
        queue: String,
    },
    /// Pause it, and wait until nothing of it runs any more
    Drain {
        /// Its name
        queue: String,
    },
    /// Let it be claimed from again
    Resume {
        /// Its name
        queue: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct Edit {
    /// The execution's id
    pub(super) id: String,
    /// low, normal, high, critical or 0 to 100
    #[arg(long)]
    pub(super) priority: Option<jobs::Priority>,
    /// Not before this has passed: 30s, 5m; 0s makes it due now
    #[arg(long, value_name = "DURATION")]
    pub(super) delay: Option<jiff::SignedDuration>,
    /// Not before this time: 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "delay")]
    pub(super) run_at: Option<crate::time::Timestamp>,
    /// Another payload; `-` reads it from standard input
    #[arg(long, value_name = "JSON")]
    pub(super) payload: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Work {
    /// Take from these queues only; `mail:10` for ten attempts at a time
    #[arg(long, value_name = "QUEUE,…", value_delimiter = ',')]
    pub(super) queues: Vec<String>,
    /// A word about this worker, shown by `processes`; again for another
    #[arg(long = "label", value_name = "WORD")]
    pub(super) labels: Vec<String>,
    /// End when nothing is left that could be executed now
    #[arg(long)]
    pub(super) until_idle: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Move {
    /// The store to read from; it is left as it is
    #[arg(long, value_name = "URL")]
    pub(super) from: String,
    /// The store to write to
    #[arg(long, value_name = "URL")]
    pub(super) to: String,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Bench {
    /// What to measure
    #[arg(value_enum)]
    pub(super) scenario: Scenario,
    /// Executions in each run [default: by scenario]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10..))]
    pub(super) executions: Option<u64>,
    /// Callers at a time [default: by scenario]
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    pub(super) callers: Option<usize>,
    /// Runs that count, after one that does not
    #[arg(long, value_name = "R", default_value = "5", value_parser = at_least_one)]
    pub(super) runs: usize,
    /// Executions in a call of those who enqueue batches
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(super) batch: usize,
    /// Finished executions in the store, for `retained`
    #[arg(long, value_name = "M", default_value = "1000000", value_parser = clap::value_parser!(u64))]
    pub(super) retained: u64,
    /// Executions offered a second, for `steady`
    #[arg(long, value_name = "N", default_value = "5000", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) rate: u64,
    /// How long a `soak` takes
    #[arg(long, value_name = "S", default_value = "600", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) seconds: u64,
    /// Keys, for `keyed` and `blocked`
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) keys: u64,
    /// Executions that wait at limits, for `blocked`
    #[arg(long, value_name = "N", default_value = "100000", value_parser = clap::value_parser!(u64))]
    pub(super) blocked: u64,
    /// The limit, for `limits`
    #[arg(long, value_enum, default_value = "concurrent")]
    pub(super) limit: LimitKind,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// A job and flags that depend on its payload, parsed once the job is known.
#[derive(Debug, ClapArgs)]
pub(super) struct JobArgs {
    /// The job's id
    pub(super) job: Option<String>,
    /// Fields of the payload, and options; see `JOB --help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) rest: Vec<OsString>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Executions {
    /// How many at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) limit: u16,
    /// Of this job
    #[arg(long, value_name = "ID")]
    pub(super) job: Option<String>,
    /// In this status
    #[arg(long)]
    pub(super) status: Option<jobs::ExecutionStatus>,
    /// In this queue
    #[arg(long)]
    pub(super) queue: Option<String>,
    /// About this item
    #[arg(long)]
    pub(super) item: Option<String>,
    /// Belonging to this
    #[arg(long)]
    pub(super) correlation_id: Option<String>,
    /// Wanted by this one
    #[arg(long)]
    pub(super) created_by: Option<String>,
    /// With this tag
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// Created at this time or later
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<crate::time::Timestamp>,
    /// Created before this time
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<crate::time::Timestamp>,
    /// Go on where a page ended
    #[arg(long)]
    pub(super) cursor: Option<crate::store::Cursor>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Logs {
    /// The execution's id
    pub(super) id: String,
    /// Of this attempt only
    #[arg(long, value_name = "N")]
    pub(super) attempt: Option<u32>,
    /// Of this level and above: trace, debug, info, warn, error
    #[arg(long)]
    pub(super) level: Option<crate::store::LogLevel>,
    /// Go on until the execution is final
    #[arg(long)]
    pub(super) follow: bool,
}
