//! Ending attempts, and noting their progress.
//!
//! A batch is first settled **at once**: one statement ends all those whose leases hold, and says
//! which those were. What is left (stale, repeated, or asked to be cancelled) is then looked at
//! under lock. The delete of the lease is what decides: of two who end, take over or cancel the same
//! attempt at the same time, the second waits and sees what the first has left.
//!
//! A lease that somebody else has locked, a handler whose own transaction stays open perhaps, is waited for
//! a moment; then the others of the batch are settled past it.

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
use super::conn::error::Fault;
use super::conn::operation::{Done, Shape, Transition};
use super::conn::pool::{Desk, Errand, Lane, Manners};
use super::conn::tx::Db;
use super::read::logs;
use crate::store::{Fence, Next, Settlement, StoreError, StoreEvent, WriteAnswer};
use crate::time::Timestamp;
use fence::KnownFence;

/// What was written.
struct Written {
    /// By place in the batch.
    places: Vec<bool>,
    /// Whether somebody may be let in by it.
    wanted: bool,
}

/// An end that has to wait for longer than this is set aside: it holds up no other.
pub(super) const MANNERS: Manners = Manners {
    patience: DEADLINE,
    waits_for_locks: Some(Duration::from_millis(250)),
    is_quiet: false,
};

/// Settles a batch, whatever is in it.
pub(super) async fn settle(
    lane: &Lane,
    batch: Vec<Settlement>,
) -> Result<Vec<WriteAnswer>, StoreError> {
    let batch = batch.into();
    lane.ask(|answer| Box::new(Settle { batch, answer })).await
}

struct Settle {
    batch: Arc<[Settlement]>,
    answer: oneshot::Sender<Result<Vec<WriteAnswer>, StoreError>>,
}

#[async_trait]
impl Errand for Settle {
    async fn run(self: Box<Self>, desk: &mut Desk) {
        if self.answer.is_closed() {
            return;
        }
        // The caller may have left; it is done all the same.
        let settled = settle_past_locks(desk, &self.batch).await;
        let _ = self
            .answer
            .send(settled.map_err(|fault| fault.at(desk.location())));
    }
}

async fn settle_past_locks(
    desk: &mut Desk,
    batch: &Arc<[Settlement]>,
) -> Result<Vec<WriteAnswer>, Fault> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    match settle_unhindered(desk, batch).await {
        Err(fault) if fault.is_locked() => desk.perform(&PastLocks(Arc::clone(batch))).await,
        settled => settled,
    }
}

async fn settle_unhindered(
    desk: &mut Desk,
    batch: &Arc<[Settlement]>,
) -> Result<Vec<WriteAnswer>, Fault> {
    let has_logs = batch
        .iter()
        .any(|settlement| !settlement.end.logs.is_empty());
    let shared = Arc::clone(batch);
    let written = match has_logs {
        false => desk.perform(&AtOnce(shared)).await?,
        true => desk.perform(&WithLogs(shared)).await?,
    };
    let mut answers = vec![WriteAnswer::Settled; batch.len()];
    let left: Vec<usize> = (0..batch.len()).filter(|place| !written[*place]).collect();
    if !left.is_empty() {
        let settlements = left.iter().map(|&place| batch[place].clone()).collect();
        let looked_at = desk.perform(&Carefully(settlements)).await?;
        for (place, answer) in left.into_iter().zip(looked_at) {
            answers[place] = answer;
        }
    }
    Ok(answers)
}

/// Ends all of a batch whose leases hold, in as few statements as can be; answers which those were.
/// For settlements without log lines: with lines, it is [`WithLogs`].
pub(super) struct AtOnce(pub(super) Arc<[Settlement]>);

/// The same in one transaction with the last log lines.
pub(super) struct WithLogs(pub(super) Arc<[Settlement]>);

#[async_trait]
impl Transition for AtOnce {
    type Answer = Vec<bool>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Vec<bool>>, Fault> {
        at_once(db, &self.0).await
    }
}

#[async_trait]
impl Transition for WithLogs {
    type Answer = Vec<bool>;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Vec<bool>>, Fault> {
        at_once(db, &self.0).await
    }
}

