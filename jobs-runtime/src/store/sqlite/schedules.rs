//! Schedules and their runs.
//!
//! A firing runs in a transaction of its own: it records the times, creates the executions and
//! moves the schedule on. SQLite has one writer at a time, so the revision that the transaction
//! reads is the one that it replaces.
//!
//! The folder may import the connections and the rules; an execution is created by
//! [`enqueue_in_txn`]. It must not import `claim`, `settle` or `operator`.

mod rows;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::conn::commit_group::enqueue_in_txn;
use super::conn::error::DbError;
use super::conn::operation::{Outcome, operation, without_events};
use crate::store::rules::schedule_rows::ScheduleRow;
use crate::store::rules::schedules::{self, FireDecision};
use crate::store::{
    DueSchedules, FireAnswer, Firing, MAX_SCHEDULE_RUNS, NewExecution, ScheduleRecord, ScheduleRun,
    ScheduleStore, StoreError, StoreEvent,
};
use crate::time::Timestamp;

#[async_trait]
impl ScheduleStore for SqliteStore {
    async fn schedules(&self) -> Result<Vec<ScheduleRecord>, StoreError> {
        let rows = self.read(operation!(|conn| rows::list_on_conn(conn, None)));
        Ok(ScheduleRow::read_all(rows.await?))
    }

    async fn schedule(&self, name: String) -> Result<Option<ScheduleRecord>, StoreError> {
        let rows = self.read(operation!(|conn| rows::list_on_conn(conn, Some(&name))));
        rows.await?.pop().map(ScheduleRow::read).transpose()
    }

    async fn schedule_runs(
        &self,
        name: String,
        limit: usize,
    ) -> Result<Vec<ScheduleRun>, StoreError> {
        self.read(operation!(|conn| rows::runs_on_conn(conn, &name, limit)))
            .await
    }

    async fn due_schedules(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<DueSchedules, StoreError> {
        let (rows, next_due) = self
            .read(operation!(|conn| rows::due_on_conn(conn, now, limit)))
            .await?;
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
        self.transition(operation!(|conn| announced(add_in_txn(conn, &row, &runs))))
            .await
    }

    async fn update_schedule(&self, schedule: ScheduleRecord) -> Result<bool, StoreError> {
        let row = ScheduleRow::of(&schedule)?;
        self.transition(operation!(|conn| announced(rows::update_in_txn(
            conn, &row
        ))))
        .await
    }

    async fn delete_schedule(&self, name: String, revision: u64) -> Result<bool, StoreError> {
        self.transition(operation!(|conn| announced(rows::delete_in_txn(
            conn, &name, revision
        ))))
        .await
    }

    async fn fire(&self, firing: Firing) -> Result<FireAnswer, StoreError> {
        self.transition(operation!(|conn| fire_in_txn(conn, &firing)))
            .await
    }

    async fn run_schedule(
        &self,
        name: String,
        execution: NewExecution,
    ) -> Result<Option<ScheduleRun>, StoreError> {
        self.transition(operation!(|conn| run_in_txn(conn, &name, &execution)))
            .await
    }
}

/// Makes a change of a schedule, and announces it if it took place.
async fn announced(
    change: impl Future<Output = Result<bool, DbError>>,
) -> Result<Outcome<bool>, DbError> {
    let took_place = change.await?;
    let event = took_place.then_some(StoreEvent::SchedulesChanged);
    Ok((took_place, Vec::from_iter(event)))
}

/// Adds a schedule with its runs, unless its name exists.
async fn add_in_txn(
    conn: &mut SqliteConnection,
    row: &ScheduleRow,
    runs: &[ScheduleRun],
) -> Result<bool, DbError> {
    let added = rows::insert_in_txn(conn, row).await?;
    if added {
        for run in runs {
            rows::insert_run_in_txn(conn, &row.name, run).await?;
        }
    }
    Ok(added)
}

/// Creates the execution of a run that an operator asks for; `None` without the schedule.
async fn run_in_txn(
    conn: &mut SqliteConnection,
    name: &str,
    execution: &NewExecution,
) -> Result<Outcome<Option<ScheduleRun>>, DbError> {
    if rows::revision_in_txn(conn, name).await?.is_none() {
        return Ok(without_events(None));
    }
    let time = execution.created_at;
    let mut events = Vec::new();
    let run = start_in_txn(conn, time, true, execution, &mut events).await?;
    rows::insert_run_in_txn(conn, name, &run).await?;
    rows::prune_runs_in_txn(conn, name, MAX_SCHEDULE_RUNS).await?;
    Ok((Some(run), events))
}

/// Records the times of a firing, creates their executions, and moves the schedule on.
async fn fire_in_txn(
    conn: &mut SqliteConnection,
    firing: &Firing,
) -> Result<Outcome<FireAnswer>, DbError> {
    let name = &firing.schedule;
    let revision = rows::revision_in_txn(conn, name).await?;
    if revision != Some(firing.revision) {
        return Ok(without_events(FireAnswer::Stale));
    }
    let is_live = rows::is_live_in_txn(conn, name).await?;
    let FireDecision::Fire { mut live } = schedules::decide(firing, is_live) else {
        return Ok(without_events(FireAnswer::Waits));
    };
    let mut events = Vec::new();
    let mut recorded = Vec::with_capacity(firing.runs.len());
    for run in &firing.runs {
        if rows::run_exists_in_txn(conn, name, run.time).await? {
            continue;
        }
        let record = match schedules::start(run, firing.overlap, live) {
            Ok(execution) => start_in_txn(conn, run.time, false, execution, &mut events).await?,
            Err(skip) => schedules::skipped(run.time, firing.now, skip),
        };
        live |= record.execution_id.is_some();
        rows::insert_run_in_txn(conn, name, &record).await?;
        recorded.push(record);
    }
    rows::prune_runs_in_txn(conn, name, MAX_SCHEDULE_RUNS).await?;
    rows::advance_in_txn(conn, firing).await?;
    Ok((FireAnswer::Fired(recorded), events))
}

/// Creates an execution and returns the record of its run, also if the store rejects it.
async fn start_in_txn(
    conn: &mut SqliteConnection,
    time: Timestamp,
    manual: bool,
    execution: &NewExecution,
    events: &mut Vec<StoreEvent>,
) -> Result<ScheduleRun, DbError> {
    let answer = match enqueue_in_txn(conn, std::slice::from_ref(execution)).await {
        Ok((mut answers, published)) => {
            events.extend(published);
            Ok(answers.pop().ok_or(DbError::AssumptionFailed)?)
        }
        Err(DbError::Store(error)) if schedules::rejects_execution(&error) => Err(error),
        Err(error) => return Err(error),
    };
    Ok(schedules::enqueued(time, manual, execution, answer))
}
