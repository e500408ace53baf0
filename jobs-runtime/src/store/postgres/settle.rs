//! Settlement: ends of attempts, in batches.
//!
//! * **Optimistic:** one statement per kind of end deletes the leases that are valid and returns
//!   them.
//! * **Checked:** the rest of the batch (stale, repeated, or with a requested cancellation) is
//!   decided one by one, with the leases locked.
//! * **Skipping locks:** another transaction, of a handler for example, may lock a lease for longer
//!   than 250 ms. The rest of the batch is then settled without it, and its settlement is answered
//!   [`WriteAnswer::Locked`].
//!
//! The delete of the lease decides. Two transactions may settle, take over or cancel the same
//! attempt: the second one waits for the first and then finds the lease gone or changed.
//!
//! This module imports the connections and, for log lines, `read`. It must not import `enqueue`,
//! `claim`, `limits` or `operator`.

mod ends;
pub(in crate::store::postgres) mod fence;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobs::ExecutionStatus;
use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::sync::oneshot;

use ends::Ends;

use super::DEADLINE;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode};
use super::conn::pool::{ConnectionTask, Pool, PoolOptions, Request};
use super::conn::tx::Tx;
use super::read::logs;
use crate::store::{Fence, Next, Settlement, StoreError, StoreEvent, WriteAnswer};
use crate::time::Timestamp;
use fence::FenceState;

/// Settlements that were written.
struct Written {
    /// By place in the batch.
    places: Vec<bool>,
    /// True if permits were released that a blocked execution may wait for.
    may_admit: bool,
}

/// A settlement that waits for a lock for longer than this is left out of its batch.
pub(super) const POOL_OPTIONS: PoolOptions = PoolOptions {
    call_timeout: DEADLINE,
    lock_timeout: Some(Duration::from_millis(250)),
    hides_warnings: false,
};

/// Settles a batch.
pub(super) async fn settle(
    pool: &Pool,
    batch: Vec<Settlement>,
) -> Result<Vec<WriteAnswer>, StoreError> {
    let batch = batch.into();
    pool.request_with(|reply| Box::new(SettleRequest { batch, reply }))
        .await
}

/// A batch as a request: several operations on one connection.
struct SettleRequest {
    batch: Arc<[Settlement]>,
    reply: oneshot::Sender<Result<Vec<WriteAnswer>, StoreError>>,
}

#[async_trait]
impl Request for SettleRequest {
    async fn run(self: Box<Self>, task: &mut ConnectionTask) {
        if self.reply.is_closed() {
            return;
        }
        // A caller that has stopped waiting needs no reply; the batch was settled.
        let settled = settle_batch(task, &self.batch).await;
        let _ = self
            .reply
            .send(settled.map_err(|error| error.at(task.location())));
    }
}

/// Settles a batch; if a lease is locked for too long, without that one.
async fn settle_batch(
    task: &mut ConnectionTask,
    batch: &Arc<[Settlement]>,
) -> Result<Vec<WriteAnswer>, DbError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    match settle_optimistically(task, batch).await {
        Err(error) if error.is_locked() => {
            task.run_operation(&SettleSkippingLocked(Arc::clone(batch)))
                .await
        }
        settled => settled,
    }
}

/// Settles a batch optimistically, then the rest of it after a check.
async fn settle_optimistically(
    task: &mut ConnectionTask,
    batch: &Arc<[Settlement]>,
) -> Result<Vec<WriteAnswer>, DbError> {
    let has_logs = batch
        .iter()
        .any(|settlement| !settlement.end.logs.is_empty());
    let shared = Arc::clone(batch);
    let written = if has_logs {
        task.run_operation(&OptimisticSettleWithLogs(shared))
            .await?
    } else {
        task.run_operation(&OptimisticSettle(shared)).await?
    };
    let mut answers = vec![WriteAnswer::Settled; batch.len()];
    let left: Vec<usize> = (0..batch.len()).filter(|place| !written[*place]).collect();
    if !left.is_empty() {
        let settlements = left.iter().map(|&place| batch[place].clone()).collect();
        let checked = task.run_operation(&CheckedSettle(settlements)).await?;
        for (place, answer) in left.into_iter().zip(checked) {
            answers[place] = answer;
        }
    }
    Ok(answers)
}

/// Ends the attempts of a batch whose leases are valid. Outputs for each settlement whether it was
/// written. For batches without log lines; with lines, [`OptimisticSettleWithLogs`].
pub(super) struct OptimisticSettle(pub(super) Arc<[Settlement]>);

/// The same, in one transaction with the last log lines.
pub(super) struct OptimisticSettleWithLogs(pub(super) Arc<[Settlement]>);

#[async_trait]
impl Operation for OptimisticSettle {
    type Output = Vec<bool>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<bool>>, DbError> {
        settle_valid(tx, &self.0).await
    }
}

#[async_trait]
impl Operation for OptimisticSettleWithLogs {
    type Output = Vec<bool>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<bool>>, DbError> {
        settle_valid(tx, &self.0).await
    }
}

