//! Statistics: throughput, waiting times and durations of the last hour, day and week.
//!
//! They are computed from the newest [`MAX_EXAMINED`] final executions, so an answer takes the same
//! time on a store of any size. A window that reaches further back says so (`complete`).

use std::collections::BTreeMap;
use std::time::Duration;

use jobs::{EnqueueError, ExecutionStatus, HandlerKind};
use schemars::JsonSchema;
use serde::Serialize;

use super::JobService;
use crate::store::{ProcessRecord, QueueRecord, RecentOutcome, StoreError};
use crate::time::Timestamp;

/// The final executions that a call examines.
const MAX_EXAMINED: usize = 5_000;

/// The windows, by name.
const WINDOWS: [(&str, Duration); 3] = [
    ("hour", Duration::from_secs(3_600)),
    ("day", Duration::from_secs(86_400)),
    ("week", Duration::from_secs(7 * 86_400)),
];

/// The jobs in the list of failing ones.
const FAILING_JOBS: usize = 10;

/// The time after which a schedule that is due counts as overdue.
const OVERDUE: Duration = Duration::from_secs(60);

/// The state of a fleet at a glance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overview {
    /// The present time.
    at: Timestamp,
    /// The last hour, day and week.
    windows: Vec<WindowStats>,
    /// The jobs with the most failures of the last day among the examined executions, at most 10.
    failing_jobs: Vec<FailingJob>,
    /// The queues with their depth.
    queues: Vec<QueueRecord>,
    /// The paused queues.
    paused_queues: Vec<String>,
    /// The jobs that no program links any more.
    absent_handlers: Vec<String>,
    /// The schedules that have been due for more than a minute.
    overdue_schedules: Vec<OverdueSchedule>,
    /// The workers with a session.
    processes: Vec<ProcessRecord>,
    /// The attempts that the workers execute.
    running: u64,
}

/// A job's executions of the last hour, day and week.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobStats {
    /// The job.
    job_id: String,
    /// The present time.
    at: Timestamp,
    /// The last hour, day and week.
    windows: Vec<WindowStats>,
}

/// The executions that ended in a window of time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WindowStats {
    /// `hour`, `day` or `week`.
    window: &'static str,
    /// The beginning of the window.
    since: Timestamp,
    /// The executions that succeeded.
    succeeded: u64,
    /// The executions that failed.
    failed: u64,
    /// The executions that were cancelled.
    cancelled: u64,
    /// True if the counts have every execution that ended in the window. False if there are at
    /// least as many: a call examines the newest 5,000 final executions.
    complete: bool,
    /// The times from due to start, of executions that ended in their first attempt.
    wait_ms: Option<Percentiles>,
    /// The durations of the last attempts.
    duration_ms: Option<Percentiles>,
}

/// Percentiles of a time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Percentiles {
    p50: u64,
    p95: u64,
    p99: u64,
    max: u64,
}

/// A job with failures.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailingJob {
    /// The job.
    job_id: String,
    /// Its failed executions.
    failed: u64,
    /// Its final executions.
    finished: u64,
}

/// A schedule whose time has passed without a run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverdueSchedule {
    /// The schedule's id.
    id: String,
    /// The job.
    job_id: String,
    /// The time that is overdue.
    due_at: Timestamp,
}

impl JobService {
    /// Returns the state of the fleet at a glance.
    pub(crate) async fn overview(&self) -> Result<Overview, StoreError> {
        let store = &self.inner.store;
        let now = self.now();
        let outcomes = store.recent_outcomes(None, MAX_EXAMINED).await?;
        let queues = self.queues().await?;
        let processes = store.processes().await?;
        let paused = queues.iter().filter(|queue| queue.paused_at.is_some());
        let overdue = store.due_schedules(now.before(OVERDUE), 100).await?;
        let jobs = self.jobs().await?;
        let absent = jobs
            .iter()
            .filter(|job| job.descriptor().handler == HandlerKind::Absent);
        let live = |job: &str| {
            let claims = |process: &ProcessRecord| {
                let ids = process.job_ids.as_deref();
                ids.is_none_or(|ids| ids.iter().any(|id| id == job))
            };
            processes.iter().any(claims)
        };
        Ok(Overview {
            at: now,
            windows: windows(&outcomes, now),
            failing_jobs: failing_jobs(&outcomes, now),
            paused_queues: paused.map(|queue| queue.queue.clone()).collect(),
            absent_handlers: absent
                .map(|job| job.id().to_owned())
                .filter(|job| !live(job))
                .collect(),
            overdue_schedules: overdue
                .schedules
                .into_iter()
                .filter_map(|schedule| {
                    Some(OverdueSchedule {
                        id: schedule.name,
                        job_id: schedule.job_id,
                        due_at: schedule.due_at?,
                    })
                })
                .collect(),
            running: processes.iter().map(|process| process.running).sum(),
            queues,
            processes,
        })
    }

