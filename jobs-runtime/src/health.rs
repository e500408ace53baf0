//! Health of a process: the state that its parts report, for `/health`, `/readyz` and supervisors.
//!
//! Each part of the process reports its last observation; this module only collects them. Ages are
//! measured by the monotonic clock, so a jump of the wall clock causes no failing check.
//!
//! `broker` and `scheduler` hold what these two parts report. The folder may import the store
//! contract and the state of the export in `telemetry`. It must never import a part: the parts
//! import it.

mod archive;
#[cfg(feature = "rabbitmq")]
mod broker;
mod scheduler;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::Clock;
use schemars::JsonSchema;
use serde::Serialize;

use crate::logs::{self, LogCapture};
use crate::store::Store;
#[cfg(feature = "otlp")]
use crate::telemetry::Telemetry;

pub(crate) use archive::ArchiveHealth;
#[cfg(feature = "rabbitmq")]
pub(crate) use broker::{BrokerHealth, BrokerReadings};
pub(crate) use scheduler::SchedulerHealth;

/// The silence after which a worker's check fails. A worker renews its session three times in this
/// period, even when all its slots are in use.
pub const WORKER_SILENCE: Duration = Duration::from_secs(30);

/// The time after which a store that does not respond counts as failing. It also bounds the time of
/// a health request when the connection to the store hangs.
pub const STORE_SILENCE: Duration = Duration::from_secs(3);

/// Collects the reports of the parts of a process.
pub struct Health {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    started: AtomicBool,
    workers: Mutex<Vec<Arc<Mutex<WorkerState>>>>,
    /// Whether log lines of handlers are stored; `None` if the process has no worker.
    log_capture: Mutex<Option<LogCapture>>,
    /// `None` if the process fires no schedules.
    scheduler: Mutex<Option<SchedulerHealth>>,
    /// `None` if the process has no archive.
    archive: Mutex<Option<ArchiveHealth>>,
    /// `None` if the process has no broker.
    #[cfg(feature = "rabbitmq")]
    broker: Mutex<Option<BrokerHealth>>,
    #[cfg(feature = "otlp")]
    telemetry: Mutex<Telemetry>,
}

