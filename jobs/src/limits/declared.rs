//! What a definition says about limits: the same as [`JobLimits`], in the form of a constant.

use std::time::Duration;

use super::{ConcurrencyLimit, DebounceRule, JobLimits, OnConflict, RateLimit, UniqueRule};
use crate::{ExecutionStatus, JobDefinition};

/// The limits of a definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeclaredLimits {
    max_concurrent: Option<MaxConcurrent>,
    rate_limit: Option<MaxRate>,
    unique: Option<Unique>,
    debounce: Option<Debounce>,
    max_waiting: Option<u32>,
}

/// `max_concurrent`: so many attempts at a time.
#[derive(Clone, Copy, Debug)]
pub struct MaxConcurrent {
    count: u32,
    per: Option<&'static str>,
    weights: &'static [(&'static str, u32)],
}

/// `rate_limit`: so many starts in any period.
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

/// `debounce`: while more arrive, the delay starts again.
#[derive(Clone, Copy, Debug)]
pub struct Debounce {
    delay: Duration,
    by: &'static [&'static str],
    at_most: Option<Duration>,
}

impl MaxConcurrent {
    /// So many in the whole fleet.
    ///
    /// # Panics
    /// If that is none: `enabled(false)` switches a job off.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        assert!(count > 0, "a job that may have no attempts is switched off");
        Self {
            count,
            per: None,
            weights: &[],
        }
    }

    /// For each value of this field, by its name in JSON.
    #[must_use]
    pub const fn per(mut self, field: &'static str) -> Self {
        self.per = Some(field);
        self
    }

    /// These values have so many times as many: text as it is, others as JSON writes them.
    ///
    /// # Panics
    /// If one would have none, or nothing says whose values they are.
    #[must_use]
    pub const fn weights(mut self, weights: &'static [(&'static str, u32)]) -> Self {
        assert!(self.per.is_some(), "weights are those of a field's values");
        let mut rest = weights;
        while let [(_, weight), others @ ..] = rest {
            assert!(*weight > 0, "a weight is at least 1");
            rest = others;
        }
        self.weights = weights;
        self
    }
}

impl MaxRate {
    /// So many in any such period, in the whole fleet.
    ///
    /// # Panics
    /// If nothing would ever start.
    #[must_use]
    pub const fn new(count: u32, period: Duration) -> Self {
        assert!(
            count > 0 && period.as_millis() > 0,
            "a rate is some starts in some time"
        );
        let per = None;
        Self { count, period, per }
    }

    /// For each value of this field, by its name in JSON.
    #[must_use]
    pub const fn per(mut self, field: &'static str) -> Self {
        self.per = Some(field);
        self
    }
}

impl Unique {
    /// One that is not final for each payload; the next one is skipped.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default is no constant")]
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

    /// For each value of these fields, by their names in JSON.
    #[must_use]
    pub const fn by(mut self, fields: &'static [&'static str]) -> Self {
        self.by = fields;
        self
    }

    /// For so long from its enqueue on an execution counts as live, whatever became of it.
    #[must_use]
    pub const fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// What becomes of the next one.
    #[must_use]
    pub const fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Where an execution is live: some of pending, queued and running.
    #[must_use]
    pub const fn live(mut self, live: &'static [ExecutionStatus]) -> Self {
        self.live = live;
        self
    }
}

impl Debounce {
    /// Each waits for so long for another of its payload.
    #[must_use]
    pub const fn new(delay: Duration) -> Self {
        Self {
            delay,
            by: &[],
            at_most: None,
        }
    }

    /// For another that has the same values of these fields, by their names in JSON.
    #[must_use]
    pub const fn by(mut self, fields: &'static [&'static str]) -> Self {
        self.by = fields;
        self
    }

    /// For no longer than that from the first on.
    #[must_use]
    pub const fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = Some(at_most);
        self
    }
}

/// Declares a setter per limit, each usable in a constant.
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
    /// How many attempts run at a time.
    max_concurrent: MaxConcurrent,
    /// How many attempts start in a period.
    rate_limit: MaxRate,
    /// Which executions are the same one.
    unique: Unique,
    /// Which executions put each other off.
    debounce: Debounce,
    /// How many executions may wait.
    max_waiting: u32,
}

impl DeclaredLimits {
    /// None at all.
    pub(crate) const NONE: Self = Self {
        max_concurrent: None,
        rate_limit: None,
        unique: None,
        debounce: None,
        max_waiting: None,
    };

    /// The fields of the payload that these name, each with the key that names it.
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

    /// The same for publication.
    pub(crate) fn describe(&self) -> JobLimits {
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
