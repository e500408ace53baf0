//! The registry of known jobs: linked into this program, or published by other programs.
//!
//! A linked definition takes precedence over a published one with the same id. The published jobs
//! are cached and read again after [`MAX_AGE_OF_KNOWN`], or after [`MAX_AGE_OF_UNKNOWN`] when an id
//! is not in the cache. So a caller that asks for unknown ids causes at most one query a second.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jobs::{Catalogue, Clock, EnqueueError};

use super::job::{KnownJob, SchemaError};
use super::suggest::similar_names;
use crate::store::{PublishedJob, Store, StoreError};
use crate::time::Timestamp;

/// The age up to which a cached definition of a published job is used.
const MAX_AGE_OF_KNOWN: Duration = Duration::from_secs(5);

/// The age up to which the cache is trusted not to contain an id.
const MAX_AGE_OF_UNKNOWN: Duration = Duration::from_secs(1);

pub(crate) struct JobRegistry {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    linked: JobIndex,
    published: RwLock<PublishedSnapshot>,
    // Serialises reads of the store: concurrent callers share one read.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct PublishedSnapshot {
    index: Arc<JobIndex>,
    read_at: Option<Duration>,
}

/// Jobs by id and alias.
#[derive(Default)]
struct JobIndex {
    jobs: BTreeMap<String, Arc<KnownJob>>,
    aliases: HashMap<String, String>,
}

impl JobIndex {
    fn of(jobs: impl IntoIterator<Item = Arc<KnownJob>>) -> Self {
        let mut index = Self::default();
        for job in jobs {
            for alias in &job.descriptor().aliases {
                index.aliases.insert(alias.clone(), job.id().to_owned());
            }
            index.jobs.insert(job.id().to_owned(), job);
        }
        index
    }

    fn get(&self, id: &str) -> Option<&Arc<KnownJob>> {
        self.jobs
            .get(id)
            .or_else(|| self.jobs.get(self.aliases.get(id)?))
    }
}

impl JobRegistry {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        catalogue: &Catalogue,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SchemaError> {
        let linked = catalogue
            .iter()
            .map(|job| KnownJob::linked(job).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            store,
            clock,
            linked: JobIndex::of(linked),
            published: RwLock::default(),
            reading: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) async fn job(&self, id: &str) -> Result<Arc<KnownJob>, EnqueueError> {
        match self.find(id).await {
            Ok(Some(job)) => Ok(job),
            Ok(None) => Err(self.unknown_job(id, &self.snapshot())),
            Err(error) => Err(EnqueueError::Store(Box::new(error))),
        }
    }

    /// Returns the names of the sensitive fields in stored payloads of a job: those of the known
    /// definition, and those of every publication that the store still has.
    pub(crate) async fn sensitive_fields(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let mut ids = vec![id.to_owned()];
        let mut names = BTreeSet::new();
        if let Some(job) = self.find(id).await? {
            let job = job.descriptor();
            ids.extend(job.aliases.iter().chain([&job.id]).cloned());
            names.extend(job.sensitive.iter().cloned());
        }
        names.extend(self.store.sensitive_fields(ids).await?);
        Ok(names.into_iter().collect())
    }

    /// Like [`job`](Self::job); `None` if no program has published the job.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Arc<KnownJob>>, StoreError> {
        if let Some(job) = self.linked.get(id) {
            return Ok(Some(job.clone()));
        }
        let stale = self.snapshot().get(id).cloned();
        let max_age = match stale {
            Some(_) => MAX_AGE_OF_KNOWN,
            None => MAX_AGE_OF_UNKNOWN,
        };
        match (self.published(max_age).await, stale) {
            (Ok(index), _) => Ok(index.get(id).cloned()),
            // The store cannot be read; the stale definition is used. The enqueue that follows
            // reports an error if the store is still unavailable.
            (Err(_), Some(job)) => Ok(Some(job)),
            (Err(error), None) => Err(error),
        }
    }

    pub(crate) async fn all(&self) -> Result<Vec<Arc<KnownJob>>, StoreError> {
        let published = self.published(MAX_AGE_OF_UNKNOWN).await?;
        let mut jobs = self.linked.jobs.clone();
        for (id, job) in &published.jobs {
            // A published id that is an alias of a linked job is the linked job.
            if self.linked.get(id).is_none() {
                jobs.insert(id.clone(), job.clone());
            }
        }
        Ok(jobs.into_values().collect())
    }

    /// Returns the linked jobs, sorted by id.
    pub(crate) fn linked(&self) -> Vec<Arc<KnownJob>> {
        self.linked.jobs.values().cloned().collect()
    }

    /// Returns the linked jobs for publication in the store.
    pub(crate) fn publications(&self, now: Timestamp) -> Vec<PublishedJob> {
        let jobs = self.linked.jobs.values();
        jobs.map(|job| job.publication(now)).collect()
    }

    /// Returns the id and the fingerprint of each linked job.
    pub(crate) fn fingerprints(&self) -> Vec<(String, String)> {
        let jobs = self.linked.jobs.values();
        jobs.map(|job| (job.id().to_owned(), job.fingerprint().to_owned()))
            .collect()
    }

    fn unknown_job(&self, id: &str, published: &JobIndex) -> EnqueueError {
        let ids = self.linked.jobs.keys().chain(published.jobs.keys());
        let mut near = similar_names(id, ids.map(String::as_str));
        near.dedup();
        EnqueueError::UnknownJob {
            job_id: id.to_owned(),
            near,
        }
    }

    /// Returns the published jobs, read at most `max_age` ago.
    async fn published(&self, max_age: Duration) -> Result<Arc<JobIndex>, StoreError> {
        if let Some(index) = self.fresh(max_age) {
            return Ok(index);
        }
        let _reading = self.reading.lock().await;
        if let Some(index) = self.fresh(max_age) {
            return Ok(index);
        }
        let before = self.snapshot();
        let jobs = self.store.catalogue().await?;
        let index = Arc::new(JobIndex::of(jobs.into_iter().map(|job| {
            // Reused, because it contains the compiled schema.
            match before.jobs.get(&job.descriptor.id) {
                Some(known) if known.fingerprint() == job.fingerprint => known.clone(),
                _ => Arc::new(KnownJob::published(job)),
            }
        })));
        let mut published = self
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *published = PublishedSnapshot {
            index: index.clone(),
            read_at: Some(self.clock.elapsed()),
        };
        Ok(index)
    }

    fn fresh(&self, max_age: Duration) -> Option<Arc<JobIndex>> {
        let published = self
            .published
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let age = self.clock.elapsed().saturating_sub(published.read_at?);
        (age < max_age).then(|| published.index.clone())
    }

    fn snapshot(&self) -> Arc<JobIndex> {
        self.published
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .index
            .clone()
    }
}
