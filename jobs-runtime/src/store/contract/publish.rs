//! What a store knows about programs and about itself.

use jobs::{ConcurrencyLimit, JobDescriptor};
use serde::Serialize;
use serde_json::Value;

use crate::store::{LimitRule, Rate, limit_name};
use crate::time::Timestamp;

/// A job as a program has published it.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedJob {
    /// The job.
    pub descriptor: JobDescriptor,
    /// A digest of the descriptor in canonical form: one row per (job, fingerprint), because old
    /// and new programs share a store during a deploy.
    pub fingerprint: String,
    /// When a program published it last.
    pub published_at: Timestamp,
}

/// What a published job says about its limits of a kind.
pub(in crate::store) struct PublishedRule {
    pub(in crate::store) rule: LimitRule,
    /// The one limit that it is for; `None` for all others.
    pub(in crate::store) key: Option<String>,
}

impl PublishedJob {
    /// What its limits of either kind allow; a kind that it does not declare holds nobody.
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

    /// Those of values with a weight, whatever type of value was meant.
    fn weighted(&self, limit: &ConcurrencyLimit) -> Vec<PublishedRule> {
        let mut rules = Vec::new();
        for text in limit.weights.keys().filter(|_| limit.per.is_some()) {
            let other = serde_json::from_str(text).ok();
            let other = other.filter(|value| !matches!(value, Value::String(_)));
            for value in [Some(Value::from(text.as_str())), other]
                .into_iter()
                .flatten()
            {
                let per = limit.per.as_ref().map(|field| (field, &value));
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

/// A step of a store's layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationStatus {
    /// From 1, without gaps.
    pub version: u32,
    /// What it does, in a few words.
    pub name: String,
    /// When it was applied; `None` if it was not yet.
    pub applied_at: Option<Timestamp>,
}

/// A store, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreDescription {
    /// `sqlite`, `postgres`.
    pub kind: &'static str,
    /// Where it is, without secrets.
    pub location: String,
    /// What an acknowledged write survives, in the store's own words.
    pub durability: String,
}
