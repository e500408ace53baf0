//! `run`, `work`, `serve`: until a signal comes.

use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::signals::Signals;
use crate::{Runtime, RuntimeBuilder};

/// What the process consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Parts {
    Both,
    Workers { until_idle: bool },
    Api,
}

/// Starts the parts and stays until it is told to stop.
pub(in crate::cli) async fn run(
    settings: &Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    parts: Parts,
) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::because(&error))?;
    let mut builder = configure(settings.builder()).workers(parts != Parts::Api);
    let workers_only = matches!(parts, Parts::Workers { .. });
    if !workers_only {
        builder = builder.bind(settings.bind);
    }
    let runtime = builder.start().await?;
    introduce(&runtime, settings, output, parts).await;

    tokio::select! {
        () = signals.next() => {}
        () = runtime.idle(), if parts == (Parts::Workers { until_idle: true }) => {
            runtime.shutdown().await;
            return Ok(());
        }
        failed = runtime.failed() => {
            failed.map_err(|error| Failure::because(&error))?;
            return Err(Failure::failed("the HTTP interface ended"));
        }
    }
    output.say("stopping; running attempts may end (again: give them back now)");
    tokio::select! {
        () = runtime.shutdown() => {}
        () = signals.next() => {
            output.say("giving back what runs");
            runtime.shutdown_now().await;
        }
    }
    Ok(())
}

/// Says what has been started, and what to do with it.
async fn introduce(runtime: &Runtime, settings: &Settings, output: Output, parts: Parts) {
    let store = runtime.store().describe();
    output.say(&format!(
        "jobs {}  store {} ({})",
        env!("CARGO_PKG_VERSION"),
        store.location,
        store.durability
    ));
    match runtime.catalogue().len() {
        0 => {
            let advice = super::nothing_linked(Some(&**runtime.store())).await;
            output.say(&format!("  {advice}"));
        }
        count => {
            let ids: Vec<_> = runtime.catalogue().iter().map(|job| job.id()).collect();
            let plural = if count == 1 { "" } else { "s" };
            output.say(&format!("  {count} job{plural}: {}", ids.join(", ")));
        }
    }
    if parts != Parts::Api {
        output.say(&format!(
            "  executing up to {} async and {} blocking attempts at a time",
            settings.engine.concurrency, settings.engine.blocking_concurrency
        ));
    }
    if let Some(address) = runtime.address() {
        output.say(&format!("  serving http://{address}/api/v1/workers/jobs"));
    }
}