async fn settle_valid(
    tx: &mut Tx<'_>,
    batch: &[Settlement],
) -> Result<Outcome<Vec<bool>>, DbError> {
    // The statement returns executions, not fences. If two different fences name the same
    // execution, both are left for the check.
    let mut named: HashMap<i64, Option<Fence>> = HashMap::with_capacity(batch.len());
    for Settlement { fence, .. } in batch {
        let only = named.entry(fence.row).or_insert(Some(*fence));
        if *only != Some(*fence) {
            *only = None;
        }
    }
    let endings = batch.iter().enumerate().filter_map(|(place, settlement)| {
        // Of two settlements with the same fence, the first.
        let fence = named.get_mut(&settlement.fence.row)?.take();
        fence.map(|_| (place, settlement, settlement.final_status(false)))
    });
    let plan = SettlePlan::new(endings, |settlement| settlement.permits.is_some());
    let written = plan.write(tx, batch.len()).await?;
    let lines = batch.iter().zip(&written.places);
    let lines = lines.filter_map(|(settlement, written)| written.then_some(settlement));
    logs::append(tx, lines.map(|s| (s.fence, &s.end.logs[..]))).await?;
    let events = plan.events(&written);
    Ok((written.places, events))
}

/// Settles a batch with a check of each settlement.
pub(super) struct CheckedSettle(pub(super) Vec<Settlement>);

#[async_trait]
impl Operation for CheckedSettle {
    type Output = Vec<WriteAnswer>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<WriteAnswer>>, DbError> {
        settle_in_txn(tx, &self.0).await
    }
}

/// Settles, with a check, those of a batch whose leases no other transaction has locked.
struct SettleSkippingLocked(Arc<[Settlement]>);

#[async_trait]
impl Operation for SettleSkippingLocked {
    type Output = Vec<WriteAnswer>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<WriteAnswer>>, DbError> {
        let Self(batch) = self;
        let fences: Vec<Fence> = batch.iter().map(|settlement| settlement.fence).collect();
        let locked_elsewhere = fence::locked_elsewhere(tx, &fences).await?;
        let free = batch
            .iter()
            .zip(&locked_elsewhere)
            .filter(|(_, locked_elsewhere)| !**locked_elsewhere);
        let free: Vec<Settlement> = free.map(|(settlement, _)| settlement.clone()).collect();
        let (settled, events) = settle_in_txn(tx, &free).await?;
        let mut settled = settled.into_iter();
        let answers = locked_elsewhere.iter().map(|locked_elsewhere| {
            if *locked_elsewhere {
                WriteAnswer::Locked
            } else {
                settled.next().unwrap_or(WriteAnswer::Locked)
            }
        });
        Ok((answers.collect(), events))
    }
}

/// Locks the leases, decides for each settlement, and writes.
pub(super) async fn settle_in_txn(
    tx: &mut Tx<'_>,
    batch: &[Settlement],
) -> Result<Outcome<Vec<WriteAnswer>>, DbError> {
    let fences: Vec<Fence> = batch.iter().map(|settlement| settlement.fence).collect();
    let known = fence::look_up(tx, &fences).await?;
    let mut seen = HashSet::new();
    let mut endings = Vec::new();
    let mut ended_before = Vec::new();
    let mut returned_permits = false;
    let mut answers = Vec::with_capacity(batch.len());
    for (place, (settlement, known)) in batch.iter().zip(&known).enumerate() {
        answers.push(match known {
            FenceState::Valid { cancel_requested } if seen.insert(settlement.fence) => {
                endings.push((
                    place,
                    settlement,
                    settlement.final_status(*cancel_requested),
                ));
                WriteAnswer::Settled
            }
            FenceState::Valid { .. } => WriteAnswer::AlreadyMine,
            FenceState::Recorded => {
                ended_before.push(settlement.execution_id);
                returned_permits |= settlement.permits.is_some();
                WriteAnswer::AlreadyMine
            }
            FenceState::Gone => WriteAnswer::Stale,
        });
    }
    // The settlement may wrongly say that its execution has no limits.
    let plan = SettlePlan::new(endings, |_| true);
    let written = plan.write(tx, batch.len()).await?;
    if written.places.iter().filter(|written| **written).count() != plan.len() {
        // The leases are locked, so no other transaction can have deleted one.
        return Err(DbError::Raced);
    }
    let mine = batch.iter().zip(&answers);
    let mine = mine.filter(|(_, answer)| **answer != WriteAnswer::Stale);
    logs::append(tx, mine.map(|(s, _)| (s.fence, &s.end.logs[..]))).await?;
    let mut events = plan.events(&written);
    if !ended_before.is_empty() {
        // A handler's own transaction may have ended it, and published no event.
        events.push(StoreEvent::Finished(ended_before.into()));
        if returned_permits {
            events.push(StoreEvent::Scheduled(Timestamp::default()));
        }
    }
    Ok((answers, events))
}

/// Settlements of a batch by the statement that writes them: ends of executions without limits,
/// ends of executions that may have limits, and attempts that another attempt follows.
struct SettlePlan<'s> {
    finals: Vec<Final<'s>>,
    limited: Vec<Final<'s>>,
    followed: Vec<(usize, &'s Settlement)>,
}

