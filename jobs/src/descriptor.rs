//! A job as it is published: plain data that survives the program it was linked into.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::handler::Handler;
use crate::schema::in_order;
use crate::{JobDefinition, JobLimits, Priority};

/// What stores keep and interfaces show of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobDescriptor {
    /// The stable id.
    pub id: String,
    /// Former ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The human name.
    pub label: String,
    /// What the job does: its doc comment.
    pub description: String,
    /// The queue its executions wait in.
    pub queue: String,
    /// The key that a broker routes it by.
    pub routing_key: String,
    /// The order within the queue, 0–100.
    pub priority: Priority,
    /// How long one attempt may take, in milliseconds; `None` for as long as it likes.
    pub timeout_ms: Option<u64>,
    /// Attempts in total.
    pub max_attempts: u32,
    /// Delays between attempts, in milliseconds; the last one repeats.
    pub retry_delays_ms: Vec<u64>,
    /// The share by which delays are spread, 0–1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry_jitter: f32,
    /// What holds its executions back.
    #[serde(default, skip_serializing_if = "JobLimits::is_empty")]
    pub limits: JobLimits,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether executions may be enqueued and executed.
    pub enabled: bool,
    /// Where its handler is.
    pub handler: HandlerKind,
    /// Fields of the payload that are not shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
    /// What a payload must fit: JSON Schema 2020-12.
    pub payload_schema: Value,
    /// What a result fits: JSON Schema 2020-12.
    pub result_schema: Value,
    /// The module and line of its declaration.
    pub source: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape serde asks for"
)]
fn is_zero(share: &f32) -> bool {
    *share == 0.0
}

/// Where the function behind a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandlerKind {
    /// In this program.
    Linked,
    /// In other programs, by declaration: the job has no body.
    External,
    /// In no program seen here: the job is known from the store only.
    Absent,
}

impl JobDescriptor {
    /// Describes a job, building both schemas.
    pub fn of(definition: &JobDefinition) -> Self {
        let docs = definition.docs.trim();
        let first_line = docs.lines().next().map(|line| line.trim_end_matches('.'));
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
            routing_key: format!("jobs.{}", definition.id),
            priority: definition.priority,
            timeout_ms: definition.timeout.map(millis),
            max_attempts: definition.retries.max_attempts(),
            retry_delays_ms: delays.iter().copied().map(millis).collect(),
            retry_jitter: definition.retries.jitter_share(),
            limits: definition.limits.describe(),
            tags: owned(definition.tags),
            enabled: definition.enabled,
            handler: match definition.handler {
                Handler::External => HandlerKind::External,
                Handler::Async(_) | Handler::Blocking(_) => HandlerKind::Linked,
            },
            sensitive: owned(definition.sensitive),
            payload_schema: in_order((definition.payload_schema)().to_value()),
            result_schema: in_order((definition.result_schema)().to_value()),
            source: definition.source.to_string(),
        }
    }
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
    fn ids_become_labels() {
        assert_eq!(label_from_id("provision-member"), "Provision member");
        assert_eq!(
            label_from_id("widget.process.batch"),
            "Widget process batch"
        );
    }
}