impl Health {
    /// Creates the health of a process that is still starting.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            started: AtomicBool::new(false),
            workers: Mutex::default(),
            log_capture: Mutex::default(),
            scheduler: Mutex::default(),
            archive: Mutex::default(),
            #[cfg(feature = "rabbitmq")]
            broker: Mutex::default(),
            #[cfg(feature = "otlp")]
            telemetry: Mutex::default(),
        }
    }

    /// Reports that the start is complete. From now on the process is ready if its store responds.
    pub fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// Reports whether log lines of handlers are stored with their attempts.
    pub(crate) fn log_capture(&self, capture: LogCapture) {
        *lock(&self.log_capture) = Some(capture);
    }

    /// Reports the export of this process's telemetry.
    #[cfg(feature = "otlp")]
    pub(crate) fn telemetry(&self, telemetry: &Telemetry) {
        *lock(&self.telemetry) = telemetry.clone();
    }

    /// The check of the export. Trouble with a collector fails no report: executions go on.
    #[cfg(feature = "otlp")]
    fn telemetry_check(&self) -> Option<HealthCheck> {
        let (status, detail) = match lock(&self.telemetry).state()? {
            Ok(detail) => (CheckStatus::Ok, detail),
            Err(detail) => (CheckStatus::Degraded, detail),
        };
        Some(HealthCheck {
            name: "telemetry",
            status,
            detail,
        })
    }

    /// Creates the handle through which a worker of this process reports its state.
    pub fn worker(&self) -> WorkerHealth {
        let state = Arc::new(Mutex::new(WorkerState {
            seen_at: self.clock.elapsed(),
            claimed_at: None,
            trouble: None,
            in_flight: 0,
            refused: RefusedWrites::default(),
            stopped: false,
            died: None,
            may_be_silent: false,
        }));
        lock(&self.workers).push(state.clone());
        WorkerHealth {
            state,
            clock: self.clock.clone(),
        }
    }

    /// Creates the handle through which the scheduler of this process reports its state.
    pub(crate) fn scheduler(&self, poll: Duration) -> SchedulerHealth {
        let scheduler = SchedulerHealth::new(self.clock.clone(), poll);
        *lock(&self.scheduler) = Some(scheduler.clone());
        scheduler
    }

    /// Creates the handle through which retention reports the state of the archive.
    pub(crate) fn archive(&self) -> ArchiveHealth {
        let archive = ArchiveHealth::default();
        *lock(&self.archive) = Some(archive.clone());
        archive
    }

    /// Creates the handle through which relay and consumer of this process report their state.
    #[cfg(feature = "rabbitmq")]
    pub(crate) fn broker(&self, consumes: bool) -> BrokerHealth {
        let broker = BrokerHealth::new(self.clock.clone(), consumes);
        *lock(&self.broker) = Some(broker.clone());
        broker
    }

    /// Returns the figures of the broker's relay and consumer; `None` without a broker.
    #[cfg(feature = "rabbitmq")]
    pub(crate) fn broker_readings(&self) -> Option<BrokerReadings> {
        let broker = lock(&self.broker);
        let broker = broker.as_ref();
        broker.map(|broker| broker.readings(self.clock.elapsed()))
    }

    /// Returns the number of writes that the store has rejected as stale, over all workers of this
    /// process.
    pub fn refused_writes(&self) -> RefusedWrites {
        let workers = lock(&self.workers);
        workers
            .iter()
            .fold(RefusedWrites::default(), |all, worker| {
                all.and(lock(worker).refused)
            })
    }

    /// Returns the number of attempts that run in this process.
    pub(crate) fn in_flight(&self) -> usize {
        let workers = lock(&self.workers);
        workers.iter().map(|worker| lock(worker).in_flight).sum()
    }

    /// Checks every part of the process.
    pub async fn report(&self) -> HealthReport {
        let mut checks = vec![self.store_check().await];
        let now = self.clock.elapsed();
        let workers = lock(&self.workers);
        checks.extend(workers.iter().map(|worker| lock(worker).check(now)));
        if workers.is_empty() {
            checks.push(HealthCheck {
                name: "worker",
                status: CheckStatus::Absent,
                detail: "no worker in this process".to_owned(),
            });
        }
        drop(workers);
        checks.push(self.log_check());
        let scheduler = lock(&self.scheduler).clone();
        checks.extend(scheduler.map(|scheduler| scheduler.check(now)));
        checks.extend(lock(&self.archive).as_ref().map(ArchiveHealth::check));
        #[cfg(feature = "rabbitmq")]
        if let Some(broker) = &*lock(&self.broker) {
            checks.extend(broker.checks(now));
        }
        #[cfg(feature = "otlp")]
        checks.extend(self.telemetry_check());
        HealthReport::of(checks)
    }

    /// Checks whether the process can serve requests: the start is complete, the store responds and
    /// no worker has died.
    pub async fn readiness(&self) -> HealthReport {
        let started = self.started.load(Ordering::Acquire);
        let start = HealthCheck {
            name: "start",
            status: CheckStatus::ok_if(started),
            detail: if started { "complete" } else { "not complete" }.to_owned(),
        };
        let mut checks = vec![start, self.store_check().await];
        let now = self.clock.elapsed();
        let workers = lock(&self.workers);
        let dead = workers.iter().map(|worker| lock(worker));
        checks.extend(dead.filter(|w| w.died.is_some()).map(|w| w.check(now)));
        HealthReport::of(checks)
    }

    fn log_check(&self) -> HealthCheck {
        let (status, detail) = match *lock(&self.log_capture) {
            Some(LogCapture::Works) => (CheckStatus::Ok, "log lines of handlers are stored"),
            Some(LogCapture::Absent) => (CheckStatus::Absent, logs::ABSENT_ADVICE),
            Some(LogCapture::Filtered) => (CheckStatus::Absent, logs::FILTERED_ADVICE),
            None => (CheckStatus::Absent, "no worker in this process"),
        };
        HealthCheck {
            name: "log capture",
            status,
            detail: detail.to_owned(),
        }
    }

    async fn store_check(&self) -> HealthCheck {
        let answer = tokio::select! {
            answer = self.store.ping() => Some(answer),
            () = self.clock.sleep(STORE_SILENCE) => None,
        };
        let store = self.store.describe();
        let (status, detail) = match answer {
            Some(Ok(())) => {
                let detail = format!("{} at {} responds", store.kind, store.location);
                (CheckStatus::Ok, detail)
            }
            Some(Err(error)) => (CheckStatus::Failing, error.to_string()),
            None => (
                CheckStatus::Failing,
                format!(
                    "{} at {} has not responded for {STORE_SILENCE:?}",
                    store.kind, store.location
                ),
            ),
        };
        HealthCheck {
            name: "store",
            status,
            detail,
        }
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}

