//! What handlers logged, kept with their attempts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jobs::ExecutionId;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::store::Fence;
use crate::time::Timestamp;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// Of use to those who search for a mistake step by step.
    Trace,
    /// Of use to those who search for a mistake.
    Debug,
    /// What was done.
    Info,
    /// Something that should not have been.
    Warn,
    /// Something that failed.
    Error,
}

impl LogLevel {
    /// Every level, what matters least first.
    pub const ALL: &'static [Self] = &[
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
    ];

    /// The word, as shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The number, as stored: OpenTelemetry's severity.
    pub const fn severity(self) -> u8 {
        match self {
            Self::Trace => 1,
            Self::Debug => 5,
            Self::Info => 9,
            Self::Warn => 13,
            Self::Error => 17,
        }
    }

    /// The level of a stored number; of one in between, the level below it.
    pub fn of_severity(severity: u8) -> Self {
        let mut at_most = Self::ALL.iter().rev();
        let level = at_most.find(|level| level.severity() <= severity);
        level.copied().unwrap_or(Self::Trace)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for LogLevel {
    type Err = ParseLogLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut levels = Self::ALL.iter();
        let named = levels.find(|level| level.as_str().eq_ignore_ascii_case(text));
        named
            .copied()
            .ok_or_else(|| ParseLogLevelError(text.to_owned()))
    }
}

/// A text that names no level.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no level: use `trace`, `debug`, `info`, `warn`, `error`")]
pub struct ParseLogLevelError(String);

/// An event that was emitted inside an attempt.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// From 1, without gaps within its attempt. A line that is written again under its number is
    /// not written twice.
    pub line: u32,
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// Where it was emitted: a module's path unless the code names something else.
    pub target: String,
    /// What people read.
    pub message: String,
    /// What programs read: a JSON object.
    pub fields: Option<Box<RawValue>>,
}

/// Lines of one running attempt.
#[derive(Clone, Debug)]
pub struct LogBatch {
    /// The right to write them.
    pub fence: Fence,
    /// In their order. Shared, because the writer keeps them until it has the answer.
    pub lines: Vec<Arc<LogLine>>,
}

/// Which lines of an execution to read.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// Whose.
    pub execution_id: ExecutionId,
    /// Of this attempt only.
    pub attempt: Option<u32>,
    /// Those that matter at least so much.
    pub level: Option<LogLevel>,
    /// Those that stand after this place.
    pub after: Option<LogPlace>,
    /// How many at most.
    pub limit: usize,
}

/// The place of a line in the log of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    /// The attempt.
    pub attempt: u32,
    /// The line of the attempt.
    pub line: u32,
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.attempt, self.line)
    }
}

impl FromStr for LogPlace {
    type Err = ParseLogPlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = || {
            let (attempt, line) = text.split_once('-')?;
            Some(Self {
                attempt: attempt.parse().ok()?,
                line: line.parse().ok()?,
            })
        };
        place().ok_or_else(|| ParseLogPlaceError(text.to_owned()))
    }
}

impl Serialize for LogPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that no page of a log ended with.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no place in a log: pass back the `after` of a page as it is")]
pub struct ParseLogPlaceError(String);

/// A line with the attempt that it belongs to.
#[derive(Clone, Debug, Serialize)]
pub struct LogRecord {
    /// The attempt.
    pub attempt: u32,
    /// The line.
    #[serde(flatten)]
    pub line: LogLine,
}

/// A part of an execution's log, oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct LogPage {
    /// What was found.
    pub lines: Vec<LogRecord>,
    /// Where to go on, now or when more has been logged; `None` while nothing has.
    pub after: Option<LogPlace>,
    /// Whether there is more already.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_survive_a_round_trip() {
        for level in LogLevel::ALL {
            assert_eq!(level.as_str().parse::<LogLevel>().ok(), Some(*level));
            assert_eq!(LogLevel::of_severity(level.severity()), *level);
        }
        assert_eq!("WARN".parse::<LogLevel>().ok(), Some(LogLevel::Warn));
        assert_eq!(LogLevel::of_severity(10), LogLevel::Info);
        assert!("warning".parse::<LogLevel>().is_err());
    }

    #[test]
    fn places_survive_a_round_trip() {
        let place = LogPlace {
            attempt: 2,
            line: 17,
        };
        assert_eq!(place.to_string().parse::<LogPlace>().ok(), Some(place));
        for wrong in ["", "2", "2-", "-1", "2-x", "2-1-1"] {
            assert!(wrong.parse::<LogPlace>().is_err(), "{wrong}");
        }
    }
}
