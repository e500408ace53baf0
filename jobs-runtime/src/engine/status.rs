//! What a worker is doing, for those who ask from outside.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use crate::time::Timestamp;

/// Counters that the dispatcher writes and anyone reads.
#[derive(Debug, Default)]
pub struct EngineStatus {
    last_contact_ms: AtomicI64,
    store_failing: AtomicBool,
    running: AtomicUsize,
    stale: AtomicUsize,
}

impl EngineStatus {
    /// When the store last answered a claim or a renewal; `None` before the first time.
    pub fn last_contact(&self) -> Option<Timestamp> {
        match self.last_contact_ms.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(millis)),
        }
    }

    /// Whether the last call to the store failed.
    pub fn is_store_failing(&self) -> bool {
        self.store_failing.load(Ordering::Relaxed)
    }

    /// Attempts that run right now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Writes that were refused because the lease had ended.
    pub fn stale_writes(&self) -> usize {
        self.stale.load(Ordering::Relaxed)
    }

    pub(crate) fn store_answered(&self, now: Timestamp) {
        self.last_contact_ms
            .store(now.as_millis(), Ordering::Relaxed);
        self.store_failing.store(false, Ordering::Relaxed);
    }

    pub(crate) fn store_failed(&self) {
        self.store_failing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_running(&self, running: usize) {
        self.running.store(running, Ordering::Relaxed);
    }

    pub(crate) fn count_stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }
}
