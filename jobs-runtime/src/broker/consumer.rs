//! The consumer: hands messages to the dispatcher, and acknowledges them by the store's answer.
//!
//! | answer | what happens to the message |
//! |---|---|
//! | claimed | acknowledged: from here on the lease guards the attempt |
//! | gone: the execution is running, final or unknown | acknowledged |
//! | not yet: blocked or delayed | acknowledged: the execution gets an entry when it is ready |
//! | not yet: its queue is paused | acknowledged; the relay publishes again after the pause |
//! | not mine: this worker does not execute it | acknowledged; the relay publishes again in 10 s |
//! | ready, and yet not leased | claimed again, after five claims back to the broker |
//! | no slot within a minute, or the store does not answer | back to the broker |
//! | unreadable | rejected: the broker moves it to the dead letters |
//!
//! The relay publishes what has an unpublished entry. [`unclaimed`](super::unclaimed) finds the
//! answer for an execution that was not leased, and writes its entry before the acknowledgement.
//!
//! A crash before the acknowledgement makes the broker deliver the message again. The next consumer
//! then finds that the execution runs, or claims it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, SelectAll};
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery as Received;
use lapin::options::{BasicConsumeOptions, BasicNackOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::{Acker, Channel, Connection, Consumer as Subscription};
use tokio::sync::oneshot;

use super::connection::{BrokerError, BrokerErrorKind, CALL_TIMEOUT, Pause};
use super::connection::{channel, close, connect, within};
use super::message::Message;
use super::relay::BrokerDeps;
use super::topology;
use super::unclaimed::{Unclaimed, Verdict, judge};
use crate::engine::{BrokerSignal, BrokerSignals, Delivery, DeliveryAnswer};

/// The interval at which broker queues that could not be consumed are tried again.
const RETRY_QUEUES: Duration = Duration::from_secs(15);

/// The pause before a queue that the broker did not let this program consume is tried again. The
/// try ends the connection, because the broker closes the channel.
const RETRY_REFUSED: Duration = Duration::from_secs(300);

/// The pause before a message goes back to the broker because the store did not answer, or the
/// worker has ended.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The pause before an execution that was not leased, although it is ready, is claimed again.
const CLAIM_PAUSE: Duration = Duration::from_millis(200);

/// The most tries to claim such an execution.
const MAX_CLAIMS: u32 = 5;

/// A job that this worker executes, and its routing key.
#[derive(Clone, Debug)]
pub(crate) struct ConsumedJob {
    /// The current id and the aliases.
    pub(crate) ids: Vec<String>,
    pub(crate) routing_key: String,
}

/// A consumer, and what it keeps from one connection to the next.
pub(super) struct Consumer<'d> {
    deps: &'d BrokerDeps,
    jobs: &'d [ConsumedJob],
    /// The queues that the worker claims from; every queue if empty.
    queues: &'d [String],
    signals: BrokerSignals,
    is_consuming: bool,
    /// The routing keys whose queues the broker does not let this program consume, each with the
    /// time of the next try and the reason.
    refused: BTreeMap<String, (Duration, String)>,
}

/// A message that waits for its answer.
struct PendingMessage {
    message: Message,
    acker: Acker,
    claims: u32,
}

/// An event in the life of a message at this consumer.
enum MessageEvent {
    /// The dispatcher has answered.
    Answered(PendingMessage, DeliveryAnswer),
    /// The store has said why executions were not leased, or has failed.
    Judged(Vec<(PendingMessage, Verdict)>),
    /// An execution is to be claimed again.
    ClaimAgain(PendingMessage),
    /// The message is acknowledged or back at the broker.
    Done(Result<(), BrokerError>),
}

type MessageEvents = FuturesUnordered<BoxFuture<'static, MessageEvent>>;

impl<'d> Consumer<'d> {
    pub(super) fn new(
        deps: &'d BrokerDeps,
        jobs: &'d [ConsumedJob],
        queues: &'d [String],
        signals: BrokerSignals,
    ) -> Self {
        Self {
            deps,
            jobs,
            queues,
            signals,
            is_consuming: false,
            refused: BTreeMap::new(),
        }
    }

    /// Consumes until the future is dropped.
    pub(super) async fn run(&mut self) {
        let mut pause = Pause::default();
        loop {
            let error = match connect(&self.deps.config, "consumer").await {
                Ok(connection) => {
                    let Err(error) = self.serve(&connection, &mut pause).await;
                    self.set_consuming(false);
                    close(&connection).await;
                    error
                }
                Err(error) => error,
            };
            self.set_consuming(false);
            if self.deps.health.consumer_away(&error.to_string()) {
                let kind = error.kind().as_str();
                tracing::warn!(kind, "the consumer has lost the broker: {}", error.reason);
            }
            self.deps.clock.sleep(pause.take(&self.deps.entropy)).await;
        }
    }

