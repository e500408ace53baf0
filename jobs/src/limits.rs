//! What holds a job's executions back, as it is published.

mod declared;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ExecutionStatus;

pub(crate) use declared::DeclaredLimits;
pub use declared::{Debounce, MaxConcurrent, MaxRate, Unique};

/// The limits of a job; each holds in the whole fleet.
///
/// Fields of the payload are named as JSON has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct JobLimits {
    /// How many attempts run at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<ConcurrencyLimit>,
    /// How many attempts start in a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Which executions are the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<UniqueRule>,
    /// Which executions put each other off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debounce: Option<DebounceRule>,
    /// How many executions may wait; an enqueue beyond it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_waiting: Option<u32>,
}

impl JobLimits {
    /// Whether nothing holds the job's executions back.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `max_concurrent`: so many attempts at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConcurrencyLimit {
    /// At least 1.
    pub count: u32,
    /// The field whose values each have permits of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// Values that have so many times `count`; at least 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u32>,
}

impl ConcurrencyLimit {
    /// How many attempts run at a time for this value of the field `per`. Text is looked up as it is, any
    /// other value as JSON writes it.
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

/// `rate_limit`: so many starts in any period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// At least 1.
    pub count: u32,
    /// Milliseconds.
    pub period_ms: u64,
    /// The field whose values each have a rate of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
}

/// `unique`: one live execution per key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UniqueRule {
    /// The fields that make the key; the whole payload if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// For so many milliseconds after its enqueue an execution counts as live, whatever became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// What becomes of the next one.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Where an execution is live: some of `pending`, `queued` and `running`.
    pub live: Vec<ExecutionStatus>,
}

/// What becomes of an enqueue while another execution lives under its unique key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// It is answered with the one that lives.
    #[default]
    Skip,
    /// The one that waits takes over its payload; beside one that runs, it waits.
    Replace,
    /// It is refused.
    Reject,
}

/// `debounce`: while more arrive, the delay starts again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DebounceRule {
    /// Milliseconds without another.
    pub delay_ms: u64,
    /// The fields that make the key; the whole payload if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Milliseconds after the first, beyond which nothing is put off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_ms: Option<u64>,
}
