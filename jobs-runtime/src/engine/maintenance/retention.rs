//! Retention: a loop that prunes the store by itself.
//!
//! The loop shares nothing with the dispatcher: it has its own timer, and calls the store through a
//! [`Pruner`]. It runs in every process that executes jobs or serves HTTP; the fleet's turn lets
//! one of them prune at a time. The loop ends with the runtime, also in the middle of a pass: every
//! step is repeatable.

use std::sync::Arc;
use std::time::Duration;

use jobs::Clock;

use crate::Entropy;
use crate::background_loop::{BackgroundLoop, poll_interval};
use crate::clock::timestamp;
use crate::retention::{Archiver, PruneError, Pruner, RetentionSettings};
use crate::store::{Store, StoreError};

/// The time from the start of a process to its first pass. A process that restarts again and again
/// thus does not prune all the time.
const FIRST_PASS: Duration = Duration::from_secs(60);

/// The bounds of the interval between two passes, which is a tenth of the shortest retention of the
/// settings. Under a virtual clock the upper bound is a day.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));

/// The interval between two comparisons of the limits with all executions, and between two renewals
/// of the publications.
const DAILY: Duration = Duration::from_secs(86_400);

/// The time until a pass whose archive has failed is tried again.
const ARCHIVE_RETRY: Duration = Duration::from_secs(60);

/// Everything that the loop is built from.
pub(crate) struct RetentionParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<Entropy>,
    pub(crate) settings: RetentionSettings,
    /// `None` if executions are deleted without an archive.
    pub(crate) archiver: Option<Archiver>,
    /// The linked jobs: id and fingerprint of each.
    pub(crate) publications: Vec<(String, String)>,
}

impl RetentionParts {
    /// Starts the loop on the tokio runtime of the caller.
    pub(crate) fn start(self) -> BackgroundLoop {
        let clock = Arc::clone(&self.clock);
        BackgroundLoop::start(&clock, self.prune_forever())
    }

    async fn prune_forever(self) {
        let random = self.entropy.apart("retention");
        let holder = random.execution_id(&*self.clock).to_string();
        let (shortest, longest) = INTERVALS;
        // A pass per hour would make 8,760 passes of a virtual year, and no test reads them.
        let longest = poll_interval(&*self.clock, longest);
        let interval = (self.settings.shortest() / 10).clamp(shortest, longest);
        let pruner = Pruner::new(
            Arc::clone(&self.store),
            Arc::clone(&self.clock),
            self.settings.clone(),
            self.archiver.clone(),
            holder,
        );
        let mut limits_at = Duration::ZERO;
        let mut renewal_at = self.clock.elapsed() + DAILY;
        self.clock
            .sleep(FIRST_PASS.mul_f64(0.5 + random.fraction()))
            .await;
        loop {
            let now = self.clock.elapsed();
            if now >= renewal_at && self.renew_publications().await.is_ok() {
                renewal_at = now + DAILY;
            }
            let with_limits = now >= limits_at;
            // Shorter than the interval, so that the next pass of this process finds the rest over.
            match pruner.prune_in_turn(interval * 3 / 4, with_limits).await {
                Ok(Some(report)) => {
                    tracing::debug!(?report, "a retention pass has ended");
                    if with_limits {
                        limits_at = now + DAILY;
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    let is_archive = matches!(error, PruneError::Archive(_));
                    let error = crate::error::chain(&error).to_string();
                    tracing::warn!(error, "a retention pass failed");
                    if is_archive {
                        self.clock.sleep(ARCHIVE_RETRY.min(interval)).await;
                        continue;
                    }
                }
            }
            self.clock.sleep(interval).await;
        }
    }

    /// Says that this program still links its jobs, so that their publications are kept.
    async fn renew_publications(&self) -> Result<(), StoreError> {
        let now = timestamp(&*self.clock);
        let renewed = self
            .store
            .renew_publications(self.publications.clone(), now);
        renewed.await
    }
}
