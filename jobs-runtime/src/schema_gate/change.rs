//! Differences between two schemas, and their wording.

use serde::Serialize;
use serde_json::Value;

/// The effect of a change on callers, on waiting executions and on readers of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Values that the old schema allows are refused or lost.
    Breaking,
    /// All values pass as before.
    Harmless,
}

/// The kind of document that both schemas describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// The old schema writes, the new schema reads.
    Payload,
    /// The new schema writes, the old schema reads.
    Result,
}

impl Direction {
    /// The name of the document.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Result => "result",
        }
    }
}

/// A difference between the schema of a writer and the schema of a reader.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// The reader demands a field that the writer may leave out, or does not know.
    Demanded { known: bool },
    /// The writer sends a field that the reader does not know.
    Ignored { always: bool },
    /// The writer sends a field that the reader refuses.
    Refused,
    /// The writer sends fields of any name, as in a map, and the reader does not know them.
    Others { is_refused: bool },
    /// The reader knows an optional field that the writer does not.
    Optional,
    /// The writer sends values of a type that the reader refuses.
    Type { writer: String, reader: String },
    /// The writer sends this value, and the reader refuses it.
    Value(Value),
    /// The reader accepts this type or value, and the writer never sends it.
    Wider(String),
    /// A keyword bounds the reader's values more than the writer's.
    Bound {
        keyword: &'static str,
        writer: Option<Value>,
        reader: Option<Value>,
    },
    /// The schemas differ in a keyword that the comparison does not understand.
    Unjudged { keyword: String },
    /// The default of a field differs.
    Default {
        writer: Option<Value>,
        reader: Option<Value>,
    },
}

impl Change {
    /// The effect of the change.
    pub(super) fn severity(&self, direction: Direction) -> Severity {
        match self {
            // A payload field that callers must send loses its value, and so does a map. A result
            // may gain fields.
            Self::Ignored { always: true } | Self::Others { is_refused: false }
                if direction == Direction::Payload =>
            {
                Severity::Breaking
            }
            Self::Ignored { .. }
            | Self::Others { is_refused: false }
            | Self::Optional
            | Self::Wider(_)
            | Self::Default { .. } => Severity::Harmless,
            _ => Severity::Breaking,
        }
    }

    /// The change in words, for the author of the change.
    pub(super) fn describe(&self, direction: Direction) -> String {
        match direction {
            Direction::Payload => self.describe_payload(),
            Direction::Result => self.describe_result(),
        }
    }

    fn describe_payload(&self) -> String {
        match self {
            Self::Demanded { known: true } => {
                "is required now, and payloads may lack it: give it a default".to_owned()
            }
            Self::Demanded { known: false } => {
                "is new and required: give it a default, or make it an `Option`".to_owned()
            }
            Self::Ignored { always: true } => {
                "was required and is gone: the values that callers send are lost".to_owned()
            }
            Self::Ignored { always: false } => {
                "was optional and is gone: values that callers send are ignored".to_owned()
            }
            Self::Refused => "is gone, and the job refuses unknown fields".to_owned(),
            Self::Others { is_refused: true } => {
                "other fields were accepted, and the job refuses them now".to_owned()
            }
            Self::Others { is_refused: false } => {
                "other fields were accepted and are ignored now: the values that callers send are \
                 lost"
                    .to_owned()
            }
            Self::Optional => "is new and optional".to_owned(),
            Self::Type { writer, reader } => format!("was {writer} and is {reader} now"),
            Self::Value(value) => format!("no longer accepts {value}"),
            Self::Wider(what) => format!("also accepts {what} now"),
            Self::Bound {
                keyword,
                writer,
                reader,
            } => format!(
                "{keyword} was {} and is {} now",
                or_none(writer),
                or_none(reader)
            ),
            Self::Unjudged { keyword } => {
                format!("`{keyword}` has changed: compare by hand whether old payloads pass")
            }
            Self::Default { writer, reader } => {
                format!(
                    "the default was {} and is {} now",
                    or_none(writer),
                    or_none(reader)
                )
            }
        }
    }

    fn describe_result(&self) -> String {
        match self {
            Self::Demanded { known: true } => {
                "was always there and may be absent now: clients demand it".to_owned()
            }
            Self::Demanded { known: false } => {
                "was always there and is gone: clients demand it".to_owned()
            }
            Self::Ignored { .. } => "is new: clients ignore it".to_owned(),
            Self::Refused => "is new, and clients refuse unknown fields".to_owned(),
            Self::Others { is_refused: true } => {
                "may have other fields now, which clients refuse".to_owned()
            }
            Self::Others { is_refused: false } => {
                "may have other fields now: clients ignore them".to_owned()
            }
            Self::Optional => "was optional and is gone".to_owned(),
            Self::Type { writer, reader } => format!("was {reader} and is {writer} now"),
            Self::Value(value) => format!("may be {value} now, which clients refuse"),
            Self::Wider(what) => format!("is never {what} any more"),
            Self::Bound {
                keyword,
                writer,
                reader,
            } => format!(
                "{keyword} was {} and is {} now",
                or_none(reader),
                or_none(writer)
            ),
            Self::Unjudged { keyword } => {
                format!("`{keyword}` has changed: compare by hand whether clients read it")
            }
            Self::Default { writer, reader } => {
                format!(
                    "the default was {} and is {} now",
                    or_none(reader),
                    or_none(writer)
                )
            }
        }
    }
}

fn or_none(value: &Option<Value>) -> String {
    match value {
        Some(value) => value.to_string(),
        None => "unset".to_owned(),
    }
}
