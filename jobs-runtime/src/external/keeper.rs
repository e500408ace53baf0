//! The keeper: renews sessions of external workers, and ends attempts whose time is over.
//!
//! | interval | task |
//! |---|---|
//! | a sixtieth of a lease, or an event | cancel requests, timeouts, ends of the grace |
//! | a sixth of a lease | renews the sessions of the workers that were heard |
//! | a sixth of a lease | watches the beats of all external leases of the fleet |
//!
//! A cancel request, or the approach of the timeout, interrupts an attempt: the next answer to its
//! worker says so. The keeper ends an attempt that still runs at its timeout, or when the grace
//! after the cancel request is over.
//!
//! A server that has heard from a worker watches every lease of the fleet, also those that other
//! servers gave. If the beat of a lease stands still for a whole lease, the attempt is lost. Only
//! time that the server has watched without a pause counts. Without any such server the sessions of
//! the workers are not renewed. The engine's rescue then ends their attempts.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::leases::{EndReason, InterruptReason, Lease};
use super::{ExternalLeases, Inner};
use crate::engine::outcome::Exit;
use crate::store::{Fence, LeaseBeat, StoreError};

/// The number of leases, or cancel requests, that one query reads.
const PAGE: usize = 500;

/// Starts the task. It ends with the last clone of the [`ExternalLeases`], or at a stop.
pub(super) fn start(inner: &Arc<Inner>) {
    let weak = Arc::downgrade(inner);
    inner.spawn(async move {
        let mut keeper = Keeper::default();
        while keeper.turn(&weak).await {}
    });
}

/// The observations of one server.
#[derive(Default)]
struct Keeper {
    /// The beat of each lease, and the monotonic time since which it stands still.
    observed: HashMap<Fence, (i64, Duration)>,
    /// Leases that this server ends and whose workers it has not heard.
    unheard: HashMap<Fence, Arc<Lease>>,
    watched_at: Duration,
}

impl Keeper {
    /// Waits for the next task and does it. Returns `false` at the end.
    async fn turn(&mut self, inner: &Weak<Inner>) -> bool {
        let Some(inner) = inner.upgrade() else {
            return false;
        };
        let lease = inner.settings.lease;
        tokio::select! {
            () = inner.clock().sleep(until_next(&inner)) => {}
            () = inner.leases.wake_keeper.notified() => {}
            () = inner.stop.cancelled() => return false,
        }
        let external = ExternalLeases(inner);
        let now = external.0.elapsed();
        let mut done = external.pass_on_cancel_requests().await;
        external.end_overdue();
        if now >= self.watched_at + lease / 6 {
            // A poll waits for two thirds of a lease, so a renewal is at most five sixths late.
            let times = (external.0.now(), now);
            let store = external.store();
            done = done.and(external.0.workers.renew(&**store, times).await);
            done = done.and(self.watch(&external, now).await);
        }
        if let Err(error) = done {
            let error = crate::error::chain(&error);
            tracing::debug!(%error, "the leases of external workers could not be checked");
        }
        true
    }

    /// Reads the beats of all external leases. Ends those that stood still for a lease.
    async fn watch(&mut self, external: &ExternalLeases, now: Duration) -> Result<(), StoreError> {
        let inner = &external.0;
        let lease = inner.settings.lease;
        // After a pause of this process, for example of a suspended machine, nothing was observed.
        if now > self.watched_at + lease / 2 {
            self.observed.clear();
        }
        self.watched_at = now;
        if inner.workers.is_empty() && inner.leases.is_empty() {
            self.observed.clear();
            self.unheard.clear();
            return Ok(());
        }
        let known = inner.leases.all();
        let mut seen = HashMap::new();
        let mut after = 0;
        loop {
            let page = inner.store().external_leases(after, PAGE).await?;
            let is_last = page.len() < PAGE;
            for one in page {
                after = one.fence.row;
                let since = match self.observed.get(&one.fence) {
                    Some((beat, since)) if *beat == one.beat => *since,
                    _ => now,
                };
                seen.insert(one.fence, (one.beat, since));
                self.check(external, &one, now.saturating_sub(since))
                    .await?;
            }
            if is_last {
                break;
            }
        }
        for lease in known {
            if !seen.contains_key(&lease.fence()) {
                inner.leases.end(&lease, EndReason::Lost);
            }
        }
        self.unheard.retain(|fence, _| seen.contains_key(fence));
        self.observed = seen;
        Ok(())
    }

