//! Claims: requests for leases on ready executions, and the leased ones that have not started.
//!
//! [`slots`](super::slots) decides when a claim is worth sending and how much it asks for;
//! [`slot_caps`](super::slot_caps) restricts it. A claim carries a number. After a lost answer the
//! same claim is sent again with the same number, and the store returns what it leased the first
//! time.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::call::{BACKOFF, Shared, StoreCall};
use super::completer::{Completer, EndedAttempt};
use super::deliveries::{Deliveries, Delivery, DeliveryAnswer};
use super::handlers::HandlerTable;
use super::hooks::HookLabels;
use super::outcome::{Exit, Finished};
use super::session::{SessionKeeper, SessionLost};
use super::slot_caps::SlotCaps;
use super::slots::{ClaimPurpose, SlotKind, SlotPool};
use super::yields::Yields;
use crate::store::{Caps, Claim, Claimed, Fence, Permits, SessionId, SessionInfo, StoreError};

/// A claim, and the slots that it fills.
#[derive(Clone, Debug)]
struct Request {
    kind: SlotKind,
    purpose: ClaimPurpose,
    claim: Claim,
}

/// The answer of the store to a claim, and the time at which the claim was sent.
#[derive(Debug)]
pub(super) struct ClaimAnswer(Request, Result<Vec<Claimed>, StoreError>, Duration);

/// The slots of a worker, their caps, and the executions that wait for them.
pub(super) struct Claims {
    pools: [SlotPool; 2],
    pub(super) caps: SlotCaps,
    pub(super) yields: Yields,
    pub(super) handlers: Arc<HandlerTable>,
    pub(super) deliveries: Deliveries,
    /// Claims without an answer, with the times at which they are sent again.
    unanswered: Vec<(Duration, Request)>,
    shared: Arc<Shared>,
}

impl Claims {
    pub(super) fn new(handlers: Arc<HandlerTable>, shared: &Arc<Shared>) -> Self {
        let config = &shared.config;
        let pool = |kind| {
            let size = match kind {
                SlotKind::Async => config.concurrency,
                SlotKind::Blocking => config.blocking_concurrency,
            };
            SlotPool::new(kind, size, handlers.ids(kind))
        };
        Self {
            pools: SlotKind::ALL.map(pool),
            caps: SlotCaps::new(&config.queue_concurrency, &config.job_concurrency),
            yields: Yields::default(),
            handlers,
            deliveries: Deliveries::default(),
            unanswered: Vec::new(),
            shared: Arc::clone(shared),
        }
    }

    pub(super) fn pool(&mut self, kind: SlotKind) -> &mut SlotPool {
        match kind {
            SlotKind::Async => &mut self.pools[0],
            SlotKind::Blocking => &mut self.pools[1],
        }
    }

    /// The claims of this worker, as its session publishes them.
    pub(super) fn session_info(&self) -> SessionInfo {
        let ids = self.pools.iter().flat_map(|pool| &pool.job_ids);
        let published = self.shared.fingerprints.iter();
        let executed = published.filter(|(id, _)| self.handlers.job(id).is_some());
        SessionInfo {
            worker: self.shared.config.worker.clone(),
            opened_at: self.shared.wall(),
            job_ids: ids.cloned().collect(),
            fingerprints: executed.map(|(_, print)| print.clone()).collect(),
            queues: self.shared.config.queues.clone(),
            labels: self.shared.config.labels.clone(),
            slot_caps: self.caps.published(&self.handlers),
            lease: self.shared.config.lease,
        }
    }

    /// Marks the store as possibly having work for every kind of slot.
    pub(super) fn expect_work(&mut self) {
        self.pools.iter_mut().for_each(SlotPool::expect_work);
    }

    /// Takes a message of the broker. One of a job that has no slots here is not claimed.
    pub(super) fn deliver(&mut self, delivery: Delivery, now: Duration) {
        let kind = self
            .pools
            .iter()
            .find(|pool| pool.job_ids.contains(&delivery.job_id))
            .map(|pool| pool.kind);
        match kind {
            Some(kind) => self.deliveries.add(kind, delivery, now),
            None => drop(delivery.answer.send(DeliveryAnswer::NotClaimed)),
        }
    }

    /// Marks the store as possibly having executions of these jobs.
    pub(super) fn expect_work_of(&mut self, jobs: &[String]) {
        let pools = self.pools.iter_mut().filter(|pool| pool.serves(jobs));
        pools.for_each(SlotPool::expect_work);
    }

