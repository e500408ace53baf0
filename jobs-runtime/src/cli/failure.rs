//! How a command fails, and what the shell sees of it.

use std::error::Error;
use std::process::ExitCode;

/// The exit code of a mistake in how the program was called.
pub(super) const USAGE: u8 = 2;

/// The exit code of everything else that goes wrong.
const FAILED: u8 = 1;

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Called wrongly; the text says how to call it.
    #[error("{0}")]
    Usage(String),
    /// Called rightly, and it did not work out.
    #[error("{0}")]
    Failed(String),
    /// Called wrongly, and everything has been said about it.
    #[error("")]
    ToldUsage,
    /// Failed, and everything has been said about it.
    #[error("")]
    Told,
}

impl Failure {
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    /// An error with its causes.
    pub(super) fn because(error: &(dyn Error + 'static)) -> Self {
        Self::Failed(crate::error::chain(error).to_string())
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) | Self::ToldUsage => USAGE,
            Self::Failed(_) | Self::Told => FAILED,
        })
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

/// A payload that does not fit or a job that does not exist is a mistake of usage; a store that
/// does not answer is not.
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
                    let place = match violation.pointer.as_str() {
                        "" => "the payload",
                        pointer => pointer,
                    };
                    text.push_str(&format!("\n  {place}: {}", violation.message));
                }
                text.push_str(&format!("\nsee `show {job_id}` for its fields"));
                Self::Usage(text)
            }
            other => Self::Usage(crate::error::chain(&other).to_string()),
        }
    }
}
