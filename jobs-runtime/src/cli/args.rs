//! The grammar of the command line. The doc comments of its types are the help texts.
//!
//! This file has the arguments of every command and the list of commands. The folder has the
//! arguments of single commands, a file for each group. It may import `clap`, and the types of the
//! values: of `bench`, `import`, `store` and `time`. It must never import a command or the
//! settings, which read it.

mod access;
#[cfg(feature = "archive")]
mod archive;
mod bench;
#[cfg(feature = "rabbitmq")]
mod broker;
mod descriptions;
mod execute;
mod help_command;
mod inspect;
mod operate;
mod payload_separator;
mod properties;
mod schedules;
mod transfer;

use clap::{Args as ClapArgs, Parser, Subcommand};

pub(super) use access::{AuditArgs, TokenCommand};
#[cfg(feature = "archive")]
pub(super) use archive::{ArchiveArgs, ArchiveCommand};
pub(super) use bench::BenchArgs;
#[cfg(feature = "rabbitmq")]
pub(super) use broker::{BrokerCommand, DeadLetterCommand};
pub(super) use descriptions::{CheckArgs, ClientLanguage};
pub(super) use execute::{JobArgs, WorkArgs};
pub(super) use help_command::rewrite_help;
pub(super) use inspect::{ExecutionsArgs, FailuresArgs, LogsArgs, TopArgs};
pub(super) use operate::{BulkArgs, EditArgs, LimitCommand, OperationCommand, QueueCommand};
pub(super) use payload_separator::separate_payload_flags;
pub(super) use schedules::{RuleArgs, ScheduleCommand};
pub(super) use transfer::{ImportArgs, MoveArgs};

