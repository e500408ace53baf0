//! `trigger` and `exec`: enqueue from the command line.

use clap::{Arg, ArgAction, ArgMatches};
use jobs::runtime::{Due, EnqueueRequest, TriggeredBy};
use jobs::{ExecutionId, Priority};

use super::client_of;
use crate::cli::args::JobArgs;
use crate::cli::failure::Failure;
use crate::cli::fields::JobCommand;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::signals::Signals;
use crate::cli::watch;
use crate::store::EnqueueAnswer;
use crate::time::Timestamp;
use crate::{Runtime, RuntimeBuilder};

/// Enqueues an execution and, if asked, waits for its end.
pub(in crate::cli) async fn trigger(
    settings: &Settings,
    output: Output,
    args: JobArgs,
) -> Result<(), Failure> {
    let runtime = client_of(settings).await?;
    let Some(asked) = Asked::read(&runtime, "trigger", args, output).await? else {
        return Ok(());
    };
    let output = asked.output(output);
    let (id, accepted) = asked.enqueue(&runtime).await?;
    if asked.matches.get_flag("wait") {
        let record = watch::wait(runtime.service(), id, output).await?;
        return watch::conclude(&record, output);
    }
    let answer = serde_json::json!({
        "executionId": id,
        "jobId": asked.job_id,
        "triggered": accepted == EnqueueAnswer::Created,
    });
    output.result(&answer, |_| match accepted {
        EnqueueAnswer::Created => format!("{id}  enqueued {}", asked.job_id),
        EnqueueAnswer::Replayed(_) => format!("{id}  enqueued before under this idempotency key"),
        EnqueueAnswer::Skipped(_) => {
            format!("{id}  enqueued before and live under the same unique key: nothing was added")
        }
        EnqueueAnswer::Merged(_) => {
            format!("{id}  enqueued before and waiting under the same key: it has this payload now")
        }
    });
    Ok(())
}

/// Enqueues an execution and executes it in this process.
pub(in crate::cli) async fn exec(
    settings: &Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    args: JobArgs,
) -> Result<(), Failure> {
    let client = client_of(settings).await?;
    let Some(asked) = Asked::read(&client, "exec", args, output).await? else {
        return Ok(());
    };
    let output = asked.output(output);
    let mut signals = Signals::listen().map_err(|error| Failure::because(&error))?;
    if client.catalogue().get(&asked.job_id).is_none() {
        return Err(Failure::failed(format!(
            "job `{}` is not linked into this program: `trigger` it, a worker elsewhere executes it",
            asked.job_id
        )));
    }
    let (id, _) = asked.enqueue(&client).await?;
    let worker = configure(settings.builder())
        .store(client.store().clone())
        .jobs([asked.job_id.clone()])
        .executions([id])
        .start()
        .await?;
    let waited = tokio::select! {
        record = watch::wait(worker.service(), id, output) => record.map(Some),
        () = signals.next() => Ok(None),
    };
    worker.shutdown_now().await;
    match waited? {
        Some(record) => watch::conclude(&record, output),
        None => Err(Failure::failed(format!(
            "interrupted; execution {id} was given back and stays in the store"
        ))),
    }
}

/// What a command line about one job asks for.
struct Asked {
    job_id: String,
    matches: ArgMatches,
    payload: String,
}

impl Asked {
    /// Reads the flags by the job's schema. `None` if they asked for help, which has been given.
    async fn read(
        runtime: &Runtime,
        command: &'static str,
        args: JobArgs,
        output: Output,
    ) -> Result<Option<Self>, Failure> {
        let Some(id) = args.job.filter(|job| !job.starts_with('-')) else {
            return Err(Failure::usage(format!(
                "which job? `{command} JOB --help` shows its flags, `list` the jobs"
            )));
        };
        let job = runtime.service().job(&id).await?;
        let flags = JobCommand::new(command, job.descriptor(), options(command));
        let matches = match flags.parse(&args.rest) {
            Ok(matches) => matches,
            Err(error) => {
                // Nobody listens if even this cannot be printed.
                let _ = error.print();
                if !error.use_stderr() {
                    return Ok(None);
                }
                output.say(&format!("\n{}", flags.payload_help()));
                return Err(Failure::ToldUsage);
            }
        };
        let payload = flags.payload(&matches)?;
        Ok(Some(Self {
            job_id: job.id().to_owned(),
            matches,
            payload,
        }))
    }

    fn output(&self, output: Output) -> Output {
        Output::new(output.json || self.matches.get_flag("json"))
    }

    async fn enqueue(&self, runtime: &Runtime) -> Result<(ExecutionId, EnqueueAnswer), Failure> {
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
        if let Ok(Some(delay)) = self.matches.try_get_one::<jiff::SignedDuration>("delay") {
            request.due = Due::After(delay.unsigned_abs());
        }
        if let Ok(Some(time)) = self.matches.try_get_one::<Timestamp>("run-at") {
            request.due = Due::At((*time).into());
        }
        let accepted = runtime.service().accept(vec![request]).await;
        let accepted = accepted.map_err(|error| error.into_enqueue_error(false))?;
        match accepted.first() {
            Some(one) => Ok((one.enqueued.execution_id, one.answer)),
            None => Err(Failure::failed("the store answered nothing")),
        }
    }
}

/// The flags that `trigger` and `exec` have for every job.
fn options(command: &str) -> Vec<Arg> {
    let text = |id: &'static str, name: &'static str, help: &'static str| {
        Arg::new(id).long(id).value_name(name).help(help)
    };
    let mut options = vec![
        Arg::new("priority")
            .long("priority")
            .value_parser(str::parse::<Priority>)
            .help("low, normal, high, critical or 0 to 100"),
        text(
            "idempotency-key",
            "KEY",
            "Enqueue once, however often it is called",
        ),
        text("correlation-id", "ID", "What it belongs to"),
        text("item", "ID", "The thing it is about"),
        text("created-by", "WHO", "Who wants it"),
        text("tag", "TAG", "A word to find it by").action(ArgAction::Append),
        Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .help("Print JSON, one document"),
    ];
    if command == "trigger" {
        options.extend([
            Arg::new("wait")
                .long("wait")
                .action(ArgAction::SetTrue)
                .help("Wait for the end, show progress, print the result"),
            text("delay", "DURATION", "Not before this has passed: 30s, 5m")
                .value_parser(str::parse::<jiff::SignedDuration>),
            text(
                "run-at",
                "TIME",
                "Not before this time: 2030-01-31T12:00:00Z",
            )
            .value_parser(str::parse::<Timestamp>)
            .conflicts_with("delay"),
        ]);
    }
    options
}
