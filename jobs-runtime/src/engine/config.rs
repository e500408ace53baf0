//! How a worker works.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use jobs::ExecutionId;

use crate::store::Rate;

/// The settings of a worker. The defaults are those of the documentation.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Attempts of asynchronous handlers at a time.
    pub concurrency: usize,
    /// Attempts of blocking handlers at a time.
    pub blocking_concurrency: usize,
    /// Queues to take from; all of them if empty.
    pub queues: Vec<String>,
    /// Attempts at a time of each of these queues, in this process.
    pub queue_concurrency: BTreeMap<String, usize>,
    /// Attempts at a time of each of these jobs, by their ids, in this process.
    pub job_concurrency: BTreeMap<String, usize>,
    /// How long an execution waits in each of these queues before it becomes the most urgent there.
    pub ageing: BTreeMap<String, Duration>,
    /// The rate limits that handlers ask by name ([`JobContext::limit`](jobs::JobContext::limit)),
    /// shared by the whole fleet.
    pub limits: BTreeMap<String, Rate>,
    /// Execute only these; everything if empty.
    pub only: Vec<ExecutionId>,
    /// What others see this worker as.
    pub worker: String,
    /// Words about this worker, shown beside it: `gpu`, `eu-west`. They decide nothing.
    pub labels: Vec<String>,
    /// How long a session may go without a renewal before others take its leases over.
    pub lease: Duration,
    /// How often what a hint may have missed is looked for in the store. Running attempts are
    /// attended to (progress, cancellation) twenty times as often.
    pub poll: Duration,
    /// What an attempt gets to end after it was cancelled or ran out of time.
    pub grace: Duration,
    /// What running attempts get to end after the first request to stop.
    pub drain: Duration,
}

impl Default for EngineConfig {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            concurrency: 4 * cores,
            blocking_concurrency: cores,
            queues: Vec::new(),
            queue_concurrency: BTreeMap::new(),
            job_concurrency: BTreeMap::new(),
            ageing: BTreeMap::new(),
            limits: BTreeMap::new(),
            only: Vec::new(),
            worker: format!("{}:{}", host_name(), std::process::id()),
            labels: Vec::new(),
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(5),
            grace: Duration::from_secs(10),
            drain: Duration::from_secs(30),
        }
    }
}

impl EngineConfig {
    /// How often a session is renewed: twice may fail before the lease is in danger.
    pub(crate) fn renewal(&self) -> Duration {
        self.lease / 3
    }

    /// After how long without a renewal the worker drops what it runs: before others may take it.
    pub(crate) fn patience(&self) -> Duration {
        self.lease * 4 / 5
    }
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}
