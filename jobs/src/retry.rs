//! Retry policies.

use std::time::Duration;

/// The number of attempts of a job, and the delays between them.
///
/// The delays are a list, not a formula, and are stored with every execution. Any worker can
/// schedule the next attempt, and tools can show the delays in advance.
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

    /// Creates a policy of `max_attempts` attempts in total.
    ///
    /// The n-th of `delays` follows the n-th failure. A shorter list repeats its last delay.
    pub const fn new(max_attempts: u32, delays: &'static [Duration]) -> Self {
        Self {
            max_attempts,
            delays,
            jitter: 0.0,
        }
    }

    /// Randomises each delay by up to this fraction of it (0 to 1), in both directions.
    #[must_use]
    pub const fn jitter(mut self, share: f32) -> Self {
        self.jitter = share;
        self
    }

    /// The number of attempts in total, including the first; at least 1.
    pub const fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// The delays as listed.
    pub const fn delays(&self) -> &'static [Duration] {
        self.delays
    }

    /// The share by which delays are randomised, 0 to 1.
    pub const fn jitter_share(&self) -> f32 {
        self.jitter
    }
}
