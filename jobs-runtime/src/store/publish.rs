//! What a store knows about programs and about itself.

use jobs::JobDescriptor;
use serde::Serialize;

use super::{LimitRule, Rate};
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

impl PublishedJob {
    /// What its limits of either kind allow; a kind that it does not declare holds nobody.
    pub(in crate::store) fn rules(&self) -> [LimitRule; 2] {
        let limits = &self.descriptor.limits;
        let concurrent = limits.max_concurrent.as_ref();
        let rate = limits.rate_limit.as_ref();
        [
            LimitRule::Concurrent {
                count: concurrent.map_or(u32::MAX, |limit| limit.count),
            },
            LimitRule::Rate(rate.map_or(
                Rate {
                    count: u32::MAX,
                    period_ms: 1,
                },
                |rate| Rate {
                    count: rate.count,
                    period_ms: rate.period_ms,
                },
            )),
        ]
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
