//! The broker queues to which a relay publishes, and the jobs that it leaves out for a while.
//!
//! A job is left out in three cases: its messages came back, its broker queue cannot be declared,
//! or that queue is long. A backlog therefore stays in the store, as entries of the job. Workers
//! also claim its executions without messages.

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::Connection;

use super::connection::{BrokerError, BrokerErrorKind};
use super::relay::BrokerDeps;
use super::topology;

/// The time for which a job is left out. Also the interval between two looks at a broker queue.
const DEFER: Duration = Duration::from_secs(15);

/// A broker queue without consumers is long if it has this many messages.
const LONG_UNCONSUMED: u32 = 1_000;

/// A broker queue with consumers is long if it has this many messages. The relay looks at it again
/// after this many messages.
const LONG_CONSUMED: u32 = 250;

/// The time for which a job is left out because its broker queue is long, while workers consume it.
const DEFER_CONSUMED: Duration = Duration::from_millis(100);

/// The state of the destinations of one relay.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    /// The broker queues that this connection has declared, by routing key.
    declared: BTreeMap<String, BrokerQueue>,
    /// Jobs that are left out.
    deferred: BTreeMap<String, Deferred>,
}

/// A broker queue that exists.
#[derive(Debug)]
struct BrokerQueue {
    /// The time of the last look at it.
    seen_at: Duration,
    /// The number of messages that were sent since.
    sent: u32,
}

/// A job that is left out.
#[derive(Debug)]
struct Deferred {
    until: Duration,
    /// The reason; `None` if its broker queue is long.
    trouble: Option<String>,
}

impl Destinations {
    /// Forgets the broker queues: another connection declares them again.
    pub(super) fn reconnect(&mut self) {
        self.declared.clear();
    }

    /// Forgets the broker queue of a routing key: the next message declares it again.
    pub(super) fn forget(&mut self, routing_key: &str) {
        self.declared.remove(routing_key);
    }

    /// The jobs that are left out now.
    pub(super) fn deferred(&mut self, now: Duration) -> Vec<String> {
        self.deferred.retain(|_, deferred| deferred.until > now);
        self.deferred.keys().cloned().collect()
    }

    /// The time at which the next job is no longer left out.
    pub(super) fn next_admission(&self) -> Option<Duration> {
        self.deferred.values().map(|deferred| deferred.until).min()
    }

    /// The troubles of the jobs that are left out; `None` if there are none.
    pub(super) fn troubles(&self) -> Option<String> {
        let troubles = self.deferred.values();
        let troubles: Vec<_> = troubles.filter_map(|one| one.trouble.as_deref()).collect();
        (!troubles.is_empty()).then(|| troubles.join("; "))
    }

    /// Leaves a job out for a while, for this reason.
    pub(super) fn defer(&mut self, job_id: &str, trouble: String, now: Duration) {
        self.leave_out(job_id, Some(trouble), now + DEFER);
    }

    fn leave_out(&mut self, job_id: &str, trouble: Option<String>, until: Duration) {
        let deferred = Deferred {
            until,
            trouble: trouble.clone(),
        };
        let last = self.deferred.insert(job_id.to_owned(), deferred);
        if let Some(reason) = trouble
            && last.is_none_or(|last| last.trouble.as_ref() != Some(&reason))
        {
            tracing::warn!(job = job_id, "{reason}");
        }
    }

    /// Declares the broker queue of a job, and looks at it now and then. Returns false if no
    /// message is to be published; the job is then left out.
    pub(super) async fn admit(
        &mut self,
        connection: &Connection,
        deps: &BrokerDeps,
        job_id: &str,
        routing_key: &str,
    ) -> Result<bool, BrokerError> {
        let now = deps.clock.elapsed();
        if let Some(queue) = self.declared.get_mut(routing_key)
            && queue.sent < LONG_CONSUMED
            && now.saturating_sub(queue.seen_at) < DEFER
        {
            queue.sent += 1;
            return Ok(true);
        }
        if self.deferred.contains_key(job_id) {
            return Ok(false);
        }
        if !self.declared.contains_key(routing_key) {
            match topology::declare_key(connection, &deps.names, routing_key).await {
                Ok(_) => {}
                Err(error) if error.kind == BrokerErrorKind::Topology => {
                    self.defer(job_id, error.to_string(), now);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        let name = deps.names.queue(routing_key)?;
        let Some(queue) = topology::look_up(connection, &name).await? else {
            // It was deleted: the next round declares it.
            self.forget(routing_key);
            return Ok(false);
        };
        let (most, pause) = if queue.consumer_count() == 0 {
            (LONG_UNCONSUMED, DEFER)
        } else {
            (LONG_CONSUMED, DEFER_CONSUMED)
        };
        if queue.message_count() >= most {
            self.declared.remove(routing_key);
            self.leave_out(job_id, None, now + pause);
            return Ok(false);
        }
        let seen = BrokerQueue {
            seen_at: now,
            sent: 1,
        };
        self.declared.insert(routing_key.to_owned(), seen);
        Ok(true)
    }
}
