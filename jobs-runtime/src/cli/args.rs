//! The grammar of the command line. The doc comments of its types are the help texts.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::bench::{LimitKind, Scenario};
use crate::import::SourceKind;

/// Runs background jobs, enqueues executions and inspects them.
#[derive(Debug, Parser)]
#[command(name = "jobs", version, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) globals: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// The flags of the program that a payload may well have, too. After the job's id they are flags of
/// the payload.
const PAYLOAD_WORDS: [&str; 4] = ["--server", "--token", "--context", "--yes"];

/// Inserts a `--` into `trigger JOB --token …`, so that `--token` sets the field of the payload.
pub(super) fn separate_payload_flags(mut words: Vec<OsString>) -> Vec<OsString> {
    let command = Args::command();
    let name_of = |word: &OsString| word.to_string_lossy().into_owned();
    // The first word from a position on that is no flag of the program, nor the value of one.
    let skip_flags = |words: &[OsString], mut at: usize, stop_at: &[&str]| {
        while let Some(word) = words.get(at).map(name_of) {
            let flag = word.split('=').next().unwrap_or_default();
            let known = command.get_arguments().find(|argument| {
                argument
                    .get_long()
                    .map(|long| format!("--{long}"))
                    .as_deref()
                    == Some(flag)
            });
            let Some(known) = known.filter(|_| !stop_at.contains(&flag)) else {
                break;
            };
            let has_value_behind = known.get_action().takes_values() && !word.contains('=');
            at += if has_value_behind { 2 } else { 1 };
        }
        at
    };
    let verb = skip_flags(&words, 1, &[]);
    let takes_payload = words
        .get(verb)
        .is_some_and(|word| word == "trigger" || word == "exec");
    if takes_payload {
        let job = skip_flags(&words, verb + 1, &[]);
        let next = skip_flags(&words, job + 1, &PAYLOAD_WORDS);
        let word = words.get(next).map(name_of).unwrap_or_default();
        if PAYLOAD_WORDS.contains(&word.split('=').next().unwrap_or_default()) {
            words.insert(next, "--".into());
        }
    }
    words
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

impl Command {
    /// True if the user follows the log of the command while it runs.
    pub(super) fn is_long_running(&self) -> bool {
        matches!(
            self,
            Self::Run | Self::Work(_) | Self::Serve | Self::Exec(_)
        )
    }

    /// True if the command works on the store itself, and on no server.
    pub(super) fn needs_store(&self) -> bool {
        match self {
            Self::Run
            | Self::Work(_)
            | Self::Serve
            | Self::Exec(_)
            | Self::Prune { .. }
            | Self::Migrate { .. }
            | Self::Move(_)
            | Self::Import(_)
            | Self::Bench(_) => true,
            #[cfg(feature = "archive")]
            Self::Archive { .. } => true,
            #[cfg(feature = "rabbitmq")]
            Self::Broker { .. } => true,
            Self::Check(args) => args.waiting,
            _ => false,
        }
    }

    /// What the command changes, as in `cancel` or `queues pause`; `None` if it only reads. A
    /// trigger and an act with `--where` ask after they have shown what they would do.
    pub(super) fn change(&self) -> Option<&'static str> {
        Some(match self {
            Self::Cancel(BulkArgs { filter: None, .. }) => "cancel",
            Self::Retry { target, .. } if target.filter.is_none() => "retry",
            Self::Edit(args) if args.target.filter.is_none() => "edit",
            Self::Delete(BulkArgs { filter: None, .. }) => "delete",
            Self::Erase { .. } => "erase",
            Self::Operations {
                command: Some(OperationCommand::Cancel { .. }),
            } => "operations cancel",
            Self::Queues {
                command: Some(command),
            } => match command {
                QueueCommand::Pause { .. } => "queues pause",
                QueueCommand::Drain { .. } => "queues drain",
                QueueCommand::Resume { .. } => "queues resume",
            },
            Self::Schedules {
                command: Some(command),
            } => match command {
                ScheduleCommand::Show { .. } => return None,
                ScheduleCommand::Create { .. } => "schedules create",
                ScheduleCommand::Edit { .. } => "schedules edit",
                ScheduleCommand::Pause { .. } => "schedules pause",
                ScheduleCommand::Resume { .. } => "schedules resume",
                ScheduleCommand::Run { .. } => "schedules run",
                ScheduleCommand::Delete { .. } => "schedules delete",
            },
            Self::Limits { .. } => "limits reset",
            Self::Token { command } => match command {
                TokenCommand::Create { .. } => "token create",
                TokenCommand::Revoke { .. } => "token revoke",
                TokenCommand::List => return None,
            },
            _ => return None,
        })
    }

    /// True if the command enqueues or executes, and so has telemetry to export.
    #[cfg(feature = "otlp")]
    pub(super) fn has_telemetry(&self) -> bool {
        self.is_long_running() || matches!(self, Self::Trigger(_) | Self::Bench(_))
    }
}

