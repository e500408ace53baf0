//! Executions that broker messages name, and the claims for them.
//!
//! A consumer hands each message to the dispatcher as a [`Delivery`] and waits for the answer
//! before it acknowledges the message. The dispatcher claims the execution by its id once a slot is
//! free. The claim is fenced like every other, so a message that is late or repeated does no harm.
//!
//! While the consumer receives messages, events of the store start no claim: messages do, and the
//! poll. Without the consumer, events start claims again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use jobs::ExecutionId;
use tokio::sync::{mpsc, oneshot};

use super::slots::SlotKind;
use crate::store::Claimed;

/// The longest time that a delivery waits for a slot, or for the store. Then its message goes back
/// to the broker, for another worker.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// The most signals that are handled between two rounds of store calls.
const SIGNALS_AT_ONCE: usize = 1_024;

/// A signal of the consumer to the dispatcher.
#[derive(Debug)]
pub(crate) enum BrokerSignal {
    /// The consumer receives messages, or does not.
    Consuming(bool),
    /// A message has arrived.
    Delivery(Delivery),
}

/// An execution that a message names.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) execution_id: ExecutionId,
    pub(crate) job_id: String,
    /// Receives the answer. An error means that the worker has ended.
    pub(crate) answer: oneshot::Sender<DeliveryAnswer>,
}

/// The answer to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryAnswer {
    /// This worker has leased the execution.
    Claimed,
    /// The store answered, and leased nothing. The consumer looks up why.
    NotClaimed,
    /// No slot was free, or the store did not answer in time.
    NoSlot,
}

/// The consumer's end of the channel to the dispatcher.
pub(crate) type BrokerSignals = mpsc::UnboundedSender<BrokerSignal>;

/// The dispatcher's end of the channel. Its length is bounded by the consumer's prefetch.
pub(crate) type BrokerSignalReceiver = mpsc::UnboundedReceiver<BrokerSignal>;

/// Takes the signals that have arrived behind a first one.
pub(super) fn drain(signals: &mut BrokerSignalReceiver, first: BrokerSignal) -> Vec<BrokerSignal> {
    let mut all = vec![first];
    while all.len() < SIGNALS_AT_ONCE
        && let Ok(next) = signals.try_recv()
    {
        all.push(next);
    }
    all
}

#[derive(Debug)]
struct Waiting {
    since: Duration,
    delivery: Delivery,
}

/// The deliveries without an answer.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// Deliveries that wait for a slot: asynchronous and blocking ones.
    waiting: [VecDeque<Waiting>; 2],
    /// Deliveries of claims in flight, by the number of the claim.
    asked: HashMap<i64, Vec<Waiting>>,
}

impl Deliveries {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.iter().all(VecDeque::is_empty) && self.asked.is_empty()
    }

    /// Keeps a delivery until a slot is free.
    pub(super) fn add(&mut self, kind: SlotKind, delivery: Delivery, now: Duration) {
        let since = now;
        self.queue(kind).push_back(Waiting { since, delivery });
    }

    /// Returns the executions of the first `limit` deliveries, each once.
    pub(super) fn first(&self, kind: SlotKind, limit: usize) -> Vec<ExecutionId> {
        let mut seen = HashSet::new();
        let queue = &self.waiting[index(kind)];
        let ids = queue.iter().map(|waiting| waiting.delivery.execution_id);
        ids.take(limit).filter(|id| seen.insert(*id)).collect()
    }

    /// A claim asks for these executions.
    pub(super) fn ask(&mut self, kind: SlotKind, claim: i64, ids: &[ExecutionId]) {
        let ids: HashSet<_> = ids.iter().collect();
        let queue = std::mem::take(self.queue(kind));
        let (asked, rest): (Vec<_>, Vec<_>) = queue
            .into_iter()
            .partition(|waiting| ids.contains(&waiting.delivery.execution_id));
        *self.queue(kind) = rest.into();
        self.asked.insert(claim, asked);
    }

    /// Answers the deliveries of a claim that has leased these executions, and those that wait for
    /// one of them.
    pub(super) fn claimed(&mut self, claim: i64, claimed: &[Claimed]) {
        if self.is_empty() {
            return;
        }
        let leased: HashSet<_> = claimed.iter().map(|claimed| claimed.execution_id).collect();
        for queue in &mut self.waiting {
            let (answered, rest): (Vec<_>, Vec<_>) = std::mem::take(queue)
                .into_iter()
                .partition(|waiting| leased.contains(&waiting.delivery.execution_id));
            *queue = rest.into();
            for waiting in answered {
                waiting.answer(DeliveryAnswer::Claimed);
            }
        }
        for waiting in self.asked.remove(&claim).unwrap_or_default() {
            let is_leased = leased.contains(&waiting.delivery.execution_id);
            waiting.answer(if is_leased {
                DeliveryAnswer::Claimed
            } else {
                DeliveryAnswer::NotClaimed
            });
        }
    }

    /// Gives up the deliveries of a claim that will not be answered.
    pub(super) fn unanswered(&mut self, claim: i64) {
        for waiting in self.asked.remove(&claim).unwrap_or_default() {
            waiting.answer(DeliveryAnswer::NoSlot);
        }
    }

    /// Gives up the deliveries that have waited for too long.
    pub(super) fn expire(&mut self, now: Duration) {
        let is_late = |waiting: &Waiting| now.saturating_sub(waiting.since) >= LONGEST_HOLD;
        let mut late = Vec::new();
        for queue in &mut self.waiting {
            while queue.front().is_some_and(is_late) {
                late.extend(queue.pop_front());
            }
        }
        for asked in self.asked.values_mut() {
            late.extend(asked.extract_if(.., |waiting| is_late(waiting)));
        }
        for waiting in late {
            waiting.answer(DeliveryAnswer::NoSlot);
        }
    }

    /// Gives up all deliveries.
    pub(super) fn give_up(&mut self) {
        let waiting = self.waiting.iter_mut().flat_map(std::mem::take);
        let asked = std::mem::take(&mut self.asked).into_values().flatten();
        for waiting in waiting.chain(asked) {
            waiting.answer(DeliveryAnswer::NoSlot);
        }
    }

    /// The time at which the next delivery has waited for too long.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        let waiting = self.waiting.iter().filter_map(VecDeque::front);
        let asked = self.asked.values().flatten();
        let since = waiting.chain(asked).map(|waiting| waiting.since).min();
        since.map(|since| since + LONGEST_HOLD)
    }

    fn queue(&mut self, kind: SlotKind) -> &mut VecDeque<Waiting> {
        &mut self.waiting[index(kind)]
    }
}

