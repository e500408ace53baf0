//! The limits of an execution as a text: the array of their numbers, in the order in which they are passed.
//!
//! A claim says it and an end says it again ([`HeldLimits`](crate::store::HeldLimits)), so that permits are
//! counted without a look at each execution.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::fault::Fault;
use super::json;
use crate::store::doorkeeper::LimitId;
use crate::store::{Claimed, StoreError};
use crate::time::Timestamp;

/// The limits of a text.
pub(super) fn limits_of(text: &str) -> Result<Vec<LimitId>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        what: "the limits of an execution".to_owned(),
        reason: error.to_string(),
    })
}

/// The array of such texts, null for who has no limits. Neighbours often have the same.
pub(super) fn texts(limits: &[Rc<[LimitId]>]) -> Result<String, Fault> {
    let mut texts = Vec::with_capacity(limits.len());
    for run in limits.chunk_by(|one, next| one == next) {
        let text = (!run[0].is_empty()).then(|| json::array(&*run[0]));
        let text: Option<Rc<str>> = text.transpose()?.map(Into::into);
        texts.extend(run.iter().map(|_| text.clone()));
    }
    json::array(texts.iter().map(Option::as_deref))
}

/// How many attempts end, or start, that have a limit, and when the last of those starts. Ends need no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Alike {
    pub(super) count: u64,
    pub(super) last: Timestamp,
}

/// Counts attempts by their limits. Damaged texts have none.
#[derive(Debug, Default)]
pub(super) struct Tally<'t> {
    /// Neighbours often have the same.
    run: Option<(&'t str, Alike)>,
    before: BTreeMap<&'t str, Alike>,
}

impl Alike {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.last = self.last.max(other.last);
    }
}

impl<'t> Tally<'t> {
    /// Of what is leased, from when on that is.
    pub(super) fn of_starts(claimed: &'t [Claimed]) -> Self {
        let mut tally = Self::default();
        for claimed in claimed {
            if let Some(limits) = &claimed.limits {
                tally.add(limits.as_str(), claimed.claimed_at);
            }
        }
        tally
    }

    /// One more with these limits.
    pub(super) fn add(&mut self, limits: &'t str, last: Timestamp) {
        let one = Alike { count: 1, last };
        match &mut self.run {
            Some((text, run)) if *text == limits => run.add(one),
            run => {
                if let Some((text, alike)) = run.replace((limits, one)) {
                    self.before.entry(text).or_default().add(alike);
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.run.is_none()
    }

    /// As JSON, limit by limit: `[[limit, count, last], …]`.
    pub(super) fn by_limit(self) -> Result<String, Fault> {
        let mut by_limit: BTreeMap<LimitId, Alike> = BTreeMap::new();
        for (text, alike) in self.before.into_iter().chain(self.run) {
            for limit in limits_of(text).unwrap_or_default() {
                by_limit.entry(limit).or_default().add(alike);
            }
        }
        json::array(
            by_limit
                .into_iter()
                .map(|(limit, alike)| (limit, alike.count, alike.last.as_millis())),
        )
    }
}
