//! What holds executions back in the whole fleet.
//!
//! ```text
//!            ┌────────────── held ──────────────┐
//!  due ─────▶│ door ─▶ limit ─▶ (another limit) │─▶ ready ─▶ leases
//!            └──────────────▲───────────────────┘             │
//!                           └───── permits come back ─────────┘
//! ```
//!
//! An execution of a job with [`Limit`]s stands in *ready* only while it holds a permit of each of
//! them, so that a claim takes what it finds there and looks at no limit. Until then it is *held*: at
//! the door, or at the limit whose permit it lacks, in the order in which executions are claimed. Both
//! count as queued. Whoever makes an execution due puts it at the door, unless it is new and there is room
//! for it at once, and whoever ends an attempt notes that its permits came back; neither waits for a limit
//! that another has locked, so that limits make nobody wait for anybody, not even for a caller's open
//! transaction. [`Store::promote`](crate::store::Store::promote) lets in: one at a time in the whole fleet, by the
//! rules of `doorkeeper.rs`.
//!
//! A permit of a [`Concurrent`](LimitRule::Concurrent) limit is out from the moment its execution is
//! let in until its attempt has ended. One of a [`Rate`](LimitRule::Rate) is out until the attempt
//! starts, and the start then counts against the rate. What is in ready or leased is therefore never
//! more than a limit allows, whatever crashes in between.

mod name;

use std::str::FromStr;
use std::sync::Arc;

use jobs::{ExecutionId, ExecutionStatus, OnConflict};
use serde::{Deserialize, Serialize};

pub(crate) use name::limit_name;

use crate::time::Timestamp;

/// A limit that an execution is subject to. Executions that name the same key share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Names it in the whole store: the job, the kind and the value that it is for.
    pub key: String,
    /// The job whose limit it is; empty for one that no job declares.
    pub job_id: String,
    /// What it allows. The newest one written holds for all executions of that key.
    pub rule: LimitRule,
}

/// What a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum LimitRule {
    /// So many attempts at a time.
    Concurrent {
        /// At least 1.
        count: u32,
    },
    /// So many starts in any period.
    Rate(Rate),
}

/// So many starts in any period: never more, spread evenly.
///
/// Counted by the generic cell rate algorithm (ITU-T I.371): one number per limit, the *theoretical
/// tat time* of the next start, which every start moves on by one interval. Up to
/// [`burst`](Self::burst) starts may fall together, so that a wake-up that comes late costs nothing;
/// the interval is made longer by as much as keeps the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// At least 1.
    pub count: u32,
    /// Milliseconds; at least 1.
    pub period_ms: u64,
}

/// How late a wake-up may be without costing starts, in microseconds.
const LATENESS: u64 = 3_000;

/// How many microseconds' worth of starts may fall together where lateness would cost starts.
const TOGETHER: u64 = 20_000;

impl Rate {
    /// How many starts may fall together.
    pub fn burst(self) -> u64 {
        let count = u64::from(self.count.max(1));
        let period = self.period_micros();
        // One more in a burst costs one start in `count`; doing without costs the lateness of each
        // wake-up. Slow rates are therefore evenly spread, to the last start.
        if u128::from(count) * u128::from(count) * u128::from(LATENESS) <= u128::from(period) {
            return 1;
        }
        let together = u128::from(count) * u128::from(TOGETHER) / u128::from(period);
        let together = u64::try_from(together).unwrap_or(u64::MAX);
        together.saturating_add(2).min(count.div_ceil(2))
    }

    /// Microseconds between two starts.
    pub fn interval(self) -> u64 {
        let spread = u64::from(self.count.max(1)) - self.burst() + 1;
        self.period_micros().div_ceil(spread)
    }

    /// How many may start at `now`, all in microseconds, when the next one was expected at `tat`.
    pub fn allowed(self, tat: i64, now: i64) -> u64 {
        let ahead = u64::try_from(tat.saturating_sub(now)).unwrap_or(0);
        let tolerated = (self.burst() - 1) * self.interval();
        match tolerated.checked_sub(ahead) {
            Some(left) => left / self.interval() + 1,
            None => 0,
        }
    }

