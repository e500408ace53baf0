//! A store wrapper that simulates the death of its process at a chosen call.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jobs_runtime::store::{DelegatingStore, Store, StoreError};

/// The moment of a process's death, relative to its last store call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The call does not reach the store.
    BeforeCall,
    /// The store executes the call, and its answer is lost.
    AfterCall,
}

/// A real store as one process sees it. After a given number of calls the process counts as dead:
/// no further call reaches the store, and each returns [`StoreError::Unavailable`].
pub struct FaultInjectingStore {
    store: Arc<dyn Store>,
    death: Death,
    calls_left: AtomicI64,
    dead: AtomicBool,
}

impl FaultInjectingStore {
    /// Wraps `store`; the process dies at its `calls`-th call, counted from 1.
    pub fn new(store: Arc<dyn Store>, calls: i64, death: Death) -> Arc<Self> {
        Arc::new(Self {
            store,
            death,
            calls_left: AtomicI64::new(calls),
            dead: AtomicBool::new(false),
        })
    }

    /// Lets the process die at its `calls`-th call from now on, counted from 1.
    pub fn die_at(&self, calls: i64) {
        self.calls_left.store(calls, Ordering::SeqCst);
    }

    /// True once the process is dead.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Kills the process now, between two calls.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Decides about one call: whether it reaches the store, and whether its answer is delivered.
    fn decide(&self) -> (bool, bool) {
        if self.is_dead() {
            return (false, false);
        }
        if self.calls_left.fetch_sub(1, Ordering::SeqCst) > 1 {
            return (true, true);
        }
        self.kill();
        (self.death == Death::AfterCall, false)
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        location: "the fault-injecting store".to_owned(),
        reason: "the simulated process is dead".to_owned(),
    }
}

impl fmt::Debug for FaultInjectingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultInjectingStore")
            .field("death", &self.death)
            .field("dead", &self.is_dead())
            .finish_non_exhaustive()
    }
}

impl DelegatingStore for FaultInjectingStore {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let (reaches_store, answer_arrives) = self.decide();
        let answer = if reaches_store {
            call.await
        } else {
            Err(unavailable())
        };
        if answer_arrives {
            answer
        } else {
            Err(unavailable())
        }
    }
}
