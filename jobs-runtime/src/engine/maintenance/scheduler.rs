//! Scheduler: fires the times of schedules.
//!
//! A scheduler has a thread of its own and needs no worker. Any number of processes may run one:
//! each reads the due schedules and fires them, and the store accepts the first firing of each
//! time ([`ScheduleStore::fire`](crate::store::ScheduleStore::fire)). So no process is the leader,
//! and a process that dies delays nothing.
//!
//! [`plan`](crate::schedule::plan) decides which of the due times run and which are skipped. The
//! store decides about executions that overlap, in the transaction of the firing.
//!
//! The thread sleeps until the next time. A change of a schedule wakes it: the store sends an event
//! about changes by other processes. The poll interval bounds the sleep, in case an event is lost.
//! After a failed call of the store, the thread tries again in a second.
//!
//! Once a minute the scheduler compares the schedules with the jobs that workers execute. It pauses
//! a schedule whose job was not among them for five minutes, and resumes it when the job is back.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jobs::runtime::panic_text;
use jobs::{BoxFuture, Clock, ExecutionId, HandlerKind};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{Notify, watch};

use crate::clock::busy::keep_clock_busy;
use crate::clock::timestamp;
use crate::engine::call::LONGEST_SKIP;
use crate::health::SchedulerHealth;
use crate::schedule::Timetable;
use crate::schedule::plan::{next_due, plan};
use crate::store::{
    Absence, FireAnswer, Firing, NewExecution, NewRun, ScheduleRecord, ScheduleRun, Skip, Store,
    StoreError, StoreEvent,
};
use crate::telemetry::metrics::Metrics;
use crate::threads;
use crate::time::Timestamp;

/// The most schedules that are read at a time. If all of them wait, more are read, so that they do
/// not hold up the others.
const DUE_LIMIT: usize = 100;

/// The pause after a failed call of the store.
const BACKOFF: Duration = Duration::from_secs(1);

/// The interval between two looks at a schedule whose time waits for the end of an execution.
const WAIT_INTERVAL: Duration = Duration::from_secs(1);

/// The interval between two checks for absent jobs.
const ABSENCE_INTERVAL: Duration = Duration::from_secs(60);

/// The time for which no worker has executed a job before its schedules count as absent. It is
/// longer than a restart.
const ABSENT_AFTER: Duration = Duration::from_secs(5 * 60);

/// Builds the execution of a schedule's time, or tells why there is none.
pub(crate) type PrepareExecution = Arc<
    dyn Fn(
            ScheduleRecord,
            Timestamp,
        ) -> BoxFuture<'static, Result<Result<Box<NewExecution>, Skip>, StoreError>>
        + Send
        + Sync,
>;

/// Everything that a scheduler is built from.
pub(crate) struct SchedulerParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) prepare: PrepareExecution,
    /// Notified after a change of a schedule in this process.
    pub(crate) changes: Arc<Notify>,
    /// The longest pause between two looks at the store.
    pub(crate) poll: Duration,
    /// Receives the scheduler's state for health reports.
    pub(crate) health: SchedulerHealth,
    pub(crate) metrics: Arc<Metrics>,
}

/// A running scheduler.
#[derive(Debug)]
pub(crate) struct Scheduler {
    stop: watch::Sender<bool>,
    /// `None` while the thread runs; later how it ended: as requested, or by a panic with this
    /// message.
    ended: watch::Receiver<Option<Result<(), String>>>,
}

