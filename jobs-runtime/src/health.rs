//! Whether this process does its work, for those who ask from outside.
//!
//! Every part tells what it last saw; nothing here acts on it. Ages are measured by the monotonic
//! clock, so that a wrong wall clock makes nobody ill.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::Clock;
use serde::Serialize;

use crate::store::Store;

/// A worker that has said nothing for so long is not well: it renews its session three times in
/// that time, even when every executor is busy.
pub const WORKER_SILENCE: Duration = Duration::from_secs(30);

/// How long a store may take to say that it is there: who asks for the health of a process waits no
/// longer for the answer, whatever became of the wire to the store.
pub const STORE_SILENCE: Duration = Duration::from_secs(3);

/// What the parts of a process say about themselves.
pub struct Health {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    started: AtomicBool,
    workers: Mutex<Vec<Arc<Mutex<WorkerState>>>>,
    /// Whether what handlers log is stored; unknown where there are none.
    log_capture: Mutex<Option<bool>>,
}

impl Health {
    /// The health of a process that is still starting.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            started: AtomicBool::new(false),
            workers: Mutex::default(),
            log_capture: Mutex::default(),
        }
    }

    /// Says that the start is complete: from now on the process is ready when its store is.
    pub fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// Says whether what handlers of this process log is stored with their attempts.
    pub fn log_capture(&self, works: bool) {
        *lock(&self.log_capture) = Some(works);
    }

    /// A handle by which a worker of this process tells how it is.
    pub fn worker(&self) -> WorkerHealth {
        let state = Arc::new(Mutex::new(WorkerState {
            seen_at: self.clock.elapsed(),
            claimed_at: None,
            trouble: None,
            in_flight: 0,
            refused: RefusedWrites::default(),
            stopped: false,
        }));
        lock(&self.workers).push(state.clone());
        WorkerHealth {
            state,
            clock: self.clock.clone(),
        }
    }

    /// What the store has refused to the workers of this process, because their leases had ended.
    pub fn refused_writes(&self) -> RefusedWrites {
        let workers = lock(&self.workers);
        workers
            .iter()
            .fold(RefusedWrites::default(), |all, worker| {
                all.and(lock(worker).refused)
            })
    }

    /// How every part is.
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
        HealthReport::of(checks)
    }

    /// Whether requests can be served: the start is complete and the store answers.
    pub async fn readiness(&self) -> HealthReport {
        let started = self.started.load(Ordering::Acquire);
        let start = HealthCheck {
            name: "start",
            status: match started {
                true => CheckStatus::Ok,
                false => CheckStatus::Failing,
            },
            detail: match started {
                true => "complete".to_owned(),
                false => "not complete".to_owned(),
            },
        };
        HealthReport::of(vec![start, self.store_check().await])
    }

    fn log_check(&self) -> HealthCheck {
        let (status, detail) = match *lock(&self.log_capture) {
            Some(true) => (CheckStatus::Ok, "what handlers log is stored"),
            Some(false) => (
                CheckStatus::Absent,
                "what handlers log is not stored: add `jobs_runtime::layer()` to the subscriber",
            ),
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
                let detail = format!("{} at {} answers", store.kind, store.location);
                (CheckStatus::Ok, detail)
            }
            Some(Err(error)) => (CheckStatus::Failing, error.to_string()),
            None => (
                CheckStatus::Failing,
                format!(
                    "{} at {} has not answered for {STORE_SILENCE:?}",
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

/// How a process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// The worst of the checks.
    pub status: CheckStatus,
    /// One per part.
    pub checks: Vec<HealthCheck>,
}

impl HealthReport {
    fn of(checks: Vec<HealthCheck>) -> Self {
        let failing = checks
            .iter()
            .any(|check| check.status == CheckStatus::Failing);
        Self {
            status: match failing {
                true => CheckStatus::Failing,
                false => CheckStatus::Ok,
            },
            checks,
        }
    }

    /// Whether nothing fails.
    pub fn is_ok(&self) -> bool {
        self.status == CheckStatus::Ok
    }
}

/// How one part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// The part.
    pub name: &'static str,
    /// In one word.
    pub status: CheckStatus,
    /// In a few.
    pub detail: String,
}

/// How a part is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// It works.
    Ok,
    /// It does not.
    Failing,
    /// There is no such part in this process, by configuration.
    Absent,
}

/// Writes that the store has refused because the lease behind them had ended: each is a worker that
/// was suspended, cut off or too slow, and somebody else's work that was not written over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefusedWrites {
    /// Ends of attempts.
    pub ends: u64,
    /// Reports of progress.
    pub progress: u64,
    /// Batches of log lines.
    pub logs: u64,
    /// Renewals, claims and take-overs of a session that had been taken over.
    pub sessions: u64,
}

impl RefusedWrites {
    /// All of them.
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

/// By which a worker tells how it is. Cheap to clone.
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
}

impl WorkerHealth {
    /// A claim was answered, with or without work.
    pub fn claimed(&self) {
        let now = self.clock.elapsed();
        let mut state = self.alive(now);
        state.claimed_at = Some(now);
        state.trouble = None;
    }

    /// The session was opened or renewed.
    pub fn renewed(&self) {
        self.alive(self.clock.elapsed()).trouble = None;
    }

    /// The session was taken over by another worker.
    pub fn session_lost(&self) {
        self.alive(self.clock.elapsed()).trouble = Some("its session was taken over".to_owned());
    }

    /// A call of the store failed.
    pub fn failed(&self, error: &dyn fmt::Display) {
        self.alive(self.clock.elapsed()).trouble = Some(error.to_string());
    }

    /// The store has refused something: add it to the count.
    pub fn refused(&self, add: impl FnOnce(&mut RefusedWrites)) {
        add(&mut lock(&self.state).refused);
    }

    /// So many attempts are running.
    pub fn in_flight(&self, attempts: usize) {
        self.alive(self.clock.elapsed()).in_flight = attempts;
    }

    /// The worker was asked to end, and has.
    pub fn stopped(&self) {
        self.alive(self.clock.elapsed()).stopped = true;
    }

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
        let (status, detail) = if self.stopped {
            (CheckStatus::Absent, "stopped".to_owned())
        } else if silence > WORKER_SILENCE {
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
        // No illness of this worker's now, but of interest to whoever looks.
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
    fn a_worker_is_well_while_it_speaks() {
        let mut state = WorkerState {
            seen_at: Duration::from_secs(10),
            claimed_at: Some(Duration::from_secs(9)),
            trouble: None,
            in_flight: 2,
            refused: RefusedWrites::default(),
            stopped: false,
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
