//! The events that clients receive, their ids and their wire format.

use std::fmt;

use jobs::{AttemptOutcome, ErrorKind, ExecutionId, ExecutionStatus};
use serde::Serialize;

use super::Filter;
use crate::store::{ExecutionState, LiveChange, LiveEvent, LogLevel};
use crate::time::Timestamp;

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
    /// The event as it is sent, written once for all clients.
    pub(super) frame: String,
}

/// A change of the store, as clients see it.
#[derive(Clone, Debug)]
pub(super) enum ClientEvent {
    /// An execution has reached this status.
    Execution(ExecutionState),
    /// A store call of this process has changed an execution.
    Live(LiveEvent),
    /// Executions have become available to workers.
    Ready,
    /// The store has changed in a way that is not listed in detail.
    Changed,
    /// Events are lost.
    Reset,
}

impl ClientEvent {
    /// Returns whether a client with this filter receives the event. Log lines go to clients that
    /// name the execution.
    pub(super) fn matches(&self, filter: &Filter) -> bool {
        let (id, job_id, queue) = match self {
            Self::Execution(state) => (state.execution_id, &state.job_id, &state.queue),
            Self::Live(event) => {
                let is_log = matches!(event.change, LiveChange::Log(..));
                if is_log && filter.execution_id.is_none() {
                    return false;
                }
                let execution = &*event.execution;
                (execution.id, &execution.job_id, &execution.queue)
            }
            Self::Ready | Self::Changed | Self::Reset => return true,
        };
        filter.job_id.as_ref().is_none_or(|job| job == job_id)
            && filter.queue.as_ref().is_none_or(|name| name == queue)
            && filter.execution_id.is_none_or(|wanted| wanted == id)
    }

    /// Writes the event in the format of server-sent events.
    pub(super) fn to_frame(&self, id: EventId) -> String {
        let (event, data) = match self {
            Self::Execution(state) => ("execution", serde_json::to_string(state).ok()),
            Self::Live(event) => live_data(event),
            Self::Ready => ("ready", None),
            Self::Changed => ("changed", None),
            Self::Reset => ("reset", None),
        };
        // Serialised JSON contains no line break, so the data fits on one `data:` line.
        let data = data.as_deref().unwrap_or("{}");
        format!("id: {id}\nevent: {event}\ndata: {data}\n\n")
    }
}

/// The data of a live event. A field that its kind lacks is absent. There are no texts of handlers,
/// because they may quote sensitive values.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct LiveData<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_id: Option<ExecutionId>,
    job_id: &'e str,
    queue: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<ExecutionStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<AttemptOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_kind: Option<ErrorKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<LogLevel>,
}

/// Returns the name and the data of a live event.
fn live_data(event: &LiveEvent) -> (&'static str, Option<String>) {
    let mut data = LiveData {
        execution_id: Some(event.execution.id),
        job_id: &event.execution.job_id,
        queue: &event.execution.queue,
        ..LiveData::default()
    };
    let name = match &event.change {
        LiveChange::Enqueued(status) => {
            data.status = Some(*status);
            "enqueued"
        }
        LiveChange::Started(attempt) => {
            data.attempt = Some(*attempt);
            "started"
        }
        LiveChange::Progress(attempt, progress) => {
            data.attempt = Some(*attempt);
            data.progress = Some(progress.percent);
            "progress"
        }
        LiveChange::AttemptEnded {
            attempt,
            outcome,
            error,
            retry_at,
        } => {
            data.attempt = Some(*attempt);
            data.outcome = Some(*outcome);
            data.error_kind = error.as_ref().map(|error| error.kind);
            data.retry_at = *retry_at;
            "attemptEnded"
        }
        LiveChange::Log(attempt, line) => {
            data.attempt = Some(*attempt);
            data.line = Some(line.line);
            data.level = Some(line.level);
            "log"
        }
    };
    (name, serde_json::to_string(&data).ok())
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
