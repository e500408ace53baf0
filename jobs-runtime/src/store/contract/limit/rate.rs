//! Rates: a number of starts per period, counted by GCRA.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rule of a rate limit: at most `count` starts in any period, spread evenly.
///
/// The generic cell rate algorithm (GCRA, ITU-T I.371) needs one number per limit: `tat`, the
/// theoretical arrival time of the next start. Every start advances it by one
/// [interval](Self::interval). Up to [`burst`](Self::burst) starts may fall together, so that a
/// late wake-up loses no start. The interval is longer than `period / count` by as much as the
/// burst requires to keep the bound in every period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// Starts per period; at least 1.
    pub count: u32,
    /// The period in milliseconds; at least 1.
    pub period_ms: u64,
}

/// The lateness of a wake-up that must not lose starts, in microseconds.
const LATENESS: u64 = 3_000;

/// The time in microseconds whose starts may fall together, for rates that lateness would slow
/// down.
const TOGETHER: u64 = 20_000;

impl Rate {
    /// Returns the number of starts that may fall together.
    pub fn burst(self) -> u64 {
        let count = u64::from(self.count.max(1));
        let period = self.period_micros();
        // Each start more in a burst costs one of `count` starts in the long run. Without a burst,
        // each wake-up costs its lateness. Slow rates lose less by lateness: they have no burst.
        if u128::from(count) * u128::from(count) * u128::from(LATENESS) <= u128::from(period) {
            return 1;
        }
        let together = u128::from(count) * u128::from(TOGETHER) / u128::from(period);
        let together = u64::try_from(together).unwrap_or(u64::MAX);
        together.saturating_add(2).min(count.div_ceil(2))
    }

    /// Returns the interval between two starts in microseconds.
    pub fn interval(self) -> u64 {
        let spread = u64::from(self.count.max(1)) - self.burst() + 1;
        self.period_micros().div_ceil(spread)
    }

    /// Returns the number of starts that are allowed at `now`. All times are in microseconds.
    pub fn allowed(self, tat: i64, now: i64) -> u64 {
        let ahead = u64::try_from(tat.saturating_sub(now)).unwrap_or(0);
        let tolerated = (self.burst() - 1) * self.interval();
        match tolerated.checked_sub(ahead) {
            Some(left) => left / self.interval() + 1,
            None => 0,
        }
    }

    /// Returns `tat` after a number of starts at `now`.
    pub fn after(self, tat: i64, now: i64, starts: u64) -> i64 {
        let taken = self.interval().saturating_mul(starts);
        tat.max(now).saturating_add_unsigned(taken)
    }

    /// Returns the first time at which this number of starts may fall together, if nothing starts
    /// before it.
    pub fn free_at(self, tat: i64, now: i64, starts: u64) -> i64 {
        let beyond = i128::from(starts) - i128::from(self.burst());
        let beyond = beyond * i128::from(self.interval());
        let from = if beyond > 0 { tat.max(now) } else { tat };
        let at = i128::from(from) + beyond;
        i64::try_from(at).unwrap_or(i64::MAX).max(now)
    }

    /// Returns the rate by which a job's starts are counted.
    ///
    /// A start counts from the time of its claim, and the handler begins later. So the counted
    /// period is longer than the rate's own by the longest delay that it covers: a twentieth of the
    /// period, and at most 250 ms. Handlers that begin within that time of their claims never
    /// exceed the rate.
    pub(crate) fn of_claims(self) -> Self {
        Self {
            period_ms: self.period_ms.saturating_add(self.start_delay_ms()),
            ..self
        }
    }

    /// Returns the longest delay from a claim to its start that the rate covers, in milliseconds.
    fn start_delay_ms(self) -> u64 {
        (self.period_ms / 20).min(250)
    }

    fn period_micros(self) -> u64 {
        self.period_ms.max(1).saturating_mul(1_000)
    }
}

/// The text is not a rate. The message says what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseRateError(String);

impl FromStr for Rate {
    type Err = ParseRateError;

    /// Parses the rates that the attribute accepts, such as `60/min`.
    fn from_str(text: &str) -> Result<Self, ParseRateError> {
        let (count, period) = jobs_grammar::rate::parse(text).map_err(ParseRateError)?;
        let period_ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { count, period_ms })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slow_rates_have_no_burst_and_fast_rates_a_small_one() {
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
        let rate = |count, period_ms| Rate { count, period_ms };
        assert_eq!(rate(20, 1_000).of_claims(), rate(20, 1_050));
        assert_eq!(rate(600, 60_000).of_claims(), rate(600, 60_250));
        assert_eq!(rate(1, 19).of_claims(), rate(1, 19));
    }

    proptest! {
        /// Callers that start whatever is allowed never exceed the count in any period.
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

        /// Starts are allowed at the time that `free_at` returns, and not one microsecond before.
        #[test]
        fn free_at_is_the_first_time_that_is_allowed(
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
