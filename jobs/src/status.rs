//! The states of executions and the outcomes of attempts, by the words users see.

use serde::{Deserialize, Serialize};

/// Declares an enum of words with its texts, one table for `as_str`, `FromStr`, `Display` and JSON.
macro_rules! words {
    (
        $(#[$meta:meta])* $name:ident, $error:ident, $what:literal {
            $($(#[$doc:meta])* $variant:ident = $text:literal $(| $alias:literal)*,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every value, in the order of its life.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word, as stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl From<$name> for &'static str {
            fn from(value: $name) -> Self { value.as_str() }
        }

        #[doc = concat!("A text that names no ", $what, ".")]
        #[derive(Debug)]
        pub struct $error(String);

        impl std::error::Error for $error {}

        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!("`{}` is no ", $what, ": use"), self.0)?;
                $name::ALL.iter().enumerate().try_for_each(|(n, value)| {
                    let separator = if n == 0 { " " } else { ", " };
                    write!(f, "{separator}`{value}`")
                })
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text $(| $alias)* => Ok(Self::$variant),)*
                    other => Err($error(other.to_owned())),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, Self::Error> { text.parse() }
        }
    };
}

words! {
    /// Where an execution is in its life.
    ///
    /// ```text
    /// pending ──▶ queued ──▶ running ──▶ succeeded | failed | cancelled
    ///    ▲                      │
    ///    └──── retry, snooze ───┘
    /// ```
    ExecutionStatus, ParseStatusError, "status" {
        /// Not due yet: delayed, or waiting for a retry.
        Pending = "pending",
        /// Available to workers.
        Queued = "queued",
        /// A worker holds the lease of an attempt.
        Running = "running",
        /// The handler returned a result.
        Succeeded = "succeeded" | "completed",
        /// The last attempt of the budget failed, or one that no retry can mend.
        Failed = "failed",
        /// No longer wanted.
        Cancelled = "cancelled" | "canceled",
    }
}

impl ExecutionStatus {
    /// Whether no worker will change it any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

words! {
    /// How an attempt ended.
    AttemptOutcome, ParseOutcomeError, "attempt outcome" {
        /// The handler returned a result.
        Succeeded = "succeeded",
        /// The handler returned an error.
        Failed = "failed",
        /// The handler was not done in time.
        TimedOut = "timed_out",
        /// The handler panicked.
        Panicked = "panicked",
        /// The execution was cancelled while the attempt ran.
        Cancelled = "cancelled",
        /// Its worker stopped renewing the lease.
        Lost = "lost",
        /// Given back by a worker that shut down.
        Released = "released",
        /// The handler asked for a later time.
        Snoozed = "snoozed",
    }
}

impl AttemptOutcome {
    /// Whether the attempt counts against `max_attempts`.
    pub const fn spends_budget(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::TimedOut | Self::Panicked | Self::Lost
        )
    }
}

words! {
    /// What kind of failure is recorded with an attempt or an execution.
    ErrorKind, ParseErrorKindError, "kind of error" {
        /// The handler returned an error.
        Failed = "failed",
        /// The handler said that no retry can help.
        Permanent = "permanent",
        /// The handler was not done in time.
        TimedOut = "timed_out",
        /// The handler panicked.
        Panicked = "panicked",
        /// The worker stopped renewing its lease.
        Lost = "lost",
        /// Cancelled, by request or by the handler.
        Cancelled = "cancelled",
        /// The stored payload does not fit the handler's types.
        InvalidPayload = "invalid_payload",
        /// The handler's result could not be stored.
        InvalidResult = "invalid_result",
        /// An outside limit was hit.
        RateLimited = "rate_limited",
    }
}

/// A failure as it is stored and shown: data that survives a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionError {
    /// What callers match on.
    pub kind: ErrorKind,
    /// What people read.
    pub message: String,
}

impl std::fmt::Display for ExecutionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_round_trip() {
        for status in ExecutionStatus::ALL {
            assert_eq!(
                status.as_str().parse::<ExecutionStatus>().ok(),
                Some(*status)
            );
        }
        assert_eq!(
            "completed".parse::<ExecutionStatus>().ok(),
            Some(ExecutionStatus::Succeeded)
        );
        let error = "done".parse::<ExecutionStatus>().expect_err("not a status");
        assert!(error.to_string().contains("`queued`"), "{error}");
    }
}
