//! Limits of a job, in their published form.
//!
//! The submodule `declared` contains the constants that the attribute generates, and converts them
//! into the types here. Both are plain data: they import no timer, no database, no network and
//! never the runtime, which enforces the limits.

mod declared;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ExecutionStatus;

pub(crate) use declared::DeclaredLimits;
pub use declared::{Debounce, MaxConcurrent, MaxRate, Unique};

/// The limits of a job. Each is enforced across the whole fleet.
///
/// `per` and `by` name fields of the payload by their names in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct JobLimits {
    /// The number of attempts that run at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<ConcurrencyLimit>,
    /// The number of attempts that start in a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// The rule that allows one live execution per key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<UniqueRule>,
    /// The rule that merges a burst of enqueues into one delayed execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debounce: Option<DebounceRule>,
    /// The number of executions that may wait. An enqueue beyond it is rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_waiting: Option<u32>,
}

impl JobLimits {
    /// Returns `true` if the job has no limits.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `max_concurrent`: a limit on the attempts that run at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConcurrencyLimit {
    /// The number of attempts, at least 1.
    pub count: u32,
    /// The field that divides the limit: each of its values has its own `count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// Factors of `count` for values of the field `per`, at least 1. Other values have factor 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u32>,
}

impl ConcurrencyLimit {
    /// The number of attempts for this value of the field `per`: `count` times the value's weight.
    ///
    /// A string is looked up without quotes, any other value by its JSON text.
    ///
    /// ```
    /// let limit = jobs::ConcurrencyLimit {
    ///     count: 2,
    ///     per: Some("plan".to_owned()),
    ///     weights: [("gold".to_owned(), 4)].into(),
    /// };
    /// assert_eq!(limit.count_for(&"gold".into()), 8);
    /// assert_eq!(limit.count_for(&"free".into()), 2);
    /// ```
    pub fn count_for(&self, value: &Value) -> u32 {
        if self.weights.is_empty() {
            return self.count;
        }
        let weight = match value {
            Value::String(text) => self.weights.get(text),
            other => self.weights.get(&other.to_string()),
        };
        self.count.saturating_mul(weight.copied().unwrap_or(1))
    }
}

/// `rate_limit`: a limit on the attempts that start in any period of this length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// The number of starts, at least 1.
    pub count: u32,
    /// The length of the period, in milliseconds.
    pub period_ms: u64,
    /// The field that divides the limit: each of its values has its own rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
}

/// `unique`: one live execution per key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UniqueRule {
    /// The fields that form the key. Empty for the whole payload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// For this many milliseconds after its enqueue, an execution counts as live in any status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// The treatment of an enqueue whose key has a live execution.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// The statuses in which an execution is live: some of `pending`, `queued` and `running`.
    pub live: Vec<ExecutionStatus>,
}

/// The treatment of an enqueue whose unique key has a live execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Return the live execution.
    #[default]
    Skip,
    /// Give the payload to the live execution if it waits. If it runs, create another, which may
    /// run beside it.
    Replace,
    /// Reject the enqueue.
    Reject,
}

/// `debounce`: delays an execution, and restarts the delay with each enqueue of the same key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DebounceRule {
    /// The delay, in milliseconds.
    pub delay_ms: u64,
    /// The fields that form the key. Empty for the whole payload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// The longest total delay after the first enqueue, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_ms: Option<u64>,
}
