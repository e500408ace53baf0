//! The commands `trigger` and `exec`: enqueue an execution, and in `exec` execute it here.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};
use jobs::runtime::{Due, EnqueueRequest, TriggeredBy};
use jobs::{ExecutionId, Priority};

use super::{confirm_production, start_unless_stopped};
use crate::RuntimeBuilder;
use crate::cli::args::JobArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::payload_flags::{JobCommand, without_fields};
use crate::cli::progress;
use crate::cli::settings::Settings;
use crate::cli::signals::Signals;
use crate::cli::source::{Source, Trigger};
use crate::service::{EnqueueOutcome, TriggerPreview};
use crate::time::Timestamp;

/// Enqueues an execution and waits for its end if `--wait` is given.
pub(in crate::cli) async fn trigger(
    settings: &Settings,
    output: Output,
    args: JobArgs,
) -> Result<(), Failure> {
    if args.wants_help() {
        return help("trigger", "Enqueue an execution of a job", output);
    }
    named_job(&args, "trigger")?;
    // Help, a mistake and a dry run create no store.
    let reader = Source::read(settings).await?;
    let Some(request) = JobRequest::read(&reader, "trigger", args, output).await? else {
        return Ok(());
    };
    let output = request.output(output);
    if request.matches.get_flag("dry-run") {
        let preview = reader.preview(request.request()).await?;
        return output.result(&preview, preview_text);
    }
    confirm_production(settings, output, "trigger")?;
    let source = reader.or_create(settings).await?;
    let Trigger { id, outcome } = source.trigger(request.request()).await?;
    if request.matches.get_flag("wait") {
        output.note(&outcome_text(id, outcome, &request.job_id));
        let record = progress::wait(&source, id, output).await?;
        return progress::print_outcome(&record, output);
    }
    let document = serde_json::json!({
        "executionId": id,
        "jobId": request.job_id,
        "triggered": outcome == EnqueueOutcome::New,
    });
    output.result(&document, |_| outcome_text(id, outcome, &request.job_id))
}

/// The sentence about a trigger.
fn outcome_text(id: ExecutionId, outcome: EnqueueOutcome, job_id: &str) -> String {
    match outcome {
        EnqueueOutcome::Replayed => {
            format!("{id}  was enqueued before under this idempotency key")
        }
        EnqueueOutcome::Skipped => {
            format!("{id}  has the same unique key: no execution was added")
        }
        EnqueueOutcome::Merged | EnqueueOutcome::Replaced => {
            format!("{id}  waits under the same key: its payload was replaced")
        }
        _ => format!("{id}  enqueued {job_id}"),
    }
}

/// The sentence about a dry run, and the payload that would be stored.
fn preview_text(preview: &TriggerPreview) -> String {
    let id = preview.execution_id.map(|id| id.to_string());
    let id = id.unwrap_or_default();
    let sentence = match preview.outcome {
        EnqueueOutcome::New => format!("would enqueue {}", preview.job_id),
        EnqueueOutcome::Replayed => format!("{id}  was enqueued under this idempotency key"),
        EnqueueOutcome::Skipped => format!("{id}  has the same unique key and would answer"),
        EnqueueOutcome::Replaced => {
            format!("{id}  has the same unique key and would get the payload")
        }
        EnqueueOutcome::Merged => {
            format!("{id}  has the same debounce key and would get the payload")
        }
        EnqueueOutcome::Rejected => {
            let code = preview.code.as_deref().unwrap_or_default();
            format!("{id}  has the same key: would be rejected with {code}")
        }
        EnqueueOutcome::QueueFull => "would be rejected: the job's queue is full".to_owned(),
    };
    format!("{sentence}\n{}", preview.payload)
}

/// Enqueues an execution and executes it in this process.
pub(in crate::cli) async fn exec(
    settings: &Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    args: JobArgs,
) -> Result<(), Failure> {
    if args.wants_help() {
        let about = "Enqueue an execution and execute it in this process";
        return help("exec", about, output);
    }
    named_job(&args, "exec")?;
    let reader = Source::read(settings).await?;
    let Some(request) = JobRequest::read(&reader, "exec", args, output).await? else {
        return Ok(());
    };
    let source = reader.or_create(settings).await?;
    let output = request.output(output);
    let mut signals = Signals::listen().map_err(|error| Failure::because(&error))?;
    let Source::Local(client) = &source else {
        return Err(Failure::failed("`exec` needs a store"));
    };
    if client.catalogue().get(&request.job_id).is_none() {
        return Err(Failure::failed(format!(
            "this program does not link the job `{0}`: use `trigger {0}`, and a worker that links \
             it executes it",
            request.job_id
        )));
    }
    let Trigger { id, .. } = source.trigger(request.request()).await?;
    let builder = configure(settings.builder())
        .store(client.store().clone())
        .jobs([request.job_id.clone()])
        .with_children()
        .executions([id]);
    let Some(worker) = start_unless_stopped(builder, &mut signals).await? else {
        return Err(Failure::failed(format!(
            "interrupted before the start had ended: execution {id} stays in the store"
        )));
    };
    let waited = tokio::select! {
        record = progress::wait(&source, id, output) => record.map(Some),
        () = signals.next() => Ok(None),
        failed = worker.failed() => failed.map(|()| None).map_err(|error| Failure::because(&error)),
    };
    worker.shutdown_now().await;
    match waited? {
        Some(record) => progress::print_outcome(&record, output),
        None => Err(Failure::failed(format!(
            "interrupted: the attempt was released, and execution {id} stays in the store"
        ))),
    }
}

