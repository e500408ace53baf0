//! Attempts that run in this worker: their start, their events and their settlement.
//!
//! An attempt is entered when it starts and removed when it ends, or when the dispatcher settles it
//! in its place ([`stuck`](super::stuck)).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jobs::{ExecutionId, ProgressCell};
use tokio::runtime::Handle;

use super::attempt_log;
use super::call::Shared;
use super::claim::Claims;
use super::completer::{Completer, EndedAttempt};
use super::executor::attempt::{Attempt, AttemptEvent, EndReporter, ExecutorDeps, SlotStatus};
use super::executor::interrupt::{Cause, Interrupt};
use super::handlers::HandledJob;
use super::hooks::HookLabels;
use super::outcome::{Exit, Finished};
use super::session::LeaseDeadline;
use super::slots::SlotKind;
use crate::clock::busy::keep_clock_busy;
use crate::logs::LogBuffer;
use crate::store::{Claimed, ExecutionPolicy, Fence, PermitToken, Permits, ProgressReport};
use crate::telemetry::metrics::AttemptMetrics;
use crate::time::Timestamp;

/// An attempt that runs in this worker.
pub(super) struct Running {
    job_id: &'static str,
    metrics: AttemptMetrics,
    pub(super) execution_id: ExecutionId,
    /// `None` if the application has no hook for ended attempts.
    labels: Option<HookLabels>,
    pub(super) policy: ExecutionPolicy,
    spent: u32,
    /// The limits whose permits the attempt holds; its settlement names them.
    limits: Option<PermitToken>,
    pub(super) interrupt: Arc<Interrupt>,
    progress: Arc<ProgressCell>,
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

/// The attempts of a worker, on the application's runtime.
pub(super) struct Attempts {
    pub(super) running: HashMap<Fence, Running>,
    /// Attempts that were settled, and whose slot was freed, while their handler still runs.
    pub(super) stuck: HashSet<Fence>,
    deps: Arc<ExecutorDeps>,
    runtime: Handle,
    pub(super) shared: Arc<Shared>,
}

impl Attempts {
    pub(super) fn new(deps: ExecutorDeps, runtime: Handle, shared: &Arc<Shared>) -> Self {
        Self {
            running: HashMap::new(),
            stuck: HashSet::new(),
            deps: Arc::new(deps),
            runtime,
            shared: Arc::clone(shared),
        }
    }

    /// The values of the application that attempts use. Dropping them runs the application's code.
    pub(super) fn application_code(&self) -> Arc<ExecutorDeps> {
        Arc::clone(&self.deps)
    }

    /// Starts prefetched executions while slots are free.
    pub(super) fn start(
        &mut self,
        now: Duration,
        lease_deadline: &Arc<LeaseDeadline>,
        claims: &mut Claims,
        completer: &mut Completer,
    ) {
        while let Some((kind, claimed)) = claims.take_next() {
            let Some(job) = claims.handlers.job(&claimed.job_id) else {
                // A claim names ids of the handler table only: the store has returned a wrong one.
                tracing::error!(job = claimed.job_id, "claimed a job that is not linked");
                claims.settle(&claimed, Exit::Released, completer);
                claims.pool(kind).free_slot();
                continue;
            };
            match exit_without_start(&claimed) {
                Some(exit) => {
                    claims.settle(&claimed, exit, completer);
                    claims.pool(kind).free_slot();
                }
                None => self.spawn(job, claimed, now, Arc::clone(lease_deadline)),
            }
        }
    }

    fn spawn(
        &mut self,
        job: HandledJob,
        claimed: Claimed,
        now: Duration,
        lease_deadline: Arc<LeaseDeadline>,
    ) {
        let started_at = self.shared.wall();
        let metrics = Arc::clone(&job.metrics);
        let has_hooks = self.deps.hooks.has_end_hooks();
        let running = Running {
            job_id: job.id,
            metrics: self.shared.metrics.attempt(metrics, &claimed.queue),
            execution_id: claimed.execution_id,
            labels: has_hooks.then(|| HookLabels::of(&claimed)),
            policy: claimed.policy.clone(),
            spent: claimed.spent,
            limits: claimed.limits.clone(),
            interrupt: Arc::default(),
            progress: Arc::default(),
            logs: Arc::new(LogBuffer::new(Arc::clone(&self.shared.clock))),
            slot_kind: job.slot_kind,
            since: now,
            started_at,
            cancelled_at: None,
            awaits: Vec::new(),
        };
        job.metrics.started.increment();
        if claimed.fence.attempt == 1 {
            job.metrics.wait.observe(started_at.since(claimed.run_at));
        }
        let deps = Arc::clone(&self.deps);
        let log_id = job.id;
        let attempt = Attempt {
            lease_deadline,
            job,
            interrupt: Arc::clone(&running.interrupt),
            progress: Arc::clone(&running.progress),
            logs: Arc::clone(&running.logs),
            reporter: EndReporter::new(claimed.fence, running.slot_kind, started_at, deps),
            claimed,
        };
        if self.shared.config.log_attempts {
            let (execution, number) = (running.execution_id, attempt.claimed.fence.attempt);
            attempt_log::started(log_id, execution, number);
        }
        self.running.insert(attempt.claimed.fence, running);
        self.runtime
            .spawn(keep_clock_busy(&self.shared.clock, attempt.run()));
    }

