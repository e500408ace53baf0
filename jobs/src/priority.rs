//! Priorities of executions: numbers from 0 to 100, four of them with names.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// The priority of an execution within its queue: 0 (last) to 100 (first).
///
/// ```
/// use jobs::Priority;
///
/// assert!(Priority::High > Priority::Normal);
/// assert_eq!("high".parse::<Priority>()?.value(), 75);
/// assert_eq!(Priority::new(70).map(Priority::value), Some(70));
/// assert_eq!(Priority::new(101), None);
/// # Ok::<(), jobs::ParsePriorityError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Priority(u8);

// Used like variants of an enum: `Priority::High`.
#[expect(non_upper_case_globals, reason = "named values, used like variants")]
impl Priority {
    /// 25, below ordinary work.
    pub const Low: Self = Self(25);
    /// 50, the default of a job.
    pub const Normal: Self = Self(50);
    /// 75, above ordinary work.
    pub const High: Self = Self(75);
    /// 100, the highest priority.
    pub const Critical: Self = Self(100);
}

impl Priority {
    /// The priority with this value; `None` above 100.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 100 {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The value, 0 to 100.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::Normal
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Low => f.write_str("low"),
            Self::Normal => f.write_str("normal"),
            Self::High => f.write_str("high"),
            Self::Critical => f.write_str("critical"),
            Self(value) => value.fmt(f),
        }
    }
}

/// The error for a text or a number that is not a priority.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a priority: use low, normal, high, critical or 0 to 100")]
pub struct ParsePriorityError(String);

impl FromStr for Priority {
    type Err = ParsePriorityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = match text {
            "low" => Some(Self::Low),
            "normal" => Some(Self::Normal),
            "high" => Some(Self::High),
            "critical" => Some(Self::Critical),
            number => number.parse().ok().and_then(Self::new),
        };
        named.ok_or_else(|| ParsePriorityError(text.to_owned()))
    }
}

/// JSON shows the number, and accepts a name as well.
impl JsonSchema for Priority {
    fn schema_name() -> Cow<'static, str> {
        "Priority".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let number = json_schema!({"type": "integer", "minimum": 0, "maximum": 100});
        if generator.contract().is_serialize() {
            return number;
        }
        json_schema!({"anyOf": [number, {"enum": ["low", "normal", "high", "critical"]}]})
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum NumberOrName {
            Number(u64),
            Name(String),
        }
        let text = match NumberOrName::deserialize(deserializer)? {
            NumberOrName::Number(number) => number.to_string(),
            NumberOrName::Name(name) => name,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}