type Final<'s> = (usize, &'s Settlement, ExecutionStatus);

impl<'s> SettlePlan<'s> {
    fn new(
        endings: impl IntoIterator<Item = (usize, &'s Settlement, Option<ExecutionStatus>)>,
        may_be_limited: impl Fn(&Settlement) -> bool,
    ) -> Self {
        let mut plan = Self {
            finals: Vec::new(),
            limited: Vec::new(),
            followed: Vec::new(),
        };
        for (place, settlement, status) in endings {
            match status {
                Some(status) if may_be_limited(settlement) => {
                    plan.limited.push((place, settlement, status));
                }
                Some(status) => plan.finals.push((place, settlement, status)),
                None => plan.followed.push((place, settlement)),
            }
        }
        // Leases are locked in the order of the arrays: one order in all transactions avoids
        // deadlocks.
        plan.finals.sort_unstable_by_key(|(_, s, _)| s.fence.row);
        plan.limited.sort_unstable_by_key(|(_, s, _)| s.fence.row);
        plan.followed.sort_unstable_by_key(|(_, s)| s.fence.row);
        plan
    }

    fn len(&self) -> usize {
        self.finals.len() + self.limited.len() + self.followed.len()
    }

    /// Writes the settlements whose leases are valid.
    async fn write(&self, tx: &mut Tx<'_>, batch: usize) -> Result<Written, DbError> {
        let mut written = Written {
            places: vec![false; batch],
            may_admit: false,
        };
        for (finals, limited) in [(&self.finals, false), (&self.limited, true)] {
            if finals.is_empty() {
                continue;
            }
            let settlements = || finals.iter().map(|(_, settlement, _)| *settlement);
            let statuses: Vec<&str> = finals.iter().map(|row| row.2.as_str()).collect();
            let results: Vec<Option<&str>> = settlements().map(result).collect();
            let statement = if limited {
                &tx.sql.settle_end_limited
            } else {
                &tx.sql.settle_end_unlimited
            };
            let query = Ends::of(settlements())
                .bind(tx.query(statement), |query| query.bind(statuses))
                .bind(results)
                .bind(limited);
            let ended = tx.fetch(query).await?;
            written.note(&ended, finals.iter().map(|(place, s, _)| (*place, *s)))?;
        }
        if !self.followed.is_empty() {
            let settlements = || self.followed.iter().map(|(_, settlement)| *settlement);
            let retry_at: Vec<Option<i64>> = settlements().map(retry_at).collect();
            let spends: Vec<i32> = settlements()
                .map(|settlement| i32::from(settlement.end.outcome.spends_budget()))
                .collect();
            let ends = Ends::of(settlements());
            let query = ends
                .bind(tx.query(&tx.sql.settle_requeue), |query| {
                    query.bind(retry_at)
                })
                .bind(spends);
            let rows = tx.fetch(query).await?;
            written.note(&rows, self.followed.iter().copied())?;
        }
        Ok(written)
    }

    /// Returns the events of the settlements that were written.
    fn events(&self, written: &Written) -> Vec<StoreEvent> {
        let mut events = Vec::new();
        let finals = self.finals.iter().chain(&self.limited);
        let finished: Vec<_> = finals
            .filter(|(place, ..)| written.places[*place])
            .map(|(_, settlement, _)| settlement.execution_id)
            .collect();
        if !finished.is_empty() {
            events.push(StoreEvent::Finished(finished.into()));
        }
        let mut ready = false;
        let mut scheduled: Option<Timestamp> = None;
        for (_, settlement) in self
            .followed
            .iter()
            .filter(|(place, _)| written.places[*place])
        {
            match settlement.next {
                Next::RetryAt(at) => scheduled = scheduled.min(Some(at)).or(Some(at)),
                _ => ready = true,
            }
        }
        events.extend(ready.then_some(StoreEvent::Ready));
        if written.may_admit {
            scheduled = Some(Timestamp::default());
        }
        events.extend(scheduled.map(StoreEvent::Scheduled));
        events
    }
}

impl Written {
    /// Notes which settlements of a statement were written.
    fn note<'s>(
        &mut self,
        rows: &[PgRow],
        of: impl ExactSizeIterator<Item = (usize, &'s Settlement)>,
    ) -> Result<(), DbError> {
        // Each execution is named once, so equal lengths mean that all were written.
        let all = rows.len() == of.len();
        let mut ended: HashSet<i64> = HashSet::new();
        for row in rows {
            if !all {
                ended.insert(row.try_get(0)?);
            }
            self.may_admit |= row.try_get::<bool, _>(1)?;
        }
        for (place, settlement) in of {
            self.places[place] = all || ended.contains(&settlement.fence.row);
        }
        Ok(())
    }
}

fn result(settlement: &Settlement) -> Option<&str> {
    match &settlement.next {
        Next::Succeed(result) => Some(result),
        _ => None,
    }
}

fn retry_at(settlement: &Settlement) -> Option<i64> {
    match settlement.next {
        Next::RetryAt(at) => Some(at.as_millis()),
        _ => None,
    }
}