impl Scheduler {
    /// Starts the thread.
    pub(crate) fn start(parts: SchedulerParts) -> io::Result<Self> {
        let (stop, stop_requests) = watch::channel(false);
        let (end, ended) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let clock = Arc::clone(&parts.clock);
        let health = parts.health.clone();
        let task = SchedulerTask {
            events: parts.store.events(),
            parts,
            stop: stop_requests,
            unseen: BTreeMap::new(),
            check_at: Duration::ZERO,
            is_absence_possible: true,
            limit: DUE_LIMIT,
            failed: BTreeSet::new(),
        };
        // Wrapped before the thread starts, so that a virtual clock waits for the thread.
        let work = keep_clock_busy(&clock, async move {
            let ended = AssertUnwindSafe(task.run()).catch_unwind().await;
            let ended = ended.map_err(panic_text);
            if let Err(panic) = &ended {
                health.died(panic);
                tracing::error!(
                    panic,
                    "the scheduler has panicked: this process fires no schedule"
                );
            }
            end.send_replace(Some(ended));
        });
        threads::spawn("jobs-scheduler", runtime, move || work)?;
        Ok(Self { stop, ended })
    }

    /// Requests the end. A firing that has begun is completed.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Completes when no further time is fired by this process.
    pub(crate) async fn ended(&self) {
        // An error means that the thread has ended without a message.
        let _ = self.ended.clone().wait_for(Option::is_some).await;
    }

    /// The message of the panic that has ended the thread, if one has.
    #[cfg(feature = "cli")]
    pub(crate) fn death(&self) -> Option<String> {
        self.ended.borrow().clone()?.err()
    }

    /// Completes with the message of the panic that ends the thread. Never completes after a stop.
    pub(crate) async fn died(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Err(panic))) => panic.clone(),
            _ => std::future::pending().await,
        }
    }
}

struct SchedulerTask {
    parts: SchedulerParts,
    events: broadcast::Receiver<StoreEvent>,
    stop: watch::Receiver<bool>,
    /// Jobs of schedules that no worker executes, with the time since when, by the clock's elapsed
    /// time.
    unseen: BTreeMap<String, Duration>,
    /// The time of the next check for absent jobs.
    check_at: Duration,
    /// At the last check, a job of a schedule was not seen at work.
    is_absence_possible: bool,
    /// The number of schedules that the next look reads.
    limit: usize,
    /// The names of the schedules whose last firing has failed. They are tried after all others.
    failed: BTreeSet<String>,
}

impl SchedulerTask {
    async fn run(mut self) {
        // The sender is gone if the runtime was dropped without a shutdown.
        while !*self.stop.borrow() && self.stop.has_changed().is_ok() {
            let pause = match self.round().await {
                Ok(pause) => {
                    self.parts.health.looked(None);
                    pause
                }
                Err(error) => {
                    tracing::warn!(%error, "the scheduler cannot use the store");
                    self.parts.health.looked(Some(error.to_string()));
                    BACKOFF
                }
            };
            let sleep = self.parts.clock.sleep(pause.min(self.longest_pause()));
            tokio::select! {
                () = sleep => {}
                () = self.parts.changes.notified() => {}
                () = schedules_changed(&mut self.events) => {}
                _ = self.stop.changed() => {}
            }
        }
        self.parts.health.stopped();
    }

    /// The longest sleep. A virtual clock skips polls: this process is notified of its own changes,
    /// and no other one shares the clock. Absent jobs are still looked for.
    fn longest_pause(&self) -> Duration {
        if !self.parts.clock.hold().is_needed() {
            return self.parts.poll;
        }
        if self.is_absence_possible {
            ABSENCE_INTERVAL
        } else {
            LONGEST_SKIP
        }
    }

