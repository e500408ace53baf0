//! The attempts that run here, from their start to the decision about what follows.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jobs::{ExecutionId, ProgressCell};

use super::dispatcher::Dispatcher;
use super::executor::attempt::{Attempt, Ended, Report, Reporter, Slot};
use super::executor::interrupt::Interrupt;
use super::outcome::{Budget, Conclusion, Course, decide};
use super::slots::LaneKind;
use crate::clock::busy::held;
use crate::clock::timestamp;
use crate::logs::LogBuffer;
use crate::store::{Claimed, ExecutionPolicy, Fence, PermitToken, Permits, Settlement};
use crate::time::Timestamp;

/// An attempt that runs here.
pub(super) struct Running {
    pub(super) job_id: &'static str,
    pub(super) execution_id: ExecutionId,
    pub(super) policy: ExecutionPolicy,
    pub(super) spent: u32,
    /// What it was claimed with; the end says it again.
    pub(super) limits: Option<PermitToken>,
    pub(super) interrupt: Arc<Interrupt>,
    pub(super) progress: Arc<ProgressCell>,
    pub(super) logs: Arc<LogBuffer>,
    pub(super) lane: LaneKind,
    pub(super) since: Duration,
    pub(super) started_at: Timestamp,
    /// When its cancellation was passed on.
    pub(super) cancelled_at: Option<Duration>,
    /// The executions it waits for, if any: its slot is theirs.
    pub(super) awaits: Vec<ExecutionId>,
}

impl Dispatcher {
    pub(super) fn on_report(&mut self, report: Report) {
        match report {
            Report::Ended(ended, slot) => self.on_ended(ended, slot),
            Report::Freed(fence, kind) => {
                self.shares.free(fence);
                self.kept.returned(fence);
                self.lane(kind).slot_came_free();
                if !self.stuck.remove(&fence) {
                    self.lane(kind).free();
                }
            }
            Report::Awaits(fence, awaited) => {
                if let Some(running) = self.running.get_mut(&fence) {
                    let is_first = running.awaits.is_empty();
                    running.awaits.push(awaited);
                    let lane = running.lane;
                    self.lane(lane).lend(awaited, is_first);
                }
            }
            Report::Has(fence, awaited) => {
                if let Some(running) = self.running.get_mut(&fence) {
                    let place = running.awaits.iter().position(|id| *id == awaited);
                    place.map(|place| running.awaits.swap_remove(place));
                    let (lane, is_last) = (running.lane, running.awaits.is_empty());
                    self.lane(lane).reclaim(awaited, is_last);
                }
            }
        }
    }

    pub(super) fn on_ended(&mut self, ended: Ended, slot: Slot) {
        let Some(running) = self.running.remove(&ended.fence) else {
            // Settled in its place, and its slot given away.
            if slot == Slot::Free {
                self.shares.free(ended.fence);
                self.kept.returned(ended.fence);
                self.stuck.remove(&ended.fence);
            }
            return;
        };
        let took = self.clock.elapsed().saturating_sub(running.since);
        let may_replace = self.stuck.len() < self.config.blocking_concurrency;
        let lane = self.lane(running.lane);
        lane.observe(took);
        lane.slot_came_free();
        match slot {
            Slot::Free => lane.leave(&running.awaits),
            // Another thread takes its place, as long as there are not too many of them.
            Slot::Held if may_replace => {
                lane.leave(&running.awaits);
                self.stuck.insert(ended.fence);
            }
            Slot::Held => {}
        }
        if slot == Slot::Free {
            self.shares.free(ended.fence);
        }
        let conclusion = match (ended.conclusion, slot) {
            (Some(conclusion), _) => conclusion,
            // The handler was dropped because the lease was in doubt. If it still holds, nobody
            // need wait for it to be taken over; if not, the store refuses this.
            (None, Slot::Free) => Conclusion::Released,
            (None, Slot::Held) => return,
        };
        let course = Course {
            started_at: ended.started_at,
            finished_at: ended.finished_at,
            progress: running.progress.latest(),
            logs: running.logs.close(),
        };
        let budget = (&running.policy, running.spent);
        let whose = (running.job_id.into(), running.execution_id);
        let permits = running.limits.map(|token| Permits {
            token,
            retained: slot == Slot::Held,
            paused_until: conclusion
                .rests_for()
                .map(|delay| ended.finished_at.after(delay)),
        });
        self.conclude(ended.fence, whose, budget, (conclusion, permits), course);
    }