/// The actions of `dead-letters`.
#[cfg(feature = "rabbitmq")]
#[derive(Debug, Subcommand)]
pub(super) enum DeadLetterCommand {
    /// List dead letters with the reason of each; they stay where they are
    List {
        /// Maximum number of dead letters
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Publish dead letters again under their old routing keys
    Requeue {
        /// Maximum number of dead letters
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Delete dead letters; their executions stay in the store
    Drop {
        /// Maximum number of dead letters
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
}

/// The actions of `broker`.
#[cfg(feature = "rabbitmq")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum BrokerCommand {
    /// Write an entry for each execution that becomes ready; on PostgreSQL, run it as the owner
    On,
    /// Write no more entries, after the last process with a broker has stopped
    Off,
}

/// An execution by its id, or all executions that a filter matches.
#[derive(Debug, ClapArgs)]
pub(super) struct BulkArgs {
    /// Id of the execution
    #[arg(required_unless_present = "filter", conflicts_with = "filter")]
    pub(super) id: Option<String>,
    /// Instead of an id: every execution that matches, as in "job=mail.send status=failed since=2h"
    #[arg(
        long = "where",
        id = "filter",
        value_name = "FILTER",
        long_help = crate::cli::bulk_filter::HELP
    )]
    pub(super) filter: Option<String>,
}

/// The actions of `operations`.
#[derive(Debug, Subcommand)]
pub(super) enum OperationCommand {
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

/// The actions of `limits`.
#[derive(Debug, Subcommand)]
pub(super) enum LimitCommand {
    /// Forget the starts and the pause of a rate limit: one burst may start at once
    Reset {
        /// Name of the limit, as `explain` prints it
        limit: String,
    },
}

/// The arguments of `top`.
#[derive(Debug, ClapArgs)]
pub(super) struct TopArgs {
    /// Time between two views, as in 2s; at least 500ms
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = interval)]
    pub(super) interval: Duration,
    /// Print one view and end
    #[arg(long)]
    pub(super) once: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = jobs_grammar::duration::parse(text)?;
    if (Duration::from_millis(500)..=Duration::from_secs(3_600)).contains(&interval) {
        Ok(interval)
    } else {
        Err("give 500ms to 1h".to_owned())
    }
}

/// The filters of `audit`.
#[derive(Debug, ClapArgs)]
pub(super) struct AuditArgs {
    /// Maximum number of acts to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) limit: u16,
    /// List only acts of this token or user
    #[arg(long, value_name = "NAME")]
    pub(super) actor: Option<String>,
    /// List only acts of this kind, such as execution.cancel
    #[arg(long)]
    pub(super) action: Option<String>,
    /// List only acts on this execution, schedule or queue
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// List only acts at this time or later
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<crate::time::Timestamp>,
    /// List only acts before this time
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<crate::time::Timestamp>,
    /// Continue after this page, as its last line says
    #[arg(long)]
    pub(super) cursor: Option<crate::store::Cursor>,
}

