//! Attempts that run in this worker: their start, their events and their settlement.
//!
//! An attempt is entered in [`Dispatcher::running`] when it starts and removed when it ends, or
//! when the dispatcher settles it in its place ([`stuck`](super::stuck)). Each attempt is settled
//! through [`Dispatcher::settle_attempt`].

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jobs::{ExecutionId, ProgressCell};

use super::dispatcher::Dispatcher;
use super::executor::attempt::{Attempt, AttemptEvent, EndReporter, SlotStatus};
use super::executor::interrupt::{Cause, Interrupt};
use super::outcome::{Exit, Finished, RetryBudget, decide};
use super::slots::SlotKind;
use crate::clock::busy::keep_clock_busy;
use crate::clock::timestamp;
use crate::logs::LogBuffer;
use crate::store::{Claimed, ExecutionPolicy, Fence, PermitToken, Permits, Settlement};
use crate::time::Timestamp;

/// An attempt that runs in this worker.
pub(super) struct Running {
    pub(super) job_id: &'static str,
    pub(super) execution_id: ExecutionId,
    pub(super) policy: ExecutionPolicy,
    pub(super) spent: u32,
    /// The limits whose permits the attempt holds; its settlement names them.
    pub(super) limits: Option<PermitToken>,
    pub(super) interrupt: Arc<Interrupt>,
    pub(super) progress: Arc<ProgressCell>,
    pub(super) logs: Arc<LogBuffer>,
    pub(super) slot_kind: SlotKind,
    /// The start on the monotonic clock.
    pub(super) since: Duration,
    pub(super) started_at: Timestamp,
    /// The time at which a cancel request interrupted the attempt.
    pub(super) cancelled_at: Option<Duration>,
    /// The executions that the attempt waits for. Its slot is lent to them.
    pub(super) awaits: Vec<ExecutionId>,
}

/// A dispatcher that panics renews no lease: its attempts end before other workers take them over.
impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.interrupt.raise(Cause::LeaseLost);
        }
    }
}

impl Dispatcher {
    pub(super) fn on_attempt_event(&mut self, event: AttemptEvent) {
        match event {
            AttemptEvent::Finished {
                fence,
                exit,
                started_at,
                finished_at,
                slot,
            } => self.on_finished(fence, exit, (started_at, finished_at), slot),
            AttemptEvent::HandlerReturned(fence, kind) => {
                self.slot_caps.free(fence);
                self.retained_permits.handler_returned(fence);
                self.slots_of(kind).on_slot_freed();
                if !self.stuck.remove(&fence) {
                    self.slots_of(kind).free_slot();
                }
            }
            AttemptEvent::Awaits(fence, awaited) => {
                if let Some(running) = self.running.get_mut(&fence) {
                    let is_first = running.awaits.is_empty();
                    running.awaits.push(awaited);
                    let slot_kind = running.slot_kind;
                    self.slots_of(slot_kind).lend(awaited, is_first);
                }
            }
            AttemptEvent::AwaitEnded(fence, awaited) => {
                if let Some(running) = self.running.get_mut(&fence) {
                    let index = running.awaits.iter().position(|id| *id == awaited);
                    index.map(|index| running.awaits.swap_remove(index));
                    let (slot_kind, is_last) = (running.slot_kind, running.awaits.is_empty());
                    self.slots_of(slot_kind).take_back(awaited, is_last);
                }
            }
        }
    }

    fn on_finished(
        &mut self,
        fence: Fence,
        exit: Option<Exit>,
        (started_at, finished_at): (Timestamp, Timestamp),
        slot: SlotStatus,
    ) {
        let Some(running) = self.running.remove(&fence) else {
            // The dispatcher has settled the attempt in its place and freed its slot.
            if slot == SlotStatus::Free {
                self.slot_caps.free(fence);
                self.retained_permits.handler_returned(fence);
                self.stuck.remove(&fence);
            }
            return;
        };
        let took = self.clock.elapsed().saturating_sub(running.since);
        let may_replace = self.stuck.len() < self.config.blocking_concurrency;
        let slots = self.slots_of(running.slot_kind);
        slots.record(took);
        slots.on_slot_freed();
        match slot {
            SlotStatus::Free => slots.release(&running.awaits),
            // Another thread replaces the blocked one, up to `blocking_concurrency` threads.
            SlotStatus::Occupied if may_replace => {
                slots.release(&running.awaits);
                self.stuck.insert(fence);
            }
            SlotStatus::Occupied => {}
        }
        if slot == SlotStatus::Free {
            self.slot_caps.free(fence);
        }
        let exit = match (exit, slot) {
            (Some(exit), _) => exit,
            // The handler was dropped because the lease was in doubt. If the lease still holds,
            // the release makes a take-over unnecessary; if not, the store rejects it.
            (None, SlotStatus::Free) => Exit::Released,
            (None, SlotStatus::Occupied) => return,
        };
        let finished = Finished {
            started_at,
            finished_at,
            progress: running.progress.latest(),
            logs: running.logs.close(),
        };
        let budget = (&running.policy, running.spent);
        let execution = (running.job_id.into(), running.execution_id);
        let permits = running.limits.clone().map(|token| Permits {
            token,
            retained: slot == SlotStatus::Occupied,
            paused_until: exit
                .rate_limit_pause()
                .map(|delay| finished_at.after(delay)),
        });
        self.settle_attempt(fence, execution, budget, (exit, permits), finished);
    }

