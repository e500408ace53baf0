//! Schedules: the trait [`ScheduleStore`] and the types of its calls.
//!
//! A store keeps schedules and the record of their runs. It evaluates no cron expression: the
//! caller computes the times, and the store makes each of them run at most once.

use async_trait::async_trait;
use jobs::{ExecutionId, Overlap, ScheduleRule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{NewExecution, StoreError};
use crate::time::Timestamp;

/// The number of runs that a store keeps per schedule. Older ones are deleted with a new one.
pub const MAX_SCHEDULE_RUNS: usize = 100;

/// The operations on schedules.
///
/// Every write compares the schedule's [revision](ScheduleRecord::revision), so concurrent writers
/// cannot undo each other: one of them wins, and the others read again.
///
/// # Errors
/// Those that every method of [`Store`](crate::store::Store) can fail with.
#[async_trait]
pub trait ScheduleStore: Send + Sync + 'static {
    /// Returns every schedule, by name. A row that this program cannot read is left out and logged.
    async fn schedules(&self) -> Result<Vec<ScheduleRecord>, StoreError>;

    /// Returns one schedule, or `None` if it does not exist.
    async fn schedule(&self, name: String) -> Result<Option<ScheduleRecord>, StoreError>;

    /// Returns the last runs of a schedule, newest first, at most `limit`.
    async fn schedule_runs(
        &self,
        name: String,
        limit: usize,
    ) -> Result<Vec<ScheduleRun>, StoreError>;

    /// Returns up to `limit` schedules that are due at `now`, the earliest first, and the time at
    /// which the next one is due. Paused and absent schedules are never due.
    async fn due_schedules(&self, now: Timestamp, limit: usize)
    -> Result<DueSchedules, StoreError>;

    /// Adds a schedule with its past runs. Returns `false` and changes nothing if the name exists.
    /// Atomic. A repeated call answers `false`.
    async fn add_schedule(
        &self,
        schedule: ScheduleRecord,
        runs: Vec<ScheduleRun>,
    ) -> Result<bool, StoreError>;

    /// Replaces a schedule whose revision is still that of `schedule`; its revision grows. Returns
    /// `false` if the revision is another one, or the schedule does not exist. Atomic.
    async fn update_schedule(&self, schedule: ScheduleRecord) -> Result<bool, StoreError>;

    /// Deletes a schedule of this revision with its runs. Its executions stay. Returns `false` if
    /// the revision is another one, or the schedule does not exist. Atomic.
    async fn delete_schedule(&self, name: String, revision: u64) -> Result<bool, StoreError>;

    /// Fires times of a schedule: records each time, and creates its execution.
    ///
    /// One transaction does everything, and only if the schedule's revision is still that of
    /// `firing`. A time that has a record does not run again. So a time of a schedule creates at
    /// most one execution, however many processes fire it, and a crash leaves it fired or not.
    ///
    /// Unless the overlap is allowed, a time does not run while an earlier execution of the
    /// schedule is live, that is: not final. An execution that the store rejects, by `max_waiting`
    /// for example, is recorded as skipped; the other times run.
    ///
    /// A repeated call answers [`FireAnswer::Stale`].
    async fn fire(&self, firing: Firing) -> Result<FireAnswer, StoreError>;

    /// Creates an execution of a schedule beside its times, and records it as a manual run. `None`
    /// if there is no such schedule. Atomic.
    async fn run_schedule(
        &self,
        name: String,
        execution: NewExecution,
    ) -> Result<Option<ScheduleRun>, StoreError>;
}

/// A schedule as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRecord {
    /// The name. A schedule of an attribute is named after its job and its place in the attribute:
    /// `report.daily:1`.
    pub name: String,
    /// The job.
    pub job_id: String,
    /// The number of writes to the schedule. A new schedule has 1.
    pub revision: u64,
    /// The rule in force.
    pub rule: ScheduleRule,
    /// The payload of its executions: JSON text; the job's defaults if `None`.
    pub payload: Option<String>,
    /// The rule of the attribute, for a schedule that a program has published.
    pub declared: Option<ScheduleRule>,
    /// True if an operator has replaced the rule of the attribute.
    pub overridden: bool,
    /// The time at which an operator paused it.
    pub paused_at: Option<Timestamp>,
    /// The reason for which the schedule is paused although no operator asked for it.
    pub absent: Option<Absence>,
    /// The end of the times that have been considered: every later one is still to come.
    pub evaluated_until: Timestamp,
    /// The time at which a scheduler has to look at it: its next time, plus the delay by jitter.
    /// `None` if it is paused, absent, or has no further time.
    pub due_at: Option<Timestamp>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time of the last change by a program or an operator.
    pub updated_at: Timestamp,
}

