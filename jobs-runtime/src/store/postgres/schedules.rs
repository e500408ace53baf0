//! Schedules and their runs.
//!
//! A firing is one transaction: it locks the schedule's row, records the times, creates the
//! executions and moves the schedule on. The row is locked before every other row. So two firings
//! of a schedule run one after the other, and the second one finds another revision.
//!
//! The folder may import the connections, `enqueue`, `limits` and the rules. It must not import
//! `claim`, `settle` or `operator`.

mod fire;
mod rows;

use async_trait::async_trait;

use super::PostgresStore;
use super::conn::text;
use super::limits::{EnsureLimits, LimitIds, RequestedLimits};
use crate::store::rules::schedule_rows::ScheduleRow;
use crate::store::{
    DueSchedules, FireAnswer, Firing, NewExecution, ScheduleRecord, ScheduleRun, ScheduleStore,
    StoreError,
};
use crate::time::Timestamp;
use fire::{Fire, RunSchedule};
use rows::{AddSchedule, DeleteSchedule, ListSchedules, ReadDue, ReadRuns, UpdateSchedule};

#[async_trait]
impl ScheduleStore for PostgresStore {
    async fn schedules(&self) -> Result<Vec<ScheduleRecord>, StoreError> {
        let rows = self.read(ListSchedules(None)).await?;
        Ok(ScheduleRow::read_all(rows))
    }

    async fn schedule(&self, name: String) -> Result<Option<ScheduleRecord>, StoreError> {
        let mut rows = self.read(ListSchedules(Some(name))).await?;
        rows.pop().map(ScheduleRow::read).transpose()
    }

    async fn schedule_runs(
        &self,
        name: String,
        limit: usize,
    ) -> Result<Vec<ScheduleRun>, StoreError> {
        self.read(ReadRuns { name, limit }).await
    }

    async fn due_schedules(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<DueSchedules, StoreError> {
        let (rows, next_due) = self.read(ReadDue { now, limit }).await?;
        Ok(DueSchedules {
            schedules: ScheduleRow::read_all(rows),
            next_due,
        })
    }

    async fn add_schedule(
        &self,
        schedule: ScheduleRecord,
        runs: Vec<ScheduleRun>,
    ) -> Result<bool, StoreError> {
        let row = ScheduleRow::of(&schedule)?;
        self.operate(AddSchedule { row, runs }).await
    }

    async fn update_schedule(&self, schedule: ScheduleRecord) -> Result<bool, StoreError> {
        let row = ScheduleRow::of(&schedule)?;
        self.operate(UpdateSchedule(row)).await
    }

    async fn delete_schedule(&self, name: String, revision: u64) -> Result<bool, StoreError> {
        self.operate(DeleteSchedule { name, revision }).await
    }

    async fn fire(&self, mut firing: Firing) -> Result<FireAnswer, StoreError> {
        for run in &mut firing.runs {
            if let Ok(execution) = &mut run.start {
                text::encode_execution(execution);
            }
        }
        let executions = firing.runs.iter().filter_map(|run| run.start.as_ref().ok());
        let limits = self.limits_of(executions.map(|execution| &**execution));
        let limits = limits.await?;
        self.operate(Fire { firing, limits }).await
    }

    async fn run_schedule(
        &self,
        name: String,
        mut execution: NewExecution,
    ) -> Result<Option<ScheduleRun>, StoreError> {
        text::encode_execution(&mut execution);
        let limits = self.limits_of(std::iter::once(&execution)).await?;
        let run = RunSchedule {
            name,
            execution,
            limits,
        };
        self.operate(run).await
    }
}

impl PostgresStore {
    /// Writes the limits that executions name, in a transaction of their own.
    async fn limits_of<'e>(
        &self,
        executions: impl Iterator<Item = &'e NewExecution> + Send,
    ) -> Result<LimitIds, StoreError> {
        let requested = RequestedLimits::by(executions);
        if requested.is_empty() {
            return Ok(LimitIds::new());
        }
        self.permits.run(EnsureLimits(requested)).await
    }
}