    /// Decides what follows an attempt and hands the settlement to the completer.
    pub(super) fn settle_attempt(
        &mut self,
        fence: Fence,
        (job_id, execution_id): (Cow<'static, str>, ExecutionId),
        (policy, spent): (&ExecutionPolicy, u32),
        (exit, permits): (Exit, Option<Permits>),
        finished: Finished,
    ) {
        let budget = RetryBudget {
            policy,
            spent,
            chance: self.entropy.fraction_of(execution_id, fence.attempt),
        };
        let (end, next) = decide(exit, finished, budget);
        let settlement = Settlement {
            fence,
            execution_id,
            end,
            next,
            permits,
        };
        if settlement.retains_permits() {
            self.retained_permits.retain(fence);
        }
        self.hook_notifier.expect(job_id, &settlement);
        self.completer.push(settlement);
    }

    /// Settles a leased execution that this worker has not started.
    pub(super) fn settle_unstarted(&mut self, claimed: &Claimed, exit: Exit) {
        let now = timestamp(&*self.clock);
        let finished = Finished {
            started_at: claimed.claimed_at,
            finished_at: now.max(claimed.claimed_at),
            progress: None,
            logs: Vec::new(),
        };
        let budget = (&claimed.policy, claimed.spent);
        let job_id = match self.handlers.job(&claimed.job_id) {
            Some(job) => Cow::Borrowed(job.id),
            None => Cow::Owned(claimed.job_id.clone()),
        };
        let execution = (job_id, claimed.execution_id);
        self.slot_caps.free(claimed.fence);
        let exit = (exit, claimed.limits.clone().map(Permits::released));
        self.settle_attempt(claimed.fence, execution, budget, exit, finished);
    }

    /// Starts prefetched executions while slots are free.
    pub(super) fn start_prefetched(&mut self, now: Duration) {
        for index in 0..self.slots.len() {
            while let Some(claimed) = self.slots[index].take_next() {
                if !self.start(claimed, now) {
                    self.slots[index].free_slot();
                }
            }
        }
    }

    /// Starts an attempt. Returns `false` if it was settled instead and needs no slot.
    fn start(&mut self, claimed: Claimed, now: Duration) -> bool {
        let Some(job) = self.handlers.job(&claimed.job_id) else {
            // A claim names ids of the handler table only: the store has returned a wrong one.
            tracing::error!(job = claimed.job_id, "claimed a job that is not linked");
            self.settle_unstarted(&claimed, Exit::Released);
            return false;
        };
        if let Some(reason) = claimed.unreadable.clone() {
            tracing::error!(
                execution = %claimed.execution_id,
                %reason,
                "claimed an execution whose row cannot be read",
            );
            self.settle_unstarted(&claimed, Exit::Unreadable(reason));
            return false;
        }
        if claimed.cancel_requested {
            self.settle_unstarted(&claimed, Exit::Cancelled(None));
            return false;
        }
        let started_at = timestamp(&*self.clock);
        let running = Running {
            job_id: job.id,
            execution_id: claimed.execution_id,
            policy: claimed.policy.clone(),
            spent: claimed.spent,
            limits: claimed.limits.clone(),
            interrupt: Arc::default(),
            progress: Arc::default(),
            logs: Arc::new(LogBuffer::new(Arc::clone(&self.clock))),
            slot_kind: job.slot_kind,
            since: now,
            started_at,
            cancelled_at: None,
            awaits: Vec::new(),
        };
        let deps = Arc::clone(&self.executor_deps);
        let lease_deadline = self.session.as_ref().map(|session| &session.lease_deadline);
        let attempt = Attempt {
            lease_deadline: lease_deadline.map(Arc::clone).unwrap_or_default(),
            job,
            interrupt: Arc::clone(&running.interrupt),
            progress: Arc::clone(&running.progress),
            logs: Arc::clone(&running.logs),
            reporter: EndReporter::new(claimed.fence, job.slot_kind, started_at, deps),
            claimed,
        };
        self.running.insert(attempt.claimed.fence, running);
        self.attempt_runtime
            .spawn(keep_clock_busy(&self.clock, attempt.run()));
        true
    }
}
