//! Health of the scheduler: its last look at the store, and the schedules that are absent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobs::Clock;

use super::{CheckStatus, HealthCheck, lock};

/// The silence beyond the poll interval after which the check fails.
const SILENCE: Duration = Duration::from_secs(30);

/// The handle through which the scheduler reports its state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SchedulerHealth {
    state: Arc<Mutex<SchedulerState>>,
    clock: Arc<dyn Clock>,
}

struct SchedulerState {
    seen_at: Duration,
    /// The longest pause between two looks.
    poll: Duration,
    trouble: Option<String>,
    absent: Vec<String>,
    stopped: bool,
}

impl SchedulerHealth {
    pub(super) fn new(clock: Arc<dyn Clock>, poll: Duration) -> Self {
        Self {
            state: Arc::new(Mutex::new(SchedulerState {
                seen_at: clock.elapsed(),
                poll,
                trouble: None,
                absent: Vec::new(),
                stopped: false,
            })),
            clock,
        }
    }

    /// Reports a look at the store: the error if it failed.
    pub(crate) fn looked(&self, trouble: Option<String>) {
        let mut state = lock(&self.state);
        state.seen_at = self.clock.elapsed();
        state.trouble = trouble;
    }

    /// Reports the names of the schedules that are absent.
    pub(crate) fn absent(&self, schedules: Vec<String>) {
        lock(&self.state).absent = schedules;
    }

    /// Reports that the scheduler has panicked with this message.
    pub(crate) fn died(&self, panic: &str) {
        lock(&self.state).trouble = Some(format!("it has panicked: {panic}"));
    }

    /// Reports that the scheduler has stopped as requested.
    pub(crate) fn stopped(&self) {
        lock(&self.state).stopped = true;
    }

    pub(super) fn check(&self, now: Duration) -> HealthCheck {
        lock(&self.state).check(now)
    }
}

impl SchedulerState {
    fn check(&self, now: Duration) -> HealthCheck {
        let silence = now.saturating_sub(self.seen_at);
        let (status, detail) = if self.stopped {
            (CheckStatus::Absent, "stopped".to_owned())
        } else if silence > self.poll.saturating_add(SILENCE) {
            let detail = format!("no sign of life for {} s", silence.as_secs());
            (CheckStatus::Failing, detail)
        } else if let Some(trouble) = &self.trouble {
            (CheckStatus::Failing, trouble.clone())
        } else {
            let mut detail = format!("last look {} ms ago", silence.as_millis());
            if !self.absent.is_empty() {
                detail.push_str(&format!("; absent: {}", self.absent.join(", ")));
            }
            (CheckStatus::Ok, detail)
        };
        HealthCheck {
            name: "scheduler",
            status,
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_or_troubled_scheduler_fails_its_check() {
        let mut state = SchedulerState {
            seen_at: Duration::from_secs(10),
            poll: Duration::from_secs(5),
            trouble: None,
            absent: vec!["report:1".to_owned()],
            stopped: false,
        };
        let check = |state: &SchedulerState, now: u64| {
            let check = state.check(Duration::from_secs(now));
            (check.status, check.detail)
        };
        let fine = "last look 1000 ms ago; absent: report:1".to_owned();
        assert_eq!(check(&state, 11), (CheckStatus::Ok, fine));
        let silent = "no sign of life for 36 s".to_owned();
        assert_eq!(check(&state, 46), (CheckStatus::Failing, silent));
        state.trouble = Some("no answer".to_owned());
        assert_eq!(
            check(&state, 11),
            (CheckStatus::Failing, "no answer".to_owned())
        );
        state.stopped = true;
        assert_eq!(check(&state, 11).0, CheckStatus::Absent);
    }
}
