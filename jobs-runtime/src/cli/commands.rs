//! The commands: a module each, or one for a group of similar commands.
//!
//! A command may import the rest of `cli`, the runtime, the service and the store contract. It may
//! also import the module that it shows or executes, such as `bench` or `schema_gate`. It must not
//! import the engine, a route of `http` or another command.

#[cfg(feature = "archive")]
mod archive;
mod audit;
mod bench;
mod check;
mod config;
#[cfg(feature = "rabbitmq")]
mod dead_letters;
mod descriptions;
mod doctor;
mod execution_actions;
mod executions;
mod explain;
mod failures;
mod import;
mod jobs;
mod limits;
mod logs;
mod migrate;
mod move_store;
mod operations;
mod processes;
mod prune;
mod queues;
mod run;
mod schedules;
mod schema;
mod token;
mod top;
mod trigger;

use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _, Read as _, stdin};

use ::jobs::{ExecutionId, ParseExecutionIdError};

use super::args::{Command, LimitCommand};
use super::failure::Failure;
use super::output::Output;
use super::settings::Settings;
use super::signals::Signals;
use super::source::{check_store_exists, store_exists};
use crate::service::Actor;
use crate::store::{BulkAct, Store};
use crate::{Runtime, RuntimeBuilder, StartError};

/// Runs a command in the name of the local user.
pub(super) async fn run(
    command: Command,
    settings: Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> Result<(), Failure> {
    let run = dispatch(command, settings, output, configure);
    Actor::local_user().scope(run).await
}

async fn dispatch(
    command: Command,
    settings: Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> Result<(), Failure> {
    check_server(&command, &settings, output)?;
    if let Some(what) = command.change() {
        confirm_production(&settings, output, what)?;
    }
    match command {
        Command::Run => {
            run::run(&settings, output, configure, run::Components::WorkerAndHttp).await
        }
        Command::Serve => run::run(&settings, output, configure, run::Components::Http).await,
        Command::Work(work) => {
            let settings = settings.with_queues(&work.queues)?;
            let settings = settings.with_labels(&work.labels)?;
            run::run(
                &settings,
                output,
                configure,
                run::Components::Worker {
                    until_idle: work.until_idle,
                },
            )
            .await
        }
        Command::List => jobs::list(&settings, output).await,
        Command::Show { job } => jobs::show(&settings, output, &job).await,
        Command::Trigger(args) => trigger::trigger(&settings, output, args).await,
        Command::Exec(args) => trigger::exec(&settings, output, configure, args).await,
        Command::Executions(filters) => executions::list(&settings, output, filters).await,
        Command::Execution { id, reveal } => executions::show(&settings, output, &id, reveal).await,
        Command::Failures(args) => failures::list(&settings, output, args).await,
        Command::Logs(args) => logs::show(&settings, output, args).await,
        Command::Explain { id } => explain::explain(&settings, output, &id).await,
        Command::Cancel(target) => match target.id {
            Some(id) => execution_actions::cancel(&settings, output, &id).await,
            None => operations::start(&settings, output, BulkAct::Cancel, target).await,
        },
        Command::Retry { target, payload } => match target.id {
            Some(id) => execution_actions::retry(&settings, output, &id, payload).await,
            None => operations::start(&settings, output, BulkAct::Retry, target).await,
        },
        Command::Edit(args) if args.target.id.is_none() => {
            operations::start_edit(&settings, output, args).await
        }
        Command::Edit(args) => execution_actions::edit(&settings, output, args).await,
        Command::Delete(target) => match target.id {
            Some(id) => execution_actions::delete(&settings, output, &id).await,
            None => operations::start(&settings, output, BulkAct::Delete, target).await,
        },
        Command::Operations { command: None } => operations::list(&settings, output).await,
        Command::Operations {
            command: Some(command),
        } => operations::run(&settings, output, command).await,
        Command::Erase { id, by } => execution_actions::erase(&settings, output, &id, by).await,
        #[cfg(feature = "archive")]
        Command::Archive { command } => archive::run(&settings, output, command).await,
        Command::Prune { dry_run } => prune::prune(&settings, output, configure, dry_run).await,
        Command::Queues { command: None } => queues::list(&settings, output).await,
        Command::Queues {
            command: Some(command),
        } => queues::change(&settings, output, command).await,
        Command::Schedules { command: None } => schedules::list(&settings, output).await,
        Command::Schedules {
            command: Some(command),
        } => schedules::run(&settings, output, command).await,
        Command::Limits {
            command: LimitCommand::Reset { limit },
        } => limits::reset(&settings, output, &limit).await,
        #[cfg(feature = "rabbitmq")]
        Command::DeadLetters { command } => dead_letters::run(&settings, output, command).await,
        #[cfg(feature = "rabbitmq")]
        Command::Broker { command } => dead_letters::switch(&settings, output, command).await,
        Command::Processes => processes::list(&settings, output).await,
        Command::Top(args) => top::top(&settings, output, &args).await,
        Command::Audit(filters) => audit::list(&settings, output, filters).await,
        Command::Token { command } => token::run(&settings, output, command).await,
        Command::Migrate { status, reopen } => {
            migrate::migrate(&settings, output, status, reopen).await
        }
        Command::Move(args) => move_store::move_store(output, &args).await,
        Command::Import(args) => import::import(&settings, output, &args).await,
        Command::Bench(args) => bench::measure(&settings, output, &args).await,
        Command::Schema => schema::show(output),
        Command::Check(args) => check::check(&settings, output, &args).await,
        Command::Openapi => descriptions::openapi(&settings, output).await,
        Command::Client { language } => descriptions::client(&settings, output, language).await,
        Command::Completions { shell } => descriptions::completions(output, shell),
        Command::Man { directory } => descriptions::manual(output, &directory),
        Command::Config => config::show(&settings, output),
        Command::Doctor { build_resources } => {
            doctor::doctor(&settings, output, configure, build_resources).await
        }
    }
}

/// Starts a runtime on a task of its own, so that a signal is heard while a resource is built.
/// Returns `None` after a signal: the process ends, whatever the start still does.
async fn start_unless_stopped(
    builder: RuntimeBuilder,
    signals: &mut Signals,
) -> Result<Option<Runtime>, Failure> {
    let starting = tokio::spawn(builder.start());
    tokio::select! {
        started = starting => {
            let started = started.map_err(|error| Failure::because(&error))?;
            Ok(Some(started?))
        }
        () = signals.next() => Ok(None),
    }
}

/// Starts a runtime without a worker and without HTTP. It creates the store if there is none.
async fn start_client(settings: &Settings) -> Result<Runtime, StartError> {
    settings.builder().workers(false).start().await
}

/// Starts a runtime like [`start_client`], but creates no store and publishes no jobs. Without a
/// store, the runtime has an empty one in memory.
async fn start_reader(settings: &Settings) -> Result<Runtime, StartError> {
    let builder = settings.builder().workers(false).publishes(false);
    if store_exists(settings) {
        return builder.start().await;
    }
    builder.database("sqlite::memory:").start().await
}

/// Starts a runtime like [`start_client`], but publishes no jobs. Fails if there is no store.
async fn open_existing(settings: &Settings) -> Result<Runtime, Failure> {
    check_store_exists(settings)?;
    let builder = settings.builder().workers(false).publishes(false);
    Ok(builder.start().await?)
}

/// Refuses a server for a command that works on the store itself.
fn check_server(command: &Command, settings: &Settings, output: Output) -> Result<(), Failure> {
    let Some(server) = &settings.server else {
        return Ok(());
    };
    if command.needs_store() {
        return Err(Failure::usage(format!(
            "this command works on the store itself, and {} names a server: run it without a \
             server, where it reaches the store with `--database URL`",
            server.named_by
        )));
    }
    if server.token.is_some() && server.address.exposes_tokens() {
        output.note(&format!(
            "the token travels unencrypted to {}: use https://",
            server.address
        ));
    }
    Ok(())
}

/// Asks before a change of a server that is marked as production. `what` names the change.
fn confirm_production(settings: &Settings, output: Output, what: &str) -> Result<(), Failure> {
    let server = settings.server.as_ref();
    let Some((server, name)) = server.and_then(|it| Some((it, it.production.as_ref()?))) else {
        return Ok(());
    };
    if settings.yes {
        return Ok(());
    }
    if !stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "nothing was changed: `{name}` is production ({}); add --yes to `{what}` there",
            server.address
        )));
    }
    output.note(&format!(
        "`{name}` is production ({}). To {what} there, type `{name}`:",
        server.address
    ));
    if read_answer()? == *name {
        Ok(())
    } else {
        Err(Failure::failed("nothing was changed"))
    }
}

