//! The thread of relay and consumer, with a tokio runtime of its own.
//!
//! Handlers that block every thread of the application's runtime cannot stop it, so the heartbeats
//! of the connections go on.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jobs::Clock;
use tokio::sync::watch;

use super::config::BrokerConfig;
use super::consumer::{ConsumedJob, Consumer};
use super::names::Names;
use super::relay::{BrokerDeps, Relay};
use crate::Entropy;
use crate::engine::BrokerSignals;
use crate::health::BrokerHealth;
use crate::store::Store;
use crate::threads;

/// The longest time that a stop takes.
const STOP: Duration = Duration::from_secs(3);

/// Everything that relay and consumer are built from.
pub(crate) struct BrokerParts {
    pub(crate) config: BrokerConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Entropy,
    pub(crate) health: BrokerHealth,
    /// The jobs and queues that this process consumes; `None` if it executes nothing, or not by
    /// messages.
    pub(crate) consumer: Option<ConsumerParts>,
}

/// Everything that a consumer is built from.
pub(crate) struct ConsumerParts {
    pub(crate) jobs: Vec<ConsumedJob>,
    pub(crate) queues: Vec<String>,
    pub(crate) signals: BrokerSignals,
}

/// The running relay and consumer. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Broker {
    stop: watch::Sender<bool>,
    ended: watch::Receiver<()>,
}

impl Broker {
    /// Starts the thread. A broker that cannot be reached is no error: health and log say so.
    pub(crate) fn start(parts: BrokerParts) -> io::Result<Self> {
        let (stop, stop_requested) = watch::channel(false);
        let (end, ended) = watch::channel(());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        threads::spawn("jobs-broker", runtime, move || async move {
            let _end = end;
            run(parts, stop_requested).await;
        })?;
        Ok(Self { stop, ended })
    }

    /// Requests the end. Messages that are not acknowledged go back to the broker.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Completes when relay and consumer have ended.
    pub(crate) async fn ended(&self) {
        // The thread never sends: the error of its end is what this waits for.
        let _ = self.ended.clone().changed().await;
    }
}

async fn run(parts: BrokerParts, mut stop_requested: watch::Receiver<bool>) {
    let deps = BrokerDeps {
        names: Names::new(&parts.config.prefix),
        config: parts.config,
        store: parts.store,
        clock: parts.clock,
        entropy: parts.entropy,
        health: parts.health,
    };
    let mut relay = Relay::new(&deps);
    let consume = async {
        match &parts.consumer {
            Some(it) => {
                let signals = it.signals.clone();
                Consumer::new(&deps, &it.jobs, &it.queues, signals)
                    .run()
                    .await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        // An error means that the runtime was dropped.
        _ = stop_requested.wait_for(|stop| *stop) => {}
        () = relay.run() => {}
        () = consume => {}
    }
    // Another process goes on at once. If the store is away, the turn ends by itself.
    let _ = tokio::time::timeout(STOP, relay.end_turn()).await;
    deps.health.stopped();
}