    /// Fires what is due. Returns the time until the next look.
    async fn round(&mut self) -> Result<Duration, StoreError> {
        self.check_absence().await?;
        let now = timestamp(&*self.parts.clock);
        let mut due = self.parts.store.due_schedules(now, self.limit).await?;
        due.schedules
            .sort_by_key(|schedule| self.failed.contains(&schedule.name));
        let mut pause = due.next_due.map_or(Duration::MAX, |at| at.since(now));
        let is_full = due.schedules.len() == self.limit;
        let mut waiting = 0;
        let mut fired = 0;
        let mut outage = None;
        for schedule in due.schedules {
            if *self.stop.borrow() {
                break;
            }
            let name = schedule.name.clone();
            let answer = self.fire(schedule).await;
            if answer.is_ok() {
                self.failed.remove(&name);
            }
            match answer {
                Ok(Some(next)) => {
                    fired += 1;
                    pause = pause.min(next.since(now));
                }
                Ok(None) => waiting += 1,
                // A row that the database rejects, or whose key another transaction has locked,
                // must not hold up the others. The second error of a round is taken for an outage;
                // if it was none, the next round begins with the others.
                Err(error) => {
                    tracing::warn!(schedule = name, %error, "cannot fire a schedule");
                    self.failed.insert(name);
                    waiting += 1;
                    if !matches!(error, StoreError::Database(_) | StoreError::Corrupt { .. })
                        && outage.replace(error).is_some()
                    {
                        break;
                    }
                }
            }
        }
        if let Some(error) = outage
            && fired == 0
        {
            return Err(error);
        }
        if waiting > 0 {
            pause = pause.min(WAIT_INTERVAL);
        }
        if is_full {
            pause = Duration::ZERO;
            if waiting == self.limit {
                self.limit = self.limit.saturating_mul(2);
            }
        } else {
            self.limit = DUE_LIMIT;
        }
        Ok(pause)
    }

    /// Fires the due times of a schedule. Returns the time at which it is due next; `None` if it
    /// waits for an execution to end, or for another program.
    async fn fire(&self, schedule: ScheduleRecord) -> Result<Option<Timestamp>, StoreError> {
        let far = Timestamp::from_millis(i64::MAX);
        let timetable = match Timetable::new(&schedule.rule) {
            Ok(timetable) => timetable,
            Err(error) => {
                // A newer program has written the rule: it fires the schedule.
                tracing::warn!(schedule = schedule.name, %error, "cannot evaluate a schedule");
                return Ok(None);
            }
        };
        let now = timestamp(&*self.parts.clock);
        let plan = plan(&schedule, &timetable, now);
        let mut runs = Vec::with_capacity(plan.times.len());
        for (time, skip) in plan.times {
            let start = match skip {
                Some(skip) => Err(skip),
                None => (self.parts.prepare)(schedule.clone(), time).await?,
            };
            runs.push(NewRun { time, start });
        }
        let firing = Firing {
            schedule: schedule.name.clone(),
            revision: schedule.revision,
            overlap: schedule.rule.overlap,
            runs,
            evaluated_until: plan.evaluated_until,
            due_at: plan.due_at,
            now,
        };
        let started = firing.runs.iter().filter_map(|run| {
            let execution = run.start.as_ref().ok()?;
            Some((run.time, execution.id, execution.job_id.clone()))
        });
        let started: Vec<_> = started.collect();
        match self.parts.store.fire(firing).await? {
            FireAnswer::Fired(recorded) => {
                self.count(&recorded, &started);
                for run in recorded.iter().filter(|run| run.skipped.is_some()) {
                    let reason = run.skipped.as_ref().map(|skip| &*skip.reason);
                    tracing::debug!(schedule = schedule.name, time = %run.time, reason, "skipped");
                }
                Ok(Some(plan.due_at.unwrap_or(far)))
            }
            FireAnswer::Waits => Ok(None),
            // Another process was faster, or an operator has changed the schedule. The next look
            // finds what became of it.
            FireAnswer::Stale => Ok(Some(now.after(Duration::from_millis(1)))),
        }
    }

    /// Counts the executions that a firing has created, and measures its delay.
    fn count(&self, recorded: &[ScheduleRun], started: &[(Timestamp, ExecutionId, String)]) {
        let now = timestamp(&*self.parts.clock);
        for (time, id, job_id) in started {
            if recorded.iter().any(|run| run.execution_id == Some(*id)) {
                let metrics = &self.parts.metrics;
                metrics.schedule_lag.observe(now.since(*time));
                metrics.job(job_id).enqueued.increment();
            }
        }
    }

