//! The loan of a slot while its attempt waits for another execution.
//!
//! A parent that awaits its child holds a slot that the child may need; at concurrency 1 both
//! would wait for ever. While the parent waits, its slot is lent to the awaited execution, and to
//! that one only. If any execution could use it, a queue of ten thousand parents would become ten
//! thousand running attempts before the first child starts.
//!
//! A slot therefore carries a chain of attempts, each awaited by the one before it. When a parent
//! continues, its kind of slot is one over its number until an attempt ends.

use jobs::ExecutionId;
use tokio::sync::mpsc;

use super::attempt::AttemptEvent;
use crate::store::Fence;

tokio::task_local! {
    /// The attempt that the current task runs.
    static LENDER: SlotLender;
}

/// The slot of a running attempt.
#[derive(Clone)]
pub(crate) struct SlotLender {
    fence: Fence,
    events: mpsc::UnboundedSender<AttemptEvent>,
}

impl SlotLender {
    pub(crate) fn new(fence: Fence, events: mpsc::UnboundedSender<AttemptEvent>) -> Self {
        Self { fence, events }
    }

    /// Runs `handler` as the attempt whose slot can be lent.
    pub(crate) async fn scope<T>(self, handler: impl Future<Output = T>) -> T {
        LENDER.scope(self, handler).await
    }
}

/// Awaits `wait` and meanwhile lends the slot of the current attempt to `awaited`. Outside of an
/// attempt it only awaits.
pub(crate) async fn lend_slot_while<T>(awaited: ExecutionId, wait: impl Future<Output = T>) -> T {
    let loan = LENDER.try_with(|lender| Loan::new(lender, awaited)).ok();
    let answer = wait.await;
    drop(loan);
    answer
}

/// A slot that is lent. It is taken back when this is dropped. A handler that awaits several
/// executions at once has several loans.
struct Loan {
    lender: SlotLender,
    awaited: ExecutionId,
}

impl Loan {
    fn new(lender: &SlotLender, awaited: ExecutionId) -> Self {
        let lender = lender.clone();
        // Sending fails only if the dispatcher has ended: then there are no slots to lend.
        let _ = lender
            .events
            .send(AttemptEvent::Awaits(lender.fence, awaited));
        Self { lender, awaited }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let Self { lender, awaited } = self;
        let _ = lender
            .events
            .send(AttemptEvent::AwaitEnded(lender.fence, *awaited));
    }
}