/// The reason for which a schedule is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Absence {
    /// No worker executes the job, or no program has published it.
    Job,
    /// The job's attribute does not declare the schedule any more.
    Declaration,
}

impl Absence {
    /// The word, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Declaration => "declaration",
        }
    }

    /// Reads a stored word. One that a newer program wrote counts as [`Absence::Job`].
    pub(in crate::store) fn of(word: &str) -> Self {
        match word {
            "declaration" => Self::Declaration,
            _ => Self::Job,
        }
    }
}

/// The schedules that are due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueSchedules {
    /// The schedules, the earliest first.
    pub schedules: Vec<ScheduleRecord>,
    /// The time at which the first of the others is due.
    pub next_due: Option<Timestamp>,
}

/// Times of a schedule to fire.
#[derive(Clone, Debug)]
pub struct Firing {
    /// The name of the schedule.
    pub schedule: String,
    /// The revision that the caller has read.
    pub revision: u64,
    /// The rule's overlap.
    pub overlap: Overlap,
    /// The times, oldest first. May be empty.
    pub runs: Vec<NewRun>,
    /// The new end of the times that have been considered.
    pub evaluated_until: Timestamp,
    /// The new time at which a scheduler has to look at it.
    pub due_at: Option<Timestamp>,
    /// The present time.
    pub now: Timestamp,
}

/// A time of a schedule, with what happens at it.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The time, without the delay by jitter.
    pub time: Timestamp,
    /// The execution to create, or the reason why none is created.
    pub start: Result<Box<NewExecution>, Skip>,
}

/// The reason why a time did not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Skip {
    /// A word for programs: one of the constants below, or one of a newer program.
    pub reason: String,
    /// An explanation for people.
    pub detail: String,
}

impl Skip {
    /// An earlier execution of the schedule was live.
    pub const OVERLAP: &'static str = "overlap";
    /// No scheduler ran at the time.
    pub const MISSED: &'static str = "missed";
    /// The job was unknown, disabled, or did not accept the payload.
    pub const REJECTED: &'static str = "rejected";
    /// The execution joined another one with the same unique or debounce key.
    pub const MERGED: &'static str = "merged";

    /// Creates a reason.
    pub fn new(reason: &str, detail: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            detail: detail.into(),
        }
    }
}

/// The answer to a firing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FireAnswer {
    /// The times are recorded. The records that this call has written, oldest first.
    Fired(Vec<ScheduleRun>),
    /// An earlier execution is live, and the overlap is to queue. Nothing was written.
    Waits,
    /// The schedule has another revision or does not exist. Nothing was written.
    Stale,
}

/// The record of a run: a time that has passed, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleRun {
    /// The time of the schedule, or the time of a manual run.
    pub time: Timestamp,
    /// True for a run that an operator asked for.
    pub manual: bool,
    /// The time at which it was recorded.
    pub fired_at: Timestamp,
    /// The execution that was created, or that it joined.
    pub execution_id: Option<ExecutionId>,
    /// The reason why no execution was created.
    pub skipped: Option<Skip>,
}

/// The schedule and the time for which an execution was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledTime {
    /// The name of the schedule.
    pub schedule: String,
    /// The time of the schedule, without the delay by jitter; of a manual run the time of that.
    pub time: Timestamp,
}

impl ScheduledTime {
    const WORD: &'static str = "schedule";

    /// The text of an execution's [`triggered_by`](NewExecution::triggered_by).
    pub fn to_text(&self) -> String {
        let Self { schedule, time } = self;
        format!("{} {schedule} {}", Self::WORD, time.as_millis())
    }

    /// Divides a stored text into the word that readers see, and the schedule.
    pub(in crate::store) fn split(text: String) -> (String, Option<Self>) {
        let mut parts = text.split(' ');
        let (Some(Self::WORD), Some(schedule), Some(time), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return (text, None);
        };
        let Ok(time) = time.parse() else {
            return (text, None);
        };
        let scheduled = Self {
            schedule: schedule.to_owned(),
            time: Timestamp::from_millis(time),
        };
        (Self::WORD.to_owned(), Some(scheduled))
    }
}