    /// Pauses schedules whose job no worker executes, and resumes those whose job is back.
    async fn check_absence(&mut self) -> Result<(), StoreError> {
        let elapsed = self.parts.clock.elapsed();
        if elapsed < self.check_at {
            return Ok(());
        }
        self.check_at = elapsed + ABSENCE_INTERVAL;
        let schedules = self.parts.store.schedules().await?;
        let absent = schedules
            .iter()
            .filter(|schedule| schedule.absent.is_some());
        let absent = absent.map(|schedule| schedule.name.clone()).collect();
        self.parts.health.absent(absent);
        let schedules = schedules
            .into_iter()
            .filter(|schedule| schedule.absent != Some(Absence::Declaration));
        let schedules: Vec<_> = schedules.collect();
        if schedules.is_empty() {
            self.unseen.clear();
            self.is_absence_possible = false;
            return Ok(());
        }
        let jobs = self.jobs_at_work().await?;
        self.is_absence_possible = !jobs.has_all(&schedules);
        for schedule in schedules {
            let is_absent = match &jobs {
                Jobs::Unknown => schedule.absent.is_some(),
                Jobs::Known(ids) if ids.contains(&schedule.job_id) => {
                    self.unseen.remove(&schedule.job_id);
                    false
                }
                Jobs::Known(_) => {
                    let since = self.unseen.entry(schedule.job_id.clone());
                    let since = *since.or_insert(elapsed);
                    schedule.absent.is_some() || elapsed - since >= ABSENT_AFTER
                }
            };
            if is_absent != schedule.absent.is_some() {
                self.set_absent(schedule, is_absent).await?;
            }
        }
        Ok(())
    }

    async fn set_absent(
        &self,
        mut schedule: ScheduleRecord,
        is_absent: bool,
    ) -> Result<(), StoreError> {
        let name = schedule.name.clone();
        schedule.absent = is_absent.then_some(Absence::Job);
        schedule.due_at = match Timetable::new(&schedule.rule) {
            Ok(timetable) if !is_absent && schedule.paused_at.is_none() => {
                next_due(&schedule, &timetable)
            }
            _ => None,
        };
        let job = schedule.job_id.clone();
        // Another process may have written the same: then this write has another revision.
        if self.parts.store.update_schedule(schedule).await? {
            if is_absent {
                tracing::warn!(schedule = name, job, "paused: no worker executes the job");
            } else {
                tracing::info!(
                    schedule = name,
                    job,
                    "resumed: a worker executes the job again"
                );
            }
        }
        Ok(())
    }

    /// The jobs that a worker executes, or that are executed outside of the fleet's sessions.
    async fn jobs_at_work(&self) -> Result<Jobs, StoreError> {
        let processes = self.parts.store.processes().await?;
        let mut ids = Vec::new();
        for process in processes {
            match process.job_ids {
                Some(jobs) => ids.extend(jobs),
                // An older program does not tell.
                None => return Ok(Jobs::Unknown),
            }
        }
        // Without a worker nothing is known: a process that only serves may have started first.
        if ids.is_empty() {
            return Ok(Jobs::Unknown);
        }
        let published = self.parts.store.catalogue().await?;
        let external = published
            .into_iter()
            .filter(|job| job.descriptor.handler == HandlerKind::External);
        ids.extend(external.map(|job| job.descriptor.id));
        Ok(Jobs::Known(ids))
    }
}

/// Completes when schedules may have changed: after the event for that, or one without details.
async fn schedules_changed(events: &mut broadcast::Receiver<StoreEvent>) {
    loop {
        match events.recv().await {
            Ok(StoreEvent::SchedulesChanged | StoreEvent::Elsewhere)
            | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The store is gone: only the end of the thread is left.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// The jobs that workers execute, as far as they are known.
enum Jobs {
    /// No worker has a session.
    Unknown,
    /// The ids and former ids of these jobs.
    Known(Vec<String>),
}

impl Jobs {
    /// True if the job of every schedule is known to be executed.
    fn has_all(&self, schedules: &[ScheduleRecord]) -> bool {
        match self {
            Self::Unknown => false,
            Self::Known(ids) => schedules
                .iter()
                .all(|schedule| ids.contains(&schedule.job_id)),
        }
    }
}