/// The actions of `token`.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token and print it; it cannot be shown again
    Create {
        /// Role of its bearer: viewer, operator, admin or worker
        #[arg(long)]
        role: crate::store::Role,
        /// Name that lists and the audit log show [default: the token's id]
        #[arg(long)]
        name: Option<String>,
        /// Time after which it is refused, as in 90d [default: never]
        #[arg(long, value_name = "DURATION", value_parser = jobs_grammar::duration::parse)]
        expires: Option<Duration>,
    },
    /// List the tokens
    List,
    /// Revoke a token: it is refused within five seconds, as are the browsers that use it
    Revoke {
        /// Id of the token, as `token list` prints it
        id: String,
    },
}

/// The actions of `queues`.
#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
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

/// The actions of `archive`.
#[cfg(feature = "archive")]
#[derive(Debug, Subcommand)]
pub(super) enum ArchiveCommand {
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
#[cfg(feature = "archive")]
#[derive(Debug, ClapArgs)]
pub(super) struct ArchiveArgs {
    /// Ids of executions
    #[arg(long = "id", value_name = "ID")]
    pub(super) ids: Vec<jobs::ExecutionId>,
    /// Only executions of this job
    #[arg(long, value_name = "ID")]
    pub(super) job: Option<String>,
    /// Only executions that ended with this status
    #[arg(long)]
    pub(super) status: Option<jobs::ExecutionStatus>,
    /// Only executions that ended at or after this time, as in 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<crate::time::Timestamp>,
    /// Only executions that ended before this time
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<crate::time::Timestamp>,
}

/// The actions of `schedules`.
#[derive(Debug, Subcommand)]
pub(super) enum ScheduleCommand {
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
pub(super) struct RuleArgs {
    /// Time zone of the cron expression, as in Europe/Paris [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(super) timezone: Option<String>,
    /// Runs for missed times: none, one or all(24) [default: one]
    #[arg(long, value_name = "RULE")]
    pub(super) catch_up: Option<String>,
    /// Runs while an earlier execution is live: skip, queue or allow [default: skip]
    #[arg(long, value_name = "RULE")]
    pub(super) overlap: Option<String>,
    /// Longest random delay of a run, as in 30s [default: 0s]
    #[arg(
        long,
        value_name = "DURATION",
        allow_hyphen_values = true,
        value_parser = jobs_grammar::duration::parse
    )]
    pub(super) jitter: Option<Duration>,
    /// Payload of the executions; `-` reads it from standard input [default: the job's defaults]
    #[arg(long, value_name = "JSON")]
    pub(super) payload: Option<String>,
}

/// The arguments of `edit`.
#[derive(Debug, ClapArgs)]
pub(super) struct EditArgs {
    #[command(flatten)]
    pub(super) target: BulkArgs,
    /// New priority: low, normal, high, critical or 0 to 100
    #[arg(long)]
    pub(super) priority: Option<jobs::Priority>,
    /// New delay from now, as in 30s or 5m; 0s makes the execution due now
    #[arg(
        long,
        value_name = "DURATION",
        allow_hyphen_values = true,
        value_parser = jobs_grammar::duration::parse
    )]
    pub(super) delay: Option<Duration>,
    /// New due time, as in 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "delay")]
    pub(super) run_at: Option<crate::time::Timestamp>,
    /// Replacement for the payload; `-` reads it from standard input
    #[arg(long, value_name = "JSON", conflicts_with = "filter")]
    pub(super) payload: Option<String>,
    /// New queue, with --where
    #[arg(long, conflicts_with = "id")]
    pub(super) queue: Option<String>,
}

/// The arguments of `work`.
#[derive(Debug, ClapArgs)]
pub(super) struct WorkArgs {
    /// Queues to claim from; `mail:10` allows ten concurrent attempts of `mail` [default: all]
    #[arg(long, value_name = "QUEUE,…", value_delimiter = ',')]
    pub(super) queues: Vec<String>,
    /// Label that `processes` shows for this worker; repeatable
    #[arg(long = "label", value_name = "WORD")]
    pub(super) labels: Vec<String>,
    /// Exit when no execution is running or ready
    #[arg(long)]
    pub(super) until_idle: bool,
}

/// The arguments of `check`.
#[derive(Debug, ClapArgs)]
pub(super) struct CheckArgs {
    /// Lock file to compare with
    #[arg(long, value_name = "FILE", default_value = "jobs.lock.json")]
    pub(super) lock: std::path::PathBuf,
    /// Write the linked jobs to the lock file
    #[arg(long)]
    pub(super) update: bool,
    /// Also check the payloads of waiting executions in the store
    #[arg(long)]
    pub(super) waiting: bool,
}