    /// Tells the dispatcher whether messages arrive.
    fn set_consuming(&mut self, is_consuming: bool) {
        if std::mem::replace(&mut self.is_consuming, is_consuming) != is_consuming {
            // Fails if the worker has ended.
            let _ = self.signals.send(BrokerSignal::Consuming(is_consuming));
        }
    }

    async fn serve(
        &mut self,
        connection: &Connection,
        pause: &mut Pause,
    ) -> Result<std::convert::Infallible, BrokerError> {
        let deps = self.deps;
        topology::declare_exchanges(connection, &deps.names).await?;
        let channel = channel(connection).await?;
        let qos = channel.basic_qos(deps.config.prefetch, BasicQosOptions::default());
        within(CALL_TIMEOUT, "the prefetch", qos).await?;
        let mut subscriptions = SelectAll::new();
        let mut consumed = BTreeMap::new();
        let mut events = MessageEvents::new();
        let mut retry_at = Duration::ZERO;
        let mut is_announced = false;
        loop {
            let now = deps.clock.elapsed();
            if now >= retry_at {
                let missing = self
                    .subscribe(connection, &channel, &mut consumed, &mut subscriptions)
                    .await?;
                retry_at = now + RETRY_QUEUES;
                self.set_consuming(missing.is_none());
                deps.health.consumer_connected(consumed.len(), missing);
                if !std::mem::replace(&mut is_announced, true) {
                    pause.reset();
                    tracing::info!(
                        "consuming {} broker queues at {}",
                        consumed.len(),
                        deps.config
                    );
                }
            }
            tokio::select! {
                Some((key, received)) = subscriptions.next(), if !subscriptions.is_empty() => {
                    match received {
                        Some(received) => self.receive(received?, &mut events),
                        None => {
                            // The broker has ended this subscription: its queue is gone.
                            tracing::warn!("the broker queue of `{key}` was deleted");
                            consumed.remove(&key);
                            self.set_consuming(false);
                            retry_at = Duration::ZERO;
                        }
                    }
                }
                Some(event) = events.next(), if !events.is_empty() => self.advance(event, &mut events)?,
                () = deps.clock.sleep(retry_at.saturating_sub(now)) => {}
            }
            if !connection.status().connected() {
                return Err(BrokerError::lost("the connection has ended"));
            }
            if !channel.status().connected() {
                return Err(BrokerError::channel("the broker has closed the channel"));
            }
        }
    }

