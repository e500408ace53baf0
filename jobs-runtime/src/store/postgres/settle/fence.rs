//! Fences: a worker's right to write for an attempt.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use sqlx::{Row, SqlStr};

use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, without_events};
use crate::store::postgres::conn::text::encode;
use crate::store::postgres::conn::tx::Tx;
use crate::store::{Fence, ProgressReport, WriteAnswer};

/// Result of the lookup of a fence.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) enum FenceState {
    /// The lease is valid, and locked until the end of the transaction.
    Valid {
        /// True if the cancellation of the attempt was requested.
        cancel_requested: bool,
    },
    /// The same session has ended the attempt before.
    Recorded,
    /// Neither of these.
    Gone,
}

impl FenceState {
    /// The answer to a write that needs nothing but the fence.
    pub(in crate::store::postgres) fn answer(self) -> WriteAnswer {
        match self {
            Self::Valid { .. } => WriteAnswer::Settled,
            Self::Recorded => WriteAnswer::AlreadyMine,
            Self::Gone => WriteAnswer::Stale,
        }
    }
}

/// Looks up these fences, in their order, and locks the leases of the valid ones. The second
/// statement sees what the transactions have written that the first one has waited for.
pub(in crate::store::postgres) async fn look_up(
    tx: &mut Tx<'_>,
    fences: &[Fence],
) -> Result<Vec<FenceState>, DbError> {
    let columns = Columns::of(fences.iter());
    let query = tx
        .query(&tx.sql.settle_fence_lock)
        .bind(&columns.seq)
        .bind(&columns.session)
        .bind(&columns.claim)
        .bind(&columns.attempt);
    let mut known = vec![FenceState::Gone; fences.len()];
    let mut valid = 0;
    for row in tx.fetch(query).await? {
        if let Some(known) = at(&mut known, row.try_get(0)?) {
            valid += 1;
            *known = FenceState::Valid {
                cancel_requested: row.try_get(1)?,
            };
        }
    }
    if valid == fences.len() {
        return Ok(known);
    }
    let query = tx
        .query(&tx.sql.settle_fence_recorded)
        .bind(&columns.seq)
        .bind(&columns.session)
        .bind(&columns.attempt);
    for row in tx.fetch(query).await? {
        if let Some(known @ FenceState::Gone) = at(&mut known, row.try_get(0)?) {
            *known = FenceState::Recorded;
        }
    }
    Ok(known)
}

/// Returns for each fence whether its lease is valid but locked by another transaction. Locks the
/// leases of the other valid ones.
pub(in crate::store::postgres) async fn locked_elsewhere(
    tx: &mut Tx<'_>,
    fences: &[Fence],
) -> Result<Vec<bool>, DbError> {
    let columns = Columns::of(fences.iter());
    let locked = columns.places(tx, &tx.sql.settle_fence_skip_locked).await?;
    // Read afterwards, so that a lease that was ended meanwhile is gone.
    let valid = columns.places(tx, &tx.sql.settle_fence_holds).await?;
    let mut locked_elsewhere = vec![false; fences.len()];
    for place in valid.difference(&locked) {
        if let Some(locked_elsewhere) = at(&mut locked_elsewhere, *place) {
            *locked_elsewhere = true;
        }
    }
    Ok(locked_elsewhere)
}

/// Returns the element at a place, which the database counts from 1.
pub(in crate::store::postgres) fn at<T>(all: &mut [T], place: i64) -> Option<&mut T> {
    all.get_mut(usize::try_from(place).ok()?.checked_sub(1)?)
}

/// Fences as parameters of a statement: one array per column.
pub(in crate::store::postgres) struct Columns {
    pub(in crate::store::postgres) seq: Vec<i64>,
    pub(in crate::store::postgres) session: Vec<i64>,
    pub(in crate::store::postgres) claim: Vec<i64>,
    pub(in crate::store::postgres) attempt: Vec<i64>,
}

impl Columns {
    pub(in crate::store::postgres) fn of<'f>(
        fences: impl Iterator<Item = &'f Fence> + Clone,
    ) -> Self {
        Self {
            seq: fences.clone().map(|fence| fence.row).collect(),
            session: fences.clone().map(|fence| fence.session.0).collect(),
            claim: fences.clone().map(|fence| fence.claim).collect(),
            attempt: fences.map(|fence| i64::from(fence.attempt)).collect(),
        }
    }

    /// Runs a statement that returns the places of fences.
    async fn places(&self, tx: &mut Tx<'_>, statement: &SqlStr) -> Result<HashSet<i64>, DbError> {
        let query = tx
            .query(statement)
            .bind(&self.seq)
            .bind(&self.session)
            .bind(&self.claim)
            .bind(&self.attempt);
        let rows = tx.fetch(query).await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<_, _>>()?)
    }
}

/// Writes the progress of attempts whose leases are valid. A lease that another transaction has
/// locked is left out: a handler's transaction may stay open for long.
pub(in crate::store::postgres) struct ReportProgress(
    pub(in crate::store::postgres) Vec<ProgressReport>,
);

#[async_trait]
impl Operation for ReportProgress {
    type Output = Vec<WriteAnswer>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<WriteAnswer>>, DbError> {
        let Self(batch) = self;
        // A statement updates a row once, so several reports of one attempt are merged.
        let mut places: HashMap<Fence, usize> = HashMap::new();
        let mut fences = Vec::new();
        let mut percents: Vec<i16> = Vec::new();
        let mut messages = Vec::new();
        let mut ordered: Vec<&ProgressReport> = batch.iter().collect();
        ordered.sort_by_key(|report| report.fence.row);
        for ProgressReport { fence, progress } in ordered {
            let percent = i16::from(progress.percent);
            let message = progress.message.as_deref().map(encode);
            match places.get(fence) {
                Some(&place) => {
                    percents[place] = percents[place].max(percent);
                    if message.is_some() {
                        messages[place] = message;
                    }
                }
                None => {
                    places.insert(*fence, fences.len());
                    fences.push(*fence);
                    percents.push(percent);
                    messages.push(message);
                }
            }
        }
        let columns = Columns::of(fences.iter());
        let query = tx
            .query(&tx.sql.settle_report_progress)
            .bind(&columns.seq)
            .bind(&columns.session)
            .bind(&columns.claim)
            .bind(&columns.attempt)
            .bind(percents)
            .bind(messages);
        let mut answers = vec![WriteAnswer::Stale; fences.len()];
        let written = tx.fetch(query).await?;
        for row in &written {
            if let Some(answer) = at(&mut answers, row.try_get(0)?) {
                *answer = WriteAnswer::Settled;
            }
        }
        if written.len() < fences.len() {
            for place in columns.places(tx, &tx.sql.settle_fence_holds).await? {
                if let Some(answer @ WriteAnswer::Stale) = at(&mut answers, place) {
                    *answer = WriteAnswer::Locked;
                }
            }
        }
        let answer = |report: &ProgressReport| {
            let place = places.get(&report.fence);
            let answer = place.and_then(|place| answers.get(*place));
            answer.copied().unwrap_or(WriteAnswer::Stale)
        };
        Ok(without_events(batch.iter().map(answer).collect()))
    }
}
