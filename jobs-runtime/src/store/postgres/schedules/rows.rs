//! Statements on the tables of schedules and runs.

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::{Row, SqlStr};

use crate::store::decode::schedules::{runs, schedules};
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::text::encode;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::uuid_of;
use crate::store::rules::schedule_rows::{RunRow, ScheduleRow};
use crate::store::{Firing, ScheduleRun, StoreEvent};
use crate::time::Timestamp;

/// Reads the schedule with this name, or all schedules.
pub(super) struct ListSchedules(pub(super) Option<String>);

#[async_trait]
impl Operation for ListSchedules {
    type Output = Vec<ScheduleRow>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx.query(&tx.sql.schedules_list);
        let rows = tx.fetch(query.bind(self.0.as_deref().map(encode))).await?;
        Ok(without_events(schedules(&rows)?))
    }
}

/// Reads the schedules that are due, and the time at which the next one is.
pub(super) struct ReadDue {
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

#[async_trait]
impl Operation for ReadDue {
    type Output = (Vec<ScheduleRow>, Option<Timestamp>);
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let now = self.now.as_millis();
        let query = tx
            .query(&tx.sql.schedules_due)
            .bind(now)
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let rows = schedules(&rows)?;
        let next = tx
            .fetch(tx.query(&tx.sql.schedules_next_due).bind(now))
            .await?;
        let next: Option<i64> = next.first().ok_or(DbError::Raced)?.try_get(0)?;
        Ok(without_events((rows, next.map(Timestamp::from_millis))))
    }
}

/// Returns the event of a change of a schedule, if it took place.
fn changed(took_place: bool) -> Vec<StoreEvent> {
    Vec::from_iter(took_place.then_some(StoreEvent::SchedulesChanged))
}

/// Adds a schedule with its past runs. Returns false if its name exists.
pub(super) struct AddSchedule {
    pub(super) row: ScheduleRow,
    pub(super) runs: Vec<ScheduleRun>,
}

#[async_trait]
impl Operation for AddSchedule {
    type Output = bool;
    const TX_MODE: TxMode = TxMode::Transaction;
    /// A second run would find the schedule of the first.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let added = write(tx, &tx.sql.schedules_insert, &self.row).await?;
        if added {
            for run in &self.runs {
                insert_run(tx, &self.row.name, run).await?;
            }
        }
        Ok((added, changed(added)))
    }
}

/// Replaces a schedule. Returns false if it has another revision.
pub(super) struct UpdateSchedule(pub(super) ScheduleRow);

#[async_trait]
impl Operation for UpdateSchedule {
    type Output = bool;
    const TX_MODE: TxMode = TxMode::Statement;
    /// A second run would find the revision of the first.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let updated = write(tx, &tx.sql.schedules_update, &self.0).await?;
        Ok((updated, changed(updated)))
    }
}

/// Deletes a schedule with its runs. Returns false if it has another revision.
pub(super) struct DeleteSchedule {
    pub(super) name: String,
    pub(super) revision: u64,
}

#[async_trait]
impl Operation for DeleteSchedule {
    type Output = bool;
    const TX_MODE: TxMode = TxMode::Transaction;
    /// A second run would not find the schedule.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let name = encode(&self.name);
        let query = tx
            .query(&tx.sql.schedules_delete)
            .bind(&*name)
            .bind(i64::try_from(self.revision).unwrap_or(i64::MAX));
        let deleted = tx.execute(query).await? > 0;
        if deleted {
            let query = tx.query(&tx.sql.schedules_delete_runs);
            tx.execute(query.bind(&*name)).await?;
        }
        Ok((deleted, changed(deleted)))
    }
}

async fn write(tx: &mut Tx<'_>, statement: &SqlStr, row: &ScheduleRow) -> Result<bool, DbError> {
    let query = bind(tx.query(statement), row);
    Ok(tx.execute(query).await? > 0)
}

fn bind<'q>(
    query: Query<'q, Postgres, PgArguments>,
    row: &'q ScheduleRow,
) -> Query<'q, Postgres, PgArguments> {
    query
        .bind(encode(&row.name))
        .bind(encode(&row.job_id))
        .bind(row.revision)
        .bind(&row.rule)
        .bind(&row.payload)
        .bind(&row.declared)
        .bind(row.overridden)
        .bind(row.paused_at)
        .bind(&row.absent)
        .bind(row.evaluated_until)
        .bind(row.due_at)
        .bind(row.created_at)
        .bind(row.updated_at)
}

/// Locks a schedule until the transaction ends, and returns its revision; `None` if it does not
/// exist.
pub(super) async fn lock(tx: &mut Tx<'_>, name: &str) -> Result<Option<u64>, DbError> {
    let query = tx.query(&tx.sql.schedules_lock).bind(encode(name));
    let rows = tx.fetch(query).await?;
    let revision: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(revision.and_then(|revision| u64::try_from(revision).ok()))
}

/// True if a recorded execution of the schedule is not final.
pub(super) async fn is_live(tx: &mut Tx<'_>, name: &str) -> Result<bool, DbError> {
    let query = tx.query(&tx.sql.schedules_is_live).bind(encode(name));
    let rows = tx.fetch(query).await?;
    Ok(rows.first().ok_or(DbError::Raced)?.try_get(0)?)
}

/// True if the time is recorded.
pub(super) async fn run_exists(
    tx: &mut Tx<'_>,
    name: &str,
    time: Timestamp,
) -> Result<bool, DbError> {
    let query = tx
        .query(&tx.sql.schedules_run_exists)
        .bind(encode(name))
        .bind(time.as_millis());
    let rows = tx.fetch(query).await?;
    Ok(rows.first().ok_or(DbError::Raced)?.try_get(0)?)
}

/// Records a run.
pub(super) async fn insert_run(
    tx: &mut Tx<'_>,
    name: &str,
    run: &ScheduleRun,
) -> Result<(), DbError> {
    let row = RunRow::of(run);
    let query = tx
        .query(&tx.sql.schedules_insert_run)
        .bind(encode(name))
        .bind(row.time)
        .bind(row.manual)
        .bind(row.fired_at)
        .bind(row.execution_id.as_ref().map(uuid_of))
        .bind(row.reason.as_deref().map(encode))
        .bind(row.detail.as_deref().map(encode));
    tx.execute(query).await?;
    Ok(())
}

/// Deletes all runs but the newest ones.
pub(super) async fn prune_runs(tx: &mut Tx<'_>, name: &str, kept: usize) -> Result<(), DbError> {
    let query = tx
        .query(&tx.sql.schedules_prune_runs)
        .bind(encode(name))
        .bind(i64::try_from(kept).unwrap_or(i64::MAX));
    tx.execute(query).await?;
    Ok(())
}

/// Moves the schedule past the times of a firing.
pub(super) async fn advance(tx: &mut Tx<'_>, firing: &Firing) -> Result<(), DbError> {
    let query = tx
        .query(&tx.sql.schedules_advance)
        .bind(encode(&firing.schedule))
        .bind(firing.evaluated_until.as_millis())
        .bind(firing.due_at.map(Timestamp::as_millis));
    tx.execute(query).await?;
    Ok(())
}

/// Reads the last runs of a schedule, newest first.
pub(super) struct ReadRuns {
    pub(super) name: String,
    pub(super) limit: usize,
}

#[async_trait]
impl Operation for ReadRuns {
    type Output = Vec<ScheduleRun>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.schedules_runs)
            .bind(encode(&self.name))
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        Ok(without_events(runs(&rows)?))
    }
}