/// Prints the help of a command without a job.
fn help(command: &'static str, about: &'static str, output: Output) -> Result<(), Failure> {
    let text = without_fields(command, options(command))
        .about(about)
        .override_usage(format!("{command} JOB [OPTIONS] [--FIELD VALUE]..."))
        .after_help(format!(
            "`{command} JOB --help` also lists the fields of the job's payload; `list` lists the jobs"
        ))
        .render_help()
        .to_string();
    output.help(&text)
}

/// A parsed command line of `trigger` or `exec`.
struct JobRequest {
    job_id: String,
    matches: ArgMatches,
    payload: String,
}

/// The job of the arguments. It is asked for before a store is opened.
fn named_job(args: &JobArgs, command: &str) -> Result<String, Failure> {
    match &args.job {
        Some(job) if !job.starts_with('-') => Ok(job.clone()),
        _ => Err(Failure::usage(format!(
            "no job given: `list` shows the jobs, `{command} JOB --help` the flags of one"
        ))),
    }
}

impl JobRequest {
    /// Parses the flags by the job's schema. Returns `None` after printing help.
    async fn read(
        source: &Source,
        command: &'static str,
        args: JobArgs,
        output: Output,
    ) -> Result<Option<Self>, Failure> {
        let id = named_job(&args, command)?;
        let job = source.job(&id).await?;
        let flags = JobCommand::new(command, &job.descriptor, options(command));
        let matches = match flags.parse(&args.rest) {
            Ok(matches) => matches,
            Err(error) => {
                output.parser_message(&error)?;
                if !error.use_stderr() {
                    return Ok(None);
                }
                output.note(&format!("\n{}", flags.payload_help()));
                return Err(Failure::UsageReported);
            }
        };
        flags.refuse_program_flags(&JobArgs::program_flags_behind_job())?;
        let payload = flags.payload(&matches)?;
        Ok(Some(Self {
            job_id: job.descriptor.id,
            matches,
            payload,
        }))
    }

    /// The output format: `--json` may also stand after the job's id.
    fn output(&self, output: Output) -> Output {
        output.with_json(output.json || self.matches.get_flag("json"))
    }

    fn request(&self) -> EnqueueRequest {
        let text = |id: &str| self.matches.get_one::<String>(id).cloned();
        let mut request = EnqueueRequest::new(self.job_id.clone(), self.payload.clone());
        request.triggered_by = TriggeredBy::Cli;
        request.priority = self.matches.get_one::<Priority>("priority").copied();
        request.idempotency_key = text("idempotency-key");
        request.correlation_id = text("correlation-id");
        request.item_id = text("item");
        request.created_by = text("created-by");
        let tags = self.matches.get_many::<String>("tag");
        request.tags = tags.into_iter().flatten().cloned().collect();
        if let Ok(Some(delay)) = self.matches.try_get_one::<Duration>("delay") {
            request.due = Due::After(*delay);
        }
        if let Ok(Some(time)) = self.matches.try_get_one::<Timestamp>("run-at") {
            request.due = Due::At((*time).into());
        }
        if let Ok(Some(expires)) = self.matches.try_get_one::<Duration>("expires") {
            request.expires = Some(*expires);
        }
        request
    }
}

/// The flags of `trigger` and `exec` that do not depend on the job.
fn options(command: &str) -> Vec<Arg> {
    let text = |id: &'static str, name: &'static str, help: &'static str| {
        Arg::new(id)
            .long(id)
            .value_name(name)
            .allow_hyphen_values(true)
            .help(help)
    };
    let mut options = vec![
        Arg::new("priority")
            .long("priority")
            .value_parser(str::parse::<Priority>)
            .help("Priority: low, normal, high, critical or 0 to 100 [default: the job's]"),
        text(
            "idempotency-key",
            "KEY",
            "Idempotency key: later calls with this key return the same execution",
        ),
        text(
            "correlation-id",
            "ID",
            "Correlation id, a filter of `executions`",
        ),
        text("item", "ID", "Item id, a filter of `executions`"),
        text(
            "created-by",
            "WHO",
            "User or program that creates the execution",
        ),
        text("tag", "TAG", "Tag, a filter of `executions`; repeatable").action(ArgAction::Append),
        Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .help("Print the result as one JSON document"),
    ];
    if command == "trigger" {
        options.extend([
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .conflicts_with("wait")
                .help("Check the request and tell what would happen; write nothing"),
            Arg::new("wait")
                .long("wait")
                .action(ArgAction::SetTrue)
                .help("Wait until the execution is final, and print its result"),
            text("delay", "DURATION", "Delay from now, as in 30s or 5m")
                .value_parser(jobs_grammar::duration::parse),
            text("run-at", "TIME", "Due time, as in 2030-01-31T12:00:00Z")
                .value_parser(str::parse::<Timestamp>)
                .conflicts_with("delay"),
            text(
                "expires",
                "DURATION",
                "Cancel it if its first attempt has not started this long after it is due",
            )
            .value_parser(jobs_grammar::duration::parse),
        ]);
    }
    options
}