    /// Ends a lease that stood still for its time, or that is past its timeout although no server
    /// hears from its worker.
    async fn check(
        &mut self,
        external: &ExternalLeases,
        one: &LeaseBeat,
        still: Duration,
    ) -> Result<(), StoreError> {
        let inner = &external.0;
        let timeout = one.timeout_ms.map(Duration::from_millis);
        let runs = inner.now().since(one.claimed_at);
        let is_overdue = timeout.is_some_and(|timeout| runs > timeout + Duration::from_secs(5));
        if still <= inner.settings.lease && !is_overdue {
            return Ok(());
        }
        let known = inner.leases.get(one.fence);
        let lease = match known.or_else(|| self.unheard.get(&one.fence).cloned()) {
            Some(lease) => lease,
            None => {
                let Some(claimed) = inner.store().external_lease(one.fence).await? else {
                    return Ok(());
                };
                let lease = Arc::new(Lease::known(claimed, inner));
                self.unheard.insert(one.fence, Arc::clone(&lease));
                lease
            }
        };
        let (exit, reason) = match timeout {
            Some(limit) if is_overdue => {
                (Exit::TimedOut { limit, error: None }, EndReason::TimedOut)
            }
            _ => {
                let again = lease.claimed.lost_before;
                (Exit::Lost { again }, EndReason::Lost)
            }
        };
        external.settle_for_server(lease, exit, reason);
        Ok(())
    }
}

/// The time until the next task: the interval, or less if an attempt has to end before that.
fn until_next(inner: &Inner) -> Duration {
    let lease = inner.settings.lease;
    if inner.leases.is_empty() {
        return lease / 6;
    }
    let interval = (lease / 60).max(Duration::from_millis(10));
    let now = inner.now();
    let deadlines = inner.leases.all().into_iter().filter_map(|lease| {
        let deadline = lease.deadline?;
        let notice = lease.notice(inner.settings.grace);
        let next = if lease.state().interrupt.is_some() {
            deadline
        } else {
            deadline.before(notice)
        };
        Some(next.since(now) + Duration::from_millis(1))
    });
    deadlines.min().map_or(interval, |next| next.min(interval))
}

impl ExternalLeases {
    /// Tells the workers of this server which executions are to be cancelled.
    async fn pass_on_cancel_requests(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        if inner.leases.is_empty() {
            return Ok(());
        }
        for fence in inner.store().external_cancel_requests(PAGE).await? {
            if let Some(lease) = inner.leases.get(fence)
                && lease.state().interrupt.is_none()
            {
                lease.interrupt(InterruptReason::Cancel, inner.elapsed());
            }
        }
        Ok(())
    }

    /// Interrupts attempts that are close to their timeout. Ends those that have reached it, and
    /// those whose grace after a cancel request is over.
    fn end_overdue(&self) {
        let inner = &self.0;
        let (now, elapsed) = (inner.now(), inner.elapsed());
        let grace = inner.settings.grace;
        for lease in inner.leases.all() {
            let state = lease.state();
            if state.is_ending || state.ended.is_some() {
                continue;
            }
            let end = match (lease.deadline, state.interrupt) {
                (Some(deadline), _) if now >= deadline => {
                    let limit = lease.timeout().unwrap_or_default();
                    Some((Exit::TimedOut { limit, error: None }, EndReason::TimedOut))
                }
                (_, Some((InterruptReason::Cancel, at))) if elapsed >= at + grace => {
                    Some((Exit::Cancelled(None), EndReason::Cancelled))
                }
                (Some(deadline), None) if now >= deadline.before(lease.notice(grace)) => {
                    lease.interrupt(InterruptReason::Timeout, elapsed);
                    None
                }
                _ => None,
            };
            if let Some((exit, reason)) = end {
                self.settle_for_server(lease, exit, reason);
            }
        }
    }
}
