//! The commands `run`, `work` and `serve`: a process that runs until SIGTERM or SIGINT.
//!
//! The first signal drains the worker; the second releases running attempts.

use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::signals::Signals;
use crate::{Runtime, RuntimeBuilder};

/// The components that a process starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Components {
    /// The command `run`.
    WorkerAndHttp,
    /// The command `work`.
    Worker { until_idle: bool },
    /// The command `serve`.
    Http,
}

/// Starts the components and runs them until a signal or an error, with `until_idle` also until the
/// worker is idle. The first signal drains the worker; the second releases the running attempts.
pub(in crate::cli) async fn run(
    settings: &Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    components: Components,
) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::because(&error))?;
    let mut builder = configure(settings.builder()).workers(components != Components::Http);
    if !matches!(components, Components::Worker { .. }) {
        builder = builder.bind(settings.bind).scheduler(true);
    }
    let runtime = builder.start().await?;
    print_start(&runtime, settings, output, components).await;

    tokio::select! {
        () = signals.next() => {}
        () = runtime.idle(), if components == (Components::Worker { until_idle: true }) => {
            runtime.shutdown().await;
            return check_worker(&runtime);
        }
        failed = runtime.failed() => {
            failed.map_err(|error| Failure::because(&error))?;
            return Err(Failure::failed("the HTTP interface stopped by itself"));
        }
    }
    output.note("stopping: waiting for running attempts; a second signal releases them now");
    tokio::select! {
        () = runtime.shutdown() => {}
        () = signals.next() => {
            output.note("releasing the running attempts");
            runtime.shutdown_now().await;
        }
    }
    check_worker(&runtime)
}

/// Fails if the dispatcher has died, which also ends a wait for the worker.
fn check_worker(runtime: &Runtime) -> Result<(), Failure> {
    let checked = runtime.check_worker();
    checked.map_err(|error| Failure::because(&error))
}

/// Prints the store, the jobs and the started components.
async fn print_start(
    runtime: &Runtime,
    settings: &Settings,
    output: Output,
    components: Components,
) {
    let store = runtime.store().describe();
    output.note(&format!(
        "jobs {}  store {} ({})",
        env!("CARGO_PKG_VERSION"),
        store.location,
        store.durability
    ));
    match runtime.catalogue().len() {
        0 => {
            let hint = super::no_jobs_hint(Some(&**runtime.store())).await;
            output.note(&format!("  {hint}"));
        }
        count => {
            let ids: Vec<_> = runtime.catalogue().iter().map(|job| job.id()).collect();
            let plural = if count == 1 { "" } else { "s" };
            output.note(&format!("  {count} job{plural}: {}", ids.join(", ")));
        }
    }
    if components != Components::Http {
        output.note(&format!(
            "  executing up to {} async and {} blocking attempts at a time",
            settings.engine.concurrency, settings.engine.blocking_concurrency
        ));
    }
    if let Some(address) = runtime.address() {
        output.note(&format!("  serving http://{address}/api/v1/workers/jobs"));
    }
}