    /// A new session is open: claims of an earlier one are waited for no longer.
    pub(super) fn restart(&mut self) {
        for pool in &mut self.pools {
            pool.claim_in_flight = false;
            pool.expect_work();
        }
    }

    pub(super) fn is_claiming(&self) -> bool {
        self.pools.iter().any(|pool| pool.claim_in_flight)
    }

    pub(super) fn has_prefetched(&self) -> bool {
        self.pools.iter().any(SlotPool::has_prefetched)
    }

    /// True if nothing is prefetched, no claim is in flight and no ready execution is expected.
    pub(super) fn is_idle(&self) -> bool {
        self.pools.iter().all(SlotPool::is_idle)
            && self.yields.is_empty()
            && self.deliveries.is_empty()
    }

    pub(super) fn next_wake(&self, now: Duration) -> Option<Duration> {
        let resumed = self.pools.iter().filter_map(|pool| pool.resumes_at(now));
        let again = self.unanswered.iter().map(|(at, _)| *at);
        let held = self.deliveries.next_wake();
        let yields = self.yields.next_wake();
        resumed.chain(again).chain(yields).chain(held).min()
    }

    /// Sends the claims that were not answered, and with `may_claim` a new one for each kind of
    /// slot, if one is worth it.
    pub(super) fn start(
        &mut self,
        now: Duration,
        may_claim: bool,
        session: &mut SessionKeeper,
    ) -> Vec<StoreCall<ClaimAnswer>> {
        for job_id in self.yields.take_ended(now) {
            self.expect_work_of(&self.handlers.names(job_id));
        }
        self.deliveries.expire(now);
        let again = self.unanswered.extract_if(.., |(at, _)| *at <= now);
        let mut requests: Vec<_> = again.map(|(_, request)| request).collect();
        if may_claim {
            requests.extend(self.new_requests(now, session));
        }
        let send = |request: Request| {
            self.shared.call(|store| async move {
                let answer = store.claim(request.claim.clone()).await;
                ClaimAnswer(request, answer, now)
            })
        };
        requests.into_iter().map(send).collect()
    }

    fn new_requests(&mut self, now: Duration, session: &mut SessionKeeper) -> Vec<Request> {
        let mut requests = Vec::new();
        for pool in &mut self.pools {
            let delivered = self.deliveries.first(pool.kind, pool.claim_limit());
            let next = pool.next_claim(now, &self.shared.config.only, delivered);
            let Some((purpose, limit, only)) = next else {
                continue;
            };
            let Some((session, number)) = session.next_claim() else {
                continue;
            };
            let limited = pool.limited_cap(purpose);
            let mut claim = Claim {
                session,
                number,
                job_ids: pool.job_ids.clone(),
                queues: self.shared.config.queues.clone(),
                except: Vec::new(),
                only,
                limit,
                caps: Caps {
                    limited: (limited < limit).then_some(limited),
                    ..Caps::default()
                },
                now: self.shared.wall(),
            };
            if purpose == ClaimPurpose::Delivered {
                self.deliveries.ask(pool.kind, number, &claim.only);
            }
            self.caps.restrict(&mut claim, &self.handlers);
            self.yields.restrict(now, &mut claim, &self.handlers);
            requests.push(Request {
                kind: pool.kind,
                purpose,
                claim,
            });
        }
        requests
    }

