//! A success that the handler writes in its own transaction.
//!
//! Once the handler has asked for it, the engine cannot know whether the transaction was committed:
//! the handler may have rolled it back and returned a result all the same. So it says that the
//! attempt has *failed*. If the success was committed, the store knows this attempt as ended and
//! answers [`AlreadyMine`](crate::store::WriteAnswer::AlreadyMine), whatever is said; if it was not, the
//! failure is the truth.

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

/// Whether the handler has written its success into a transaction of its own.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Joined(Arc<AtomicBool>);

impl Joined {
    /// What the handler returned, as far as it can be believed.
    pub(in crate::engine) fn judge(&self, returned: HandlerResult) -> HandlerResult {
        match returned {
            Ok(_) if self.0.load(Ordering::Acquire) => Err(JobError::from(
                "the transaction given to `succeed_in` was not committed",
            )),
            returned => returned,
        }
    }
}

/// Writes the success of one attempt.
pub(in crate::engine) struct Success {
    pub(in crate::engine) store: Arc<dyn Store>,
    pub(in crate::engine) clock: Arc<dyn Clock>,
    pub(in crate::engine) fence: Fence,
    pub(in crate::engine) execution_id: ExecutionId,
    pub(in crate::engine) limits: Option<PermitToken>,
    pub(in crate::engine) started_at: Timestamp,
    pub(in crate::engine) progress: Arc<ProgressCell>,
    pub(in crate::engine) joined: Joined,
    pub(in crate::engine) health: WorkerHealth,
}

impl SucceedIn for Success {
    fn succeed_in<'a>(
        &'a self,
        tx: TransactionRef<'a>,
        result: String,
    ) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.write(tx, result))
    }
}

impl Success {
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
                // They come with the engine's word about the end.
                logs: Vec::new(),
            },
            next: Next::Succeed(result),
            permits: self.limits.clone().map(Permits::released),
        };
        // Before it is written: a handler that stops waiting may commit all the same.
        self.joined.0.store(true, Ordering::Release);
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
