//! The report of a process: the check of each part, and their sum.

use schemars::JsonSchema;
use serde::Serialize;

/// The checks of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HealthReport {
    /// `Failing` if one of the checks is, else `Ok`.
    pub status: CheckStatus,
    /// One check per part.
    pub checks: Vec<HealthCheck>,
}

impl HealthReport {
    pub(super) fn of(checks: Vec<HealthCheck>) -> Self {
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
    pub(super) fn ok_if(works: bool) -> Self {
        if works { Self::Ok } else { Self::Failing }
    }
}