    /// Keeps the executions that a claim has leased. `current` is the open session.
    ///
    /// # Errors
    /// Another worker has taken the session over.
    pub(super) fn on(
        &mut self,
        ClaimAnswer(request, answer, sent_at): ClaimAnswer,
        current: Option<SessionId>,
        completer: &mut Completer,
    ) -> Result<(), SessionLost> {
        self.shared.record(&answer);
        let now = self.shared.now();
        let Request {
            kind,
            purpose,
            claim,
        } = &request;
        if current != Some(claim.session) {
            self.deliveries.unanswered(claim.number);
            // The worker has given that session up. Its leases are released if they still hold.
            for claimed in answer.unwrap_or_default() {
                self.settle(&claimed, Exit::Released, completer);
            }
            return Ok(());
        }
        match answer {
            Ok(claimed) => {
                self.shared.health.claimed();
                self.deliveries.claimed(claim.number, &claimed);
                let may_have_skipped = self.caps.may_have_skipped(claim, &claimed);
                let taken = claimed.len();
                let claimed = self.within_caps(claimed, completer);
                let pool = self.pool(*kind);
                // The caps of the next claim exclude what this one skipped, so it may find more.
                if taken >= claim.limit || may_have_skipped && taken > 0 {
                    pool.expect_more(*purpose);
                } else if may_have_skipped {
                    pool.note_skipped();
                }
                // Messages that come in numbers are a backlog: claims of any execution empty it
                // faster.
                if *purpose == ClaimPurpose::Delivered && taken > 1 {
                    pool.expect_more(ClaimPurpose::FreeSlots);
                }
                if taken == 0 {
                    pool.on_empty_claim(now.saturating_sub(sent_at), now);
                }
                pool.add_prefetched(claimed, now);
            }
            Err(StoreError::SessionLost) => {
                self.pool(*kind).claim_in_flight = false;
                self.deliveries.unanswered(claim.number);
                return Err(SessionLost);
            }
            // The store may have leased executions: the same claim is sent again.
            Err(error) if error.is_transient() => {
                self.pool(*kind).expect_more(*purpose);
                self.unanswered.push((now + BACKOFF, request));
                return Ok(());
            }
            Err(_) => self.deliveries.unanswered(claim.number),
        }
        self.pool(request.kind).claim_in_flight = false;
        Ok(())
    }

    /// Releases the executions that exceed a slot cap.
    fn within_caps(&mut self, claimed: Vec<Claimed>, completer: &mut Completer) -> Vec<Claimed> {
        if self.caps.is_empty() {
            return claimed;
        }
        let mut within = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            if self.caps.take(&claimed, &self.handlers) {
                within.push(claimed);
            } else {
                self.settle(&claimed, Exit::Released, completer);
            }
        }
        within
    }

    /// Takes the next prefetched execution and a slot for it, if there are both.
    pub(super) fn take_next(&mut self) -> Option<(SlotKind, Claimed)> {
        let next = |pool: &mut SlotPool| Some((pool.kind, pool.take_next()?));
        self.pools.iter_mut().find_map(next)
    }

    /// Releases all prefetched executions.
    pub(super) fn release_prefetched(&mut self, completer: &mut Completer) {
        let prefetched = self.pools.iter_mut().flat_map(SlotPool::take_prefetched);
        for claimed in prefetched.collect::<Vec<_>>() {
            self.settle(&claimed, Exit::Released, completer);
        }
    }

    /// Releases the prefetched executions that have waited too long for a slot.
    pub(super) fn release_stale(&mut self, now: Duration, completer: &mut Completer) {
        let stale = self.pools.iter_mut().flat_map(|pool| pool.take_stale(now));
        for claimed in stale.collect::<Vec<_>>() {
            self.settle(&claimed, Exit::Released, completer);
        }
    }

    /// Cancels an execution that waits for a slot. No effect if it does not.
    pub(super) fn cancel(&mut self, fence: Fence, completer: &mut Completer) {
        let waiting = self.pools.iter_mut().find_map(|pool| pool.remove(fence));
        if let Some(claimed) = waiting {
            self.settle(&claimed, Exit::Cancelled(None), completer);
        }
    }

    /// Settles a leased execution that this worker has not started.
    pub(super) fn settle(&mut self, claimed: &Claimed, exit: Exit, completer: &mut Completer) {
        self.caps.free(claimed.fence);
        let (job_id, metrics) = match self.handlers.job(&claimed.job_id) {
            Some(job) => (Cow::Borrowed(job.id), job.metrics),
            None => {
                let id = &claimed.job_id;
                (Cow::Owned(id.clone()), self.shared.metrics.job(id))
            }
        };
        let ended = EndedAttempt {
            fence: claimed.fence,
            job_id,
            metrics: self.shared.metrics.attempt(metrics, &claimed.queue),
            execution_id: claimed.execution_id,
            labels: Some(HookLabels::of(claimed)),
            policy: &claimed.policy,
            spent: claimed.spent,
            exit,
            permits: claimed.limits.clone().map(Permits::released),
            finished: Finished {
                started_at: claimed.claimed_at,
                finished_at: self.shared.wall().max(claimed.claimed_at),
                progress: None,
                logs: Vec::new(),
            },
        };
        completer.settle(ended);
    }
}