async fn at_once(db: &mut Db<'_>, batch: &[Settlement]) -> Result<Done<Vec<bool>>, Fault> {
    // The statement says of which executions it has ended an attempt, not by whose word: where two
    // different fences name one, both are left to be looked at.
    let mut named: HashMap<i64, Option<Fence>> = HashMap::with_capacity(batch.len());
    for Settlement { fence, .. } in batch {
        let only = named.entry(fence.row).or_insert(Some(*fence));
        if *only != Some(*fence) {
            *only = None;
        }
    }
    let endings = batch.iter().enumerate().filter_map(|(place, settlement)| {
        // Of the same fence said twice, the first.
        let fence = named.get_mut(&settlement.fence.row)?.take();
        fence.map(|_| (place, settlement, settlement.final_status(false)))
    });
    let plan = Plan::new(endings, |settlement| settlement.permits.is_some());
    let written = plan.write(db, batch.len()).await?;
    let lines = batch.iter().zip(&written.places);
    let lines = lines.filter_map(|(settlement, written)| written.then_some(settlement));
    logs::append(db, lines.map(|s| (s.fence, &s.end.logs[..]))).await?;
    let events = plan.events(&written);
    Ok((written.places, events))
}

/// Settles what is left, after a look at each.
pub(super) struct Carefully(pub(super) Vec<Settlement>);

#[async_trait]
impl Transition for Carefully {
    type Answer = Vec<WriteAnswer>;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Vec<WriteAnswer>>, Fault> {
        settle_in_txn(db, &self.0).await
    }
}

/// Settles those whose leases nobody else has locked, after a look at each.
struct PastLocks(Arc<[Settlement]>);

#[async_trait]
impl Transition for PastLocks {
    type Answer = Vec<WriteAnswer>;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Vec<WriteAnswer>>, Fault> {
        let Self(batch) = self;
        let fences: Vec<Fence> = batch.iter().map(|settlement| settlement.fence).collect();
        let held_up = fence::held_up(db, &fences).await?;
        let free = batch.iter().zip(&held_up).filter(|(_, held_up)| !**held_up);
        let free: Vec<Settlement> = free.map(|(settlement, _)| settlement.clone()).collect();
        let (settled, events) = settle_in_txn(db, &free).await?;
        let mut settled = settled.into_iter();
        let answers = held_up.iter().map(|held_up| match held_up {
            true => WriteAnswer::Locked,
            false => settled.next().unwrap_or(WriteAnswer::Locked),
        });
        Ok((answers.collect(), events))
    }
}

/// Locks the leases, decides row by row, and writes.
pub(super) async fn settle_in_txn(
    db: &mut Db<'_>,
    batch: &[Settlement],
) -> Result<Done<Vec<WriteAnswer>>, Fault> {
    let fences: Vec<Fence> = batch.iter().map(|settlement| settlement.fence).collect();
    let known = fence::look(db, &fences).await?;
    let mut seen = HashSet::new();
    let mut endings = Vec::new();
    let mut ended_before = Vec::new();
    let mut answers = Vec::with_capacity(batch.len());
    for (place, (settlement, known)) in batch.iter().zip(&known).enumerate() {
        answers.push(match known {
            KnownFence::Held { cancel_requested } if seen.insert(settlement.fence) => {
                endings.push((
                    place,
                    settlement,
                    settlement.final_status(*cancel_requested),
                ));
                WriteAnswer::Settled
            }
            KnownFence::Held { .. } => WriteAnswer::AlreadyMine,
            KnownFence::Recorded => {
                ended_before.push(settlement.execution_id);
                WriteAnswer::AlreadyMine
            }
            KnownFence::Gone => WriteAnswer::Stale,
        });
    }
    // Of one that was said to have no limits it may be that which was wrong.
    let plan = Plan::new(endings, |_| true);
    let written = plan.write(db, batch.len()).await?;
    if written.places.iter().filter(|written| **written).count() != plan.len() {
        // They are locked: nobody can have taken them.
        return Err(Fault::Raced);
    }
    let mine = batch.iter().zip(&answers);
    let mine = mine.filter(|(_, answer)| **answer != WriteAnswer::Stale);
    logs::append(db, mine.map(|(s, _)| (s.fence, &s.end.logs[..]))).await?;
    let mut events = plan.events(&written);
    if !ended_before.is_empty() {
        // By a handler's own transaction, perhaps: then nobody has been told.
        events.push(StoreEvent::Finished(ended_before.into()));
    }
    Ok((answers, events))
}