    /// Decides what follows an attempt and puts it into the outbox.
    pub(super) fn conclude(
        &mut self,
        fence: Fence,
        (job_id, execution_id): (Cow<'static, str>, ExecutionId),
        (policy, spent): (&ExecutionPolicy, u32),
        (conclusion, permits): (Conclusion, Option<Permits>),
        course: Course,
    ) {
        let budget = Budget {
            policy,
            spent,
            chance: self.entropy.fraction_of(execution_id, fence.attempt),
        };
        let (end, next) = decide(conclusion, course, budget);
        let settlement = Settlement {
            fence,
            execution_id,
            end,
            next,
            permits,
        };
        if settlement.retains_permits() {
            self.kept.keep(fence);
        }
        self.news.expect(job_id, &settlement);
        self.outbox.push(settlement);
    }

    /// Ends a leased execution that was never started here.
    pub(super) fn conclude_unstarted(&mut self, claimed: &Claimed, conclusion: Conclusion) {
        let now = timestamp(&*self.clock);
        let course = Course {
            started_at: claimed.claimed_at,
            finished_at: now.max(claimed.claimed_at),
            progress: None,
            logs: Vec::new(),
        };
        let budget = (&claimed.policy, claimed.spent);
        let job_id = match self.plan.job(&claimed.job_id) {
            Some(job) => Cow::Borrowed(job.id),
            None => Cow::Owned(claimed.job_id.clone()),
        };
        let whose = (job_id, claimed.execution_id);
        self.shares.free(claimed.fence);
        let conclusion = (conclusion, claimed.limits.clone().map(Permits::released));
        self.conclude(claimed.fence, whose, budget, conclusion, course);
    }

    pub(super) fn start_backlog(&mut self, now: Duration) {
        for place in 0..self.lanes.len() {
            while let Some(claimed) = self.lanes[place].take_next() {
                if !self.start(claimed, now) {
                    self.lanes[place].free();
                }
            }
        }
    }

    /// Starts an attempt, or settles it if it is not to run.
    fn start(&mut self, claimed: Claimed, now: Duration) -> bool {
        let Some(job) = self.plan.job(&claimed.job_id) else {
            // Claims name the ids of the plan; a store that answers with another is wrong, and the
            // execution belongs to somebody else.
            tracing::error!(job = claimed.job_id, "claimed a job that is not linked");
            self.conclude_unstarted(&claimed, Conclusion::Released);
            return false;
        };
        if let Some(reason) = claimed.unreadable.clone() {
            tracing::error!(execution = %claimed.execution_id, %reason, "claimed a row that cannot be read");
            self.conclude_unstarted(&claimed, Conclusion::Unreadable(reason));
            return false;
        }
        if claimed.cancel_requested {
            self.conclude_unstarted(&claimed, Conclusion::Cancelled(None));
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
            lane: job.lane,
            since: now,
            started_at,
            cancelled_at: None,
            awaits: Vec::new(),
        };
        let workshop = Arc::clone(&self.workshop);
        let hold = self.session.as_ref().map(|session| &session.hold);
        let attempt = Attempt {
            hold: hold.map(Arc::clone).unwrap_or_default(),
            job,
            interrupt: Arc::clone(&running.interrupt),
            progress: Arc::clone(&running.progress),
            logs: Arc::clone(&running.logs),
            reporter: Reporter::new(claimed.fence, job.lane, started_at, workshop),
            claimed,
        };
        self.running.insert(attempt.claimed.fence, running);
        self.executors.spawn(held(&self.clock, attempt.run()));
        true
    }
}
