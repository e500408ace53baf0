//! Faults that a test injects: the end of a worker around a commit, lost leases, a slow store.
//!
//! A worker "dies" by losing its session: another session takes its leases over and settles them as
//! lost, as the worker that rescues them does. The fences of the dead one no longer hold. It finds
//! that out at its next claim or renewal, and opens a new session, like a process that starts again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::Clock;

use crate::clock::timestamp;
use crate::engine::outcome::{Exit, Finished, RetryBudget, decide};
use crate::store::{
    Caps, Claim, Claimed, DelegatingStore, SessionInfo, Settlement, Store, StoreError,
};
use crate::time::Timestamp;

/// The lease of the sessions that take leases away. They are closed at once.
const LEASE: Duration = Duration::from_secs(30);

/// The most leases that one session loses.
const LEASES: usize = 1_000;

/// The moment at which the worker ends, seen from the store's commit of an attempt's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The handler has returned, and the store does not know it.
    BeforeCommit,
    /// The store knows the end of the attempt, and the worker does not know that.
    AfterCommit,
}

/// A store that fails on request.
pub(super) struct FaultyStore {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    faults: Mutex<Faults>,
}

#[derive(Default)]
struct Faults {
    crash: Option<Crash>,
    delay: Option<Duration>,
}

impl FaultyStore {
    pub(super) fn around(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            faults: Mutex::default(),
        })
    }

    pub(super) fn crash_at_commit(&self, crash: Crash) {
        self.faults().crash = Some(crash);
    }

    pub(super) fn slow_down(&self, delay: Duration) {
        self.faults().delay = Some(delay);
    }

    /// Takes the leases of every worker away and settles them as lost.
    pub(super) async fn lose_leases(&self) -> Result<(), StoreError> {
        let now = timestamp(&*self.clock);
        for beat in self.store.sessions().await? {
            let info = SessionInfo {
                worker: "the faults of a test".to_owned(),
                opened_at: now,
                job_ids: Vec::new(),
                fingerprints: Vec::new(),
                queues: Vec::new(),
                labels: Vec::new(),
                slot_caps: Vec::new(),
                lease: LEASE,
            };
            let session = self.store.open_session(info).await?;
            let claim = Claim {
                session,
                number: 1,
                job_ids: Vec::new(),
                queues: Vec::new(),
                except: Vec::new(),
                only: Vec::new(),
                limit: LEASES,
                caps: Caps::default(),
                now,
            };
            let lost = self.store.take_over(beat, claim).await?;
            let lost = lost.into_iter().map(|claimed| settle_as_lost(claimed, now));
            self.store.settle(lost.collect()).await?;
            self.store.close_session(session).await?;
        }
        Ok(())
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of an attempt whose worker is lost.
fn settle_as_lost(claimed: Claimed, now: Timestamp) -> Settlement {
    let exit = Exit::Lost {
        again: claimed.lost_before,
    };
    let finished = Finished {
        started_at: claimed.claimed_at,
        finished_at: now,
        progress: None,
        logs: Vec::new(),
    };
    let budget = RetryBudget {
        policy: &claimed.policy,
        spent: claimed.spent,
        chance: 0.0,
    };
    let (end, next) = decide(exit, finished, budget);
    Settlement {
        fence: claimed.fence,
        execution_id: claimed.execution_id,
        end,
        next,
        permits: None,
    }
}

impl DelegatingStore for FaultyStore {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let delay = self.faults().delay;
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        call.await
    }

    async fn around_method<T: Send>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let crash = if method == "settle" {
            self.faults().crash.take()
        } else {
            None
        };
        match crash {
            None => self.around(call).await,
            Some(Crash::BeforeCommit) => {
                self.lose_leases().await?;
                self.around(call).await
            }
            Some(Crash::AfterCommit) => {
                self.around(call).await?;
                self.lose_leases().await?;
                Err(StoreError::Unavailable {
                    location: "the faults of a test".to_owned(),
                    reason: "the worker has died after the commit".to_owned(),
                })
            }
        }
    }
}