/// The checks of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HealthReport {
    /// `Failing` if one of the checks is, else `Ok`.
    pub status: CheckStatus,
    /// One check per part.
    pub checks: Vec<HealthCheck>,
}

impl HealthReport {
    fn of(checks: Vec<HealthCheck>) -> Self {
        let failing = checks
            .iter()
            .any(|check| check.status == CheckStatus::Failing);
        Self {
            status: CheckStatus::ok_if(!failing),
            checks,
        }
    }

    /// Returns whether no check fails.
    pub fn is_ok(&self) -> bool {
        self.status == CheckStatus::Ok
    }
}

/// The check of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HealthCheck {
    /// The part.
    pub name: &'static str,
    /// Its status.
    pub status: CheckStatus,
    /// The observation behind the status, for people.
    pub detail: String,
}

/// The status of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// The part works.
    Ok,
    /// The part has trouble that delays no execution and fails no report.
    Degraded,
    /// The part does not work.
    Failing,
    /// The process has no such part, by configuration.
    Absent,
}

impl CheckStatus {
    fn ok_if(works: bool) -> Self {
        if works { Self::Ok } else { Self::Failing }
    }
}

/// Numbers of writes that the store has rejected because their lease had ended.
///
/// A worker causes such a write when it was suspended, disconnected or too slow, and another worker
/// took over its session. Fencing protects the newer attempt from the stale write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefusedWrites {
    /// Settlements of attempts.
    pub ends: u64,
    /// Progress reports.
    pub progress: u64,
    /// Batches of log lines.
    pub logs: u64,
    /// Renewals, claims and take-overs by a session that had been taken over.
    pub sessions: u64,
}

impl RefusedWrites {
    /// Returns the sum of all numbers.
    pub fn total(&self) -> u64 {
        self.ends + self.progress + self.logs + self.sessions
    }

    fn and(self, other: Self) -> Self {
        Self {
            ends: self.ends + other.ends,
            progress: self.progress + other.progress,
            logs: self.logs + other.logs,
            sessions: self.sessions + other.sessions,
        }
    }
}

impl fmt::Display for RefusedWrites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ends,
            progress,
            logs,
            sessions,
        } = self;
        write!(
            f,
            "refused as stale: {ends} ends, {progress} progress, {logs} logs, {sessions} sessions"
        )
    }
}

/// The handle through which a worker reports its state. Cheap to clone.
#[derive(Clone)]
pub struct WorkerHealth {
    state: Arc<Mutex<WorkerState>>,
    clock: Arc<dyn Clock>,
}

struct WorkerState {
    seen_at: Duration,
    claimed_at: Option<Duration>,
    trouble: Option<String>,
    in_flight: usize,
    refused: RefusedWrites,
    stopped: bool,
    /// The message of the panic that has ended the worker.
    died: Option<String>,
    /// A virtual clock skips the polls of the idle worker.
    may_be_silent: bool,
}

impl WorkerHealth {
    /// Reports that a claim has completed, with or without executions.
    pub fn claimed(&self) {
        let now = self.clock.elapsed();
        let mut state = self.alive(now);
        state.claimed_at = Some(now);
        state.trouble = None;
    }

    /// Reports that the session was opened or renewed.
    pub fn renewed(&self) {
        self.alive(self.clock.elapsed()).trouble = None;
    }

