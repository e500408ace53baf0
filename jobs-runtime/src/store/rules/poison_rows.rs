//! Poison rows: single rows that the database rejects, in calls that write many.
//!
//! A database rejects a statement as a whole, for example because of a trigger of its owner. A
//! poison row must not block the other rows. After a rejection, a store tries the rows one by one:
//!
//! * a waiting execution is postponed for a minute ([`without_rejected`]);
//! * a lease is skipped by a take-over;
//! * progress or log lines are dropped and answered [`WriteAnswer::Rejected`] ([`write_rows`]).
//!
//! Each poison row is logged as an error. A call without a rejection costs nothing extra.

use std::time::Duration;

use jobs::ExecutionId;

use crate::store::{ExecutionEdit, SessionId, StoreError, WriteAnswer};
use crate::time::Timestamp;

/// The time by which a poison execution is postponed.
pub(in crate::store) const POSTPONEMENT: Duration = Duration::from_secs(60);

/// The number of times that one call postpones rejected executions. After more rejections the call
/// fails.
const MAX_ROUNDS: usize = 3;

/// The largest number of executions that are postponed at once. More rejections than this mean that
/// the rows are not the cause.
pub(in crate::store) const MAX_POSTPONED: usize = 4;

/// Returns true if the database or the decoder rejects a row, and would accept others.
pub(in crate::store) fn is_rejection(error: &StoreError) -> bool {
    matches!(error, StoreError::Database(_) | StoreError::Corrupt { .. })
}

/// Calls a store. After a rejection, postpones the rejected executions with `postpone`, which
/// returns their number, and calls again.
pub(in crate::store) async fn without_rejected<T, C, P>(
    call: impl Fn() -> C,
    postpone: impl Fn() -> P,
) -> Result<T, StoreError>
where
    C: Future<Output = Result<T, StoreError>>,
    P: Future<Output = Result<usize, StoreError>>,
{
    for _ in 0..MAX_ROUNDS {
        match call().await {
            Err(error) if is_rejection(&error) => {
                if postpone().await? == 0 {
                    return Err(error);
                }
            }
            answer => return answer,
        }
    }
    call().await
}

/// Writes the rows of a batch at once. If the database rejects the batch, writes them one by one
/// and answers [`WriteAnswer::Rejected`] for the rejected ones.
pub(in crate::store) async fn write_rows<R, W>(
    batch: Vec<R>,
    write: impl Fn(Vec<R>) -> W,
) -> Result<Vec<WriteAnswer>, StoreError>
where
    R: Clone,
    W: Future<Output = Result<Vec<WriteAnswer>, StoreError>>,
{
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    match write(batch.clone()).await {
        Err(error) if is_rejection(&error) => {}
        answers => return answers,
    }
    let mut answers = Vec::with_capacity(batch.len());
    for row in batch {
        match write(vec![row]).await {
            Err(error) if is_rejection(&error) => {
                let error = crate::error::chain(&error);
                tracing::error!(%error, "the database rejects progress or log lines: dropped");
                answers.push(WriteAnswer::Rejected);
            }
            answer => answers.extend(answer?),
        }
    }
    Ok(answers)
}

/// Returns the edit that postpones a poison execution.
pub(in crate::store) fn postponement(now: Timestamp) -> ExecutionEdit {
    run_at(now.after(POSTPONEMENT))
}

/// Returns the edit that makes a scheduled execution due at once.
pub(in crate::store) fn promotion() -> ExecutionEdit {
    run_at(Timestamp::default())
}

fn run_at(at: Timestamp) -> ExecutionEdit {
    ExecutionEdit {
        priority: None,
        run_at: Some(at),
        payload: None,
        queue: None,
    }
}

/// Logs a poison execution.
pub(in crate::store) fn log_postponed(id: ExecutionId, rejection: &StoreError) {
    let error = crate::error::chain(rejection);
    tracing::error!(
        execution = %id,
        %error,
        "the database rejects a row of this execution: postponed for a minute"
    );
}

/// Logs a poison lease of a session.
pub(in crate::store) fn log_skipped(session: SessionId, rejection: &StoreError) {
    let error = crate::error::chain(rejection);
    tracing::error!(%session, %error, "the database rejects a lease of a dead worker: skipped");
}
