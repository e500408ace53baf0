//! The configuration of a benchmark: the scenario and its sizes.

use clap::ValueEnum;
use serde::Serialize;

use crate::store::DatabaseUrl;

/// The work that a trial measures. The variants' docs are the help texts of `bench`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// One caller enqueues batches
    EnqueueBatch,
    /// Concurrent callers enqueue one execution per call
    EnqueueSingle,
    /// A worker executes a backlog that was enqueued before the clock starts
    Drain,
    /// Executions arrive at --rate; latency from the due time to the handler's start
    Steady,
    /// Half the drain rate for --seconds; latency, memory and dead tuples of ten parts
    Soak,
    /// One execution at a time for an idle worker; latency from the call to the handler's start
    Latency,
    /// Concurrent callers enqueue batches while a worker executes them
    Mixed,
    /// Drain with a limit that is never reached; the baseline has no limit
    Limits,
    /// Drain with one attempt at a time per key; the baseline has no limit
    Keyed,
    /// Drain beside executions that limits block; the baseline has none
    Blocked,
    /// Drain and list executions in a store with history; the baseline store is empty
    Retained,
    /// Drain while retention archives and deletes a history; the baseline deletes nothing
    #[cfg(feature = "archive")]
    Pruned,
    /// Drain beside a transaction with an old snapshot; the baseline has none (PostgreSQL only)
    Pinned,
    /// Drain beside a bulk retry of --blocked executions of another job; the baseline has none
    Bulk,
    /// Concurrent callers with a token trigger executions over HTTP keep-alive connections; the
    /// baseline is a server without tokens
    Http,
    /// A worker without work for 30 s; CPU time, wake-ups and memory
    Idle,
}

/// The limit of the scenario `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LimitKind {
    /// The job has `max_concurrent`
    Concurrent,
    /// The job has `max_concurrent` per field; --keys sets the number of values
    PerKey,
    /// The job has `rate_limit`
    Rate,
    /// The job has `max_waiting`
    Waiting,
}

/// A scenario and its sizes, as given on the command line.
#[derive(Clone, Debug)]
pub(crate) struct BenchConfig {
    pub(crate) scenario: Scenario,
    pub(crate) database: DatabaseUrl,
    /// Executions per trial; `None` for the scenario's default.
    pub(crate) executions: Option<u64>,
    /// Concurrent attempts of the worker.
    pub(crate) concurrency: usize,
    /// Concurrent callers; `None` for the scenario's default.
    pub(crate) callers: Option<usize>,
    /// Measured trials, after one warm-up.
    pub(crate) runs: usize,
    /// Executions per enqueue call.
    pub(crate) batch: usize,
    /// Finished executions in the store of `retained` and `pruned`.
    pub(crate) retained: u64,
    /// Executions per second of `steady`.
    pub(crate) rate: u64,
    /// Duration of `soak`.
    pub(crate) seconds: u64,
    /// Keys of `keyed`, `blocked` and the limit `per-key`.
    pub(crate) keys: u64,
    /// Blocked executions of `blocked`, failed ones of `bulk`.
    pub(crate) blocked: u64,
    /// The limit of `limits`.
    pub(crate) limit: LimitKind,
    #[cfg(feature = "otlp")]
    pub(crate) telemetry: crate::Telemetry,
}

impl BenchConfig {
    /// The number of executions per trial.
    pub(crate) fn executions(&self) -> u64 {
        self.executions.unwrap_or(match self.scenario {
            Scenario::Latency => 500,
            Scenario::EnqueueSingle | Scenario::Http => 20_000,
            Scenario::Steady => 10 * self.rate,
            Scenario::Pinned | Scenario::Bulk => 600_000,
            Scenario::Idle => 0,
            _ => 100_000,
        })
    }

    /// The number of concurrent callers.
    pub(crate) fn callers(&self) -> usize {
        self.callers.unwrap_or(match self.scenario {
            Scenario::EnqueueSingle => 8,
            Scenario::Http => 16,
            Scenario::Mixed => 4,
            _ => 1,
        })
    }
}
