//! The jobs that are known here: linked ones, and those that others have published.
//!
//! A linked definition wins over a published one of its id: this program was built with it.
//! Published ones are read again when an unknown id is asked for and when they are no longer
//! fresh, but only so often: a caller that asks for nonsense must not cost a query each time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jobs::{Catalogue, Clock, EnqueueError};

use super::job::{KnownJob, SchemaError};
use super::suggest::near_misses;
use crate::store::{PublishedJob, Store, StoreError};
use crate::time::Timestamp;

/// How long a published job is used without asking the store again.
const FRESH: Duration = Duration::from_secs(5);

/// How long an unknown id stays unknown without asking the store again.
const FRESH_ENOUGH_TO_DENY: Duration = Duration::from_secs(1);

pub(crate) struct Registry {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    linked: Names,
    published: RwLock<Published>,
    // Whoever comes while the store is being read waits for that reading instead of a second.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Published {
    names: Arc<Names>,
    read_at: Option<Duration>,
}

/// Jobs by id and alias.
#[derive(Default)]
struct Names {
    jobs: BTreeMap<String, Arc<KnownJob>>,
    aliases: HashMap<String, String>,
}

impl Names {
    fn of(jobs: impl IntoIterator<Item = Arc<KnownJob>>) -> Self {
        let mut names = Self::default();
        for job in jobs {
            for alias in &job.descriptor().aliases {
                names.aliases.insert(alias.clone(), job.id().to_owned());
            }
            names.jobs.insert(job.id().to_owned(), job);
        }
        names
    }

    fn get(&self, id: &str) -> Option<&Arc<KnownJob>> {
        self.jobs
            .get(id)
            .or_else(|| self.jobs.get(self.aliases.get(id)?))
    }
}

impl Registry {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        catalogue: &Catalogue,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SchemaError> {
        let linked = catalogue
            .iter()
            .map(|job| KnownJob::linked(job.descriptor().clone()).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            store,
            clock,
            linked: Names::of(linked),
            published: RwLock::default(),
            reading: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) async fn job(&self, id: &str) -> Result<Arc<KnownJob>, EnqueueError> {
        if let Some(job) = self.linked.get(id) {
            return Ok(job.clone());
        }
        let stale = self.snapshot().get(id).cloned();
        let max_age = match stale {
            Some(_) => FRESH,
            None => FRESH_ENOUGH_TO_DENY,
        };
        match (self.published(max_age).await, stale) {
            (Ok(names), _) => match names.get(id) {
                Some(job) => Ok(job.clone()),
                None => Err(self.unknown(id, &names)),
            },
            // What was known a moment ago is better than nothing: the enqueue itself will tell
            // whether the store is back.
            (Err(_), Some(job)) => Ok(job),
            (Err(error), None) => Err(EnqueueError::Store(Box::new(error))),
        }
    }

    pub(crate) async fn all(&self) -> Result<Vec<Arc<KnownJob>>, StoreError> {
        let published = self.published(FRESH_ENOUGH_TO_DENY).await?;
        let mut jobs = self.linked.jobs.clone();
        for (id, job) in &published.jobs {
            // The former id of a linked job, published before it was renamed, is that job.
            if self.linked.get(id).is_none() {
                jobs.insert(id.clone(), job.clone());
            }
        }
        Ok(jobs.into_values().collect())
    }

    /// The linked jobs as the store keeps them.
    pub(crate) fn publications(&self, now: Timestamp) -> Vec<PublishedJob> {
        let jobs = self.linked.jobs.values();
        jobs.map(|job| job.publication(now)).collect()
    }

    fn unknown(&self, id: &str, published: &Names) -> EnqueueError {
        let names = self.linked.jobs.keys().chain(published.jobs.keys());
        let mut near = near_misses(id, names.map(String::as_str));
        near.dedup();
        EnqueueError::UnknownJob {
            job_id: id.to_owned(),
            near,
        }
    }

    /// What others have published, not older than that.
    async fn published(&self, max_age: Duration) -> Result<Arc<Names>, StoreError> {
        if let Some(names) = self.fresh(max_age) {
            return Ok(names);
        }
        let _reading = self.reading.lock().await;
        if let Some(names) = self.fresh(max_age) {
            return Ok(names);
        }
        let before = self.snapshot();
        let jobs = self.store.catalogue().await?;
        let names = Arc::new(Names::of(jobs.into_iter().map(|job| {
            // An unchanged job keeps its compiled schema.
            match before.jobs.get(&job.descriptor.id) {
                Some(known) if known.fingerprint() == job.fingerprint => known.clone(),
                _ => Arc::new(KnownJob::published(job)),
            }
        })));
        let mut published = self
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *published = Published {
            names: names.clone(),
            read_at: Some(self.clock.elapsed()),
        };
        Ok(names)
    }

    fn fresh(&self, max_age: Duration) -> Option<Arc<Names>> {
        let published = self
            .published
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let age = self.clock.elapsed().saturating_sub(published.read_at?);
        (age < max_age).then(|| published.names.clone())
    }

    fn snapshot(&self) -> Arc<Names> {
        self.published
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .names
            .clone()
    }
}
