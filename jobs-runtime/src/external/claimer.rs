//! The claimer: the one task of a server that claims for external workers.
//!
//! It makes one claim at a time, for the oldest poll for which the store may have work. A claim
//! without an answer is repeated with the same number, so it finds what it has leased. Leases whose
//! poll has gone are released.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::leases::{EndReason, Lease};
use super::polls::{Granted, Poll};
use super::{ExternalLeases, Inner};
use crate::engine::outcome::Exit;
use crate::store::{Caps, Claim, StoreError, StoreEvent};

/// The pause before a claim without an answer is repeated.
const BACKOFF: Duration = Duration::from_millis(250);

/// Starts the task, and the one that listens to the store. Both end with the last clone of the
/// [`ExternalLeases`], or at a stop.
pub(super) fn start(inner: &Arc<Inner>) {
    let events = inner.store().events();
    inner.spawn(listen(Arc::downgrade(inner), events));
    inner.spawn(run(Arc::downgrade(inner)));
}

/// Raises the flags of polls at events of the store.
async fn listen(inner: Weak<Inner>, mut events: Receiver<StoreEvent>) {
    loop {
        let event = events.recv().await;
        let Some(inner) = inner.upgrade() else { return };
        match event {
            Ok(StoreEvent::CancelRequested) => inner.leases.wake_keeper.notify_one(),
            Ok(event) => {
                if matches!(event, StoreEvent::Elsewhere) {
                    inner.leases.wake_keeper.notify_one();
                }
                inner.polls.on_event(&event);
            }
            Err(RecvError::Lagged(_)) => inner.polls.expect_work(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Claims for polls until none is left for which the store may have work, and waits.
async fn run(inner: Weak<Inner>) {
    loop {
        let Some(strong) = inner.upgrade() else {
            return;
        };
        if strong.stop.is_cancelled() {
            return;
        }
        while let Some(poll) = strong.polls.take_next() {
            serve(&strong, poll).await;
            if strong.stop.is_cancelled() {
                return;
            }
        }
        let (clock, poll) = (Arc::clone(strong.clock()), strong.settings.poll);
        tokio::select! {
            () = strong.polls.changed.notified() => {}
            () = strong.stop.cancelled() => return,
            () = clock.sleep(poll) => strong.polls.expect_work(),
        }
    }
}

/// Claims for one poll and answers it, or puts it back.
async fn serve(inner: &Arc<Inner>, poll: Poll) {
    let claim = Claim {
        session: poll.worker.session,
        number: poll.worker.next_claim(),
        job_ids: poll.filter.job_ids.to_vec(),
        queues: Vec::new(),
        except: Vec::new(),
        only: poll.filter.only.to_vec(),
        limit: poll.max,
        caps: Caps::default(),
        now: inner.now(),
    };
    let claimed = loop {
        match inner.store().claim(claim.clone()).await {
            Ok(claimed) => break claimed,
            // The store may have leased executions: the same claim finds them.
            Err(error) if error.is_transient() => {
                let cause = crate::error::chain(&error).to_string();
                tracing::debug!(cause, "a claim for an external worker is repeated");
                tokio::select! {
                    () = inner.clock().sleep(BACKOFF) => {}
                    () = inner.stop.cancelled() => return,
                }
            }
            Err(StoreError::SessionLost) => {
                // The worker polls again and gets another session.
                poll.worker.retire();
                inner.polls.expect_more(&poll.filter);
                return;
            }
            Err(error) => {
                let error = crate::error::chain(&error);
                tracing::error!(%error, "a claim for an external worker failed");
                return inner.polls.put_back(poll);
            }
        }
    };
    if claimed.len() >= poll.max {
        inner.polls.expect_more(&poll.filter);
    }
    let external = ExternalLeases(Arc::clone(inner));
    let mut leases = Vec::with_capacity(claimed.len());
    for mut claimed in claimed {
        let unreadable = claimed.unreadable.take();
        let payload = std::mem::take(&mut claimed.payload);
        let lease = Arc::new(Lease::granted(claimed, &poll.worker, inner));
        match unreadable {
            Some(reason) => {
                let exit = Exit::Unreadable(reason);
                external.settle_for_server(lease, exit, EndReason::Settled);
            }
            None => {
                inner.leases.add(&lease);
                count_start(inner, &lease);
                leases.push((lease, payload));
            }
        }
    }
    if leases.is_empty() {
        return inner.polls.put_back(poll);
    }
    // A poll whose caller has gone drops the leases, which releases them.
    let _ = poll.answer.send(Granted { leases, external });
}

/// Counts the start of an attempt, and the wait of an execution before its first one.
fn count_start(inner: &Inner, lease: &Lease) {
    let metrics = inner.service.metrics().job(&lease.claimed.job_id);
    metrics.started.increment();
    if lease.fence().attempt == 1 {
        let waited = lease.claimed.claimed_at.since(lease.claimed.run_at);
        metrics.wait.observe(waited);
    }
}
