//! Declared limits: [`JobLimits`] in a form that a constant can contain.

use std::time::Duration;

use super::{ConcurrencyLimit, DebounceRule, JobLimits, OnConflict, RateLimit, UniqueRule};
use crate::{ExecutionStatus, JobDefinition};

/// The limits of a job definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeclaredLimits {
    max_concurrent: Option<MaxConcurrent>,
    rate_limit: Option<MaxRate>,
    unique: Option<Unique>,
    debounce: Option<Debounce>,
    max_waiting: Option<u32>,
}

/// `max_concurrent`: a limit on the attempts that run at the same time.
#[derive(Clone, Copy, Debug)]
pub struct MaxConcurrent {
    count: u32,
    per: Option<&'static str>,
    weights: &'static [(&'static str, u32)],
}

/// `rate_limit`: a limit on the attempts that start in any period of this length.
#[derive(Clone, Copy, Debug)]
pub struct MaxRate {
    count: u32,
    period: Duration,
    per: Option<&'static str>,
}

/// `unique`: one live execution per key.
#[derive(Clone, Copy, Debug)]
pub struct Unique {
    by: &'static [&'static str],
    within: Option<Duration>,
    on_conflict: OnConflict,
    live: &'static [ExecutionStatus],
}

/// `debounce`: delays an execution, and restarts the delay with each enqueue of the same key.
#[derive(Clone, Copy, Debug)]
pub struct Debounce {
    delay: Duration,
    by: &'static [&'static str],
    at_most: Option<Duration>,
}

impl MaxConcurrent {
    /// Allows `count` attempts at the same time, across the whole fleet.
    ///
    /// # Panics
    /// If `count` is 0. Use `enabled(false)` to disable a job.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        assert!(
            count > 0,
            "the count is at least 1; `enabled(false)` disables a job"
        );
        Self {
            count,
            per: None,
            weights: &[],
        }
    }

    /// Divides the limit: each value of this field, by its name in JSON, has its own.
    #[must_use]
    pub const fn per(mut self, field: &'static str) -> Self {
        self.per = Some(field);
        self
    }

    /// Multiplies the count for these values of the field `per`.
    ///
    /// A string is written without quotes, any other value as its JSON text.
    ///
    /// # Panics
    /// If a weight is 0, or if [`per`](Self::per) has not been called.
    #[must_use]
    pub const fn weights(mut self, weights: &'static [(&'static str, u32)]) -> Self {
        assert!(self.per.is_some(), "weights need a field: call `per` first");
        let mut unchecked = weights;
        while let [(_, weight), others @ ..] = unchecked {
            assert!(*weight > 0, "a weight is at least 1");
            unchecked = others;
        }
        self.weights = weights;
        self
    }
}

impl MaxRate {
    /// Allows `count` starts in any such period, across the whole fleet.
    ///
    /// # Panics
    /// If `count` is 0, or if `period` is shorter than a millisecond.
    #[must_use]
    pub const fn new(count: u32, period: Duration) -> Self {
        assert!(
            count > 0 && period.as_millis() > 0,
            "a rate has at least one start and a period of at least 1 ms"
        );
        let per = None;
        Self { count, period, per }
    }

    /// Divides the limit: each value of this field, by its name in JSON, has its own.
    #[must_use]
    pub const fn per(mut self, field: &'static str) -> Self {
        self.per = Some(field);
        self
    }
}

impl Unique {
    /// Allows one live execution per payload, and skips the next one. Live means not final.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "`Default::default` is not `const`"
    )]
    pub const fn new() -> Self {
        Self {
            by: &[],
            within: None,
            on_conflict: OnConflict::Skip,
            live: &[
                ExecutionStatus::Pending,
                ExecutionStatus::Queued,
                ExecutionStatus::Running,
            ],
        }
    }

    /// Forms the key from these fields, by their names in JSON, instead of the whole payload.
    #[must_use]
    pub const fn by(mut self, fields: &'static [&'static str]) -> Self {
        self.by = fields;
        self
    }

    /// For this long after its enqueue, an execution counts as live in any status.
    #[must_use]
    pub const fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Sets the treatment of an enqueue whose key has a live execution.
    #[must_use]
    pub const fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Sets the statuses in which an execution is live: some of pending, queued and running.
    #[must_use]
    pub const fn live(mut self, live: &'static [ExecutionStatus]) -> Self {
        self.live = live;
        self
    }
}

impl Debounce {
    /// Delays each execution, and restarts the delay with each enqueue of the same payload.
    #[must_use]
    pub const fn new(delay: Duration) -> Self {
        Self {
            delay,
            by: &[],
            at_most: None,
        }
    }

    /// Forms the key from these fields, by their names in JSON, instead of the whole payload.
    #[must_use]
    pub const fn by(mut self, fields: &'static [&'static str]) -> Self {
        self.by = fields;
        self
    }

    /// Limits the total delay after the first enqueue.
    #[must_use]
    pub const fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = Some(at_most);
        self
    }
}

/// Declares a `const` setter for each limit.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $ty:ty),* $(,)?) => {
        impl JobDefinition {$(
            $(#[doc = $doc])+
            #[must_use]
            pub const fn $name(mut self, $name: $ty) -> Self {
                self.limits.$name = Some($name);
                self
            }
        )*}
    };
}

limits! {
    /// Limits the attempts that run at the same time.
    max_concurrent: MaxConcurrent,
    /// Limits the attempts that start in a period.
    rate_limit: MaxRate,
    /// Allows one live execution per key.
    unique: Unique,
    /// Merges a burst of enqueues into one delayed execution.
    debounce: Debounce,
    /// Limits the executions that wait. An enqueue beyond it is rejected.
    max_waiting: u32,
}

impl DeclaredLimits {
    /// No limits.
    pub(crate) const NONE: Self = Self {
        max_concurrent: None,
        rate_limit: None,
        unique: None,
        debounce: None,
        max_waiting: None,
    };

    /// The payload fields that `per` and `by` name, each with the key of the attribute.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let per = [
            ("max_concurrent", self.max_concurrent.and_then(|it| it.per)),
            ("rate_limit", self.rate_limit.and_then(|it| it.per)),
        ];
        let by = [
            ("unique", self.unique.map(|it| it.by)),
            ("debounce", self.debounce.map(|it| it.by)),
        ];
        let per = per.into_iter().filter_map(|(key, it)| Some((key, it?)));
        let by = by.into_iter().flat_map(|(key, fields)| {
            let fields = fields.unwrap_or_default().iter();
            fields.map(move |field| (key, *field))
        });
        per.chain(by)
    }

    /// Converts the limits into their published form.
    pub(crate) fn publish(&self) -> JobLimits {
        JobLimits {
            max_concurrent: self.max_concurrent.map(|it| ConcurrencyLimit {
                count: it.count,
                per: it.per.map(str::to_owned),
                weights: it
                    .weights
                    .iter()
                    .map(|&(value, weight)| (value.to_owned(), weight))
                    .collect(),
            }),
            rate_limit: self.rate_limit.map(|it| RateLimit {
                count: it.count,
                period_ms: millis(it.period),
                per: it.per.map(str::to_owned),
            }),
            unique: self.unique.map(|it| UniqueRule {
                by: owned(it.by),
                within_ms: it.within.map(millis),
                on_conflict: it.on_conflict,
                live: it.live.to_vec(),
            }),
            debounce: self.debounce.map(|it| DebounceRule {
                delay_ms: millis(it.delay),
                by: owned(it.by),
                at_most_ms: it.at_most.map(millis),
            }),
            max_waiting: self.max_waiting,
        }
    }
}

fn owned(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|&field| field.to_owned()).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
