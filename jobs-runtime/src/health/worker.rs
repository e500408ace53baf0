//! Health of a worker: its last sign of life, its attempts, and the calls that failed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jobs::Clock;

use super::{CheckStatus, HealthCheck, RefusedWrites, lock};

/// The silence after which a worker's check fails. A worker renews its session three times in this
/// period, even when all its slots are in use.
pub const WORKER_SILENCE: Duration = Duration::from_secs(30);

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
    /// Creates the handle of a worker that has claimed nothing yet.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let state = WorkerState {
            seen_at: clock.elapsed(),
            claimed_at: None,
            trouble: None,
            in_flight: 0,
            refused: RefusedWrites::default(),
            stopped: false,
            died: None,
            may_be_silent: false,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            clock,
        }
    }

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

    pub(super) fn refused_writes(&self) -> RefusedWrites {
        lock(&self.state).refused
    }

    /// The number of running attempts.
    pub(super) fn attempts(&self) -> usize {
        lock(&self.state).in_flight
    }

    pub(super) fn has_died(&self) -> bool {
        lock(&self.state).died.is_some()
    }

    pub(super) fn check(&self, now: Duration) -> HealthCheck {
        lock(&self.state).check(now)
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