    /// When the next one is expected after `starts` at `now`.
    pub fn after(self, tat: i64, now: i64, starts: u64) -> i64 {
        let taken = self.interval().saturating_mul(starts);
        tat.max(now).saturating_add_unsigned(taken)
    }

    /// The first moment at which `starts` may fall together, if nothing starts until then.
    pub fn free_at(self, tat: i64, now: i64, starts: u64) -> i64 {
        let beyond = i128::from(starts) - i128::from(self.burst());
        let beyond = beyond * i128::from(self.interval());
        let from = if beyond > 0 { tat.max(now) } else { tat };
        let at = i128::from(from) + beyond;
        i64::try_from(at).unwrap_or(i64::MAX).max(now)
    }

    fn period_micros(self) -> u64 {
        self.period_ms.max(1).saturating_mul(1_000)
    }
}

/// What is wrong with the text of a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate: write a number and a period (s, min, h or d), such as 60/min")]
pub struct ParseRateError(String);

impl FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, ParseRateError> {
        let wrong = || ParseRateError(text.to_owned());
        let (count, period) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim().parse().ok().filter(|count| *count > 0);
        Ok(Self {
            count: count.ok_or_else(wrong)?,
            period_ms: match period.trim() {
                "s" => 1_000,
                "min" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return Err(wrong()),
            },
        })
    }
}

/// What decides about an execution when it is enqueued.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnqueueRules {
    /// What it needs permits of, in the order in which it gets them.
    pub limits: Vec<Limit>,
    /// What makes it the same as another.
    pub unique: Option<UniqueKey>,
    /// What puts it off.
    pub debounce: Option<DebounceKey>,
    /// How many executions of its job may wait, pending ones included; beyond it the batch is
    /// refused.
    pub max_waiting: Option<u32>,
}

/// One live execution per job and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueKey {
    /// A digest of what the payloads have in common.
    pub key: String,
    /// How long one counts as live from its enqueue on, whatever became of it.
    pub within_ms: Option<u64>,
    /// What becomes of the next one.
    pub on_conflict: OnConflict,
    /// Where one is live: some of pending, queued and running.
    pub live: Vec<ExecutionStatus>,
}

/// Executions of one job and key that put each other off, until one of them is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebounceKey {
    /// A digest of what the payloads have in common.
    pub key: String,
    /// How long the newest one waits for another. The execution's own `run_at` says when it is due
    /// if none comes.
    pub delay_ms: u64,
    /// How long after the first nothing is put off any more.
    pub at_most_ms: Option<u64>,
}

/// The limits whose permits an attempt holds, in words of its store's own. They are said when it is
/// [claimed](crate::store::Claimed::limits) and again when it [ends](Permits::of), so that the store need not look
/// them up; where it does so all the same, they are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PermitToken(Arc<str>);

impl PermitToken {
    /// What the store wrote.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for PermitToken {
    fn from(words: &str) -> Self {
        Self(words.into())
    }
}

/// What becomes of an attempt's permits when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    /// Of these limits, as they were claimed. Where others are said, the right ones come back all the same: it
    /// costs the store another look.
    pub token: PermitToken,
    /// Whether they stay out, because the handler of the attempt still runs. They come back by
    /// [`Store::release_permits`](crate::store::Store::release_permits), or with the end of the session.
    pub retained: bool,
    /// No attempt starts under the rate limits of this one before then: somebody outside asked to
    /// wait.
    pub paused_until: Option<Timestamp>,
}

impl Permits {
    /// All of them come back.
    #[must_use]
    pub fn released(token: PermitToken) -> Self {
        Self {
            token,
            ..Self::default()
        }
    }
}

/// The answer to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// Taken: go on then, which may be now.
    At(Timestamp),
    /// Nothing was taken: it would be then, which is later than the caller would wait.
    TooLate(Timestamp),
}

