//! Poison rows: single rows that the database rejects, in calls that write many.
//!
//! A database rejects a statement as a whole, for example because of a damaged page or a trigger
//! of its owner. A poison row must not block the other rows. After a rejection, the functions here
//! repeat the call in smaller parts until the poison row is alone:
//!
//! * a waiting execution is postponed for a minute ([`claim`], [`promote`], [`admit`]);
//! * a lease is skipped ([`take_over`]);
//! * progress or log lines are dropped and answered [`WriteAnswer::Rejected`] ([`report`],
//!   [`append_logs`]).
//!
//! Each poison row is logged as an error. A call without a rejection costs nothing extra.

use std::time::Duration;

use async_trait::async_trait;
use jobs::ExecutionId;

use super::{
    Claim, Claimed, ExecutionEdit, LogBatch, ProgressReport, SessionBeat, Store, StoreError,
    WriteAnswer,
};
use crate::time::Timestamp;

/// The time by which a poison execution is postponed.
const POSTPONEMENT: Duration = Duration::from_secs(60);

/// The largest number of poison rows that one call deals with. More rejections than this mean that
/// the rows are not the cause: the call fails.
const MAX_POISON_ROWS: usize = 4;

/// Store calls without poison-row handling: the database accepts a call as a whole or rejects it.
#[async_trait]
pub(super) trait RawStore: Store {
    /// Does the same as [`Store::claim`].
    async fn claim_raw(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Returns the execution that the claim would take first.
    async fn first_to_claim(&self, claim: Claim) -> Result<Option<ExecutionId>, StoreError>;

    /// Moves up to `limit` due scheduled executions and returns their number. Admits nothing.
    async fn promote_raw(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Returns the execution that [`promote_raw`](Self::promote_raw) would move first.
    async fn first_due(&self, now: Timestamp) -> Result<Option<ExecutionId>, StoreError>;

    /// Runs the permit allocator without effect and returns up to `most` executions whose rows the
    /// database rejects.
    async fn rejected_by_allocator(
        &self,
        now: Timestamp,
        limit: usize,
        most: usize,
    ) -> Result<Vec<ExecutionId>, StoreError>;

    /// Does the same as [`Store::take_over`], but skips the first `skip` leases.
    async fn take_over_raw(
        &self,
        dead: SessionBeat,
        claim: Claim,
        skip: usize,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Does the same as [`Store::report`].
    async fn report_raw(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError>;

    /// Does the same as [`Store::append_logs`].
    async fn append_logs_raw(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError>;
}

/// Claims. Postpones executions whose leases the database rejects.
pub(super) async fn claim(store: &impl RawStore, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
    let mut part = Part::of(claim.limit);
    loop {
        let smaller = Claim {
            limit: part.size,
            ..claim.clone()
        };
        let rejection = match store.claim_raw(smaller).await {
            Err(error @ (StoreError::Database(_) | StoreError::Corrupt { .. })) => error,
            answer => return answer,
        };
        if part.shrink() {
            continue;
        }
        let first = if part.is_exhausted() {
            None
        } else {
            store.first_to_claim(claim.clone()).await?
        };
        match first {
            Some(id) => postpone(store, id, claim.now, &rejection).await?,
            None => return Err(rejection),
        }
    }
}

/// Moves up to `limit` due executions after the database has rejected all at once. Postpones
/// executions that it rejects.
pub(super) async fn promote(
    store: &impl RawStore,
    now: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let mut part = Part::of(limit);
    let mut moved = 0;
    loop {
        let rejection = match store.promote_raw(now, part.size).await {
            Err(error @ StoreError::Database(_)) => error,
            Ok(count) if part.is_whole() => return Ok(moved + count),
            Ok(count) => {
                moved += count;
                part.grow();
                continue;
            }
            Err(error) => return Err(error),
        };
        if part.shrink() {
            continue;
        }
        let first = if part.is_exhausted() {
            None
        } else {
            store.first_due(now).await?
        };
        match first {
            Some(id) => postpone(store, id, now, &rejection).await?,
            None => return Err(rejection),
        }
    }
}

/// Runs the permit allocator with `run`. If the database rejects its plan, postpones the executions
/// whose rows it rejects and runs the allocator once more.
pub(super) async fn admit<T, F>(
    store: &impl RawStore,
    now: Timestamp,
    limit: usize,
    run: impl Fn() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let rejection = match run().await {
        Err(error @ StoreError::Database(_)) => error,
        answer => return answer,
    };
    let rejected = store.rejected_by_allocator(now, limit, MAX_POISON_ROWS);
    for id in rejected.await? {
        postpone(store, id, now, &rejection).await?;
    }
    run().await
}

async fn postpone(
    store: &impl RawStore,
    id: ExecutionId,
    now: Timestamp,
    rejection: &StoreError,
) -> Result<(), StoreError> {
    let error = crate::error::chain(rejection).to_string();
    tracing::error!(
        execution = %id,
        %error,
        "the database rejects a row of this execution: postponed for a minute"
    );
    let later = ExecutionEdit {
        priority: None,
        run_at: Some(now.after(POSTPONEMENT)),
        payload: None,
    };
    // An execution that is not waiting any more blocks no other: the answer does not matter.
    store.edit(id, later, now).await.map(drop)
}

/// Takes leases over. Skips leases that the database refuses to move.
pub(super) async fn take_over(
    store: &impl RawStore,
    dead: SessionBeat,
    claim: Claim,
) -> Result<Vec<Claimed>, StoreError> {
    let mut part = Part::of(claim.limit);
    loop {
        let smaller = Claim {
            limit: part.size,
            ..claim.clone()
        };
        let answer = store
            .take_over_raw(dead.clone(), smaller, part.poison_rows)
            .await;
        let rejection = match answer {
            Err(error @ StoreError::Database(_)) => error,
            answer => return answer,
        };
        if part.shrink() {
            continue;
        }
        if part.is_exhausted() {
            return Err(rejection);
        }
        let (session, error) = (dead.session, crate::error::chain(&rejection));
        tracing::error!(%session, %error, "the database rejects a lease of a dead worker: skipped");
    }
}

/// Writes progress. Drops reports that the database rejects.
pub(super) async fn report(
    store: &impl RawStore,
    batch: Vec<ProgressReport>,
) -> Result<Vec<WriteAnswer>, StoreError> {
    let mut parts = Parts::of(batch);
    while let Some(part) = parts.next() {
        let answers = store.report_raw(part.clone()).await;
        parts.add_answers(part, answers)?;
    }
    Ok(parts.answers)
}

/// Writes log lines. Drops batches of attempts that the database rejects.
pub(super) async fn append_logs(
    store: &impl RawStore,
    batch: Vec<LogBatch>,
) -> Result<Vec<WriteAnswer>, StoreError> {
    let mut parts = Parts::of(batch);
    while let Some(part) = parts.next() {
        let answers = store.append_logs_raw(part.clone()).await;
        parts.add_answers(part, answers)?;
    }
    Ok(parts.answers)
}

/// The bisection of a batch. A row that is rejected alone is answered [`WriteAnswer::Rejected`].
struct Parts<T> {
    /// The parts to write, the next one last.
    unwritten: Vec<Vec<T>>,
    answers: Vec<WriteAnswer>,
}

impl<T> Parts<T> {
    fn of(batch: Vec<T>) -> Self {
        Self {
            answers: Vec::with_capacity(batch.len()),
            unwritten: vec![batch],
        }
    }

    fn next(&mut self) -> Option<Vec<T>> {
        self.unwritten.pop()
    }

    fn add_answers(
        &mut self,
        mut part: Vec<T>,
        answers: Result<Vec<WriteAnswer>, StoreError>,
    ) -> Result<(), StoreError> {
        match answers {
            Ok(answers) => self.answers.extend(answers),
            Err(StoreError::Database(_)) if part.len() > 1 => {
                let second = part.split_off(part.len() / 2);
                self.unwritten.extend([second, part]);
            }
            Err(error @ StoreError::Database(_)) => {
                let error = crate::error::chain(&error);
                tracing::error!(%error, "the database rejects progress or log lines: dropped");
                self.answers.push(WriteAnswer::Rejected);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// The number of rows that a call asks for at once.
#[derive(Clone, Copy, Debug)]
struct Part {
    whole: usize,
    size: usize,
    /// The number of rows that were rejected alone.
    poison_rows: usize,
}

impl Part {
    fn of(whole: usize) -> Self {
        Self {
            whole,
            size: whole,
            poison_rows: 0,
        }
    }

    /// Halves the size after a rejection and returns `true`. Returns `false` if the size was one:
    /// the row is a poison row, and the next call asks for the whole again.
    fn shrink(&mut self) -> bool {
        if self.size > 1 {
            self.size /= 2;
            return true;
        }
        self.poison_rows += 1;
        self.grow();
        false
    }

    /// Asks for the whole again.
    fn grow(&mut self) {
        self.size = self.whole;
    }

    fn is_whole(&self) -> bool {
        self.size == self.whole
    }

    fn is_exhausted(&self) -> bool {
        self.poison_rows > MAX_POISON_ROWS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts a part without odd numbers.
    fn write_even(part: &[u32]) -> Result<Vec<WriteAnswer>, StoreError> {
        if part.iter().all(|n| n % 2 == 0) {
            Ok(vec![WriteAnswer::Settled; part.len()])
        } else {
            Err(StoreError::Database("an odd number".into()))
        }
    }

    #[test]
    fn only_the_poison_rows_of_a_batch_are_rejected() {
        for batch in [
            vec![],
            vec![1],
            vec![2, 4],
            vec![1, 2, 3, 4, 5],
            vec![2, 2, 7],
        ] {
            let expected_of = |n: &u32| match n % 2 {
                0 => WriteAnswer::Settled,
                _ => WriteAnswer::Rejected,
            };
            let expected: Vec<_> = batch.iter().map(expected_of).collect();
            let mut parts = Parts::of(batch);
            while let Some(part) = parts.next() {
                let answers = write_even(&part);
                parts.add_answers(part, answers).unwrap();
            }
            assert_eq!(parts.answers, expected);
        }
    }

    #[test]
    fn a_row_that_is_rejected_alone_is_counted_and_the_whole_is_asked_for_again() {
        let mut part = Part::of(9);
        let mut sizes = vec![part.size];
        while part.shrink() {
            sizes.push(part.size);
        }
        assert_eq!(sizes, [9, 4, 2, 1]);
        assert_eq!((part.size, part.poison_rows), (9, 1));
    }
}