    /// Subscribes to the broker queues that are not consumed yet. Returns why some are not.
    async fn subscribe(
        &mut self,
        connection: &Connection,
        channel: &Channel,
        consumed: &mut BTreeMap<String, ()>,
        subscriptions: &mut SelectAll<Subscribed>,
    ) -> Result<Option<String>, BrokerError> {
        let mut reasons = Vec::new();
        for job in self.jobs {
            if consumed.contains_key(&job.routing_key) {
                continue;
            }
            let now = self.deps.clock.elapsed();
            if let Some((until, reason)) = self.refused.get(&job.routing_key)
                && now < *until
            {
                reasons.push(reason.clone());
                continue;
            }
            let declared =
                topology::declare_key(connection, &self.deps.names, &job.routing_key).await;
            let queue = match declared {
                Ok(queue) => queue,
                Err(error) if error.kind == BrokerErrorKind::Topology => {
                    tracing::warn!("cannot consume: {error}");
                    reasons.push(error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            let subscription = channel.basic_consume(
                queue.as_str().into(),
                // The broker chooses a tag.
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            );
            let subscription = match within(CALL_TIMEOUT, &queue, subscription).await {
                Ok(subscription) => subscription,
                Err(error) => {
                    use BrokerErrorKind::{Access, Topology};
                    if matches!(error.kind, Access | Topology) {
                        let refused = (now + RETRY_REFUSED, error.to_string());
                        self.refused.insert(job.routing_key.clone(), refused);
                    }
                    return Err(error);
                }
            };
            consumed.insert(job.routing_key.clone(), ());
            subscriptions.push(subscribed(job.routing_key.clone(), subscription));
        }
        Ok((!reasons.is_empty()).then(|| reasons.join("; ")))
    }

    /// Hands a message to the dispatcher.
    fn receive(&self, received: Received, events: &mut MessageEvents) {
        match Message::decode(&received.data) {
            Ok(message) => self.claim(
                PendingMessage {
                    message,
                    acker: received.acker,
                    claims: 0,
                },
                events,
            ),
            Err(reason) => {
                tracing::warn!(routing_key = %received.routing_key, "dead letter: {reason}");
                self.deps.health.delivered(|counts| counts.undecodable += 1);
                let reject = async move {
                    let options = BasicRejectOptions { requeue: false };
                    let rejected = received.acker.reject(options).await;
                    MessageEvent::Done(rejected.map(drop).map_err(BrokerError::from))
                };
                events.push(reject.boxed());
            }
        }
    }

    fn claim(&self, mut pending: PendingMessage, events: &mut MessageEvents) {
        pending.claims += 1;
        let (answer, answered) = oneshot::channel();
        let delivery = Delivery {
            execution_id: pending.message.execution_id,
            job_id: pending.message.job_id.clone(),
            answer,
        };
        // Fails if the worker has ended: the answer is then an error. Without the pause, the broker
        // would deliver the message again at once.
        let has_ended = self.signals.send(BrokerSignal::Delivery(delivery)).is_err();
        let pause = self.deps.clock.sleep(STORE_PAUSE);
        let wait = async move {
            if has_ended {
                pause.await;
            }
            let answer = answered.await.unwrap_or(DeliveryAnswer::NoSlot);
            MessageEvent::Answered(pending, answer)
        };
        events.push(wait.boxed());
    }

    /// Takes an event, and every other one that is complete. One call of the store looks them up.
    fn advance(&self, first: MessageEvent, events: &mut MessageEvents) -> Result<(), BrokerError> {
        let mut unclaimed = Vec::new();
        let mut next = Some(first);
        while let Some(event) = next {
            match event {
                MessageEvent::Done(done) => done?,
                MessageEvent::ClaimAgain(pending) => self.claim(pending, events),
                MessageEvent::Judged(judged) => {
                    for (pending, verdict) in judged {
                        self.apply(pending, verdict, events);
                    }
                }
                MessageEvent::Answered(pending, DeliveryAnswer::Claimed) => {
                    self.deps.health.delivered(|counts| counts.claimed += 1);
                    events.push(acknowledge(pending));
                }
                MessageEvent::Answered(pending, DeliveryAnswer::NoSlot) => {
                    self.give_back(pending, events);
                }
                MessageEvent::Answered(pending, DeliveryAnswer::NotClaimed) => {
                    unclaimed.push(pending);
                }
            }
            next = events.next().now_or_never().flatten();
        }
        if !unclaimed.is_empty() {
            let subject = Unclaimed {
                store: self.deps.store.clone(),
                job_ids: self.jobs.iter().flat_map(|job| job.ids.clone()).collect(),
                queues: self.queues.to_vec(),
                now: crate::clock::timestamp(&*self.deps.clock),
            };
            let ids = unclaimed
                .iter()
                .map(|pending| pending.message.execution_id)
                .collect();
            let pause = self.deps.clock.sleep(STORE_PAUSE);
            let judged = async move {
                let verdicts = judge(subject, ids).await;
                if verdicts.contains(&Verdict::StoreFailed) {
                    pause.await;
                }
                MessageEvent::Judged(unclaimed.into_iter().zip(verdicts).collect())
            };
            events.push(judged.boxed());
        }
        Ok(())
    }

    fn apply(&self, pending: PendingMessage, verdict: Verdict, events: &mut MessageEvents) {
        let health = &self.deps.health;
        match verdict {
            Verdict::Gone => health.delivered(|counts| counts.gone += 1),
            Verdict::NotYet => health.delivered(|counts| counts.not_yet += 1),
            Verdict::NotMine => health.delivered(|counts| counts.not_mine += 1),
            Verdict::StoreFailed => return self.give_back(pending, events),
            Verdict::Ready if pending.claims >= MAX_CLAIMS => {
                return self.give_back(pending, events);
            }
            // A slot cap was reached, or another transaction held the row.
            Verdict::Ready => {
                let pause = self.deps.clock.sleep(CLAIM_PAUSE);
                events.push(pause.map(|()| MessageEvent::ClaimAgain(pending)).boxed());
                return;
            }
        }
        events.push(acknowledge(pending));
    }

    /// Gives a message back to the broker, for another worker.
    fn give_back(&self, pending: PendingMessage, events: &mut MessageEvents) {
        self.deps.health.delivered(|counts| counts.returned += 1);
        let give_back = async move {
            let options = BasicNackOptions {
                requeue: true,
                ..BasicNackOptions::default()
            };
            let returned = pending.acker.nack(options).await;
            MessageEvent::Done(returned.map(drop).map_err(BrokerError::from))
        };
        events.push(give_back.boxed());
    }
}

fn acknowledge(pending: PendingMessage) -> BoxFuture<'static, MessageEvent> {
    async move {
        let acknowledged = pending.acker.ack(Default::default()).await;
        MessageEvent::Done(acknowledged.map(drop).map_err(BrokerError::from))
    }
    .boxed()
}

/// The messages of a subscription with its routing key, and `None` after the last one.
type Subscribed =
    futures_util::stream::BoxStream<'static, (String, Option<Result<Received, lapin::Error>>)>;

fn subscribed(key: String, subscription: Subscription) -> Subscribed {
    let end = futures_util::stream::once(async { None });
    subscription
        .map(Some)
        .chain(end)
        .map(move |received| (key.clone(), received))
        .boxed()
}