/// A limit that an execution waits at, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockingLimit {
    /// Names the limit.
    pub key: String,
    /// What it allows.
    #[serde(flatten)]
    pub rule: LimitRule,
    /// How many wait before it at this limit; counted up to a bound.
    pub ahead: u64,
    /// When the rate lets the next one in; `None` for other limits, and if nothing but others in
    /// ready stand before it.
    pub free_at: Option<Timestamp>,
    /// Some of those that have its permits.
    pub holders: Vec<PermitHolder>,
}

/// Who has a permit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PermitHolder {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The attempt; 0 for one that is ready and has not been claimed yet.
    pub attempt: u32,
    /// Who executes it.
    pub worker: Option<String>,
    /// Whether it has ended and its handler still runs.
    pub stuck: bool,
}

/// A queue, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueRecord {
    /// Its name.
    pub queue: String,
    /// Since when nothing is claimed from it; `None` if it is not paused.
    pub paused_at: Option<Timestamp>,
    /// Ready to be claimed; counted up to a bound.
    pub ready: u64,
    /// Held back by limits; counted up to a bound.
    pub blocked: u64,
    /// Running.
    pub running: u64,
}

/// What is to change about an execution that waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionEdit {
    /// 0–100.
    pub priority: Option<u8>,
    /// When it becomes ready.
    pub run_at: Option<Timestamp>,
    /// JSON text, checked by the caller.
    pub payload: Option<String>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditAnswer {
    /// It is as was asked.
    Changed,
    /// It runs, or has ended.
    NotWaiting(ExecutionStatus),
    /// There is no such execution.
    Unknown,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slow_rates_are_spread_and_fast_ones_come_in_small_bursts() {
        let check = |count, period_ms, burst, per_period| {
            let rate = Rate { count, period_ms };
            let sustained = (period_ms * 1_000 + rate.interval() / 2) / rate.interval();
            assert_eq!((rate.burst(), sustained), (burst, per_period), "{rate:?}");
        };
        check(1, 1_000, 1, 1);
        check(10, 1_000, 1, 10);
        check(60, 60_000, 1, 60);
        check(100, 1_000, 4, 97);
        check(1_000, 1_000, 22, 978);
        check(600, 60_000, 2, 599);
        check(2, 1, 1, 2);
    }

    proptest! {
        /// However a caller times its starts, none of them breaks the promise.
        #[test]
        fn no_period_has_more_starts_than_allowed(
            count in 1_u32..200,
            period_ms in 1_u64..5_000,
            pauses in prop::collection::vec((0_i64..400_000, 1_u64..6), 1..300),
        ) {
            let rate = Rate { count, period_ms };
            let (mut tat, mut now) = (0, 0_i64);
            let mut starts: Vec<i64> = Vec::new();
            for (pause, wanted) in pauses {
                now += pause;
                let taken = wanted.min(rate.allowed(tat, now));
                tat = rate.after(tat, now, taken);
                starts.extend((0..taken).map(|_| now));
            }
            let period = i64::try_from(period_ms * 1_000).unwrap();
            for (first, at) in starts.iter().enumerate() {
                let within = starts[first..].iter().take_while(|next| **next < at + period);
                prop_assert!(within.count() <= count as usize, "after {at}");
            }
        }

        /// What is free at a moment is allowed at that moment, and not one microsecond before.
        #[test]
        fn free_is_when_it_is_first_allowed(
            count in 1_u32..200,
            period_ms in 1_u64..5_000,
            tat in 0_i64..10_000_000,
            starts in 1_u64..5,
        ) {
            let rate = Rate { count, period_ms };
            prop_assume!(starts <= rate.burst());
            let free = rate.free_at(tat, 0, starts);
            prop_assert!(rate.allowed(tat, free) >= starts);
            prop_assert!(free == 0 || rate.allowed(tat, free - 1) < starts);
        }
    }
}
