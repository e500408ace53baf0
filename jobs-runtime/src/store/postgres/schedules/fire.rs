//! Firing: the times of a schedule and their executions, in one transaction.

use async_trait::async_trait;

use super::rows;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::text;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::enqueue::enqueue_in_own_txn;
use crate::store::postgres::limits::LimitIds;
use crate::store::rules::schedules::{self, FireDecision};
use crate::store::{FireAnswer, Firing, MAX_SCHEDULE_RUNS, NewExecution, ScheduleRun, StoreEvent};
use crate::time::Timestamp;

/// Records the times of a firing, creates their executions, and moves the schedule on.
pub(super) struct Fire {
    pub(super) firing: Firing,
    /// Ids of the limits that the executions name.
    pub(super) limits: LimitIds,
}

#[async_trait]
impl Operation for Fire {
    type Output = FireAnswer;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<FireAnswer>, DbError> {
        let Self { firing, limits } = self;
        let name = &firing.schedule;
        if rows::lock(tx, name).await? != Some(firing.revision) {
            return Ok(without_events(FireAnswer::Stale));
        }
        let is_live = rows::is_live(tx, name).await?;
        let FireDecision::Fire { mut live } = schedules::decide(firing, is_live) else {
            return Ok(without_events(FireAnswer::Waits));
        };
        let mut events = Vec::new();
        let mut recorded = Vec::with_capacity(firing.runs.len());
        for run in &firing.runs {
            if rows::run_exists(tx, name, run.time).await? {
                continue;
            }
            let record = match schedules::start(run, firing.overlap, live) {
                Ok(execution) => start(tx, run.time, false, execution, limits, &mut events).await?,
                Err(skip) => schedules::skipped(run.time, firing.now, skip),
            };
            live |= record.execution_id.is_some();
            rows::insert_run(tx, name, &record).await?;
            recorded.push(record);
        }
        rows::prune_runs(tx, name, MAX_SCHEDULE_RUNS).await?;
        rows::advance(tx, firing).await?;
        Ok((FireAnswer::Fired(recorded), events))
    }
}

/// Creates an execution of a schedule beside its times.
pub(super) struct RunSchedule {
    pub(super) name: String,
    pub(super) execution: NewExecution,
    pub(super) limits: LimitIds,
}

#[async_trait]
impl Operation for RunSchedule {
    type Output = Option<ScheduleRun>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self {
            name,
            execution,
            limits,
        } = self;
        if rows::lock(tx, name).await?.is_none() {
            return Ok(without_events(None));
        }
        let time = execution.created_at;
        let mut events = Vec::new();
        let run = start(tx, time, true, execution, limits, &mut events).await?;
        rows::insert_run(tx, name, &run).await?;
        rows::prune_runs(tx, name, MAX_SCHEDULE_RUNS).await?;
        Ok((Some(run), events))
    }
}

/// Creates an execution and returns the record of its run, also if the store rejects it.
async fn start(
    tx: &mut Tx<'_>,
    time: Timestamp,
    manual: bool,
    execution: &NewExecution,
    limits: &LimitIds,
    events: &mut Vec<StoreEvent>,
) -> Result<ScheduleRun, DbError> {
    let batch = std::slice::from_ref(execution);
    let (mut answers, published) = enqueue_in_own_txn(tx, &[batch], limits).await?;
    events.extend(published);
    let answer = match answers.pop().ok_or(DbError::Raced)? {
        Ok(mut answers) => Ok(answers.pop().ok_or(DbError::Raced)?),
        Err(error) => Err(text::decode_error(error)),
    };
    Ok(schedules::enqueued(time, manual, execution, answer))
}
