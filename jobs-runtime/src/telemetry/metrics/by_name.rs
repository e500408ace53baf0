//! Instruments by the name of what they measure.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::telemetry::reference::OTHER;

/// Instruments by name. Names beyond a bound share those of [`OTHER`].
#[derive(Debug)]
pub(super) struct ByName<T>(RwLock<BTreeMap<String, Arc<T>>>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> ByName<T> {
    /// Returns the instruments of a name. Those of a new name are made, up to `most` names.
    pub(super) fn get(&self, name: &str, most: usize, make: impl FnOnce(&str) -> T) -> Arc<T> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(name) {
            return Arc::clone(known);
        }
        drop(known);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let name = if all.len() < most { name } else { OTHER };
        let one = all.entry(name.to_owned());
        Arc::clone(one.or_insert_with(|| Arc::new(make(name))))
    }

    /// All instruments, sorted by name.
    pub(super) fn all(&self) -> Vec<(String, Arc<T>)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let all = all
            .iter()
            .map(|(name, one)| (name.clone(), Arc::clone(one)));
        all.collect()
    }
}
