//! Job descriptors: the published form of job definitions.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::handler::Handler;
use crate::schedule::Schedule;
use crate::schema;
use crate::{JobDefinition, JobLimits, JobRetention, Priority, ScheduleRule};

/// A job as plain data. Programs publish it, stores keep it, HTTP and the command line show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobDescriptor {
    /// The stable id.
    pub id: String,
    /// Former ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The human-readable name.
    pub label: String,
    /// The description: the function's doc comment.
    pub description: String,
    /// The queue of its executions.
    pub queue: String,
    /// The routing key for a broker.
    pub routing_key: String,
    /// The priority of executions that are enqueued without one, 0–100.
    pub priority: Priority,
    /// The timeout of one attempt, in milliseconds; `None` for no limit.
    pub timeout_ms: Option<u64>,
    /// The number of attempts in total.
    pub max_attempts: u32,
    /// The delays between attempts, in milliseconds. The last one repeats.
    pub retry_delays_ms: Vec<u64>,
    /// The share by which delays are randomised, 0–1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry_jitter: f32,
    /// The job's limits.
    #[serde(default, skip_serializing_if = "JobLimits::is_empty")]
    pub limits: JobLimits,
    /// The time after which an execution is cancelled if its first attempt has not started, in
    /// milliseconds. It counts from the time at which the execution is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// The schedules that enqueue executions, in the order of the attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<ScheduleRule>,
    /// The times for which the job's final executions are kept, as far as it declares them.
    #[serde(default, skip_serializing_if = "JobRetention::is_empty")]
    pub retention: JobRetention,
    /// Tags to find the job by.
    pub tags: Vec<String>,
    /// `true` if executions may be enqueued and executed.
    pub enabled: bool,
    /// The location of the handler.
    pub handler: HandlerKind,
    /// The payload's sensitive fields, by their names and former names. Their values are redacted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
    /// `true` if the job converts older shapes of payloads, so that its handler reads more than the
    /// schema accepts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub upcasts: bool,
    /// The JSON Schema (2020-12) of payloads.
    pub payload_schema: Value,
    /// The JSON Schema (2020-12) of results.
    pub result_schema: Value,
    /// The module and line of its declaration.
    pub source: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(share: &f32) -> bool {
    *share == 0.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The location of a job's handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HandlerKind {
    /// In this program.
    Linked,
    /// In other programs: the job is declared without a body.
    External,
    /// Unknown: the job is known from the store, and is not linked into this program.
    Absent,
}

impl JobDescriptor {
    /// Describes a job. Builds both of its schemas.
    pub fn of(definition: &JobDefinition) -> Self {
        let docs = definition.docs.trim();
        let first_line = docs.lines().next().map(title);
        let label = match (definition.label, first_line) {
            (Some(label), _) => label.to_owned(),
            (None, Some(line)) if !line.is_empty() => line.to_owned(),
            (None, _) => label_from_id(definition.id),
        };
        let delays = definition.retries.delays();
        Self {
            id: definition.id.to_owned(),
            aliases: owned(definition.aliases),
            label,
            description: docs.to_owned(),
            queue: definition.queue.to_owned(),
            routing_key: match definition.routing_key {
                Some(key) => key.to_owned(),
                None => format!("jobs.{}", definition.id),
            },
            priority: definition.priority,
            timeout_ms: definition.timeout.map(millis),
            max_attempts: definition.retries.max_attempts(),
            retry_delays_ms: delays.iter().copied().map(millis).collect(),
            retry_jitter: definition.retries.jitter_share(),
            limits: definition.limits.publish(),
            expires_ms: definition.expires.map(millis),
            schedule: definition.schedules.iter().map(Schedule::publish).collect(),
            retention: definition.retain.publish(),
            tags: owned(definition.tags),
            enabled: definition.enabled,
            handler: match definition.handler {
                Handler::External => HandlerKind::External,
                Handler::Async(_) | Handler::Blocking(_) => HandlerKind::Linked,
            },
            sensitive: owned(&[definition.sensitive, definition.sensitive_aliases].concat()),
            upcasts: definition.upcast.is_some(),
            payload_schema: schema::publish((definition.payload_schema)()),
            result_schema: schema::publish((definition.result_schema)()),
            source: definition.source.to_string(),
        }
    }
}

/// `# Sends a letter.` → `Sends a letter`.
fn title(line: &str) -> &str {
    let heading = line.trim_start_matches('#');
    let text = match heading.strip_prefix(' ') {
        Some(text) => text.trim_start(),
        None => line,
    };
    text.trim_end_matches('.')
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `provision-member` → `Provision member`.
fn label_from_id(id: &str) -> String {
    let spaced = id.replace(['-', '_', '.'], " ");
    let mut chars = spaced.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => spaced,
    }
}

#[cfg(test)]
mod tests {
    use super::label_from_id;

    #[test]
    fn a_label_is_made_from_the_id() {
        assert_eq!(label_from_id("provision-member"), "Provision member");
        assert_eq!(
            label_from_id("widget.process.batch"),
            "Widget process batch"
        );
    }
}
