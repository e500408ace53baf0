//! The events that clients receive, their ids and their wire format.

use std::fmt;

use super::Filter;
use crate::store::ExecutionState;

/// The `id` of an event: a number within one run of the broadcaster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventId {
    /// The run of the broadcaster. Numbers of different runs cannot be compared.
    pub(super) run: i64,
    /// Counts from 1; 0 before the first event.
    pub(super) number: u64,
}

impl EventId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (run, number) = text.split_once('-')?;
        Some(Self {
            run: i64::from_str_radix(run, 16).ok()?,
            number: u64::from_str_radix(number, 16).ok()?,
        })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.run, self.number)
    }
}

/// A client event with its id.
#[derive(Debug)]
pub(super) struct NumberedEvent {
    pub(super) id: EventId,
    pub(super) event: ClientEvent,
}

/// A change of the store, as clients see it.
#[derive(Clone, Debug)]
pub(super) enum ClientEvent {
    /// An execution has reached this status.
    Execution(ExecutionState),
    /// Executions have become available to workers.
    Ready,
    /// The store has changed in a way that is not listed in detail.
    Changed,
    /// Events are lost.
    Reset,
}

impl ClientEvent {
    /// Returns whether a client with this filter receives the event.
    pub(super) fn matches(&self, filter: &Filter) -> bool {
        let Self::Execution(state) = self else {
            return true;
        };
        let job = filter.job_id.as_ref();
        let execution = filter.execution_id;
        job.is_none_or(|id| *id == state.job_id)
            && execution.is_none_or(|id| id == state.execution_id)
    }

    /// Writes the event in the format of server-sent events.
    pub(super) fn to_frame(&self, id: EventId) -> String {
        let (event, data) = match self {
            Self::Execution(state) => ("execution", serde_json::to_string(state).ok()),
            Self::Ready => ("ready", None),
            Self::Changed => ("changed", None),
            Self::Reset => ("reset", None),
        };
        // Serialised JSON contains no line break, so the data fits on one `data:` line.
        let data = data.as_deref().unwrap_or("{}");
        format!("id: {id}\nevent: {event}\ndata: {data}\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_a_round_trip() {
        let id = EventId {
            run: 1_700_000_000_000,
            number: 17,
        };
        assert_eq!(EventId::parse(&id.to_string()), Some(id));
        for wrong in ["", "1", "-", "x-1", "1-x"] {
            assert_eq!(EventId::parse(wrong), None, "{wrong}");
        }
    }
}
