//! The program's log as JSON, one object a line, for machines.
//!
//! ```json
//! {"time":"2030-01-31T12:00:00.000Z","level":"INFO","target":"my_jobs","message":"resized",
//!  "fields":{"width":640},"job":"images.resize","execution":"01a2…","attempt":1,"traceId":"4bf9…"}
//! ```
//!
//! The last four are on every line of a handler, also of its spawned tasks that carry its span.

use serde::Serialize;
use serde_json::value::RawValue;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::SystemClock;
use crate::cli::output::Output;
use crate::cli::printable;
use crate::clock::timestamp;
use crate::logs::Visited;
use crate::time::Timestamp;

/// The target of the lines that the program itself writes.
const PROGRAM: &str = "jobs_runtime::cli";

/// A line of the log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    time: Timestamp,
    level: &'a str,
    target: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Box<RawValue>>,
    #[serde(flatten)]
    attempt: Option<&'a AttemptFields>,
}

/// Formats a line of the program itself.
pub(in crate::cli) fn program_line(level: &str, message: &str) -> String {
    line(&Line {
        time: now(),
        level,
        target: PROGRAM,
        message,
        fields: None,
        attempt: None,
    })
}

/// One line with a line break. Characters that a terminal would obey are JSON escapes.
fn line(line: &Line<'_>) -> String {
    let document = serde_json::to_string(line).unwrap_or_default();
    format!("{}\n", printable::json(&document))
}

fn now() -> Timestamp {
    timestamp(&SystemClock::new())
}

/// The layer that writes the lines to standard error, without waiting.
pub(super) struct JsonLog(pub(super) Output);

/// The fields of an attempt's span.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttemptFields {
    job: String,
    execution: String,
    attempt: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl<S> Layer<S> for JsonLog
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !crate::logs::is_attempt(attributes.metadata()) {
            return;
        }
        let mut fields = AttemptFields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<AttemptFields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut visited = Visited::default();
        event.record(&mut visited);
        let mut spans = context.event_scope(event).into_iter().flatten();
        let attempt = spans.find_map(|span| span.extensions().get::<AttemptFields>().cloned());
        let metadata = event.metadata();
        let text = line(&Line {
            time: now(),
            level: metadata.level().as_str(),
            target: visited.target.as_deref().unwrap_or(metadata.target()),
            message: &visited.message,
            fields: visited.fields(),
            attempt: attempt.as_ref(),
        });
        self.0.errors().push(&text);
    }
}

impl Visit for AttemptFields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "attempt" {
            self.attempt = value;
        }
    }
}

impl AttemptFields {
    fn text(&mut self, field: &Field, value: String) {
        match field.name() {
            "job" => self.job = value,
            "execution" => self.execution = value,
            "trace_id" => self.trace_id = Some(value),
            _ => {}
        }
    }
}
