//! Errors of calls about schedules.

use jobs::{EnqueueError, Violation};

use crate::service::error::ServiceError;
use crate::store::StoreError;

/// A failed call about a schedule.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// There is no such schedule.
    #[error("unknown schedule `{name}`{}", hint(near))]
    Unknown {
        /// The name.
        name: String,
        /// Similar names.
        near: Vec<String>,
    },
    /// A schedule with the name exists.
    #[error("a schedule `{0}` exists: choose another id, or edit it")]
    Exists(String),
    /// The schedule belongs to a job's attribute, so it cannot be deleted.
    #[error("`{0}` is declared by its job: pause it, or remove it from the attribute")]
    Declared(String),
    /// Values are invalid. Each violation names one by its JSON pointer.
    #[error("the schedule is invalid: {}", texts(.0))]
    Invalid(Vec<Violation>),
    /// The job does not accept an execution now.
    #[error("{0}")]
    Rejected(String),
    /// Other writers changed the schedule at the same time, each time that it was tried.
    #[error("schedule `{0}` is being changed by other callers: try again")]
    Contended(String),
    /// The job is unknown, or does not accept the payload.
    #[error(transparent)]
    Job(#[from] EnqueueError),
    /// The store's error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn hint(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!("; similar: {}", near.join(", ")),
    }
}

fn texts(violations: &[Violation]) -> String {
    let texts = violations
        .iter()
        .map(|violation| match &*violation.pointer {
            "" => violation.message.clone(),
            pointer => format!("{}: {}", pointer.trim_start_matches('/'), violation.message),
        });
    texts.collect::<Vec<_>>().join("; ")
}

impl From<ServiceError> for ScheduleError {
    fn from(error: ServiceError) -> Self {
        Self::Job(error.into_enqueue_error(false))
    }
}
