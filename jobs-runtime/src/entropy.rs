//! The source of ids and random numbers of a runtime.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use jobs::{Clock, ExecutionId};

/// Makes ids and random numbers from a seed, so that a run under a test clock can be repeated.
pub struct Entropy {
    seed: u64,
    random: Mutex<fastrand::Rng>,
}

impl Entropy {
    /// A source with a random seed.
    pub fn new() -> Self {
        Self::seeded(fastrand::u64(..))
    }

    /// A source that yields the same sequence for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// An id for a new execution.
    pub fn execution_id(&self, clock: &dyn Clock) -> ExecutionId {
        let mut random = [0; 10];
        self.with(|rng| rng.fill(&mut random));
        ExecutionId::from_parts(clock.now(), random)
    }

    /// A number from 0 (included) to 1 (excluded).
    pub fn fraction(&self) -> f64 {
        self.with(fastrand::Rng::f64)
    }

    /// A number from 0 to 1 for one attempt of one execution. It depends on the seed, the execution
    /// and the attempt only.
    pub(crate) fn fraction_of(&self, execution: ExecutionId, attempt: u32) -> f64 {
        let (high, low) = execution.as_bytes().split_at(8);
        let half = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let seed = self.seed ^ half(high).rotate_left(32) ^ half(low) ^ u64::from(attempt) << 48;
        fastrand::Rng::with_seed(seed).f64()
    }

    /// Another source, whose sequence depends on the seed and the purpose only. Draws from it leave
    /// this source unchanged.
    pub(crate) fn apart(&self, purpose: &str) -> Self {
        let mixed = purpose.bytes().fold(self.seed, |seed, byte| {
            seed.rotate_left(9) ^ u64::from(byte).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        Self::seeded(mixed)
    }

    fn with<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Entropy {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entropy").finish_non_exhaustive()
    }
}
