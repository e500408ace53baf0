//! Retention: how long final executions are kept.
//!
//! [`Retain`] is the constant that the attribute generates, [`JobRetention`] its published form.
//! The runtime enforces it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `retain`: the times for which final executions are kept, by their status.
///
/// A status without a time has the time of the runtime's settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retain {
    succeeded: Option<Duration>,
    failed: Option<Duration>,
    cancelled: Option<Duration>,
}

impl Retain {
    /// The times of the runtime's settings for every status.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            succeeded: None,
            failed: None,
            cancelled: None,
        }
    }

    /// Keeps succeeded executions for this time after their end.
    #[must_use]
    pub const fn succeeded(mut self, time: Duration) -> Self {
        self.succeeded = Some(time);
        self
    }

    /// Keeps failed executions for this time after their end.
    #[must_use]
    pub const fn failed(mut self, time: Duration) -> Self {
        self.failed = Some(time);
        self
    }

    /// Keeps cancelled executions for this time after their end.
    #[must_use]
    pub const fn cancelled(mut self, time: Duration) -> Self {
        self.cancelled = Some(time);
        self
    }

    pub(crate) fn publish(self) -> JobRetention {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        JobRetention {
            succeeded_ms: self.succeeded.map(millis),
            failed_ms: self.failed.map(millis),
            cancelled_ms: self.cancelled.map(millis),
        }
    }
}

/// The retention that a job declares, in milliseconds after the end of an execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct JobRetention {
    /// The time for which succeeded executions are kept; `None` for the time of the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded_ms: Option<u64>,
    /// The time for which failed executions are kept; `None` for the time of the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_ms: Option<u64>,
    /// The time for which cancelled executions are kept; `None` for the time of the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_ms: Option<u64>,
}

impl JobRetention {
    /// Returns `true` if the job declares no time.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
