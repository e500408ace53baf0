//! `succeed_in`: a success that the handler writes in its own transaction.
//!
//! After such a write the engine cannot know whether the handler committed its transaction; the
//! handler may have rolled it back and returned a result. The engine therefore settles the attempt
//! as *failed*. If the success was committed, the store answers
//! [`AlreadyMine`](crate::store::WriteAnswer::AlreadyMine) and ignores the failure. If it was not,
//! the failure is correct.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jobs::runtime::{HandlerResult, SucceedIn};
use jobs::{AttemptOutcome, BoxFuture, Clock, ExecutionId, JobError, ProgressCell, TransactionRef};

use crate::clock::timestamp;
use crate::engine::outcome::{RESULT_LIMIT, too_long};
use crate::health::WorkerHealth;
use crate::store::{
    AttemptEnd, Fence, Next, PermitToken, Permits, Settlement, Store, StoreError, WriteAnswer,
};
use crate::time::Timestamp;

/// A flag of one attempt: the handler has written its success in its own transaction.
#[derive(Clone, Debug, Default)]
pub(super) struct SuccessWritten(Arc<AtomicBool>);

impl SuccessWritten {
    /// Replaces a returned result by an error if the success was written in a transaction: the
    /// store ignores the error if the transaction was committed.
    pub(super) fn check(&self, returned: HandlerResult) -> HandlerResult {
        match returned {
            Ok(_) if self.0.load(Ordering::Acquire) => Err(JobError::from(
                "the transaction given to `succeed_in` was not committed",
            )),
            returned => returned,
        }
    }
}

/// Writes the success of one attempt.
pub(super) struct SuccessWriter {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) fence: Fence,
    pub(super) execution_id: ExecutionId,
    pub(super) limits: Option<PermitToken>,
    pub(super) started_at: Timestamp,
    pub(super) progress: Arc<ProgressCell>,
    pub(super) written: SuccessWritten,
    pub(super) health: WorkerHealth,
}

impl SucceedIn for SuccessWriter {
    fn succeed_in<'a>(
        &'a self,
        tx: TransactionRef<'a>,
        result: String,
    ) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.write(tx, result))
    }
}

impl SuccessWriter {
    async fn write(&self, tx: TransactionRef<'_>, result: String) -> Result<(), JobError> {
        if result.len() > RESULT_LIMIT {
            return Err(JobError::permanent(too_long(&result)));
        }
        let settlement = Settlement {
            fence: self.fence,
            execution_id: self.execution_id,
            end: AttemptEnd {
                outcome: AttemptOutcome::Succeeded,
                error: None,
                started_at: self.started_at,
                finished_at: timestamp(&*self.clock),
                progress: self.progress.latest(),
                // The engine's own settlement carries the log lines.
                logs: Vec::new(),
            },
            next: Next::Succeed(result),
            permits: self.limits.clone().map(Permits::released),
        };
        // Set before the write: a handler that drops this future may still commit.
        self.written.0.store(true, Ordering::Release);
        match self.store.settle_in(tx, settlement).await {
            Ok(WriteAnswer::Settled | WriteAnswer::AlreadyMine) => Ok(()),
            Ok(WriteAnswer::Locked | WriteAnswer::Rejected) => {
                Err("the success of this attempt could not be written".into())
            }
            Ok(WriteAnswer::Stale) => {
                self.health.refused(|refused| refused.ends += 1);
                Err("the lease of this attempt has ended".into())
            }
            Err(error @ StoreError::WrongDatabase { .. }) => Err(JobError::permanent(error)),
            Err(error) => Err(error.into()),
        }
    }
}
