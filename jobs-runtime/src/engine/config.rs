//! Settings of a worker.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use jobs::ExecutionId;

use crate::store::Rate;

/// The settings of a worker.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The most concurrent attempts of asynchronous handlers. Default: four per core.
    pub concurrency: usize,
    /// The most concurrent attempts of blocking handlers. Default: one per core.
    pub blocking_concurrency: usize,
    /// The queues that the worker claims from; all queues if empty.
    pub queues: Vec<String>,
    /// The most concurrent attempts of each of these queues in this process.
    pub queue_concurrency: BTreeMap<String, usize>,
    /// The most concurrent attempts of each of these jobs in this process, by job id.
    pub job_concurrency: BTreeMap<String, usize>,
    /// The age at which an execution of each of these queues gets the most urgent priority.
    pub ageing: BTreeMap<String, Duration>,
    /// The rate limits that handlers use by name ([`JobContext::limit`](jobs::JobContext::limit)).
    /// They count for the whole fleet.
    pub limits: BTreeMap<String, Rate>,
    /// The executions that the worker claims; all executions if empty.
    pub only: Vec<ExecutionId>,
    /// The name of the worker in lists and logs. Default: host name and process id.
    pub worker: String,
    /// Labels of the worker, for display only: `gpu`, `eu-west`.
    pub labels: Vec<String>,
    /// The time without a renewal after which other workers take the leases of this one over.
    /// The session is renewed three times as often. Default: 30 s.
    pub lease: Duration,
    /// The interval at which the worker polls the store, in case an event was missed. The heartbeat
    /// of running attempts (progress, logs, cancel requests) is twenty times as frequent.
    /// Default: 5 s.
    pub poll: Duration,
    /// The interval at which the scheduler looks for schedules that another process has created or
    /// changed. Default: 5 s.
    pub schedule_poll: Duration,
    /// The time that a handler has to return after a cancel request. Before its timeout it is asked
    /// for the same time, at most a tenth of the timeout. Default: 10 s.
    pub grace: Duration,
    /// The time that a stop takes at most, grace and last settlements included. Running attempts
    /// are asked to end after three fifths of it, and released after four fifths. Default: 25 s.
    pub drain: Duration,
    /// True if the start and the end of each attempt are logged at level INFO. Failures are always
    /// logged. Default: false.
    pub log_attempts: bool,
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
            schedule_poll: Duration::from_secs(5),
            grace: Duration::from_secs(10),
            drain: Duration::from_secs(25),
            log_attempts: false,
        }
    }
}

impl EngineConfig {
    /// The interval at which the session is renewed. Two renewals in a row may fail.
    pub(crate) fn renewal_interval(&self) -> Duration {
        self.lease / 3
    }

    /// The time without a renewal after which the worker drops its running attempts. It is shorter
    /// than the lease, so that they have ended before another worker takes them over.
    pub(crate) fn drop_after(&self) -> Duration {
        self.lease * 4 / 5
    }
}

pub(crate) fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}
