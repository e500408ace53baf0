//! The commands `run`, `work` and `serve`: a process that runs until SIGTERM or SIGINT.
//!
//! The first signal drains the worker; the second releases running attempts. A signal during the
//! start ends the process at once: no attempt runs yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jobs_grammar::suggestion::did_you_mean;
use serde_json::{Value, json};

use super::doctor::store::waiting;
use super::start_unless_stopped;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::signals::Signals;
use crate::store::Store;
use crate::{Runtime, RuntimeBuilder};

/// The waiting executions that a worker looks at when it starts. A payload may have a mebibyte, so
/// all of them are a small part of a worker's memory.
const SAMPLE_AT_START: usize = 50;

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
    let builder = configure(settings.builder()).store_wait(settings.store_wait);
    let mut builder = builder.workers(components != Components::Http);
    #[cfg(feature = "rabbitmq")]
    if let Some(broker) = broker_of(settings, components) {
        builder = builder.broker(broker.clone());
    }
    if !matches!(components, Components::Worker { .. }) {
        builder = builder.bind(settings.bind).scheduler(true);
    }
    let counts = AttemptCounts::default();
    if output.json {
        builder = counts.count(builder);
    }
    let Some(runtime) = start_unless_stopped(builder, &mut signals).await? else {
        output.note("stopped before the start had ended");
        return Ok(());
    };
    print_start(&runtime, settings, output, components).await;
    if components != Components::Http {
        tokio::spawn(warn_of_payloads(Arc::clone(runtime.store())));
    }

    let stopped = serve(&runtime, output, &mut signals, components).await;
    if output.json {
        print_event(
            output,
            &json!({ "event": "stopped", "attempts": counts.by_outcome() }),
        );
    }
    stopped
}

/// The broker of a process. A worker that ends when it is idle has none: it cannot know which
/// messages are still to come.
#[cfg(feature = "rabbitmq")]
fn broker_of(settings: &Settings, components: Components) -> Option<&crate::BrokerConfig> {
    let ends_when_idle = components == (Components::Worker { until_idle: true });
    settings.broker.as_ref().filter(|_| !ends_when_idle)
}

/// Runs until a signal or an error, and stops the runtime.
async fn serve(
    runtime: &Runtime,
    output: Output,
    signals: &mut Signals,
    components: Components,
) -> Result<(), Failure> {
    tokio::select! {
        () = signals.next() => {}
        () = runtime.idle(), if components == (Components::Worker { until_idle: true }) => {
            runtime.shutdown().await;
            return check_worker(runtime);
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
    check_worker(runtime)
}

/// Fails if the dispatcher has died, which also ends a wait for the worker.
fn check_worker(runtime: &Runtime) -> Result<(), Failure> {
    let checked = runtime.check_worker();
    checked.map_err(|error| Failure::because(&error))
}

/// The attempts that ended in this process, by outcome, for the output as JSON.
#[derive(Clone, Default)]
struct AttemptCounts(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl AttemptCounts {
    fn count(&self, builder: RuntimeBuilder) -> RuntimeBuilder {
        let counts = self.clone();
        builder.on_finish(move |ended| {
            *counts.lock().entry(ended.outcome.as_str()).or_default() += 1;
        })
    }

    fn by_outcome(&self) -> BTreeMap<&'static str, u64> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prints an event of a long-running command as one line of JSON. A reader of standard output that
/// has ended does not stop the worker.
fn print_event(output: Output, event: &Value) {
    if let Err(failure) = output.line(event, ToString::to_string) {
        output.failure(&failure);
    }
}

/// Prints the store, the jobs and the started components.
async fn print_start(
    runtime: &Runtime,
    settings: &Settings,
    output: Output,
    components: Components,
) {
    let store = runtime.store().describe();
    if output.json {
        let ids: Vec<_> = runtime.catalogue().iter().map(|job| job.id()).collect();
        let event = json!({
            "event": "started",
            "version": env!("CARGO_PKG_VERSION"),
            "store": store.location,
            "durability": store.durability,
            "jobs": ids,
            "executes": components != Components::Http,
            "concurrency": settings.engine.concurrency,
            "blockingConcurrency": settings.engine.blocking_concurrency,
            "address": runtime.address(),
            "url": runtime.url(),
        });
        print_event(output, &event);
    }
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
        note_unknown_queues(runtime, settings, output);
        output.note(&format!(
            "  executing up to {} async and {} blocking attempts at a time",
            settings.engine.concurrency, settings.engine.blocking_concurrency
        ));
    }
    #[cfg(feature = "rabbitmq")]
    if let Some(broker) = broker_of(settings, components) {
        output.note(&format!("  dispatching through {broker}"));
    }
    if let Some(url) = runtime.url() {
        output.note(&format!("  serving {url}/api/v1/workers/jobs"));
        if settings.http.trusted_network {
            output.note("  trusted_network: every caller may do everything, without a token");
        }
    }
}

/// Says in the log which waiting executions the linked jobs would refuse. A job that this program
/// does not link is no reason: another worker may.
async fn warn_of_payloads(store: Arc<dyn Store>) {
    if let [_, Some(payloads)] = waiting(&*store, SAMPLE_AT_START).await {
        tracing::warn!("{}", payloads.detail);
    }
}

/// Says which queues of the settings no linked job uses: nothing is claimed from them.
fn note_unknown_queues(runtime: &Runtime, settings: &Settings, output: Output) {
    let jobs = runtime.catalogue().iter();
    let known: BTreeSet<&str> = jobs.map(|job| &*job.descriptor().queue).collect();
    let engine = &settings.engine;
    let ageing = engine.ageing.keys();
    let named: BTreeSet<&String> = engine.queues.iter().chain(ageing).collect();
    for queue in named {
        if !known.contains(queue.as_str()) {
            let meant = did_you_mean(queue, known.iter().copied());
            output.note(&format!("  no linked job uses the queue `{queue}`{meant}"));
        }
    }
}