    pub(super) fn on(
        &mut self,
        event: AttemptEvent,
        claims: &mut Claims,
        completer: &mut Completer,
    ) {
        match event {
            AttemptEvent::Finished {
                fence,
                exit,
                started_at,
                finished_at,
                slot,
            } => {
                let exit = self.free(fence, exit, slot, claims, completer);
                let Some((running, exit)) = exit else {
                    return;
                };
                if let Exit::ReadElsewhere { delay, .. } = &exit {
                    let due = self.shared.now() + *delay;
                    let chance = self.shared.entropy.fraction();
                    claims.yields.add(running.job_id, due, chance);
                }
                let is_occupied = slot == SlotStatus::Occupied;
                let times = (started_at, finished_at);
                settle(fence, &running, exit, times, is_occupied, completer);
            }
            AttemptEvent::HandlerReturned(fence, kind) => {
                claims.caps.free(fence);
                completer.retained_permits.handler_returned(fence);
                claims.pool(kind).on_slot_freed();
                if !self.stuck.remove(&fence) {
                    claims.pool(kind).free_slot();
                }
            }
            AttemptEvent::Awaits(fence, awaited) => {
                if let Some(running) = self.running.get_mut(&fence) {
                    let is_first = running.awaits.is_empty();
                    running.awaits.push(awaited);
                    claims.pool(running.slot_kind).lend(awaited, is_first);
                }
            }
            AttemptEvent::AwaitEnded(fence, awaited) => {
                if let Some(running) = self.running.get_mut(&fence) {
                    let index = running.awaits.iter().position(|id| *id == awaited);
                    index.map(|index| running.awaits.swap_remove(index));
                    let is_last = running.awaits.is_empty();
                    claims.pool(running.slot_kind).take_back(awaited, is_last);
                }
            }
        }
    }

    /// Frees the slot of an attempt that has ended. Returns the attempt and its exit, if the
    /// attempt is still to be settled.
    fn free(
        &mut self,
        fence: Fence,
        exit: Option<Exit>,
        slot: SlotStatus,
        claims: &mut Claims,
        completer: &mut Completer,
    ) -> Option<(Running, Exit)> {
        let is_free = slot == SlotStatus::Free;
        if is_free {
            claims.caps.free(fence);
        }
        let Some(running) = self.running.remove(&fence) else {
            // The dispatcher has settled the attempt in its place and freed its slot.
            if is_free {
                completer.retained_permits.handler_returned(fence);
                self.stuck.remove(&fence);
            }
            return None;
        };
        let pool = claims.pool(running.slot_kind);
        pool.record(self.shared.now().saturating_sub(running.since));
        pool.on_slot_freed();
        // Another thread replaces a blocked one, up to `blocking_concurrency` threads.
        let is_replaced = !is_free && self.stuck.len() < self.shared.config.blocking_concurrency;
        if is_free || is_replaced {
            pool.release(&running.awaits);
        }
        if is_replaced {
            self.stuck.insert(fence);
        }
        match exit {
            Some(exit) => Some((running, exit)),
            // The handler was dropped because the lease was in doubt. If the lease still holds,
            // the release makes a take-over unnecessary; if not, the store rejects it.
            None => is_free.then_some((running, Exit::Released)),
        }
    }

    /// Interrupts all running attempts.
    pub(super) fn interrupt(&self, cause: Cause) {
        for running in self.running.values() {
            running.interrupt.raise(cause);
        }
    }

    /// Releases all running attempts with slots of this kind: their handlers are dropped.
    pub(super) fn release(&self, kind: SlotKind) {
        let running = self.running.values();
        for running in running.filter(|running| running.slot_kind == kind) {
            running.interrupt.end(Cause::GiveBack);
        }
    }

    /// Interrupts an attempt for a cancel request. Returns `false` if it does not run.
    pub(super) fn cancel(&mut self, fence: Fence, now: Duration) -> bool {
        let Some(running) = self.running.get_mut(&fence) else {
            return false;
        };
        running.interrupt.raise(Cause::Cancel);
        running.cancelled_at.get_or_insert(now);
        true
    }

    /// Makes the next [`changed_progress`](Self::changed_progress) return the report of an attempt
    /// again.
    pub(super) fn report_again(&self, fence: &Fence) {
        if let Some(running) = self.running.get(fence) {
            running.progress.mark_changed();
        }
    }

    /// The progress that has changed since the last call.
    pub(super) fn changed_progress(&self) -> Vec<ProgressReport> {
        let running = self.running.iter();
        let changed = running.filter_map(|(fence, running)| {
            let progress = running.progress.take_changed()?;
            Some(ProgressReport {
                fence: *fence,
                progress,
            })
        });
        changed.collect()
    }
}

/// The reason for which a claimed execution is settled without calling its handler.
fn exit_without_start(claimed: &Claimed) -> Option<Exit> {
    if let Some(reason) = &claimed.unreadable {
        tracing::error!(
            execution = %claimed.execution_id,
            %reason,
            "claimed an execution whose row cannot be read",
        );
        return Some(Exit::Unreadable(reason.clone()));
    }
    claimed.cancel_requested.then_some(Exit::Cancelled(None))
}

/// Hands an attempt that has ended to the completer.
pub(super) fn settle(
    fence: Fence,
    running: &Running,
    exit: Exit,
    (started_at, finished_at): (Timestamp, Timestamp),
    is_handler_running: bool,
    completer: &mut Completer,
) {
    let pause = exit.rate_limit_pause();
    let permits = running.limits.clone().map(|token| Permits {
        token,
        retained: is_handler_running,
        paused_until: pause.map(|delay| finished_at.after(delay)),
    });
    let ended = EndedAttempt {
        fence,
        job_id: running.job_id.into(),
        metrics: running.metrics.clone(),
        execution_id: running.execution_id,
        labels: running.labels.clone(),
        policy: &running.policy,
        spent: running.spent,
        exit,
        permits,
        finished: Finished {
            started_at,
            finished_at,
            progress: running.progress.latest(),
            logs: running.logs.close(),
        },
    };
    completer.settle(ended);
}