    /// Returns a job's executions of the last hour, day and week.
    pub(crate) async fn job_stats(&self, id: &str) -> Result<JobStats, EnqueueError> {
        let job = self.job(id).await?;
        let now = self.now();
        let job_id = job.id().to_owned();
        let store = &self.inner.store;
        let outcomes = store.recent_outcomes(Some(job_id.clone()), MAX_EXAMINED);
        let outcomes = outcomes.await;
        let outcomes = outcomes.map_err(|error| EnqueueError::Store(Box::new(error)))?;
        Ok(JobStats {
            job_id,
            at: now,
            windows: windows(&outcomes, now),
        })
    }
}

fn windows(outcomes: &[RecentOutcome], now: Timestamp) -> Vec<WindowStats> {
    let windows = WINDOWS.iter();
    let windows = windows.map(|(name, length)| {
        window(
            name,
            outcomes,
            now.before(*length),
            outcomes.len() < MAX_EXAMINED,
        )
    });
    windows.collect()
}

/// Counts the executions that ended in a window. `has_all`: the store has no further outcomes.
fn window(
    name: &'static str,
    outcomes: &[RecentOutcome],
    since: Timestamp,
    has_all: bool,
) -> WindowStats {
    let mut stats = WindowStats {
        window: name,
        since,
        succeeded: 0,
        failed: 0,
        cancelled: 0,
        // Executions are examined from the newest to the oldest. Before one that was created before
        // the window, only long-lived executions can have ended in it.
        complete: has_all || outcomes.iter().any(|one| one.created_at < since),
        wait_ms: None,
        duration_ms: None,
    };
    let (mut waits, mut durations) = (Vec::new(), Vec::new());
    for one in outcomes.iter().filter(|one| one.finished_at >= since) {
        match one.status {
            ExecutionStatus::Succeeded => stats.succeeded += 1,
            ExecutionStatus::Failed => stats.failed += 1,
            _ => stats.cancelled += 1,
        }
        if let Some(started_at) = one.started_at {
            durations.push(millis(one.finished_at.since(started_at)));
            if one.attempt == 1 {
                waits.push(millis(started_at.since(one.due_at)));
            }
        }
    }
    stats.wait_ms = Percentiles::of(waits);
    stats.duration_ms = Percentiles::of(durations);
    stats
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Percentiles {
    /// Returns the percentiles by nearest rank; `None` of no values.
    fn of(mut values: Vec<u64>) -> Option<Self> {
        values.sort_unstable();
        let last = values.len().checked_sub(1)?;
        let at = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100).saturating_sub(1);
            values[rank.min(last)]
        };
        Some(Self {
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: values[last],
        })
    }
}

fn failing_jobs(outcomes: &[RecentOutcome], now: Timestamp) -> Vec<FailingJob> {
    let since = now.before(WINDOWS[1].1);
    let mut jobs = BTreeMap::<&str, (u64, u64)>::new();
    for one in outcomes.iter().filter(|one| one.finished_at >= since) {
        let counts = jobs.entry(&one.job_id).or_default();
        counts.0 += u64::from(one.status == ExecutionStatus::Failed);
        counts.1 += 1;
    }
    let failing = jobs.into_iter().filter(|(_, (failed, _))| *failed > 0);
    let mut failing: Vec<_> = failing
        .map(|(job_id, (failed, finished))| FailingJob {
            job_id: job_id.to_owned(),
            failed,
            finished,
        })
        .collect();
    failing.sort_by_key(|job| std::cmp::Reverse(job.failed));
    failing.truncate(FAILING_JOBS);
    failing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        assert_eq!(Percentiles::of(Vec::new()), None);
        let all = Percentiles::of((1..=200).rev().collect()).expect("values");
        assert_eq!((all.p50, all.p95, all.p99, all.max), (100, 190, 198, 200));
        let one = Percentiles::of(vec![7]).expect("a value");
        assert_eq!((one.p50, one.max), (7, 7));
    }
}
