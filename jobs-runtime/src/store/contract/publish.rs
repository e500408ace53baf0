//! Publications of jobs, and the description of a store.

use jobs::{ConcurrencyLimit, JobDescriptor};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::store::{LimitRule, Rate, SessionId, limit_name};
use crate::time::Timestamp;

/// A job as a program has published it.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedJob {
    /// The job's descriptor.
    pub descriptor: JobDescriptor,
    /// A digest of the descriptor in canonical form. The store keeps one row per job and
    /// fingerprint, because old and new programs share it during a deployment.
    pub fingerprint: String,
    /// The time at which a program published it last.
    pub published_at: Timestamp,
}

/// A job as the program of a session has published it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPublication {
    /// The session.
    pub session: SessionId,
    /// The job.
    pub job_id: String,
    /// The fingerprint of the publication.
    pub fingerprint: String,
    /// The time at which a program published it last.
    pub published_at: Timestamp,
}

/// The rule of a published job for its limits of one kind.
pub(in crate::store) struct PublishedRule {
    pub(in crate::store) rule: LimitRule,
    /// The limit that the rule is for; `None` for all limits of the kind without a rule of their
    /// own.
    pub(in crate::store) key: Option<String>,
}

impl PublishedJob {
    /// Returns the rules of the job's limits. A kind that the job does not declare has an unbounded
    /// rule, so that executions of an older program are not blocked by it.
    pub(in crate::store) fn rules(&self) -> Vec<PublishedRule> {
        let limits = &self.descriptor.limits;
        let concurrent = limits.max_concurrent.as_ref();
        let rate = limits.rate_limit.as_ref().map_or(
            Rate {
                count: u32::MAX,
                period_ms: 1,
            },
            |rate| Rate {
                count: rate.count,
                period_ms: rate.period_ms,
            },
        );
        let of_all = [
            LimitRule::Concurrent {
                count: concurrent.map_or(u32::MAX, |limit| limit.count),
            },
            LimitRule::Rate(rate),
        ];
        let of_all = of_all.map(|rule| PublishedRule { rule, key: None });
        let weighted = concurrent.into_iter().flat_map(|it| self.weighted(it));
        of_all.into_iter().chain(weighted).collect()
    }

    /// Returns the rules of the field values that have a weight. A weight is declared by the text
    /// of its value. So there is a rule for the string and one for the JSON value of that text.
    fn weighted(&self, limit: &ConcurrencyLimit) -> Vec<PublishedRule> {
        let mut rules = Vec::new();
        for text in limit.weights.keys().filter(|_| limit.per.is_some()) {
            let other = serde_json::from_str(text).ok();
            let other = other.filter(|value| !matches!(value, Value::String(_)));
            for value in [Some(Value::from(text.as_str())), other]
                .into_iter()
                .flatten()
            {
                let exact = (&value).into();
                let per = limit.per.as_ref().map(|field| (field, &exact));
                rules.push(PublishedRule {
                    rule: LimitRule::Concurrent {
                        count: limit.count_for(&value),
                    },
                    key: Some(limit_name(&self.descriptor, "concurrent", per)),
                });
            }
        }
        rules
    }
}

/// A migration of a store's layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationStatus {
    /// The number of the migration, from 1 without gaps.
    pub version: u32,
    /// The name of the migration.
    pub name: String,
    /// The time at which it was applied; `None` if it is not applied yet.
    pub applied_at: Option<Timestamp>,
}

/// The description of a store, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreDescription {
    /// The kind: `sqlite` or `postgres`.
    pub kind: &'static str,
    /// The location, without secrets.
    pub location: String,
    /// The failures that an acknowledged write survives.
    pub durability: String,
}
