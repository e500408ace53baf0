//! The rate limits that handlers ask by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jobs::runtime::{HandlerResult, Limiter, Reserved, Verdict};
use jobs::{BoxFuture, Clock, JobError};

use crate::clock::timestamp;
use crate::store::{Limit, LimitRule, Rate, Reservation, Store};
use crate::time::Timestamp;

/// The limits by their names.
pub(crate) type NamedRates = BTreeMap<String, Rate>;

/// The limits as one attempt asks them.
#[derive(Clone)]
pub(in crate::engine) struct AttemptLimiter(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    rates: Arc<NamedRates>,
    /// What this attempt has asked for.
    asked: Mutex<BTreeSet<String>>,
}

impl AttemptLimiter {
    pub(in crate::engine) fn new(
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        rates: &Arc<NamedRates>,
    ) -> Self {
        Self(Arc::new(Inner {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            rates: Arc::clone(rates),
            asked: Mutex::default(),
        }))
    }

    /// Makes everybody wait who asks for what this attempt has asked for, if its handler was told to
    /// slow down.
    pub(in crate::engine) async fn heed(&self, returned: &HandlerResult) {
        let Some(delay) = asked_to_wait(returned) else {
            return;
        };
        let keys: Vec<_> = {
            let asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.iter().map(|name| key(name)).collect()
        };
        if keys.is_empty() {
            return;
        }
        let until = timestamp(&*self.0.clock).after(delay);
        if let Err(error) = self.0.store.pause_limit(keys, until).await {
            let error = crate::error::chain(&error);
            tracing::warn!(%error, "the limits that were asked for do not rest");
        }
    }

    async fn take(&self, name: &str, cost: u32, latest: SystemTime) -> Result<Reserved, JobError> {
        let Inner {
            store,
            clock,
            rates,
            asked,
        } = &*self.0;
        let Some(rate) = rates.get(name) else {
            let known: Vec<_> = rates.keys().map(String::as_str).collect();
            let known = match known.as_slice() {
                [] => "none is set up".to_owned(),
                known => format!("there are {}", known.join(", ")),
            };
            return Err(JobError::permanent(format!(
                "no limit `{name}`: set it up by `limits` in jobs.toml or by \
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
                let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
                asked.insert(name.to_owned());
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

/// What names such a limit in the store; ids of jobs have no colon.
fn key(name: &str) -> String {
    format!("limit:{name}")
}

/// How long a handler was asked to wait by somebody outside.
pub(in crate::engine) fn asked_to_wait(returned: &HandlerResult) -> Option<Duration> {
    match returned.as_ref().err()?.verdict() {
        Verdict::RateLimited(delay) => Some(delay),
        _ => None,
    }
}
