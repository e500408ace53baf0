//! Executions with limits, and a worker that lets them in.

use std::sync::Arc;
use std::time::Duration;

use super::fixtures::*;

pub(super) fn concurrent(key: &str, count: u32) -> Limit {
    Limit {
        key: format!("j/concurrent/{key}"),
        job_id: "j".to_owned(),
        rule: LimitRule::Concurrent { count },
    }
}

pub(super) fn rate(key: &str, count: u32, period: Duration) -> Limit {
    Limit {
        key: format!("j/rate/{key}"),
        job_id: "j".to_owned(),
        rule: LimitRule::Rate(Rate {
            count,
            period_ms: u64::try_from(period.as_millis()).unwrap(),
        }),
    }
}

pub(super) fn limited(limits: &[Limit]) -> NewExecution {
    new_with("j", |new| new.rules.limits = limits.to_vec())
}

pub(super) async fn enqueue_limited(
    store: &AnyStore,
    limits: &[Limit],
    count: usize,
) -> Vec<ExecutionId> {
    let batch: Vec<_> = (0..count).map(|_| limited(limits)).collect();
    let ids = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    ids
}

/// Each of them ends well, in one batch.
pub(super) async fn end_all(store: &AnyStore, claimed: &[Claimed]) {
    let ends = claimed.iter().map(success).collect();
    let answers = store.settle(ends).await.unwrap();
    assert_eq!(answers, vec![WriteAnswer::Settled; claimed.len()]);
}

/// A worker that claims whatever there is.
pub(super) struct Worker {
    store: AnyStore,
    session: SessionId,
    claims: i64,
}

impl Worker {
    pub(super) async fn new(store: &AnyStore) -> Self {
        Self {
            store: Arc::clone(store),
            session: session(store, "w").await,
            claims: 0,
        }
    }

    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    /// Lets in what there are permits for, and claims it.
    pub(super) async fn take_at(&mut self, now: Timestamp, limit: usize) -> Vec<Claimed> {
        self.store.promote(now, 1_000).await.unwrap();
        self.claim_at(now, limit).await
    }

    /// Claims what has been let in.
    pub(super) async fn claim_at(&mut self, now: Timestamp, limit: usize) -> Vec<Claimed> {
        self.claims += 1;
        let mut claim = claim(self.session, self.claims, &["j"], limit);
        claim.now = now;
        self.store.claim(claim).await.unwrap()
    }

    pub(super) async fn take(&mut self) -> Vec<Claimed> {
        self.take_at(T0, 1_000).await
    }

    /// Takes over a session, and of its leases so many.
    pub(super) async fn take_over(&mut self, dead: SessionBeat, limit: usize) -> Vec<Claimed> {
        self.claims += 1;
        let claim = claim(self.session, self.claims, &[], limit);
        self.store.take_over(dead, claim).await.unwrap()
    }
}
