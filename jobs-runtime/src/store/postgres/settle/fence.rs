//! Whether a worker may still write.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use sqlx::{Row, SqlStr};

use crate::store::postgres::conn::error::Fault;
use crate::store::postgres::conn::operation::{Done, Shape, Transition, quietly};
use crate::store::postgres::conn::text::stored;
use crate::store::postgres::conn::tx::Db;
use crate::store::{Fence, ProgressReport, WriteAnswer};

/// What a look at a fence found.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) enum KnownFence {
    /// Its lease holds, and is locked until the end of the transaction.
    Held {
        /// Whether its cancellation was requested.
        cancel_requested: bool,
    },
    /// That session has ended the attempt before.
    Recorded,
    /// Neither.
    Gone,
}

impl KnownFence {
    /// What a write that needs no more than the right to write is answered.
    pub(in crate::store::postgres) fn answer(self) -> WriteAnswer {
        match self {
            Self::Held { .. } => WriteAnswer::Settled,
            Self::Recorded => WriteAnswer::AlreadyMine,
            Self::Gone => WriteAnswer::Stale,
        }
    }
}

/// Looks up these fences, in their order, and locks the leases of those that hold. The second
/// statement sees what those have done for whom the first one waited.
pub(in crate::store::postgres) async fn look(
    db: &mut Db<'_>,
    fences: &[Fence],
) -> Result<Vec<KnownFence>, Fault> {
    let columns = Columns::of(fences.iter());
    let query = db
        .query(&db.sql.settle_fence_lock)
        .bind(&columns.seq)
        .bind(&columns.session)
        .bind(&columns.claim)
        .bind(&columns.attempt);
    let mut known = vec![KnownFence::Gone; fences.len()];
    let mut held = 0;
    for row in db.fetch(query).await? {
        if let Some(known) = at(&mut known, row.try_get(0)?) {
            held += 1;
            *known = KnownFence::Held {
                cancel_requested: row.try_get(1)?,
            };
        }
    }
    if held == fences.len() {
        return Ok(known);
    }
    let query = db
        .query(&db.sql.settle_fence_recorded)
        .bind(&columns.seq)
        .bind(&columns.session)
        .bind(&columns.attempt);
    for row in db.fetch(query).await? {
        if let Some(known @ KnownFence::Gone) = at(&mut known, row.try_get(0)?) {
            *known = KnownFence::Recorded;
        }
    }
    Ok(known)
}

/// Which of these fences hold but are locked by somebody else. The leases of the others that hold are
/// locked by us.
pub(in crate::store::postgres) async fn held_up(
    db: &mut Db<'_>,
    fences: &[Fence],
) -> Result<Vec<bool>, Fault> {
    let columns = Columns::of(fences.iter());
    let ours = columns.places(db, &db.sql.settle_fence_skip_locked).await?;
    // After that: what was ended meanwhile is gone.
    let there = columns.places(db, &db.sql.settle_fence_holds).await?;
    let mut held_up = vec![false; fences.len()];
    for place in there.difference(&ours) {
        if let Some(held_up) = at(&mut held_up, *place) {
            *held_up = true;
        }
    }
    Ok(held_up)
}

/// The one at a place that the database counts from 1.
fn at<T>(all: &mut [T], place: i64) -> Option<&mut T> {
    all.get_mut(usize::try_from(place).ok()?.checked_sub(1)?)
}

/// Fences in columns.
struct Columns {
    seq: Vec<i64>,
    session: Vec<i64>,
    claim: Vec<i64>,
    attempt: Vec<i64>,
}

impl Columns {
    fn of<'f>(fences: impl Iterator<Item = &'f Fence> + Clone) -> Self {
        Self {
            seq: fences.clone().map(|fence| fence.row).collect(),
            session: fences.clone().map(|fence| fence.session.0).collect(),
            claim: fences.clone().map(|fence| fence.claim).collect(),
            attempt: fences.map(|fence| i64::from(fence.attempt)).collect(),
        }
    }

    /// The places that a statement about fences answers with.
    async fn places(&self, db: &mut Db<'_>, statement: &SqlStr) -> Result<HashSet<i64>, Fault> {
        let query = db
            .query(statement)
            .bind(&self.seq)
            .bind(&self.session)
            .bind(&self.claim)
            .bind(&self.attempt);
        let rows = db.fetch(query).await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<_, _>>()?)
    }
}

/// Notes the progress of those attempts whose lease holds.
pub(in crate::store::postgres) struct Report(pub(in crate::store::postgres) Vec<ProgressReport>);

#[async_trait]
impl Transition for Report {
    type Answer = Vec<WriteAnswer>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Vec<WriteAnswer>>, Fault> {
        let Self(batch) = self;
        // Several reports of one attempt add up to one: a row is updated once per statement.
        let mut places: HashMap<Fence, usize> = HashMap::new();
        let mut fences = Vec::new();
        let mut percents: Vec<i16> = Vec::new();
        let mut messages = Vec::new();
        let mut ordered: Vec<&ProgressReport> = batch.iter().collect();
        ordered.sort_by_key(|report| report.fence.row);
        for ProgressReport { fence, progress } in ordered {
            let percent = i16::from(progress.percent);
            let message = progress.message.as_deref().map(stored);
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
        let query = db
            .query(&db.sql.settle_report_progress)
            .bind(columns.seq)
            .bind(columns.session)
            .bind(columns.claim)
            .bind(columns.attempt)
            .bind(percents)
            .bind(messages);
        let mut answers = vec![WriteAnswer::Stale; fences.len()];
        for row in db.fetch(query).await? {
            if let Some(answer) = at(&mut answers, row.try_get(0)?) {
                *answer = WriteAnswer::Settled;
            }
        }
        let answer = |report: &ProgressReport| {
            let place = places.get(&report.fence);
            let answer = place.and_then(|place| answers.get(*place));
            answer.copied().unwrap_or(WriteAnswer::Stale)
        };
        Ok(quietly(batch.iter().map(answer).collect()))
    }
}
