//! Health of the broker's relay and consumer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobs::Clock;

use super::{CheckStatus, HealthCheck, lock};

/// The time for which a connection may be away before its check fails: a restart of the broker.
const RECONNECT: Duration = Duration::from_secs(10);

/// The handle through which relay and consumer report their state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct BrokerHealth {
    state: Arc<Mutex<BrokerState>>,
    clock: Arc<dyn Clock>,
}

/// The state of one side's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Link {
    Connected,
    /// Since when, and why.
    Away(Duration, String),
    Stopped,
}

struct BrokerState {
    relay: RelayState,
    /// `None` if this process consumes nothing.
    consumer: Option<ConsumerState>,
}

struct RelayState {
    link: Link,
    /// This process has the fleet's turn to publish.
    is_publishing: bool,
    blocked: bool,
    /// The time since which unpublished entries have been waiting.
    behind_since: Option<Duration>,
    unconfirmed: usize,
    published: u64,
    returned: u64,
    /// Jobs that cannot be published at the moment, and why.
    trouble: Option<String>,
    dead_letters: Option<u32>,
}

struct ConsumerState {
    link: Link,
    queues: usize,
    /// Broker queues that cannot be consumed, and why.
    trouble: Option<String>,
    counts: DeliveryCounts,
}

/// Numbers of deliveries by their answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeliveryCounts {
    /// The execution was leased to this worker.
    pub(crate) claimed: u64,
    /// The execution is running elsewhere, final or unknown.
    pub(crate) gone: u64,
    /// The execution is not ready, or its queue is paused.
    pub(crate) not_yet: u64,
    /// This worker does not execute it.
    pub(crate) not_mine: u64,
    /// The message went back to the broker.
    pub(crate) returned: u64,
    /// The message could not be read.
    pub(crate) undecodable: u64,
}

/// The figures of relay and consumer, for metrics.
#[derive(Clone, Debug)]
pub(crate) struct BrokerReadings {
    /// True if the relay is connected.
    pub(crate) relay: bool,
    /// True if the consumer is connected; `None` if the process consumes nothing.
    pub(crate) consumer: Option<bool>,
    pub(crate) lag: Duration,
    pub(crate) unconfirmed: usize,
    pub(crate) published: u64,
    pub(crate) returned: u64,
    pub(crate) dead_letters: Option<u32>,
    pub(crate) deliveries: DeliveryCounts,
}

impl BrokerHealth {
    pub(super) fn new(clock: Arc<dyn Clock>, consumes: bool) -> Self {
        let away = || Link::Away(clock.elapsed(), "no connection yet".to_owned());
        let state = BrokerState {
            relay: RelayState {
                link: away(),
                is_publishing: false,
                blocked: false,
                behind_since: None,
                unconfirmed: 0,
                published: 0,
                returned: 0,
                trouble: None,
                dead_letters: None,
            },
            consumer: consumes.then(|| ConsumerState {
                link: away(),
                queues: 0,
                trouble: None,
                counts: DeliveryCounts::default(),
            }),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            clock,
        }
    }

    fn relay(&self, change: impl FnOnce(&mut RelayState)) {
        change(&mut lock(&self.state).relay);
    }

    fn consumer(&self, change: impl FnOnce(&mut ConsumerState)) {
        if let Some(consumer) = &mut lock(&self.state).consumer {
            change(consumer);
        }
    }

    /// Reports that the relay is connected, and that the broker has refused nothing.
    pub(crate) fn relay_connected(&self) {
        self.relay(|relay| relay.link = Link::Connected);
    }

    /// Reports that the relay has no connection. The first report of an outage returns true.
    pub(crate) fn relay_away(&self, reason: &str) -> bool {
        let now = self.clock.elapsed();
        let mut is_first = false;
        self.relay(|relay| {
            is_first = relay.link.break_off(now, reason);
            relay.is_publishing = false;
            relay.blocked = false;
            relay.unconfirmed = 0;
        });
        is_first
    }

    /// Reports whether this process has the fleet's turn to publish.
    pub(crate) fn publishing(&self, has_turn: bool) {
        self.relay(|relay| {
            relay.is_publishing = has_turn;
            if !has_turn {
                relay.behind_since = None;
            }
        });
    }

    /// Reports whether unpublished entries wait, beside those before their time.
    pub(crate) fn behind(&self, is_behind: bool) {
        let now = self.clock.elapsed();
        self.relay(|relay| {
            let since = *relay.behind_since.get_or_insert(now);
            relay.behind_since = is_behind.then_some(since);
        });
    }

    /// Reports the number of messages whose confirm is awaited.
    pub(crate) fn unconfirmed(&self, messages: usize) {
        self.relay(|relay| relay.unconfirmed = messages);
    }

    /// Reports whether the broker blocks publishers. A relay that is blocked is connected.
    pub(crate) fn blocked(&self, is_blocked: bool) {
        self.relay(|relay| {
            relay.blocked = is_blocked;
            if is_blocked {
                relay.link = Link::Connected;
            }
        });
    }

    /// Adds to the numbers of confirmed and of returned messages.
    pub(crate) fn published(&self, confirmed: u64, returned: u64) {
        self.relay(|relay| {
            relay.published += confirmed;
            relay.returned += returned;
        });
    }

    /// Reports why some jobs cannot be published, or that all can.
    pub(crate) fn relay_trouble(&self, reason: Option<String>) {
        self.relay(|relay| relay.trouble = reason);
    }

    /// Reports the number of dead letters.
    pub(crate) fn dead_letters(&self, messages: u32) {
        self.relay(|relay| relay.dead_letters = Some(messages));
    }

