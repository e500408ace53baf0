//! The relay: publishes a message for each ready execution whose entry is unpublished.
//!
//! The store writes the entry in the transaction that makes the execution ready. A relay reads the
//! entries in batches, publishes, and deletes the entries that the broker has confirmed. If the
//! broker returns or refuses a message, its entry stays, and its job is left out for a while. An
//! event of the store starts a round; the poll starts one after about a second.
//!
//! Each process with a broker runs a relay. The fleet's turn lets one publish at a time; the others
//! are connected and take over when its turn ends. Two relays may believe that they have the turn:
//! they then send a message twice, which does no harm.
//!
//! Nothing waits for the relay, because workers also claim without messages.
//! [`lost_messages`](super::lost_messages) finds messages that a broker lost after its confirm.

use std::sync::Arc;
use std::time::Duration;

use jobs::Clock;
use lapin::Connection;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::config::BrokerConfig;
use super::connection::{BrokerError, BrokerErrorKind, Pause, close, connect};
use super::destinations::Destinations;
use super::lost_messages::LostMessages;
use super::message::Message;
use super::names::Names;
use super::publisher::{Outgoing, Published, Publisher};
use super::routing_keys::RoutingKeys;
use super::topology;
use crate::Entropy;
use crate::clock::timestamp;
use crate::health::BrokerHealth;
use crate::store::{EntryKey, Store, StoreEvent, Turn, UnpublishedEntry};

/// The most messages of a batch.
const BATCH: usize = 500;

/// The interval at which an idle relay looks at the store, behind every event.
const POLL: Duration = Duration::from_secs(1);

/// The time for which a relay takes the fleet's turn. After a crash, another one publishes when it
/// is over.
const TURN: Duration = Duration::from_secs(10);

/// The longest turn that is believed. A later time comes from a wrong clock.
const LONGEST_TURN: Duration = Duration::from_secs(600);

/// The task's name in the store.
const TASK: &str = "relay";

/// The dependencies that relay and consumer share.
pub(super) struct BrokerDeps {
    pub(super) config: BrokerConfig,
    pub(super) names: Names,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Entropy,
    pub(super) health: BrokerHealth,
}

/// A relay, and what it keeps from one connection to the next.
pub(super) struct Relay<'d> {
    deps: &'d BrokerDeps,
    holder: String,
    /// The time up to which this process has the turn, on the monotonic clock.
    turn_until: Option<Duration>,
    routing_keys: RoutingKeys,
    destinations: Destinations,
}

impl<'d> Relay<'d> {
    pub(super) fn new(deps: &'d BrokerDeps) -> Self {
        Self {
            deps,
            holder: deps.entropy.execution_id(&*deps.clock).to_string(),
            turn_until: None,
            routing_keys: RoutingKeys::default(),
            destinations: Destinations::default(),
        }
    }

    /// Publishes until the future is dropped.
    pub(super) async fn run(&mut self) {
        let mut pause = Pause::default();
        loop {
            let error = match self.connect().await {
                Ok(connection) => {
                    let Err(error) = self.serve(&connection, &mut pause).await;
                    close(&connection).await;
                    error
                }
                Err(error) => error,
            };
            self.end_turn().await;
            if self.deps.health.relay_away(&error.to_string()) {
                let kind = error.kind().as_str();
                tracing::warn!(kind, "the relay has lost the broker: {}", error.reason);
            }
            self.deps.clock.sleep(pause.take(&self.deps.entropy)).await;
        }
    }

    /// Turns dispatch on, and connects. Executions of an outage have entries, also if the broker
    /// was never reached before.
    async fn connect(&self) -> Result<Connection, BrokerError> {
        self.deps.store.start_dispatch().await?;
        connect(&self.deps.config, "relay").await
    }

    /// Lets another process publish.
    pub(super) async fn end_turn(&mut self) {
        if self.turn_until.take().is_none() {
            return;
        }
        self.deps.health.publishing(false);
        let now = timestamp(&*self.deps.clock);
        let ended = self
            .deps
            .store
            .end_turn(TASK.to_owned(), self.holder.clone(), now);
        if let Err(error) = ended.await {
            let error = crate::error::chain(&error).to_string();
            tracing::debug!(error, "the relay's turn ends by itself");
        }
    }

    async fn serve(
        &mut self,
        connection: &Connection,
        pause: &mut Pause,
    ) -> Result<std::convert::Infallible, BrokerError> {
        let deps = self.deps;
        topology::declare_exchanges(connection, &deps.names).await?;
        topology::check_may_publish(connection, &deps.names.exchange()).await?;
        let publisher = Publisher::open(connection, deps.names.exchange()).await?;
        let mut is_proven = false;
        let mut events = deps.store.events();
        let mut lost_messages = LostMessages::default();
        self.destinations.reconnect();
        loop {
            if !connection.status().connected() {
                return Err(BrokerError::lost("the connection has ended"));
            }
            let round = self.round(connection, &publisher, &mut lost_messages);
            let goes_on = match round.await {
                Ok(goes_on) => {
                    // A broker that refuses the first message of each connection would otherwise be
                    // tried without a growing pause, and count as connected.
                    if !std::mem::replace(&mut is_proven, true) {
                        pause.reset();
                        deps.health.relay_connected();
                        tracing::info!("the relay is connected to {}", deps.config);
                    }
                    deps.health.relay_trouble(self.destinations.troubles());
                    goes_on
                }
                // The connection is not to blame.
                Err(error) if error.kind == BrokerErrorKind::Store => {
                    deps.health.relay_trouble(Some(error.to_string()));
                    self.turn_until = None;
                    false
                }
                Err(error) => return Err(error),
            };
            if !goes_on {
                self.wait_for_work(&mut events).await;
            }
        }
    }

