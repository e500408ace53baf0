//! Durations and errors of the calls of a store.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use ::jobs::Clock;

use super::Metrics;
use super::instruments::{Counter, Histogram, MirrorFactory};
use crate::store::{DelegatingStore, Store, StoreError};
use crate::telemetry::reference::STORE_CALL_DURATION;

/// The instruments of one method of the store.
#[derive(Debug, Default)]
pub(super) struct CallMetrics {
    pub(super) duration: Histogram,
    pub(super) errors: Counter,
}

/// The instruments by method. The contract bounds their number.
#[derive(Debug, Default)]
pub(super) struct StoreCalls(RwLock<BTreeMap<&'static str, Arc<CallMetrics>>>);

impl StoreCalls {
    pub(super) fn get(
        &self,
        method: &'static str,
        mirrors: Option<&MirrorFactory>,
    ) -> Arc<CallMetrics> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(method) {
            return Arc::clone(known);
        }
        drop(known);
        let mut calls = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let call = calls.entry(method).or_insert_with(|| {
            Arc::new(CallMetrics {
                duration: Histogram::new(&STORE_CALL_DURATION, &[method], mirrors),
                errors: Counter::default(),
            })
        });
        Arc::clone(call)
    }

    /// All methods that were called, sorted by name.
    pub(super) fn all(&self) -> Vec<(&'static str, Arc<CallMetrics>)> {
        let calls = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let all = calls
            .iter()
            .map(|(method, call)| (*method, Arc::clone(call)));
        all.collect()
    }
}

/// Passes every call to its store, and measures it.
pub(crate) struct MeteredStore {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl MeteredStore {
    pub(crate) fn wrap(
        store: Arc<dyn Store>,
        metrics: &Arc<Metrics>,
        clock: &Arc<dyn Clock>,
    ) -> Arc<dyn Store> {
        Arc::new(Self {
            store,
            metrics: Arc::clone(metrics),
            clock: Arc::clone(clock),
        })
    }
}

impl DelegatingStore for MeteredStore {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        call.await
    }

    async fn around_method<T: Send>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let began = self.clock.elapsed();
        let answer = call.await;
        let call = self.metrics.call(method);
        call.duration
            .observe(self.clock.elapsed().saturating_sub(began));
        if answer.as_ref().is_err_and(is_failure) {
            call.errors.increment();
        }
        answer
    }
}

/// True for an error of the store itself. The others are answers, such as a conflict of keys.
fn is_failure(error: &StoreError) -> bool {
    error.is_transient() || matches!(error, StoreError::Layout(_) | StoreError::Corrupt { .. })
}