fn index(kind: SlotKind) -> usize {
    match kind {
        SlotKind::Async => 0,
        SlotKind::Blocking => 1,
    }
}

impl Waiting {
    fn answer(self, answer: DeliveryAnswer) {
        // Fails if the consumer has lost its connection: the message has gone back by itself.
        let _ = self.delivery.answer.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ExecutionId {
        ExecutionId::from_bytes([n; 16])
    }

    fn delivery(n: u8) -> (Delivery, oneshot::Receiver<DeliveryAnswer>) {
        let (answer, answered) = oneshot::channel();
        let delivery = Delivery {
            execution_id: id(n),
            job_id: "j".to_owned(),
            answer,
        };
        (delivery, answered)
    }

    #[test]
    fn every_message_of_an_execution_gets_the_answer_of_its_claim() {
        let mut deliveries = Deliveries::default();
        let mut answers: Vec<_> = [1, 1, 2, 3]
            .into_iter()
            .map(|n| {
                let (delivery, answered) = delivery(n);
                deliveries.add(SlotKind::Async, delivery, Duration::ZERO);
                answered
            })
            .collect();
        let ids = deliveries.first(SlotKind::Async, 3);
        assert_eq!(ids, [id(1), id(2)]);
        assert_eq!(deliveries.first(SlotKind::Blocking, 3), []);
        deliveries.ask(SlotKind::Async, 7, &ids);
        assert_eq!(deliveries.first(SlotKind::Async, 9), [id(3)]);
        deliveries.claimed(7, &[]);
        for answered in &mut answers[..3] {
            assert_eq!(answered.try_recv(), Ok(DeliveryAnswer::NotClaimed));
        }
        assert!(answers[3].try_recv().is_err());
        deliveries.expire(LONGEST_HOLD);
        assert_eq!(answers[3].try_recv(), Ok(DeliveryAnswer::NoSlot));
        assert!(deliveries.is_empty() && deliveries.next_wake().is_none());
    }

    #[test]
    fn a_claim_without_an_answer_holds_its_messages_for_a_while() {
        let mut deliveries = Deliveries::default();
        let (delivery, mut answered) = delivery(1);
        deliveries.add(SlotKind::Blocking, delivery, Duration::from_secs(5));
        deliveries.ask(SlotKind::Blocking, 1, &[id(1)]);
        assert_eq!(
            deliveries.next_wake(),
            Some(Duration::from_secs(5) + LONGEST_HOLD)
        );
        deliveries.expire(LONGEST_HOLD);
        assert!(answered.try_recv().is_err());
        deliveries.expire(LONGEST_HOLD + Duration::from_secs(5));
        assert_eq!(answered.try_recv(), Ok(DeliveryAnswer::NoSlot));
    }
}
