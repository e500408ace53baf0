//! Limits on the executions of a job, enforced across the whole fleet, and their permits.
//!
//! ```text
//!             ┌────────────────── blocked ──────────────────┐
//!  due ──────▶│ new waiter ─▶ first limit ─▶ (second limit) │─▶ ready ─▶ leased
//!             └──────────────────────▲──────────────────────┘              │
//!                                    └───────── permits are released ──────┘
//! ```
//!
//! A job declares limits with `max_concurrent` ([`LimitRule::Concurrent`]) and `rate_limit`
//! ([`LimitRule::Rate`]). An execution is *ready* only while it holds a permit of each of its
//! limits. A claim therefore takes ready executions without looking at any limit. Before that the
//! execution is *blocked* and shown as queued. It is a new waiter, or it waits for the permit of
//! one of its limits, in the order of `rules/permits.rs`.
//!
//! A transaction that makes an execution due adds a new waiter; if the execution is new and the
//! permits are free, it takes them at once. A transaction that ends an attempt records that its
//! permits are released. Neither waits for a row lock of a limit, so no transaction waits for
//! another because of limits, not even for a caller's open one.
//! [`promote`](crate::store::WorkerStore::promote) admits executions by the rules of
//! `rules/permits.rs`. One process at a time does so in the whole fleet.
//!
//! This module imports `fingerprint` and `time`. It must never import `store/rules` or a store.
//!
//! A permit of a concurrency limit is in use from the admission of an execution until the end of
//! its attempt. A permit of a rate limit is in use until the attempt starts; then the start counts
//! against the rate. So ready and leased executions together never exceed a limit, whatever
//! crashes in between.

mod name;
mod rate;

use std::sync::Arc;

use async_trait::async_trait;
use jobs::ExecutionId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::StoreError;
use crate::time::Timestamp;

pub(crate) use name::limit_name;
pub use rate::{ParseRateError, Rate};

/// A limit of an execution. Executions that name the same key share its permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name of the limit, unique in the store: the job, the kind, and the value of the payload
    /// field if the limit is per field.
    pub key: String,
    /// The job that declares the limit; empty if no job does.
    pub job_id: String,
    /// The rule. The newest rule written for a key applies to all executions of that key.
    pub rule: LimitRule,
}

/// The rule of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum LimitRule {
    /// At most this number of attempts at a time: a job's `max_concurrent`.
    Concurrent {
        /// The number of permits; at least 1.
        count: u32,
    },
    /// At most this number of starts in any period: a job's `rate_limit`.
    Rate(Rate),
}

/// A token naming the limits whose permits an attempt holds. Its text is private to the store.
///
/// A [claim](crate::store::Claimed::limits) hands it out and the [settlement](Permits::token)
/// returns it, so that the store need not look the limits up. A store that looks them up uses an
/// empty token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PermitToken(Arc<str>);

impl PermitToken {
    /// Returns the text that the store wrote.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for PermitToken {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// The permits of a settled attempt: released or retained, with or without a pause of its rates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    /// The token from the claim. With a wrong token the right permits are released all the same, at
    /// the cost of a further lookup.
    pub token: PermitToken,
    /// `true` if the handler of the attempt still runs and keeps its permits.
    /// [`release_permits`](crate::store::WorkerStore::release_permits) releases them, or the end
    /// of the session.
    pub retained: bool,
    /// Pauses the attempt's rate limits: no attempt starts before this time, because an outside
    /// service asked to wait.
    pub paused_until: Option<Timestamp>,
}

impl Permits {
    /// All permits of the token are released.
    #[must_use]
    pub fn released(token: PermitToken) -> Self {
        Self {
            token,
            ..Self::default()
        }
    }
}

/// The answer to a reservation of starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// The starts are reserved for this time, which may be now.
    At(Timestamp),
    /// Nothing is reserved: the starts are free at this time, which is later than the caller would
    /// wait.
    TooLate(Timestamp),
}

/// The limit that blocks an execution, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockingLimit {
    /// The limit's key.
    pub key: String,
    /// The limit's rule.
    #[serde(flatten)]
    pub rule: LimitRule,
    /// The number of executions that wait before this one at the limit, counted up to a bound.
    pub ahead: u64,
    /// The time at which the rate has its next permit. `None` for a concurrency limit, and if
    /// ready executions hold all starts that may fall together.
    pub free_at: Option<Timestamp>,
    /// Some holders of the limit's permits.
    pub holders: Vec<PermitHolder>,
}

/// An execution that holds a permit, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PermitHolder {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The attempt; 0 if the execution is ready and not claimed yet.
    pub attempt: u32,
    /// The worker that executes the attempt.
    pub worker: Option<String>,
    /// `true` if the attempt has ended and its handler still runs.
    pub stuck: bool,
}

/// A limit, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitRecord {
    /// The limit's key. A sensitive value in it is a digest.
    pub key: String,
    /// The job that declares it; the name of a named rate.
    pub job_id: String,
    /// `concurrent` or `rate`.
    pub kind: String,
    /// The permits at a time, or the starts in a period.
    pub count: u64,
    /// The period of a rate.
    pub period_ms: Option<u64>,
    /// The permits that ready and running executions hold.
    pub in_use: u64,
    /// The executions that wait for a permit of it, counted up to 1,000.
    pub waiting: u64,
    /// The end of the pause of a rate, if it was paused.
    pub paused_until: Option<Timestamp>,
}

/// The part of a store that a handler and an operator use for limits. Errors: see
/// [`Store`](crate::store::Store).
#[async_trait]
pub trait LimitStore: Send + Sync {
    /// Reserves `cost` starts of a rate limit, at the earliest time when they are free.
    ///
    /// Reserves nothing if that time is after `latest`. Concurrent callers get different times. A
    /// reservation is not given back. Not repeatable: a repeated call reserves again.
    async fn reserve(
        &self,
        limit: Limit,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Reservation, StoreError>;

    /// Pauses rate limits, named by their keys: no start counts against them before `until`. Keys
    /// that do not exist are ignored. Repeatable.
    async fn pause_limit(&self, keys: Vec<String>, until: Timestamp) -> Result<(), StoreError>;

    /// Forgets the starts and the pause of a rate limit, named by its key: one burst may start at
    /// once. Permits in use stay in use. Returns `false` if no rate has this key. Repeatable.
    async fn reset_limit(&self, key: String) -> Result<bool, StoreError>;

    /// Lists up to `limit` limits of all jobs or of one, by job.
    async fn limits(
        &self,
        job_id: Option<String>,
        limit: usize,
    ) -> Result<Vec<LimitRecord>, StoreError>;

    /// Returns the limit that blocks an execution, with some holders of its permits.
    ///
    /// `None` if no limit blocks the execution, or the allocator has not seen it yet.
    async fn blocked_by(
        &self,
        id: ExecutionId,
        now: Timestamp,
    ) -> Result<Option<BlockingLimit>, StoreError>;

    /// Lists the first executions that wait for a permit of a limit, named by its key, in the order
    /// in which they get it.
    async fn limit_waiters(
        &self,
        key: String,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError>;
}
