//! Lending the slot of an attempt that only waits for another execution.
//!
//! A parent that awaits its child would otherwise hold the slot that the child needs: with one slot
//! both would wait for ever. While it waits, its slot is another's; when it goes on, the lane is one
//! over its number until somebody ends. Parents are lent for without a bound: a lane that has
//! nothing but waiting parents starts more of them before it gets to their children.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    /// How many waits it is lent for: a handler may await several children at once.
    waits: Arc<AtomicUsize>,
}

impl Lender {
    pub(crate) fn new(fence: Fence, reports: mpsc::UnboundedSender<Report>) -> Self {
        Self {
            fence,
            reports,
            waits: Arc::default(),
        }
    }

    /// Runs the handler as the one whose slot can be lent.
    pub(crate) async fn scope<T>(self, handler: impl Future<Output = T>) -> T {
        LENDER.scope(self, handler).await
    }
}

/// Waits for something that other attempts bring about. Outside of an attempt it only waits.
pub(crate) async fn lending<T>(wait: impl Future<Output = T>) -> T {
    let lent = LENDER.try_with(Lent::new).ok();
    let answer = wait.await;
    drop(lent);
    answer
}

/// A slot while it is lent.
struct Lent(Lender);

impl Lent {
    fn new(lender: &Lender) -> Self {
        if lender.waits.fetch_add(1, Ordering::Relaxed) == 0 {
            // Without a dispatcher there is nobody to lend to.
            let _ = lender.reports.send(Report::Lent(lender.fence));
        }
        Self(lender.clone())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.0.waits.fetch_sub(1, Ordering::Relaxed) == 1 {
            let _ = self.0.reports.send(Report::Reclaimed(self.0.fence));
        }
    }
}