    /// Reports that another worker has taken over the session.
    pub fn session_lost(&self) {
        self.alive(self.clock.elapsed()).trouble = Some("its session was taken over".to_owned());
    }

    /// Reports that a call of the store failed.
    pub fn failed(&self, error: &dyn fmt::Display) {
        self.alive(self.clock.elapsed()).trouble = Some(error.to_string());
    }

    /// Adds to the numbers of rejected writes.
    pub fn refused(&self, add: impl FnOnce(&mut RefusedWrites)) {
        add(&mut lock(&self.state).refused);
    }

    /// Reports the number of running attempts.
    pub fn in_flight(&self, attempts: usize) {
        self.alive(self.clock.elapsed()).in_flight = attempts;
    }

    /// Reports that the worker has stopped as requested.
    pub fn stopped(&self) {
        self.alive(self.clock.elapsed()).stopped = true;
    }

    /// Reports whether the worker is idle on a virtual clock that skips its polls.
    pub(crate) fn may_be_silent(&self, may: bool) {
        lock(&self.state).may_be_silent = may;
    }

    /// Reports that the worker has ended by a panic with this message.
    pub(crate) fn died(&self, panic: &str) {
        lock(&self.state).died = Some(panic.to_owned());
    }

    /// Records a sign of life and returns the state for further changes.
    fn alive(&self, now: Duration) -> MutexGuard<'_, WorkerState> {
        let mut state = lock(&self.state);
        state.seen_at = now;
        state
    }
}

impl fmt::Debug for WorkerHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerHealth").finish_non_exhaustive()
    }
}

impl WorkerState {
    fn check(&self, now: Duration) -> HealthCheck {
        let silence = now.saturating_sub(self.seen_at);
        let (status, detail) = if let Some(panic) = &self.died {
            let detail = format!("the dispatcher has panicked: {panic}");
            (CheckStatus::Failing, detail)
        } else if self.stopped {
            (CheckStatus::Absent, "stopped".to_owned())
        } else if silence > WORKER_SILENCE && !self.may_be_silent {
            let detail = format!("no sign of life for {} s", silence.as_secs());
            (CheckStatus::Failing, detail)
        } else if let Some(trouble) = &self.trouble {
            (CheckStatus::Failing, trouble.clone())
        } else {
            let claimed = match self.claimed_at {
                Some(at) => format!("last claim {} ms ago", now.saturating_sub(at).as_millis()),
                None => "no claim yet".to_owned(),
            };
            let running = match self.in_flight {
                1 => "1 attempt running".to_owned(),
                attempts => format!("{attempts} attempts running"),
            };
            (CheckStatus::Ok, format!("{claimed}, {running}"))
        };
        // Rejected writes of the past do not fail the check; they are added for information.
        let detail = match self.refused.total() {
            0 => detail,
            _ => format!("{detail}, {}", self.refused),
        };
        HealthCheck {
            name: "worker",
            status,
            detail,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_or_troubled_worker_fails_its_check() {
        let mut state = WorkerState {
            seen_at: Duration::from_secs(10),
            claimed_at: Some(Duration::from_secs(9)),
            trouble: None,
            in_flight: 2,
            refused: RefusedWrites::default(),
            stopped: false,
            died: None,
            may_be_silent: false,
        };
        let check = |state: &WorkerState, now: u64, status: CheckStatus, detail: &str| {
            let check = state.check(Duration::from_secs(now));
            assert_eq!((check.status, check.detail.as_str()), (status, detail));
        };
        check(
            &state,
            10,
            CheckStatus::Ok,
            "last claim 1000 ms ago, 2 attempts running",
        );
        check(&state, 41, CheckStatus::Failing, "no sign of life for 31 s");
        state.trouble = Some("its session was taken over".to_owned());
        check(
            &state,
            10,
            CheckStatus::Failing,
            "its session was taken over",
        );
        state.refused.progress = 2;
        check(
            &state,
            10,
            CheckStatus::Failing,
            "its session was taken over, refused as stale: 0 ends, 2 progress, 0 logs, 0 sessions",
        );
        state.refused = RefusedWrites::default();
        state.stopped = true;
        check(&state, 100, CheckStatus::Absent, "stopped");
    }
}