/// Runs background jobs, enqueues executions and inspects them.
#[derive(Debug, Parser)]
#[command(name = "jobs", version, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) globals: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Settings of every command. `jobs.toml` and `JOBS_*` variables can set them, too.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct GlobalArgs {
    /// Store to use: sqlite:PATH or postgres://… [default: sqlite:jobs.db]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) database: Option<String>,
    /// Server to speak to instead of a store: http://HOST:PORT or https://HOST
    #[arg(long, global = true, value_name = "URL")]
    pub(super) server: Option<String>,
    /// Token for the server; other users of this machine may see it, unlike JOBS_TOKEN
    #[arg(long, global = true, value_name = "TOKEN")]
    pub(super) token: Option<String>,
    /// Server by its name in ~/.config/jobs/config.toml
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// Change things without asking
    #[arg(long, global = true)]
    pub(super) yes: bool,
    /// Address to serve HTTP on [default: 127.0.0.1:8091]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub(super) bind: Option<String>,
    /// RabbitMQ broker to dispatch through as well: amqp://USER:PASSWORD@HOST/VHOST
    #[arg(long, global = true, value_name = "URL")]
    pub(super) broker: Option<String>,
    /// Maximum number of concurrent attempts of async handlers [default: 4 per core; bench: 256]
    #[arg(long, global = true, value_name = "N")]
    pub(super) concurrency: Option<String>,
    /// Times for which final executions are kept: 30d, failed:90d, JOB:1d, JOB:failed:7d
    #[arg(long, global = true, value_name = "TIME,…")]
    pub(super) retain: Option<String>,
    /// Directory to which final executions are written before retention deletes them
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) archive: Option<String>,
    /// File with an admin token, made by the start if it does not exist; with --server, its token
    /// is sent
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<String>,
    /// Certificate to serve HTTPS with, and its chain, in PEM; read again when it changes
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) tls_certificate: Option<String>,
    /// Private key of the certificate, in PEM
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) tls_key: Option<String>,
    /// Serve every program that reaches the address, without tokens
    #[arg(long, global = true)]
    pub(super) trusted_network: bool,
    /// Form of the log on standard error: text, or json for machines [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(super) log_format: Option<String>,
    /// Print the result as one JSON document
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// The commands. Without one, the program executes `run`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Execute jobs and serve HTTP (the default command)
    Run,
    /// Execute jobs without serving HTTP
    Work(WorkArgs),
    /// Serve HTTP without executing jobs
    Serve,
    /// List the jobs of this program and of the store
    List,
    /// Show the policy and the payload fields of a job
    Show {
        /// Id of the job
        job: String,
    },
    /// Enqueue an execution of a job
    #[command(disable_help_flag = true)]
    Trigger(JobArgs),
    /// Enqueue an execution and execute it in this process
    #[command(disable_help_flag = true)]
    Exec(JobArgs),
    /// List executions, newest first
    Executions(ExecutionsArgs),
    /// Show an execution and its attempts
    Execution {
        /// Id of the execution
        id: String,
        /// Show the values of sensitive payload fields
        #[arg(long)]
        reveal: bool,
    },
    /// List failed executions by job and error
    Failures(FailuresArgs),
    /// Show the log lines of an execution
    Logs(LogsArgs),
    /// Explain the status of an execution
    Explain {
        /// Id of the execution
        id: String,
    },
    /// Cancel a waiting execution, or request the cancellation of a running one
    Cancel(BulkArgs),
    /// Enqueue a failed or cancelled execution again, under the same id
    Retry {
        #[command(flatten)]
        target: BulkArgs,
        /// Replacement for the payload; `-` reads it from standard input
        #[arg(long, value_name = "JSON", conflicts_with = "filter")]
        payload: Option<String>,
    },
    /// Change the priority, due time or payload of a waiting execution
    Edit(EditArgs),
    /// Delete a final execution with its attempts and log lines
    Delete(BulkArgs),
    /// List bulk operations, or show and cancel one
    Operations {
        #[command(subcommand)]
        command: Option<OperationCommand>,
    },
    /// Remove the payload, the results and the log of a final execution; its record stays
    Erase {
        /// Id of the execution
        id: String,
        /// Name of the person or program that requests it; the record keeps it
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Delete what the store has kept for long enough; workers also do so by themselves
    Prune {
        /// Count the executions by job and status without deleting any
        #[arg(long)]
        dry_run: bool,
    },
    /// List the files of the archive, read or search it, or restore executions from it
    #[cfg(feature = "archive")]
    Archive {
        #[command(subcommand)]
        command: Option<ArchiveCommand>,
    },
    /// List the queues, or pause, drain and resume one
    Queues {
        #[command(subcommand)]
        command: Option<QueueCommand>,
    },
    /// List the schedules, or show, create, edit, pause, resume, run and delete one
    Schedules {
        #[command(subcommand)]
        command: Option<ScheduleCommand>,
    },
    /// Reset a rate limit
    Limits {
        #[command(subcommand)]
        command: LimitCommand,
    },
    /// List, publish again or delete the messages of the broker that no worker could read
    #[cfg(feature = "rabbitmq")]
    DeadLetters {
        #[command(subcommand)]
        command: DeadLetterCommand,
    },
    /// Turn dispatch by a broker on or off in the store; a relay turns it on by itself
    #[cfg(feature = "rabbitmq")]
    Broker {
        #[command(subcommand)]
        command: BrokerCommand,
    },
    /// List the workers that have a session
    Processes,
    /// Watch the fleet: throughput, queues, running executions and failures
    Top(TopArgs),
    /// List the acts of operators, newest first
    Audit(AuditArgs),
    /// List the access tokens, or create and revoke one
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Create or update the tables of the store
    Migrate {
        /// List the migrations without applying any
        #[arg(long)]
        status: bool,
        /// Use a store again that `move` has marked as moved
        #[arg(long, conflicts_with = "status")]
        reopen: bool,
    },
    /// Copy the executions, schedules and tokens of a store to another store
    Move(MoveArgs),
    /// Enqueue what waits in the tables of another queue; changes nothing there
    Import(ImportArgs),
    /// Measure this program on this machine, in scratch stores beside the named store
    Bench(BenchArgs),
    /// Print the schemas of all linked jobs as one JSON document
    Schema,
    /// Compare the linked jobs with a lock file: find changes that break callers
    Check(CheckArgs),
    /// Print the OpenAPI document of the HTTP interface
    Openapi,
    /// Print a typed client of the known jobs, as one source file without dependencies
    Client {
        /// The language of the client
        language: ClientLanguage,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages of all commands
    Man {
        /// Directory to write to
        directory: std::path::PathBuf,
    },
    /// List the settings in force and the source of each
    Config,
    /// Check the settings, the store, the linked jobs and their resources; changes nothing
    Doctor {
        /// Build the resources as well, which may create files and connections
        #[arg(long)]
        build_resources: bool,
    },
}
