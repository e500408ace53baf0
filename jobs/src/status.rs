//! Statuses of executions, outcomes of attempts and kinds of errors, as stored and shown.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Declares an enum of named values. One table serves `as_str`, `FromStr`, `Display` and JSON.
macro_rules! named_values {
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
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name, as stored and shown.
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

        #[doc = concat!("The error for a text that is not ", $what, ".")]
        #[derive(Debug)]
        pub struct $error(String);

        impl std::error::Error for $error {}

        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!("`{}` is not ", $what, ": use"), self.0)?;
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

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let names: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                json_schema!({"type": "string", "enum": names})
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, Self::Error> { text.parse() }
        }
    };
}

named_values! {
    /// The status of an execution.
    ///
    /// ```text
    /// pending ──▶ queued ──▶ running ──▶ succeeded | failed | cancelled
    ///    ▲                      │
    ///    └──── retry, snooze ───┘
    /// ```
    ExecutionStatus, ParseStatusError, "a status" {
        /// Not due yet: delayed, or waiting for a retry.
        Pending = "pending",
        /// Available to workers. Limits, paused queues and absent workers leave it queued.
        Queued = "queued",
        /// A worker holds the lease of an attempt.
        Running = "running",
        /// The handler returned a result.
        Succeeded = "succeeded" | "completed",
        /// Failed for good: the retry budget is spent, or no further attempt can help.
        Failed = "failed",
        /// Cancelled, by request or by the handler.
        Cancelled = "cancelled" | "canceled",
    }
}

impl ExecutionStatus {
    /// Returns `true` if no worker changes the execution any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

named_values! {
    /// The outcome of an attempt.
    AttemptOutcome, ParseOutcomeError, "an attempt outcome" {
        /// The handler returned a result.
        Succeeded = "succeeded",
        /// The handler returned an error.
        Failed = "failed",
        /// The attempt exceeded its timeout.
        TimedOut = "timed_out",
        /// The handler panicked.
        Panicked = "panicked",
        /// The execution was cancelled while the attempt ran.
        Cancelled = "cancelled",
        /// The worker stopped renewing its lease.
        Lost = "lost",
        /// The worker gave the attempt back, for example at its shutdown.
        Released = "released",
        /// The handler asked to run again later.
        Snoozed = "snoozed",
    }
}

impl AttemptOutcome {
    /// Returns `true` if the attempt counts against `max_attempts`.
    pub const fn spends_budget(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::TimedOut | Self::Panicked | Self::Lost
        )
    }
}

named_values! {
    /// The kind of a failure, as recorded with an attempt or an execution.
    ErrorKind, ParseErrorKindError, "a kind of error" {
        /// The handler returned an error.
        Failed = "failed",
        /// The handler returned a permanent error: no further attempt can help.
        Permanent = "permanent",
        /// The attempt exceeded its timeout.
        TimedOut = "timed_out",
        /// The handler panicked.
        Panicked = "panicked",
        /// The worker stopped renewing its lease.
        Lost = "lost",
        /// The execution was cancelled, by request or by the handler.
        Cancelled = "cancelled",
        /// The first attempt of the execution had not started when it expired.
        Expired = "expired",
        /// The stored payload does not fit the handler's types.
        InvalidPayload = "invalid_payload",
        /// A request by SQL was not accepted: an unknown job, an invalid option, a conflict.
        Rejected = "rejected",
        /// The handler's result cannot be stored.
        InvalidResult = "invalid_result",
        /// An outside system asked to slow down.
        RateLimited = "rate_limited",
    }
}

/// A failure, as stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionError {
    /// The kind, for programs to match on.
    pub kind: ErrorKind,
    /// The message, for people to read.
    pub message: String,
}

impl std::error::Error for ExecutionError {}

impl std::fmt::Display for ExecutionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = format!(" ({})", self.kind);
        // The message of a failed child ends with the child's kind.
        let shown = if self.message.ends_with(&kind) {
            ""
        } else {
            &*kind
        };
        write!(f, "{}{shown}", self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_into_their_values() {
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
