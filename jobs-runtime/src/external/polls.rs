//! Polls of external workers that wait for work.
//!
//! The claimer serves the oldest poll first, with a claim in the session of its worker. The poll is
//! answered as soon as there is any lease. One that finds nothing waits on.
//!
//! The polls that ask for the same jobs share one flag: whether the store may have work for them.
//! A claim that finds less than its poll asked for lowers the flag; an event of the store and the
//! poll interval raise it. So any number of waiting polls that find nothing costs one claim per set
//! of jobs and interval.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::ExecutionId;
use tokio::sync::{Notify, oneshot};

use super::leases::{Lease, LeaseView};
use super::workers::{WorkerInfo, WorkerSession};
use super::{ExternalLeases, LeaseError, Wanted};
use crate::store::StoreEvent;

/// The most leases that one poll gets.
pub(crate) const MAX_LEASES: usize = 100;

/// The most jobs, or executions, that one poll asks for.
pub(crate) const MAX_POLL_JOBS: usize = 1_000;

/// The most polls that wait at a time.
const MAX_POLLS: usize = 10_000;

/// The jobs and executions that a poll asks for, with the aliases of the jobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct WorkFilter {
    pub(super) job_ids: Arc<[String]>,
    pub(super) only: Arc<[ExecutionId]>,
}

/// A poll that waits.
pub(super) struct Poll {
    pub(super) worker: Arc<WorkerSession>,
    pub(super) filter: WorkFilter,
    pub(super) max: usize,
    /// The poll does not wait: it is answered after one look.
    pub(super) is_immediate: bool,
    pub(super) answer: oneshot::Sender<Granted>,
}

/// Leases on their way to a worker. Those that no worker receives are released.
pub(crate) struct Granted {
    /// The leases with their payloads.
    pub(super) leases: Vec<(Arc<Lease>, String)>,
    pub(super) external: ExternalLeases,
}

impl Granted {
    /// The leases, which the worker now has.
    pub(crate) fn accept(mut self) -> Vec<LeaseView> {
        let leases = std::mem::take(&mut self.leases);
        let views = leases.into_iter();
        views.map(|(lease, payload)| lease.view(payload)).collect()
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        for (lease, _) in std::mem::take(&mut self.leases) {
            self.external.release_later(lease);
        }
    }
}

/// The waiting polls, the oldest first.
#[derive(Default)]
pub(super) struct Polls {
    state: Mutex<PollState>,
    /// Wakes the claimer.
    pub(super) changed: Notify,
}

#[derive(Default)]
struct PollState {
    waiting: VecDeque<Poll>,
    /// True if the store may have work, by filter. An unknown filter counts as `true`.
    may_have_work: HashMap<WorkFilter, bool>,
}

impl Polls {
    fn add(&self, poll: Poll) -> Result<(), LeaseError> {
        let mut state = self.state();
        if poll.is_immediate && state.may_have_work.get(&poll.filter) == Some(&false) {
            // Dropped: an empty answer.
            return Ok(());
        }
        if state.waiting.len() >= MAX_POLLS {
            state.waiting.retain(|poll| !poll.answer.is_closed());
        }
        if state.waiting.len() >= MAX_POLLS {
            return Err(LeaseError::TooMany {
                what: "waiting polls",
                limit: MAX_POLLS,
            });
        }
        state.waiting.push_back(poll);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the oldest poll for which the store may have work, and lowers the flag of its filter.
    pub(super) fn take_next(&self) -> Option<Poll> {
        let mut state = self.state();
        state.waiting.retain(|poll| !poll.answer.is_closed());
        let PollState {
            waiting,
            may_have_work,
        } = &mut *state;
        let place = waiting.iter().position(|poll| {
            let flag = may_have_work.get(&poll.filter);
            flag.copied().unwrap_or(true)
        })?;
        let poll = waiting.remove(place)?;
        may_have_work.insert(poll.filter.clone(), false);
        Some(poll)
    }

    /// Puts a poll that found nothing back to the head of the queue. One that does not wait gets an
    /// empty answer.
    pub(super) fn put_back(&self, poll: Poll) {
        if !poll.is_immediate {
            self.state().waiting.push_front(poll);
        }
    }

    /// The store may have more work for a filter.
    pub(super) fn expect_more(&self, filter: &WorkFilter) {
        self.state().may_have_work.insert(filter.clone(), true);
    }

    /// The store may have work for every filter. Forgets the filters that no poll waits with.
    pub(super) fn expect_work(&self) {
        let mut state = self.state();
        let PollState {
            waiting,
            may_have_work,
        } = &mut *state;
        waiting.retain(|poll| !poll.answer.is_closed());
        may_have_work.retain(|filter, _| waiting.iter().any(|poll| poll.filter == *filter));
        may_have_work.values_mut().for_each(|flag| *flag = true);
        drop(state);
        self.changed.notify_one();
    }

    /// Raises the flags that an event of the store concerns.
    pub(super) fn on_event(&self, event: &StoreEvent) {
        match event {
            StoreEvent::Ready | StoreEvent::Elsewhere => self.expect_work(),
            StoreEvent::JobsReady(jobs) => {
                let mut state = self.state();
                for (filter, flag) in &mut state.may_have_work {
                    *flag |= filter.job_ids.iter().any(|id| jobs.contains(id));
                }
                drop(state);
                self.changed.notify_one();
            }
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, PollState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExternalLeases {
    /// Waits for up to `max` leases, at most for `wait`. Returns fewer as soon as there are any,
    /// and none at the end of the wait. Without a wait it looks once.
    ///
    /// # Errors
    /// A job is unknown, the server has too many polls or workers, or the store fails.
    pub(crate) async fn poll(
        &self,
        info: WorkerInfo,
        wanted: Wanted,
        max: usize,
        wait: Duration,
    ) -> Result<Option<Granted>, LeaseError> {
        self.start();
        let filter = self.filter(wanted).await?;
        let inner = &self.0;
        let times = (inner.now(), inner.elapsed());
        let store = &**inner.store();
        let worker = inner.workers.session(store, &info, &filter.job_ids, times);
        let worker = worker.await?;
        let (answer, granted) = oneshot::channel();
        inner.polls.add(Poll {
            worker,
            filter,
            max: max.min(MAX_LEASES),
            is_immediate: wait.is_zero(),
            answer,
        })?;
        let longest = inner.settings.longest_wait();
        let wait = if wait.is_zero() {
            longest
        } else {
            wait.min(longest)
        };
        tokio::select! {
            biased;
            granted = granted => Ok(granted.ok()),
            () = inner.clock().sleep(wait) => Ok(None),
            () = inner.stop.cancelled() => Ok(None),
        }
    }

    /// Resolves the jobs of a poll. A poll for executions alone takes those of every known job.
    async fn filter(&self, wanted: Wanted) -> Result<WorkFilter, LeaseError> {
        let service = &self.0.service;
        let mut jobs = Vec::new();
        for id in &wanted.jobs {
            jobs.push(service.job(id).await?);
        }
        if jobs.is_empty() {
            jobs = service.jobs().await?;
        }
        let mut job_ids = Vec::new();
        for job in jobs {
            job_ids.push(job.id().to_owned());
            job_ids.extend(job.descriptor().aliases.iter().cloned());
        }
        job_ids.sort_unstable();
        job_ids.dedup();
        let mut only = wanted.executions;
        only.sort_unstable();
        Ok(WorkFilter {
            job_ids: job_ids.into(),
            only: only.into(),
        })
    }
}
