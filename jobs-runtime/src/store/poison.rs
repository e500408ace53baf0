//! One row that the database will not have, in a call that is about many.
//!
//! A database refuses a statement as a whole: for a page that is damaged, say, or by a trigger of its
//! owner's. Such a row shall hold up no other. What is refused is asked for again in smaller parts, until
//! the row that is refused stands alone; what waits is put off, what runs is passed over, and what was to
//! be written for it is dropped, with a word about it.
//!
//! All of it only once something was refused: who is not, pays nothing.

use std::time::Duration;

use async_trait::async_trait;
use jobs::ExecutionId;

use super::{
    Claim, Claimed, ExecutionEdit, LogBatch, ProgressReport, SessionBeat, Store, StoreError,
    WriteAnswer,
};
use crate::time::Timestamp;

/// For how long an execution is put off that cannot be moved to where it belongs.
const PUT_OFF: Duration = Duration::from_secs(60);

/// How many are put off, or passed over, by one call: where everything is refused it is not the rows.
const AT_MOST: usize = 4;

/// The calls of a [`Store`] as its database takes them: as a whole, or not at all.
#[async_trait]
pub(super) trait RawStore: Store {
    /// [`Store::claim`].
    async fn claim_raw(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError>;

    /// What that would take first.
    async fn first_to_claim(&self, claim: Claim) -> Result<Option<ExecutionId>, StoreError>;

    /// Moves up to `limit` of what is due to where it belongs, and nothing else. How many that were.
    async fn promote_raw(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// What that would move first.
    async fn first_due(&self, now: Timestamp) -> Result<Option<ExecutionId>, StoreError>;

    /// Of those whom it would let in, or move at the limits, up to `most` whom the database refuses.
    /// Changes nothing.
    async fn refused_at_the_door(
        &self,
        now: Timestamp,
        limit: usize,
        most: usize,
    ) -> Result<Vec<ExecutionId>, StoreError>;

    /// [`Store::take_over`], past the first `skip` leases.
    async fn take_over_raw(
        &self,
        dead: SessionBeat,
        claim: Claim,
        skip: usize,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// [`Store::report`].
    async fn report_raw(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError>;

    /// [`Store::append_logs`].
    async fn append_logs_raw(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError>;
}

/// Claims. Puts off what cannot be leased.
pub(super) async fn claim(store: &impl RawStore, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
    let mut part = Part::of(claim.limit);
    loop {
        let some = Claim {
            limit: part.size,
            ..claim.clone()
        };
        let refusal = match store.claim_raw(some).await {
            Err(error @ (StoreError::Database(_) | StoreError::Corrupt { .. })) => error,
            answer => return answer,
        };
        if part.shrink() {
            continue;
        }
        let first = match part.is_hopeless() {
            true => None,
            false => store.first_to_claim(claim.clone()).await?,
        };
        match first {
            Some(id) => put_off(store, id, claim.now, &refusal).await?,
            None => return Err(refusal),
        }
    }
}

/// Moves what is due after that was refused, all of it that fits. Puts off what cannot be moved.
pub(super) async fn promote(
    store: &impl RawStore,
    now: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let mut part = Part::of(limit);
    let mut moved = 0;
    loop {
        let refusal = match store.promote_raw(now, part.size).await {
            Err(error @ StoreError::Database(_)) => error,
            Ok(some) if part.is_whole() => return Ok(moved + some),
            Ok(some) => {
                moved += some;
                part.grow();
                continue;
            }
            Err(error) => return Err(error),
        };
        if part.shrink() {
            continue;
        }
        let first = match part.is_hopeless() {
            true => None,
            false => store.first_due(now).await?,
        };
        match first {
            Some(id) => put_off(store, id, now, &refusal).await?,
            None => return Err(refusal),
        }
    }
}

/// Lets in. Puts off who cannot be moved to where he belongs.
pub(super) async fn admit<T, F>(
    store: &impl RawStore,
    now: Timestamp,
    limit: usize,
    whole: impl Fn() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let refusal = match whole().await {
        Err(error @ StoreError::Database(_)) => error,
        answer => return answer,
    };
    for id in store.refused_at_the_door(now, limit, AT_MOST).await? {
        put_off(store, id, now, &refusal).await?;
    }
    whole().await
}

async fn put_off(
    store: &impl RawStore,
    id: ExecutionId,
    now: Timestamp,
    refusal: &StoreError,
) -> Result<(), StoreError> {
    let error = crate::error::chain(refusal).to_string();
    tracing::error!(execution = %id, %error, "the database refuses to move this execution, put off for a minute");
    let later = ExecutionEdit {
        priority: None,
        run_at: Some(now.after(PUT_OFF)),
        payload: None,
    };
    // Whatever became of it meanwhile, it is not in the way any more.
    store.edit(id, later, now).await.map(drop)
}

/// Takes leases over. Passes over what cannot be moved.
pub(super) async fn take_over(
    store: &impl RawStore,
    dead: SessionBeat,
    claim: Claim,
) -> Result<Vec<Claimed>, StoreError> {
    let mut part = Part::of(claim.limit);
    loop {
        let some = Claim {
            limit: part.size,
            ..claim.clone()
        };
        let answer = store.take_over_raw(dead.clone(), some, part.passed).await;
        let refusal = match answer {
            Err(error @ StoreError::Database(_)) => error,
            answer => return answer,
        };
        if part.shrink() {
            continue;
        }
        if part.is_hopeless() {
            return Err(refusal);
        }
        let (session, error) = (dead.session, crate::error::chain(&refusal));
        tracing::error!(%session, %error, "the database refuses to move a lease of a dead worker");
    }
}

/// Notes progress. What is refused is dropped.
pub(super) async fn report(
    store: &impl RawStore,
    batch: Vec<ProgressReport>,
) -> Result<Vec<WriteAnswer>, StoreError> {
    let mut parts = Parts::of(batch);
    while let Some(part) = parts.next() {
        let answers = store.report_raw(part.clone()).await;
        parts.written(part, answers)?;
    }
    Ok(parts.answers)
}

/// Writes log lines. What is refused is dropped.
pub(super) async fn append_logs(
    store: &impl RawStore,
    batch: Vec<LogBatch>,
) -> Result<Vec<WriteAnswer>, StoreError> {
    let mut parts = Parts::of(batch);
    while let Some(part) = parts.next() {
        let answers = store.append_logs_raw(part.clone()).await;
        parts.written(part, answers)?;
    }
    Ok(parts.answers)
}

/// A batch that is written in ever smaller parts where it is refused; what is refused alone is answered
/// [`WriteAnswer::Rejected`].
struct Parts<T> {
    /// The next one last.
    waiting: Vec<Vec<T>>,
    answers: Vec<WriteAnswer>,
}

impl<T> Parts<T> {
    fn of(batch: Vec<T>) -> Self {
        Self {
            answers: Vec::with_capacity(batch.len()),
            waiting: vec![batch],
        }
    }

    fn next(&mut self) -> Option<Vec<T>> {
        self.waiting.pop()
    }

    fn written(
        &mut self,
        mut part: Vec<T>,
        answers: Result<Vec<WriteAnswer>, StoreError>,
    ) -> Result<(), StoreError> {
        match answers {
            Ok(answers) => self.answers.extend(answers),
            Err(StoreError::Database(_)) if part.len() > 1 => {
                let second = part.split_off(part.len() / 2);
                self.waiting.extend([second, part]);
            }
            Err(error @ StoreError::Database(_)) => {
                let error = crate::error::chain(&error);
                tracing::error!(%error, "the database refuses what an attempt tells about itself");
                self.answers.push(WriteAnswer::Rejected);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// How much is asked for at once.
#[derive(Clone, Copy, Debug)]
struct Part {
    whole: usize,
    size: usize,
    /// How many stood alone and were refused.
    passed: usize,
}

impl Part {
    fn of(whole: usize) -> Self {
        Self {
            whole,
            size: whole,
            passed: 0,
        }
    }

    /// Asks for less after a refusal. `false` if it was for one alone: that is to be set aside, and the
    /// whole asked for again.
    fn shrink(&mut self) -> bool {
        if self.size > 1 {
            self.size /= 2;
            return true;
        }
        self.passed += 1;
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

    fn is_hopeless(&self) -> bool {
        self.passed > AT_MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes everything but the odd.
    fn even_only(part: &[u32]) -> Result<Vec<WriteAnswer>, StoreError> {
        match part.iter().all(|n| n % 2 == 0) {
            true => Ok(vec![WriteAnswer::Settled; part.len()]),
            false => Err(StoreError::Database("an odd number".into())),
        }
    }

    #[test]
    fn what_is_refused_is_refused_alone() {
        for batch in [
            vec![],
            vec![1],
            vec![2, 4],
            vec![1, 2, 3, 4, 5],
            vec![2, 2, 7],
        ] {
            let of = |n: &u32| match n % 2 {
                0 => WriteAnswer::Settled,
                _ => WriteAnswer::Rejected,
            };
            let expected: Vec<_> = batch.iter().map(of).collect();
            let mut parts = Parts::of(batch);
            while let Some(part) = parts.next() {
                let answers = even_only(&part);
                parts.written(part, answers).unwrap();
            }
            assert_eq!(parts.answers, expected);
        }
    }

    #[test]
    fn one_alone_is_set_aside_and_the_whole_asked_for_again() {
        let mut part = Part::of(9);
        let mut sizes = vec![part.size];
        while part.shrink() {
            sizes.push(part.size);
        }
        assert_eq!(sizes, [9, 4, 2, 1]);
        assert_eq!((part.size, part.passed), (9, 1));
    }
}
