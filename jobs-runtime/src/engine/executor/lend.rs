//! Lending the slot of an attempt that only waits for another execution.
//!
//! A parent that awaits its child would otherwise hold the slot that the child needs: with one slot
//! both would wait for ever. While it waits, its slot is lent **to what is awaited and to nothing
//! else**: were it free for anybody, a queue of ten thousand parents would become ten thousand
//! running attempts before the first child begins. So a slot carries a chain of attempts, each of
//! which is awaited by the one before it. When a parent goes on, the lane is one over its number
//! until somebody ends.

use jobs::ExecutionId;
use tokio::sync::mpsc;

use super::attempt::Report;
use crate::store::Fence;

tokio::task_local! {
    /// The attempt that the current task runs.
    static LENDER: Lender;
}

/// The slot of a running attempt.
#[derive(Clone)]
pub(crate) struct Lender {
    fence: Fence,
    reports: mpsc::UnboundedSender<Report>,
}

impl Lender {
    pub(crate) fn new(fence: Fence, reports: mpsc::UnboundedSender<Report>) -> Self {
        Self { fence, reports }
    }

    /// Runs the handler as the one whose slot can be lent.
    pub(crate) async fn scope<T>(self, handler: impl Future<Output = T>) -> T {
        LENDER.scope(self, handler).await
    }
}

/// Waits for an execution to end. Outside of an attempt it only waits.
pub(crate) async fn lending<T>(awaited: ExecutionId, wait: impl Future<Output = T>) -> T {
    let lent = LENDER.try_with(|lender| Lent::new(lender, awaited)).ok();
    let answer = wait.await;
    drop(lent);
    answer
}

/// A slot while it is lent. A handler may await several executions at once.
struct Lent {
    lender: Lender,
    awaited: ExecutionId,
}

impl Lent {
    fn new(lender: &Lender, awaited: ExecutionId) -> Self {
        let lender = lender.clone();
        // Without a dispatcher there is nobody to lend to.
        let _ = lender.reports.send(Report::Awaits(lender.fence, awaited));
        Self { lender, awaited }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Self { lender, awaited } = self;
        let _ = lender.reports.send(Report::Has(lender.fence, *awaited));
    }
}