/// What is written for a batch: the executions that end, those that may have limits apart, and the attempts
/// that others follow.
struct Plan<'s> {
    finals: Vec<Final<'s>>,
    limited: Vec<Final<'s>>,
    others: Vec<(usize, &'s Settlement)>,
}

type Final<'s> = (usize, &'s Settlement, ExecutionStatus);

impl<'s> Plan<'s> {
    fn new(
        endings: impl IntoIterator<Item = (usize, &'s Settlement, Option<ExecutionStatus>)>,
        may_be_limited: impl Fn(&Settlement) -> bool,
    ) -> Self {
        let mut plan = Self {
            finals: Vec::new(),
            limited: Vec::new(),
            others: Vec::new(),
        };
        for (place, settlement, status) in endings {
            match status {
                Some(status) if may_be_limited(settlement) => {
                    plan.limited.push((place, settlement, status));
                }
                Some(status) => plan.finals.push((place, settlement, status)),
                None => plan.others.push((place, settlement)),
            }
        }
        // Leases are reached in the order of the arrays: the same for everybody.
        plan.finals.sort_unstable_by_key(|(_, s, _)| s.fence.row);
        plan.limited.sort_unstable_by_key(|(_, s, _)| s.fence.row);
        plan.others.sort_unstable_by_key(|(_, s)| s.fence.row);
        plan
    }

    fn len(&self) -> usize {
        self.finals.len() + self.limited.len() + self.others.len()
    }

    /// Writes what holds; which of the batch that was.
    async fn write(&self, db: &mut Db<'_>, batch: usize) -> Result<Written, Fault> {
        let mut written = Written {
            places: vec![false; batch],
            wanted: false,
        };
        for (finals, limited) in [(&self.finals, false), (&self.limited, true)] {
            if finals.is_empty() {
                continue;
            }
            let settlements = || finals.iter().map(|(_, settlement, _)| *settlement);
            let statuses: Vec<&str> = finals.iter().map(|row| row.2.as_str()).collect();
            let results: Vec<Option<&str>> = settlements().map(result).collect();
            let statement = match limited {
                false => &db.sql.settle_end_unlimited,
                true => &db.sql.settle_end_limited,
            };
            let query = Ends::of(settlements())
                .bind(db.query(statement), |query| query.bind(statuses))
                .bind(results)
                .bind(limited);
            let ended = db.fetch(query).await?;
            written.note(&ended, finals.iter().map(|(place, s, _)| (*place, *s)))?;
        }
        if !self.others.is_empty() {
            let settlements = || self.others.iter().map(|(_, settlement)| *settlement);
            let retry_at: Vec<Option<i64>> = settlements().map(retry_at).collect();
            let spends: Vec<i32> = settlements()
                .map(|settlement| i32::from(settlement.end.outcome.spends_budget()))
                .collect();
            let ends = Ends::of(settlements());
            let query = ends
                .bind(db.query(&db.sql.settle_requeue), |query| {
                    query.bind(retry_at)
                })
                .bind(spends);
            let followed = db.fetch(query).await?;
            written.note(&followed, self.others.iter().copied())?;
        }
        Ok(written)
    }

    /// What to tell about those that were written.
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
            .others
            .iter()
            .filter(|(place, _)| written.places[*place])
        {
            match settlement.next {
                Next::RetryAt(at) => scheduled = scheduled.min(Some(at)).or(Some(at)),
                _ => ready = true,
            }
        }
        events.extend(ready.then_some(StoreEvent::Ready));
        if written.wanted {
            scheduled = Some(Timestamp::default());
        }
        events.extend(scheduled.map(StoreEvent::Scheduled));
        events
    }
}

impl Written {
    /// Notes which of those that a statement was to write it has written.
    fn note<'s>(
        &mut self,
        rows: &[PgRow],
        of: impl ExactSizeIterator<Item = (usize, &'s Settlement)>,
    ) -> Result<(), Fault> {
        // All of them, nearly always: each is named once.
        let all = rows.len() == of.len();
        let mut ended: HashSet<i64> = HashSet::new();
        for row in rows {
            if !all {
                ended.insert(row.try_get(0)?);
            }
            self.wanted |= row.try_get::<bool, _>(1)?;
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
