//! What is to be measured.

use clap::ValueEnum;
use serde::Serialize;

use crate::store::DatabaseUrl;

/// What is done while the clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// One caller enqueues, a batch at a time
    EnqueueBatch,
    /// Callers enqueue one by one, all at once
    EnqueueSingle,
    /// A worker executes what was enqueued before
    Drain,
    /// So many a second are enqueued and executed; from the moment each is due to its handler
    Steady,
    /// Half of what drains, for long: latency, memory and dead rows from the beginning to the end
    Soak,
    /// One at a time into an idle worker; from the call to the handler
    Latency,
    /// Callers enqueue batches while a worker executes
    Mixed,
    /// Drain of a job with a limit that is not reached, against one without
    Limits,
    /// Drain of a job that runs one at a time per key, against one without a limit
    Keyed,
    /// Drain while executions of many keys are blocked by their limits, against none
    Blocked,
    /// Drain and feed with finished executions in the store, against an empty one
    Retained,
    /// Drain while a transaction keeps its snapshot, against none (PostgreSQL)
    Pinned,
    /// Triggers over HTTP, each on a connection that stays open
    Http,
    /// Nothing to do: processor time, wake-ups and memory of a worker
    Idle,
}

/// The limit of the scenario `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LimitKind {
    /// `max_concurrent`
    Concurrent,
    /// `max_concurrent` per field, each key with permits of its own (`--keys`)
    PerKey,
    /// `rate_limit`
    Rate,
    /// `max_waiting`
    Waiting,
}

/// A scenario with its sizes.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) database: DatabaseUrl,
    /// In each trial; each scenario has a number of its own.
    pub(crate) executions: Option<u64>,
    /// Attempts at a time.
    pub(crate) concurrency: usize,
    pub(crate) callers: Option<usize>,
    /// Trials that count.
    pub(crate) runs: usize,
    /// Executions in a call of those who enqueue batches.
    pub(crate) batch: usize,
    /// Finished executions in the store.
    pub(crate) retained: u64,
    /// Executions a second that are offered.
    pub(crate) rate: u64,
    /// How long a soak takes.
    pub(crate) seconds: u64,
    pub(crate) keys: u64,
    pub(crate) blocked: u64,
    pub(crate) limit: LimitKind,
}

impl Plan {
    /// How many executions a trial has.
    pub(crate) fn executions(&self) -> u64 {
        self.executions.unwrap_or(match self.scenario {
            Scenario::Latency => 500,
            Scenario::EnqueueSingle | Scenario::Http => 20_000,
            Scenario::Steady => 10 * self.rate,
            Scenario::Pinned => 600_000,
            Scenario::Idle => 0,
            _ => 100_000,
        })
    }

    /// How many call at a time.
    pub(crate) fn callers(&self) -> usize {
        self.callers.unwrap_or(match self.scenario {
            Scenario::EnqueueSingle => 8,
            Scenario::Http => 16,
            Scenario::Mixed => 4,
            _ => 1,
        })
    }
}
