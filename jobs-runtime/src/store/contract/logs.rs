//! Log lines of handlers, kept with their attempts.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jobs::ExecutionId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::store::Fence;
use crate::time::Timestamp;

/// The level of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// Detail for step-by-step debugging.
    Trace,
    /// Detail for debugging.
    Debug,
    /// Normal operation.
    Info,
    /// Something unexpected that the handler could deal with.
    Warn,
    /// A failure.
    Error,
}

impl LogLevel {
    /// Every level, the least important first.
    pub const ALL: &'static [Self] = &[
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
    ];

    /// Returns the level's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// Returns the stored number: OpenTelemetry's severity.
    pub const fn severity(self) -> u8 {
        match self {
            Self::Trace => 1,
            Self::Debug => 5,
            Self::Info => 9,
            Self::Warn => 13,
            Self::Error => 17,
        }
    }

    /// Returns the level of a stored number. A number between two levels is read as the lower one.
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

impl JsonSchema for LogLevel {
    fn schema_name() -> Cow<'static, str> {
        "LogLevel".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Self::ALL.iter().map(|level| level.as_str()).collect();
        json_schema!({"type": "string", "enum": names})
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
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

/// The text is not a log level.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a log level: use `trace`, `debug`, `info`, `warn`, `error`")]
pub struct ParseLogLevelError(String);

/// A tracing event that was emitted inside an attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LogLine {
    /// The number of the line in its attempt, from 1 without gaps. The store writes a line once per
    /// number.
    pub line: u32,
    /// The time of the event.
    pub at: Timestamp,
    /// The level.
    pub level: LogLevel,
    /// The target: the path of the emitting module, unless the code names another.
    pub target: String,
    /// The message.
    pub message: String,
    /// The structured fields: a JSON object.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub fields: Option<Box<RawValue>>,
}

/// Log lines of one attempt.
#[derive(Clone, Debug)]
pub struct LogBatch {
    /// The fence of the attempt.
    pub fence: Fence,
    /// The lines in order. Shared, because the writer keeps them until the store has answered.
    pub lines: Vec<Arc<LogLine>>,
}

/// A query for a page of an execution's log.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Only lines of this attempt.
    pub attempt: Option<u32>,
    /// Only lines of this level or a more important one.
    pub level: Option<LogLevel>,
    /// Only lines after this position.
    pub after: Option<LogPlace>,
    /// The largest number of lines.
    pub limit: usize,
}

/// The position of a line in the log of an execution.
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

impl JsonSchema for LogPlace {
    fn schema_name() -> Cow<'static, str> {
        "LogPlace".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]+-[0-9]+$"})
    }
}

impl Serialize for LogPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is not a position in a log.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a position in a log: pass back the `after` of a page as it is")]
pub struct ParseLogPlaceError(String);

/// A log line with the number of its attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LogRecord {
    /// The attempt.
    pub attempt: u32,
    /// The line.
    #[serde(flatten)]
    pub line: LogLine,
}

// By hand, because a raw text cannot be read through `flatten`.
impl<'de> Deserialize<'de> for LogRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Flat {
            attempt: u32,
            line: u32,
            at: Timestamp,
            level: LogLevel,
            target: String,
            message: String,
            fields: Option<Box<RawValue>>,
        }
        let flat = Flat::deserialize(deserializer)?;
        Ok(Self {
            attempt: flat.attempt,
            line: LogLine {
                line: flat.line,
                at: flat.at,
                level: flat.level,
                target: flat.target,
                message: flat.message,
                fields: flat.fields,
            },
        })
    }
}

/// A page of an execution's log, oldest line first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LogPage {
    /// The lines.
    pub lines: Vec<LogRecord>,
    /// The position for the next page, now or after more lines were logged; `None` if the log is
    /// empty.
    pub after: Option<LogPlace>,
    /// `true` if the log already has more lines that match.
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
