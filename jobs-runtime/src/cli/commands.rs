//! What the commands do.

mod bench;
mod config;
mod doctor;
mod executions;
mod explain;
mod jobs;
mod logs;
mod migrate;
mod moving;
mod operate;
mod processes;
mod queues;
mod run;
mod schema;
mod trigger;

use std::collections::BTreeSet;

use ::jobs::{ExecutionId, ParseExecutionIdError};

use super::args::Command;
use super::failure::Failure;
use super::output::Output;
use super::settings::Settings;
use crate::store::{DatabaseUrl, Store};
use crate::{Runtime, RuntimeBuilder, StartError};

/// Does what was asked for.
pub(super) async fn run(
    command: Command,
    settings: Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> Result<(), Failure> {
    match command {
        Command::Run => run::run(&settings, output, configure, run::Parts::Both).await,
        Command::Serve => run::run(&settings, output, configure, run::Parts::Api).await,
        Command::Work(work) => {
            let settings = settings.with_queues(&work.queues)?;
            let settings = settings.with_labels(&work.labels)?;
            run::run(
                &settings,
                output,
                configure,
                run::Parts::Workers {
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
        Command::Execution { id } => executions::show(&settings, output, &id).await,
        Command::Logs(args) => logs::show(&settings, output, args).await,
        Command::Explain { id } => explain::explain(&settings, output, &id).await,
        Command::Cancel { id } => operate::cancel(&settings, output, &id).await,
        Command::Retry { id, payload } => operate::retry(&settings, output, &id, payload).await,
        Command::Edit(args) => operate::edit(&settings, output, args).await,
        Command::Delete { id } => operate::delete(&settings, output, &id).await,
        Command::Queues { act: None } => queues::list(&settings, output).await,
        Command::Queues { act: Some(act) } => queues::act(&settings, output, act).await,
        Command::Processes => processes::list(&settings, output).await,
        Command::Migrate { status } => migrate::migrate(&settings, output, status).await,
        Command::Move(args) => moving::move_store(output, &args).await,
        Command::Bench(args) => bench::measure(&settings, output, &args).await,
        Command::Schema => schema::show(output),
        Command::Config => {
            config::show(&settings, output);
            Ok(())
        }
        Command::Doctor => doctor::doctor(&settings, output, configure).await,
    }
}

/// A runtime that executes and serves nothing: for commands that read or enqueue.
async fn client_of(settings: &Settings) -> Result<Runtime, StartError> {
    settings.builder().workers(false).start().await
}

/// Like [`client_of`], but a store that does not exist yet is left so: commands that only look
/// create nothing.
async fn reader_of(settings: &Settings) -> Result<Runtime, StartError> {
    let database = match store_exists(settings) {
        true => settings.database.as_str(),
        false => "sqlite::memory:",
    };
    settings
        .builder()
        .database(database)
        .workers(false)
        .start()
        .await
}

/// A runtime that executes and serves nothing, on a store that is there already.
async fn existing(settings: &Settings) -> Result<Runtime, Failure> {
    if !store_exists(settings) {
        return Err(Failure::failed(format!(
            "there is no store at {} yet; `run` creates it",
            settings.database
        )));
    }
    Ok(client_of(settings).await?)
}

fn execution_id(text: &str) -> Result<ExecutionId, Failure> {
    text.parse()
        .map_err(|error: ParseExecutionIdError| Failure::usage(error.to_string()))
}

/// What to do when no job is linked, naming the crates whose jobs the store knows: other programs
/// have published them, or an earlier build of this one.
async fn nothing_linked(store: Option<&dyn Store>) -> String {
    let published = match store {
        Some(store) => store.catalogue().await.unwrap_or_default(),
        None => Vec::new(),
    };
    let crates: BTreeSet<&str> = published
        .iter()
        .filter_map(|job| job.descriptor.source.split("::").next())
        .filter(|name| !name.is_empty())
        // A source is `module::path:line`; of a job at the root of its crate, the line follows.
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
                "; the store knows jobs of other programs: {}",
                uses.join(", ")
            )
        }
    };
    format!(
        "no jobs are linked into this program: a crate that nothing references is left out, so \
         reference it in the binary (`use my_jobs as _;`){known}"
    )
}

/// Whether the store that the settings name has been created.
fn store_exists(settings: &Settings) -> bool {
    match settings.database.parse() {
        Ok(DatabaseUrl::Sqlite { path, .. }) => path.exists(),
        _ => true,
    }
}
