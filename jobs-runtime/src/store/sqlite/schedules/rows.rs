//! Statements on the tables of schedules and runs.

use sqlx::sqlite::SqliteConnection;

use crate::store::decode::schedules::{runs, schedules};
use crate::store::rules::schedule_rows::{RunRow, ScheduleRow};
use crate::store::sqlite::conn::error::DbError;
use crate::store::{Firing, ScheduleRun};
use crate::time::Timestamp;

/// Reads the schedule with this name, or all schedules.
pub(super) async fn list_on_conn(
    conn: &mut SqliteConnection,
    name: Option<&str>,
) -> Result<Vec<ScheduleRow>, DbError> {
    let rows = sqlx::query(include_str!("../sql/schedules/list.sql"))
        .bind(name)
        .fetch_all(conn)
        .await?;
    schedules(&rows)
}

/// Reads the schedules that are due, and the time at which the next one is.
pub(super) async fn due_on_conn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<(Vec<ScheduleRow>, Option<Timestamp>), DbError> {
    let rows = sqlx::query(include_str!("../sql/schedules/due.sql"))
        .bind(now.as_millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *conn)
        .await?;
    let next: Option<i64> = sqlx::query_scalar(include_str!("../sql/schedules/next_due.sql"))
        .bind(now.as_millis())
        .fetch_one(conn)
        .await?;
    Ok((schedules(&rows)?, next.map(Timestamp::from_millis)))
}

/// Adds a schedule. Returns false if its name exists.
pub(super) async fn insert_in_txn(
    conn: &mut SqliteConnection,
    row: &ScheduleRow,
) -> Result<bool, DbError> {
    write(include_str!("../sql/schedules/insert.sql"), conn, row).await
}

/// Replaces a schedule. Returns false if it has another revision.
pub(super) async fn update_in_txn(
    conn: &mut SqliteConnection,
    row: &ScheduleRow,
) -> Result<bool, DbError> {
    write(include_str!("../sql/schedules/update.sql"), conn, row).await
}

async fn write(
    statement: &'static str,
    conn: &mut SqliteConnection,
    row: &ScheduleRow,
) -> Result<bool, DbError> {
    let done = sqlx::query(statement)
        .bind(&row.name)
        .bind(&row.job_id)
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
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes a schedule with its runs. Returns false if it has another revision.
pub(super) async fn delete_in_txn(
    conn: &mut SqliteConnection,
    name: &str,
    revision: u64,
) -> Result<bool, DbError> {
    let done = sqlx::query(include_str!("../sql/schedules/delete.sql"))
        .bind(name)
        .bind(i64::try_from(revision).unwrap_or(i64::MAX))
        .execute(&mut *conn)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(include_str!("../sql/schedules/delete_runs.sql"))
        .bind(name)
        .execute(conn)
        .await?;
    Ok(true)
}

/// The revision of a schedule; `None` if it does not exist.
pub(super) async fn revision_in_txn(
    conn: &mut SqliteConnection,
    name: &str,
) -> Result<Option<u64>, DbError> {
    let revision: Option<i64> = sqlx::query_scalar(include_str!("../sql/schedules/lock.sql"))
        .bind(name)
        .fetch_optional(conn)
        .await?;
    Ok(revision.and_then(|revision| u64::try_from(revision).ok()))
}

/// True if a recorded execution of the schedule is not final.
pub(super) async fn is_live_in_txn(
    conn: &mut SqliteConnection,
    name: &str,
) -> Result<bool, DbError> {
    let live = sqlx::query_scalar(include_str!("../sql/schedules/is_live.sql"));
    Ok(live.bind(name).fetch_one(conn).await?)
}

/// True if the time is recorded.
pub(super) async fn run_exists_in_txn(
    conn: &mut SqliteConnection,
    name: &str,
    time: Timestamp,
) -> Result<bool, DbError> {
    let exists = sqlx::query_scalar(include_str!("../sql/schedules/run_exists.sql"));
    let exists = exists.bind(name).bind(time.as_millis());
    Ok(exists.fetch_one(conn).await?)
}

/// Records a run.
pub(super) async fn insert_run_in_txn(
    conn: &mut SqliteConnection,
    name: &str,
    run: &ScheduleRun,
) -> Result<(), DbError> {
    let row = RunRow::of(run);
    sqlx::query(include_str!("../sql/schedules/insert_run.sql"))
        .bind(name)
        .bind(row.time)
        .bind(row.manual)
        .bind(row.fired_at)
        .bind(row.execution_id.map(|id| id.as_bytes().to_vec()))
        .bind(row.reason)
        .bind(row.detail)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes all runs but the newest ones.
pub(super) async fn prune_runs_in_txn(
    conn: &mut SqliteConnection,
    name: &str,
    kept: usize,
) -> Result<(), DbError> {
    sqlx::query(include_str!("../sql/schedules/prune_runs.sql"))
        .bind(name)
        .bind(i64::try_from(kept).unwrap_or(i64::MAX))
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves the schedule past the times of a firing.
pub(super) async fn advance_in_txn(
    conn: &mut SqliteConnection,
    firing: &Firing,
) -> Result<(), DbError> {
    sqlx::query(include_str!("../sql/schedules/advance.sql"))
        .bind(&firing.schedule)
        .bind(firing.evaluated_until.as_millis())
        .bind(firing.due_at.map(Timestamp::as_millis))
        .execute(conn)
        .await?;
    Ok(())
}

/// Reads the last runs, newest first.
pub(super) async fn runs_on_conn(
    conn: &mut SqliteConnection,
    name: &str,
    limit: usize,
) -> Result<Vec<ScheduleRun>, DbError> {
    let rows = sqlx::query(include_str!("../sql/schedules/runs.sql"))
        .bind(name)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    runs(&rows)
}