/// The arguments of `move`.
#[derive(Debug, ClapArgs)]
pub(super) struct MoveArgs {
    /// Store to read from
    #[arg(long, value_name = "URL")]
    pub(super) from: String,
    /// Store to write to
    #[arg(long, value_name = "URL")]
    pub(super) to: String,
    /// Leave the source in use; without it, it accepts no new executions and no workers
    #[arg(long)]
    pub(super) keep_source: bool,
}

/// The arguments of `import`.
#[derive(Debug, ClapArgs)]
pub(super) struct ImportArgs {
    /// System whose tables to read
    #[arg(value_enum)]
    pub(super) system: SourceKind,
    /// Database of that system: `sqlite:FILE` or `postgres://…`
    #[arg(long, value_name = "URL")]
    pub(super) from: String,
    /// Job of a name of that system: NAME=JOB; a name without it is a job id
    #[arg(long, value_name = "NAME=JOB", value_parser = name_and_job)]
    pub(super) map: Vec<(String, String)>,
    /// Schema of graphile_worker's tables
    #[arg(long, value_name = "NAME", default_value = "graphile_worker")]
    pub(super) schema: String,
    /// Tell what an import would do, and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
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

/// The arguments of `bench`.
#[derive(Debug, ClapArgs)]
pub(super) struct BenchArgs {
    /// Scenario to measure
    #[arg(value_enum)]
    pub(super) scenario: Scenario,
    /// Executions per run [default: 100000; latency: 500; enqueue-single and http: 20000; pinned
    /// and bulk: 600000; steady: ten seconds of --rate]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10..))]
    pub(super) executions: Option<u64>,
    /// Concurrent callers [default: enqueue-single: 8; http: 16; mixed: 4; others: 1]
    #[arg(long, value_name = "K", value_parser = positive)]
    pub(super) callers: Option<usize>,
    /// Measured runs, after one warm-up run
    #[arg(long, value_name = "R", default_value = "5", value_parser = positive)]
    pub(super) runs: usize,
    /// Executions per enqueue call, in batches
    #[arg(
        long,
        value_name = "N",
        default_value = "1000",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000)
    )]
    pub(super) batch: usize,
    /// Finished executions in the store of `retained` and `pruned`
    #[arg(
        long,
        value_name = "M",
        default_value = "1000000",
        value_parser = clap::value_parser!(u64)
    )]
    pub(super) retained: u64,
    /// Executions per second of `steady`
    #[arg(
        long,
        value_name = "N",
        default_value = "5000",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(super) rate: u64,
    /// Duration of `soak` in seconds
    #[arg(
        long,
        value_name = "S",
        default_value = "600",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(super) seconds: u64,
    /// Distinct keys of `keyed`, `blocked` and `limits --limit per-key`
    #[arg(
        long,
        value_name = "N",
        default_value = "10000",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(super) keys: u64,
    /// Executions that limits block in `blocked`, and that `bulk` retries
    #[arg(
        long,
        value_name = "N",
        default_value = "100000",
        value_parser = clap::value_parser!(u64)
    )]
    pub(super) blocked: u64,
    /// Limit of the job in `limits`
    #[arg(long, value_enum, default_value = "concurrent")]
    pub(super) limit: LimitKind,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("give a whole number, 1 or more".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// The arguments of `trigger` and `exec`. `rest` is parsed when the job is known, because its flags
/// depend on the payload's schema.
#[derive(Debug, ClapArgs)]
pub(super) struct JobArgs {
    /// Id of the job
    #[arg(allow_hyphen_values = true)]
    pub(super) job: Option<String>,
    /// Payload fields and options; `JOB --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) rest: Vec<OsString>,
}

impl JobArgs {
    /// True if help was asked for, and no job is named.
    pub(super) fn wants_help(&self) -> bool {
        matches!(self.job.as_deref(), Some("--help" | "-h"))
    }
}

/// The arguments of `executions`.
#[derive(Debug, ClapArgs)]
pub(super) struct ExecutionsArgs {
    /// Maximum number of executions to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) limit: u16,
    /// List only executions of this job
    #[arg(long, value_name = "ID")]
    pub(super) job: Option<String>,
    /// List only executions in this status
    #[arg(long)]
    pub(super) status: Option<jobs::ExecutionStatus>,
    /// List only executions of this queue
    #[arg(long)]
    pub(super) queue: Option<String>,
    /// List only executions with this item id
    #[arg(long)]
    pub(super) item: Option<String>,
    /// List only executions with this correlation id
    #[arg(long)]
    pub(super) correlation_id: Option<String>,
    /// List only executions that this user or program created
    #[arg(long)]
    pub(super) created_by: Option<String>,
    /// List only executions that an attempt of this execution enqueued
    #[arg(long, value_name = "ID")]
    pub(super) parent: Option<jobs::ExecutionId>,
    /// List only executions with this tag
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// List only executions created at or after this time, as in 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<crate::time::Timestamp>,
    /// List only executions created before this time
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<crate::time::Timestamp>,
    /// List only final executions whose last attempt took at least this long, as in 5m
    #[arg(long, value_name = "DURATION", value_parser = jobs_grammar::duration::parse)]
    pub(super) longer_than: Option<Duration>,
    /// List only failed executions whose error has this fingerprint, as `failures` prints it
    #[arg(long, value_name = "FINGERPRINT")]
    pub(super) error_fingerprint: Option<String>,
    /// List only executions whose payload contains this text
    #[arg(long)]
    pub(super) text: Option<String>,
    /// List the page after this cursor, which the previous page printed
    #[arg(long)]
    pub(super) cursor: Option<crate::store::Cursor>,
    /// Show the values of sensitive payload fields, with --json
    #[arg(long)]
    pub(super) reveal: bool,
}

/// The arguments of `failures`.
#[derive(Debug, ClapArgs)]
pub(super) struct FailuresArgs {
    /// List only failures of this job
    #[arg(long, value_name = "ID")]
    pub(super) job: Option<String>,
    /// List only failures of this queue
    #[arg(long)]
    pub(super) queue: Option<String>,
    /// List failures of this long ago and later, as in 2h [default: 1d]
    #[arg(long, value_name = "DURATION", value_parser = jobs_grammar::duration::parse)]
    pub(super) since: Option<Duration>,
}

/// The arguments of `logs`.
#[derive(Debug, ClapArgs)]
pub(super) struct LogsArgs {
    /// Id of the execution
    pub(super) id: String,
    /// Show only lines of this attempt
    #[arg(long, value_name = "N")]
    pub(super) attempt: Option<u32>,
    /// Show only lines of this level and above: trace, debug, info, warn, error
    #[arg(long)]
    pub(super) level: Option<crate::store::LogLevel>,
    /// Print new lines until the execution is final
    #[arg(long)]
    pub(super) follow: bool,
    /// Show the values of sensitive payload fields where lines quote them
    #[arg(long)]
    pub(super) reveal: bool,
}

/// The language of a generated client.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum ClientLanguage {
    /// Python 3.9 or newer
    Python,
    /// TypeScript 5 or newer
    Typescript,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_behind_the_job_is_one_of_its_payload() {
        let check = |line: &str, expected: &str| {
            let words = line.split(' ').map(OsString::from).collect();
            let separated: Vec<_> = separate_payload_flags(words)
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            assert_eq!(separated.join(" "), expected);
        };
        for (line, expected) in [
            ("jobs trigger j --token x", "jobs trigger j -- --token x"),
            (
                "jobs exec j --token=x --a 1",
                "jobs exec j -- --token=x --a 1",
            ),
            (
                "jobs --server u --token t trigger j --json --server s",
                "jobs --server u --token t trigger j --json -- --server s",
            ),
            (
                "jobs trigger --server u j --a 1 --token x",
                "jobs trigger --server u j --a 1 --token x",
            ),
            ("jobs list --token x", "jobs list --token x"),
            ("jobs trigger", "jobs trigger"),
        ] {
            check(line, expected);
        }
    }
}
