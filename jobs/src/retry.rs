//! When a failed attempt is followed by another.

use std::time::Duration;

/// How many attempts a job has, and how long it waits between them.
///
/// The delays are data, written down with every execution: there is no formula to evaluate when a
/// worker has crashed, and the timeline of an execution can be shown before it happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    max_attempts: u32,
    delays: &'static [Duration],
    jitter: f32,
}

impl RetryPolicy {
    /// 30 s, 1 min, 2 min: four attempts in all.
    pub const DEFAULT: Self = Self::new(
        4,
        &[
            Duration::from_secs(30),
            Duration::from_secs(60),
            Duration::from_secs(120),
        ],
    );

    /// `max_attempts` in total; the delay after the n-th failure is the n-th of `delays`, or the
    /// last one when the list is shorter.
    pub const fn new(max_attempts: u32, delays: &'static [Duration]) -> Self {
        Self {
            max_attempts,
            delays,
            jitter: 0.0,
        }
    }

    /// Spreads every delay by up to this share of it in both directions (0 to 1).
    #[must_use]
    pub const fn jitter(mut self, share: f32) -> Self {
        self.jitter = share;
        self
    }

    /// Attempts in total, the first included; at least 1.
    pub const fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// The delays as listed.
    pub const fn delays(&self) -> &'static [Duration] {
        self.delays
    }

    /// The share by which delays are spread.
    pub const fn jitter_share(&self) -> f32 {
        self.jitter
    }
}