/// Reads a line of the terminal.
fn read_answer() -> Result<String, Failure> {
    let mut answer = String::new();
    let read = stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::failed(format!("cannot read the answer: {error}")))?;
    Ok(answer.trim().to_owned())
}

/// Returns the payload. If it is `-`, reads it from standard input.
fn read_payload(payload: Option<String>) -> Result<Option<String>, Failure> {
    if payload.as_deref() != Some("-") {
        return Ok(payload);
    }
    let mut text = String::new();
    stdin().read_to_string(&mut text).map_err(|error| {
        Failure::usage(format!(
            "cannot read the payload from standard input: {error}"
        ))
    })?;
    Ok(Some(text))
}

fn execution_id(text: &str) -> Result<ExecutionId, Failure> {
    text.parse()
        .map_err(|error: ParseExecutionIdError| Failure::usage(error.to_string()))
}

/// The failure of a name that no queue has.
fn unknown_queue(queue: &str, similar: &[String]) -> Failure {
    let hint = match similar {
        [] => "; `queues` lists the queues".to_owned(),
        similar => format!("; did you mean `{}`?", similar.join("` or `")),
    };
    Failure::usage(format!("there is no queue `{queue}`{hint}"))
}

/// The hint for a program without linked jobs. It names the crates of the jobs in the store's
/// catalogue, which other programs or an earlier build have published.
async fn no_jobs_hint(store: Option<&dyn Store>) -> String {
    let published = match store {
        Some(store) => store.catalogue().await.unwrap_or_default(),
        None => Vec::new(),
    };
    let crates: BTreeSet<&str> = published
        .iter()
        .filter_map(|job| job.descriptor.source.split("::").next())
        .filter(|name| !name.is_empty())
        // A source is `crate::module:line`, or `crate:line` for a job at the root of its crate.
        .map(|name| name.split(':').next().unwrap_or(name))
        .collect();
    let known = match crates.len() {
        0 => String::new(),
        _ => {
            let uses: Vec<String> = crates
                .iter()
                .map(|name| format!("`use {name} as _;`"))
                .collect();
            format!(
                "; the store has jobs of other programs: {}",
                uses.join(", ")
            )
        }
    };
    format!(
        "this program links no jobs: reference the crate that declares them in the binary, as in \
         `use my_jobs as _;`{known}"
    )
}