    /// Publishes a batch. Returns true if another one may follow at once.
    async fn round(
        &mut self,
        connection: &Connection,
        publisher: &Publisher<'_>,
        lost_messages: &mut LostMessages,
    ) -> Result<bool, BrokerError> {
        let deps = self.deps;
        if !self.has_turn().await? {
            lost_messages.count_dead_letters(connection, deps).await?;
            return Ok(false);
        }
        let now = deps.clock.elapsed();
        let except = self.destinations.deferred(now);
        let unpublished = deps
            .store
            .unpublished(except.clone(), timestamp(&*deps.clock), BATCH);
        let entries = unpublished.await?;
        deps.health.behind(!entries.is_empty());
        self.routing_keys.refresh(deps, false).await?;
        if entries.is_empty() {
            return lost_messages
                .look(connection, deps, self.routing_keys.all(), &except)
                .await;
        }
        let mut batch = Vec::with_capacity(entries.len());
        let mut keys = Vec::with_capacity(entries.len());
        for entry in entries {
            let routing_key = self.routing_keys.of(deps, &entry.key.job_id).await?;
            let job_id = &entry.key.job_id;
            let is_admitted = self
                .destinations
                .admit(connection, deps, job_id, &routing_key);
            if !is_admitted.await? {
                continue;
            }
            batch.push(outgoing(&entry, routing_key));
            keys.push(entry.key);
        }
        if batch.is_empty() {
            return Ok(false);
        }
        deps.health.unconfirmed(batch.len());
        let answers = publisher
            .publish(&batch, |blocked| deps.health.blocked(blocked))
            .await?;
        deps.health.unconfirmed(0);
        let confirmed = self.take_answers(&batch, keys, &answers);
        let count = confirmed.len();
        deps.store.confirm_published(confirmed).await?;
        Ok(count > 0)
    }

    /// Returns the keys of the confirmed messages, and defers the jobs of the others.
    fn take_answers(
        &mut self,
        batch: &[Outgoing],
        keys: Vec<EntryKey>,
        answers: &[Published],
    ) -> Vec<EntryKey> {
        let now = self.deps.clock.elapsed();
        let mut confirmed = Vec::with_capacity(keys.len());
        let mut returned = 0;
        for ((key, message), answer) in keys.into_iter().zip(batch).zip(answers) {
            let reason = match answer {
                Published::Confirmed => {
                    confirmed.push(key);
                    continue;
                }
                Published::Returned => {
                    returned += 1;
                    self.destinations.forget(&message.routing_key);
                    format!(
                        "the broker returned messages of `{}`: no broker queue is bound to `{}`",
                        key.job_id, message.routing_key
                    )
                }
                Published::Refused => {
                    format!("the broker refused messages of `{}`", key.job_id)
                }
            };
            self.destinations.defer(&key.job_id, reason, now);
        }
        let count = u64::try_from(confirmed.len()).unwrap_or(u64::MAX);
        self.deps.health.published(count, returned);
        confirmed
    }

    /// Takes the fleet's turn or keeps it. Returns whether this process has it.
    async fn has_turn(&mut self) -> Result<bool, BrokerError> {
        let deps = self.deps;
        let elapsed = deps.clock.elapsed();
        if self
            .turn_until
            .is_some_and(|until| until > elapsed + TURN / 2)
        {
            return Ok(true);
        }
        let now = timestamp(&*deps.clock);
        let turn = Turn {
            task: TASK.to_owned(),
            holder: self.holder.clone(),
            now,
            until: now.after(TURN),
            latest: now.after(LONGEST_TURN),
            urgent: true,
        };
        let has_turn = deps.store.take_turn(turn).await?;
        self.turn_until = has_turn.then(|| elapsed + TURN);
        deps.health.publishing(has_turn);
        Ok(has_turn)
    }

    /// Waits for an event about ready executions, or for the next look.
    async fn wait_for_work(&self, events: &mut broadcast::Receiver<StoreEvent>) {
        let deps = self.deps;
        let poll = POLL.mul_f64(0.75 + deps.entropy.fraction() / 2.0);
        let admission = self.destinations.next_admission();
        let admission = admission.map(|at| at.saturating_sub(deps.clock.elapsed()));
        let poll = deps
            .clock
            .sleep(admission.map_or(poll, |wait| wait.min(poll)));
        let event = async {
            loop {
                match events.recv().await {
                    Ok(event) if event.is_ready() => return,
                    // Another process has written, or this loop has missed events.
                    Ok(StoreEvent::Elsewhere) | Err(RecvError::Lagged(_)) => return,
                    Ok(_) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            () = poll => {}
            () = event, if self.turn_until.is_some() => {}
        }
    }
}

fn outgoing(entry: &UnpublishedEntry, routing_key: String) -> Outgoing {
    let message = Message {
        execution_id: entry.execution_id,
        job_id: entry.key.job_id.clone(),
        attempt: entry.key.attempt,
        priority: entry.priority,
    };
    Outgoing {
        routing_key,
        body: message.encode(),
        properties: message.properties(),
    }
}