    /// Reports that the consumer is connected and consumes this number of broker queues.
    pub(crate) fn consumer_connected(&self, queues: usize, trouble: Option<String>) {
        self.consumer(|consumer| {
            consumer.link = Link::Connected;
            consumer.queues = queues;
            consumer.trouble = trouble;
        });
    }

    /// Reports that the consumer has no connection. The first report of an outage returns true.
    pub(crate) fn consumer_away(&self, reason: &str) -> bool {
        let now = self.clock.elapsed();
        let mut is_first = false;
        self.consumer(|consumer| {
            is_first = consumer.link.break_off(now, reason);
            consumer.queues = 0;
        });
        is_first
    }

    /// Adds to the numbers of deliveries.
    pub(crate) fn delivered(&self, add: impl FnOnce(&mut DeliveryCounts)) {
        self.consumer(|consumer| add(&mut consumer.counts));
    }

    /// Reports that relay and consumer have stopped as requested.
    pub(crate) fn stopped(&self) {
        self.relay(|relay| relay.link = Link::Stopped);
        self.consumer(|consumer| consumer.link = Link::Stopped);
    }

    pub(super) fn readings(&self, now: Duration) -> BrokerReadings {
        let state = lock(&self.state);
        let (relay, consumer) = (&state.relay, state.consumer.as_ref());
        BrokerReadings {
            relay: relay.link == Link::Connected,
            consumer: consumer.map(|consumer| consumer.link == Link::Connected),
            lag: relay.lag(now),
            unconfirmed: relay.unconfirmed,
            published: relay.published,
            returned: relay.returned,
            dead_letters: relay.dead_letters,
            deliveries: consumer.map(|consumer| consumer.counts).unwrap_or_default(),
        }
    }

    pub(super) fn checks(&self, now: Duration) -> Vec<HealthCheck> {
        let state = lock(&self.state);
        let consumer = state.consumer.as_ref().map(|consumer| consumer.check(now));
        std::iter::once(state.relay.check(now))
            .chain(consumer)
            .collect()
    }
}

impl Link {
    fn break_off(&mut self, now: Duration, reason: &str) -> bool {
        match self {
            Self::Away(_, last) => {
                let is_new = last != reason;
                reason.clone_into(last);
                is_new
            }
            _ => {
                *self = Self::Away(now, reason.to_owned());
                true
            }
        }
    }

    /// The status and the text for a link that is not connected.
    fn away(&self, now: Duration) -> Option<(CheckStatus, String)> {
        match self {
            Self::Connected => None,
            Self::Stopped => Some((CheckStatus::Absent, "stopped".to_owned())),
            Self::Away(since, reason) => {
                let away = now.saturating_sub(*since);
                let seconds = away.as_secs();
                Some((
                    CheckStatus::ok_if(away < RECONNECT),
                    format!("not connected for {seconds} s; workers poll the store ({reason})"),
                ))
            }
        }
    }
}

impl RelayState {
    fn lag(&self, now: Duration) -> Duration {
        let since = self.behind_since;
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    fn check(&self, now: Duration) -> HealthCheck {
        let (status, detail) = if let Some(away) = self.link.away(now) {
            away
        } else {
            let lag = self.lag(now);
            let role = if self.is_publishing {
                format!("publishing, lag {} ms", lag.as_millis())
            } else {
                "another process publishes".to_owned()
            };
            let mut detail = format!(
                "{role}, {} published, {} unconfirmed, {} returned as unroutable",
                self.published, self.unconfirmed, self.returned
            );
            if let Some(dead_letters) = self.dead_letters {
                detail.push_str(&format!(", {dead_letters} dead letters"));
            }
            if self.blocked {
                detail.push_str("; the broker blocks publishers: it is low on memory or disk");
            }
            if let Some(trouble) = &self.trouble {
                detail.push_str("; ");
                detail.push_str(trouble);
            }
            (
                CheckStatus::ok_if(!self.blocked && self.trouble.is_none()),
                detail,
            )
        };
        HealthCheck {
            name: "broker relay",
            status,
            detail,
        }
    }
}

impl ConsumerState {
    fn check(&self, now: Duration) -> HealthCheck {
        let (status, detail) = if let Some(away) = self.link.away(now) {
            away
        } else {
            let DeliveryCounts {
                claimed,
                gone,
                not_yet,
                not_mine,
                returned,
                undecodable,
            } = self.counts;
            let mut detail = format!(
                "consuming {} broker queues; deliveries: {claimed} claimed, {gone} gone, {not_yet} \
                 not yet, {not_mine} not mine, {returned} returned, {undecodable} undecodable",
                self.queues
            );
            if let Some(trouble) = &self.trouble {
                detail.push_str("; ");
                detail.push_str(trouble);
            }
            (CheckStatus::ok_if(self.trouble.is_none()), detail)
        };
        HealthCheck {
            name: "broker consumer",
            status,
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_fails_its_check_after_a_while() {
        let mut link = Link::Connected;
        assert!(link.break_off(Duration::from_secs(5), "refused"));
        assert!(
            !link.break_off(Duration::from_secs(9), "refused"),
            "the same outage"
        );
        assert!(
            link.break_off(Duration::from_secs(9), "heartbeat"),
            "another reason"
        );
        let at = |seconds| link.away(Duration::from_secs(seconds)).expect("away");
        assert_eq!(at(14).0, CheckStatus::Ok);
        assert_eq!(at(15).0, CheckStatus::Failing);
        assert!(at(15).1.contains("heartbeat"));
    }
}
