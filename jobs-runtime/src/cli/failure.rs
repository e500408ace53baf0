//! Failures of a command, and their exit codes.

use std::error::Error;
use std::process::ExitCode;

/// The exit code of a usage error.
pub(super) const USAGE: u8 = 2;

/// The exit code of every other failure.
pub(super) const FAILED: u8 = 1;

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A usage error. The text says what to type instead.
    #[error("{0}")]
    Usage(String),
    /// A failure of a correct call.
    #[error("{0}")]
    Failed(String),
    /// A usage error that the command has printed.
    #[error("")]
    UsageReported,
    /// A failure that the command has printed.
    #[error("")]
    FailedReported,
    /// The reader of standard output has ended. This is no failure: it has read enough.
    #[error("")]
    OutputClosed,
}

impl Failure {
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    /// A failure with the text of an error and its causes.
    pub(super) fn because(error: &(dyn Error + 'static)) -> Self {
        Self::Failed(crate::error::chain(error).to_string())
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::UsageReported => ExitCode::from(USAGE),
            Self::Failed(_) | Self::FailedReported => ExitCode::from(FAILED),
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

impl From<crate::StartError> for Failure {
    fn from(error: crate::StartError) -> Self {
        Self::because(&error)
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        Self::because(&error)
    }
}

impl From<crate::PruneError> for Failure {
    fn from(error: crate::PruneError) -> Self {
        Self::because(&error)
    }
}

#[cfg(feature = "archive")]
impl From<crate::ArchiveError> for Failure {
    fn from(error: crate::ArchiveError) -> Self {
        Self::because(&error)
    }
}

/// An unknown schedule, an invalid rule or an invalid payload is a usage error.
impl From<crate::ScheduleError> for Failure {
    fn from(error: crate::ScheduleError) -> Self {
        use crate::ScheduleError as E;
        match error {
            E::Job(error) => error.into(),
            E::Store(error) => error.into(),
            E::Unknown { .. } | E::Invalid(_) => Self::Usage(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// An invalid payload or an unknown job is a usage error. A store error, a conflict, a full queue
/// or a disabled job is a failure.
impl From<jobs::EnqueueError> for Failure {
    fn from(error: jobs::EnqueueError) -> Self {
        use jobs::EnqueueError as E;
        match error {
            E::Store(_)
            | E::Disabled { .. }
            | E::IdempotencyConflict { .. }
            | E::UniqueConflict { .. }
            | E::QueueFull { .. } => Self::because(&error),
            E::InvalidPayload { job_id, violations } => {
                let mut text = format!("invalid payload for job `{job_id}`:");
                for violation in &violations.0 {
                    let location = match violation.pointer.as_str() {
                        "" => "the payload",
                        pointer => pointer,
                    };
                    text.push_str(&format!("\n{location}: {}", violation.message));
                }
                text.push_str(&format!(
                    "\n`show {job_id}` lists the fields of the payload"
                ));
                Self::Usage(text)
            }
            other => Self::Usage(crate::error::chain(&other).to_string()),
        }
    }
}
