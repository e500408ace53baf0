//! Health of a process: the state that its parts report, for `/health`, `/readyz` and supervisors.
//!
//! Each part of the process reports its last observation; this module only collects them. Ages are
//! measured by the monotonic clock, so a jump of the wall clock causes no failing check.
//!
//! `worker`, `scheduler`, `archive` and `broker` hold what these parts report; `report` is their
//! sum. The folder may import the store contract, `logs`, and the state of the export in
//! `telemetry`. It must never import a part: the parts import it.

mod archive;
#[cfg(feature = "rabbitmq")]
mod broker;
mod refused_writes;
mod report;
mod scheduler;
mod worker;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::Clock;

use crate::logs::{self, LogCapture};
use crate::store::Store;
#[cfg(feature = "otlp")]
use crate::telemetry::Telemetry;

pub(crate) use archive::ArchiveHealth;
#[cfg(feature = "rabbitmq")]
pub(crate) use broker::{BrokerHealth, BrokerReadings};
pub use refused_writes::RefusedWrites;
pub use report::{CheckStatus, HealthCheck, HealthReport};
pub(crate) use scheduler::SchedulerHealth;
pub use worker::{WORKER_SILENCE, WorkerHealth};

/// The time after which a store that does not respond counts as failing. It also bounds the time of
/// a health request when the connection to the store hangs.
pub const STORE_SILENCE: Duration = Duration::from_secs(3);

/// Collects the reports of the parts of a process.
pub struct Health {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    started: AtomicBool,
    workers: Mutex<Vec<WorkerHealth>>,
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
    /// `None` if the process serves no TLS; an error if the newest certificate cannot be used.
    certificate: Mutex<Option<Result<String, String>>>,
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
            certificate: Mutex::default(),
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

    /// Reports the certificate in use, or why the newest one is not.
    #[cfg(feature = "tls")]
    pub(crate) fn certificate(&self, state: Result<String, String>) {
        *lock(&self.certificate) = Some(state);
    }

    /// The check of the certificate. A new one that cannot be used fails no report: the old one is
    /// in use.
    fn certificate_check(&self) -> Option<HealthCheck> {
        let (status, detail) = match lock(&self.certificate).clone()? {
            Ok(detail) => (CheckStatus::Ok, detail),
            Err(detail) => (CheckStatus::Degraded, detail),
        };
        Some(HealthCheck {
            name: "certificate",
            status,
            detail,
        })
    }

    /// Creates the handle through which a worker of this process reports its state.
    pub fn worker(&self) -> WorkerHealth {
        let worker = WorkerHealth::new(self.clock.clone());
        lock(&self.workers).push(worker.clone());
        worker
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
                all.and(worker.refused_writes())
            })
    }

    /// Returns the number of attempts that run in this process.
    pub(crate) fn in_flight(&self) -> usize {
        let workers = lock(&self.workers);
        workers.iter().map(WorkerHealth::attempts).sum()
    }

    /// Checks every part of the process.
    pub async fn report(&self) -> HealthReport {
        let mut checks = vec![self.store_check().await];
        let now = self.clock.elapsed();
        let workers = lock(&self.workers);
        checks.extend(workers.iter().map(|worker| worker.check(now)));
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
        checks.extend(self.certificate_check());
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
        let dead = workers.iter().filter(|worker| worker.has_died());
        checks.extend(dead.map(|worker| worker.check(now)));
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
