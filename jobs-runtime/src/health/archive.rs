//! Health of the archive that retention writes.

use std::sync::{Arc, Mutex};

use super::{CheckStatus, HealthCheck, lock};

/// The handle through which retention reports the state of the archive. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ArchiveHealth(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The executions that this process has written.
    written: u64,
    /// The failure of the last batch.
    trouble: Option<String>,
}

impl ArchiveHealth {
    /// Reports a batch that is written.
    pub(crate) fn wrote(&self, executions: u64) {
        let mut state = lock(&self.0);
        state.written += executions;
        state.trouble = None;
    }

    /// Reports a batch that could not be written.
    pub(crate) fn failed(&self, reason: String) {
        lock(&self.0).trouble = Some(reason);
    }

    /// The check. A failure delays no execution: expired ones are kept for longer.
    pub(super) fn check(&self) -> HealthCheck {
        let state = lock(&self.0);
        let (status, detail) = match &state.trouble {
            Some(reason) => (
                CheckStatus::Degraded,
                format!("{reason}; expired executions are kept, the next pass tries again"),
            ),
            None => (
                CheckStatus::Ok,
                format!("{} executions written by this process", state.written),
            ),
        };
        HealthCheck {
            name: "archive",
            status,
            detail,
        }
    }
}
