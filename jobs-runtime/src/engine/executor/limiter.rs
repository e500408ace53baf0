//! Named rate limits, as handlers use them through `JobContext::limit`.
//!
//! A named limit is configured in `jobs.toml` or on the builder and counts for the whole fleet. The
//! store reserves each call; this module finds the limit and remembers its use. If the handler
//! returns `JobError::rate_limited`, every limit that its attempt used is paused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jobs::runtime::{ErrorReport, Limiter, Reserved, Verdict};
use jobs::{BoxFuture, Clock, JobError};

use crate::clock::timestamp;
use crate::engine::outcome::MAX_PAUSE;
use crate::error::NO_LIMIT;
use crate::store::{Limit, LimitRule, Rate, Reservation, Store};
use crate::time::Timestamp;

/// The configured rate limits, by name.
pub(crate) type NamedRates = BTreeMap<String, Rate>;

/// The named limits of one attempt.
#[derive(Clone)]
pub(super) struct AttemptLimiter(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    rates: Arc<NamedRates>,
    /// The names of the limits that this attempt has used.
    used: Mutex<BTreeSet<String>>,
}

impl AttemptLimiter {
    pub(super) fn new(
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        rates: &Arc<NamedRates>,
    ) -> Self {
        Self(Arc::new(Inner {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            rates: Arc::clone(rates),
            used: Mutex::default(),
        }))
    }

    /// Pauses every limit that this attempt has used, if the handler returned a rate-limit error.
    pub(super) async fn pause_if_rate_limited(&self, returned: &Result<String, ErrorReport>) {
        let Some(delay) = rate_limit_pause(returned) else {
            return;
        };
        let keys: Vec<_> = {
            let used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
            used.iter().map(|name| key(name)).collect()
        };
        if keys.is_empty() {
            return;
        }
        let until = timestamp(&*self.0.clock).after(delay);
        if let Err(error) = self.0.store.pause_limit(keys, until).await {
            let error = crate::error::chain(&error);
            tracing::warn!(%error, "could not pause the rate limits that this attempt used");
        }
    }

    async fn take(&self, name: &str, cost: u32, latest: SystemTime) -> Result<Reserved, JobError> {
        let Inner {
            store,
            clock,
            rates,
            used,
        } = &*self.0;
        let Some(rate) = rates.get(name) else {
            let known: Vec<_> = rates.keys().map(String::as_str).collect();
            let known = match known.as_slice() {
                [] => "none is configured".to_owned(),
                known => format!("configured are {}", known.join(", ")),
            };
            // Retryable: the setting may be on its way to this worker.
            return Err(JobError::from(format!(
                "{NO_LIMIT}{name}`: configure it under `limits` in jobs.toml or with \
                 `Runtime::builder().limit(..)`; {known}"
            )));
        };
        let limit = Limit {
            key: key(name),
            job_id: String::new(),
            rule: LimitRule::Rate(*rate),
        };
        let latest = Timestamp::from(latest);
        let now = timestamp(&**clock);
        Ok(match store.reserve(limit, cost, now, latest).await? {
            Reservation::At(at) => {
                let mut used = used.lock().unwrap_or_else(PoisonError::into_inner);
                used.insert(name.to_owned());
                Reserved::At(at.into())
            }
            Reservation::TooLate(at) => Reserved::TooLate(at.into()),
        })
    }
}

impl Limiter for AttemptLimiter {
    fn reserve<'a>(
        &'a self,
        name: &'a str,
        cost: u32,
        latest: SystemTime,
    ) -> BoxFuture<'a, Result<Reserved, JobError>> {
        Box::pin(self.take(name, cost, latest))
    }
}

/// The key of a named limit in the store. It contains a colon, which ids of jobs cannot contain.
fn key(name: &str) -> String {
    format!("limit:{name}")
}

/// The delay of a rate-limit error that the handler returned, at most [`MAX_PAUSE`].
pub(in crate::engine) fn rate_limit_pause(
    returned: &Result<String, ErrorReport>,
) -> Option<Duration> {
    match returned.as_ref().err()?.verdict {
        Verdict::RateLimited(delay) => Some(delay.min(MAX_PAUSE)),
        _ => None,
    }
}
