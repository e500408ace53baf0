//! The sessions of the external workers that this server has heard from.
//!
//! A worker is heard with each of its requests. The keeper renews the sessions of the workers that
//! were heard since the last renewal, all in one statement. So an idle worker costs no call of its
//! own, and the session of a silent worker dies after a lease.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::token::Secret;
use super::{LeaseError, Settings};
use crate::store::{ExternalProgram, ExternalWorker, SessionId, SessionInfo, Store, StoreError};
use crate::time::Timestamp;

/// The most workers with a session of this server.
const MAX_WORKERS: usize = 10_000;

/// The description of a worker, as its polls carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerInfo {
    /// The id that the worker chose for this start.
    pub(crate) worker_id: String,
    /// The name for people; the id if absent.
    pub(crate) name: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) labels: Vec<String>,
}

/// The session of a worker at this server.
pub(super) struct WorkerSession {
    pub(super) session: SessionId,
    pub(super) secret: Secret,
    info: WorkerInfo,
    job_ids: BTreeSet<String>,
    last_claim: AtomicI64,
    /// Another session has replaced this one, or the store has closed it.
    retired: AtomicBool,
    heard: Mutex<Duration>,
}

impl WorkerSession {
    /// The number of the next claim. Only the claimer's task claims, one claim at a time.
    pub(super) fn next_claim(&self) -> i64 {
        self.last_claim.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The session takes no more claims.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    fn serves(&self, info: &WorkerInfo, job_ids: &[String]) -> bool {
        let all = job_ids.iter().all(|id| self.job_ids.contains(id));
        !self.retired.load(Ordering::Relaxed) && self.info == *info && all
    }
}

/// The workers by their ids, and the sessions that were heard.
pub(super) struct Workers {
    settings: Settings,
    known: Mutex<HashMap<String, Arc<WorkerSession>>>,
    /// Sessions that were heard since the last renewal, those of other servers included.
    heard: Mutex<HashSet<SessionId>>,
    /// One session is opened at a time, so that concurrent polls of a worker share it.
    opening: tokio::sync::Mutex<()>,
}

impl Workers {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            known: Mutex::default(),
            heard: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the session of a worker that asks for these jobs, and opens one if it has none. A
    /// worker that describes itself otherwise, or asks for further jobs, gets another session.
    pub(super) async fn session(
        &self,
        store: &dyn Store,
        info: &WorkerInfo,
        job_ids: &[String],
        (now, elapsed): (Timestamp, Duration),
    ) -> Result<Arc<WorkerSession>, LeaseError> {
        if let Some(known) = self.find(info, job_ids, elapsed) {
            return Ok(known);
        }
        let _opening = self.opening.lock().await;
        if let Some(known) = self.find(info, job_ids, elapsed) {
            return Ok(known);
        }
        let before = self.known().get(&info.worker_id).cloned();
        if before.is_none() && self.known().len() >= MAX_WORKERS {
            return Err(LeaseError::TooMany {
                what: "external workers",
                limit: MAX_WORKERS,
            });
        }
        let mut all: BTreeSet<String> = job_ids.iter().cloned().collect();
        if let Some(before) = &before {
            before.retire();
            all.extend(before.job_ids.iter().cloned());
        }
        let secret = Secret::draw()?;
        let session = SessionInfo {
            worker: info.name.clone().unwrap_or_else(|| info.worker_id.clone()),
            opened_at: now,
            job_ids: all.iter().cloned().collect(),
            fingerprints: Vec::new(),
            queues: Vec::new(),
            labels: info.labels.clone(),
            slot_caps: Vec::new(),
            lease: self.settings.lease,
        };
        let worker = ExternalWorker {
            program: ExternalProgram {
                worker_id: info.worker_id.clone(),
                language: info.language.clone(),
                version: info.version.clone(),
            },
            token_digest: secret.digest(),
        };
        let session = store.open_external_session(session, worker).await?;
        let opened = Arc::new(WorkerSession {
            session,
            secret,
            info: info.clone(),
            job_ids: all,
            last_claim: AtomicI64::new(0),
            retired: AtomicBool::new(false),
            heard: Mutex::new(elapsed),
        });
        let key = info.worker_id.clone();
        self.known().insert(key, Arc::clone(&opened));
        if let Some(before) = before {
            // It stays open while it has leases; their heartbeats renew it.
            store.close_session(before.session).await?;
        }
        Ok(opened)
    }

    fn find(
        &self,
        info: &WorkerInfo,
        job_ids: &[String],
        elapsed: Duration,
    ) -> Option<Arc<WorkerSession>> {
        let known = self.known().get(&info.worker_id).cloned();
        let known = known.filter(|known| known.serves(info, job_ids))?;
        *known.heard.lock().unwrap_or_else(PoisonError::into_inner) = elapsed;
        self.hear(known.session);
        Some(known)
    }

    /// Notes a request of the worker of a session.
    pub(super) fn hear(&self, session: SessionId) {
        self.heard_sessions().insert(session);
    }

    /// True if no worker has a session here and none was heard.
    pub(super) fn is_empty(&self) -> bool {
        self.known().is_empty() && self.heard_sessions().is_empty()
    }

    /// Renews the sessions that were heard since the last call. Forgets workers that were silent
    /// for a lease; closes their sessions if they have no leases.
    pub(super) async fn renew(
        &self,
        store: &dyn Store,
        (now, elapsed): (Timestamp, Duration),
    ) -> Result<(), StoreError> {
        let heard: Vec<SessionId> = self.heard_sessions().drain().collect();
        if !heard.is_empty() {
            let renewed = match store.renew_external_sessions(heard.clone(), now).await {
                Ok(renewed) => renewed,
                Err(error) => {
                    self.heard_sessions().extend(heard);
                    return Err(error);
                }
            };
            let lost: HashSet<_> = heard.iter().filter(|id| !renewed.contains(id)).collect();
            for worker in self.known().values() {
                if lost.contains(&worker.session) {
                    worker.retire();
                }
            }
        }
        let is_silent = |worker: &WorkerSession| {
            let heard = *worker.heard.lock().unwrap_or_else(PoisonError::into_inner);
            elapsed.saturating_sub(heard) > self.settings.lease
        };
        let silent: Vec<_> = {
            let mut known = self.known();
            known
                .extract_if(|_, worker| is_silent(worker))
                .map(|(_, worker)| worker.session)
                .collect()
        };
        for session in silent {
            store.close_session(session).await?;
        }
        Ok(())
    }

    /// Closes the sessions that have no leases.
    pub(super) async fn close_all(&self, store: &dyn Store) {
        let sessions: Vec<_> = self.known().drain().map(|(_, it)| it.session).collect();
        for session in sessions {
            if let Err(error) = store.close_session(session).await {
                let error = crate::error::chain(&error);
                tracing::debug!(%error, "a session of an external worker stays open");
                return;
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<WorkerSession>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard_sessions(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
