//! A store under a test clock: time stands still during each of its calls.

use std::sync::Arc;

use jobs::Clock;

use super::{DelegatingStore, Store, StoreError};

/// Passes every call to its store. A [busy guard](Clock::hold) keeps a virtual clock from advancing
/// until the store has answered.
pub(crate) struct ClockedStore {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl ClockedStore {
    /// Wraps a store under a virtual clock. Under a real clock it returns the store unchanged.
    pub(crate) fn wrap(store: Arc<dyn Store>, clock: &Arc<dyn Clock>) -> Arc<dyn Store> {
        if !clock.hold().is_needed() {
            return store;
        }
        Arc::new(Self {
            store,
            clock: Arc::clone(clock),
        })
    }
}

impl DelegatingStore for ClockedStore {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let _hold = self.clock.hold();
        call.await
    }
}
