//! What is told, and how it is written.

use std::fmt;

use super::Filter;
use crate::store::ExecutionState;

/// A place in the events of one run of the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Which run: numbers of another one mean nothing.
    pub(super) run: i64,
    /// The event, from 1; 0 before the first.
    pub(super) number: u64,
}

impl Position {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (run, number) = text.split_once('-')?;
        Some(Self {
            run: i64::from_str_radix(run, 16).ok()?,
            number: u64::from_str_radix(number, 16).ok()?,
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.run, self.number)
    }
}

/// Something that is told, at its place.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) position: Position,
    pub(super) news: News,
}

/// What is told.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// An execution has become what is said here.
    Execution(ExecutionState),
    /// Executions have become ready.
    Ready,
    /// Something has changed.
    Changed,
    /// Events were missed.
    Reset,
}

impl News {
    /// Whether a client with this filter wants to know.
    pub(super) fn concerns(&self, filter: &Filter) -> bool {
        let Self::Execution(standing) = self else {
            return true;
        };
        let job = filter.job_id.as_ref();
        let execution = filter.execution_id;
        job.is_none_or(|id| *id == standing.job_id)
            && execution.is_none_or(|id| id == standing.execution_id)
    }

    /// As it is sent.
    pub(super) fn frame(&self, position: Position) -> String {
        let (event, data) = match self {
            Self::Execution(standing) => ("execution", serde_json::to_string(standing).ok()),
            Self::Ready => ("ready", None),
            Self::Changed => ("changed", None),
            Self::Reset => ("reset", None),
        };
        // JSON has no line breaks: each of them would begin another line of data.
        let data = data.as_deref().unwrap_or("{}");
        format!("id: {position}\nevent: {event}\ndata: {data}\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_a_round_trip() {
        let position = Position {
            run: 1_700_000_000_000,
            number: 17,
        };
        assert_eq!(Position::parse(&position.to_string()), Some(position));
        for wrong in ["", "1", "-", "x-1", "1-x"] {
            assert_eq!(Position::parse(wrong), None, "{wrong}");
        }
    }
}
