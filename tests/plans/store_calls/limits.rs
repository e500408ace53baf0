//! Times of calls about executions with limits, deduplication and pauses.

use std::time::Duration;

use jobs::{ExecutionStatus, OnConflict};
use jobs_runtime::store::{
    Caps, Claimed, DebounceKey, ExecutionEdit, Limit, LimitRule, NewExecution, Next, Permits,
    QueuePause, Rate, SessionId, Settlement, UniqueKey,
};

use super::{BATCH, CallTimes, NOW, ROUNDS, new, settlement};
use jobs_runtime::time::Timestamp;
use tests::process::now;

/// The permits of a limit, for half of a batch.
const PERMITS: u32 = 10;

impl CallTimes<'_> {
    /// Makes the calls about limits.
    pub(super) async fn limits(&mut self) {
        let session = self.session("limited").await;
        self.claim_urgent_rest(session).await;
        for round in 0..ROUNDS {
            let batch = self.limited_batch();
            let ids: Vec<_> = batch.iter().map(|new| new.id).collect();
            timed!(self, "enqueue limited", self.store.enqueue(batch.clone()));
            timed!(
                self,
                "enqueue merging",
                self.store.enqueue(self.again(&batch))
            );
            let delayed = self.debounced();
            timed!(
                self,
                "enqueue debounced",
                self.store.enqueue(delayed.clone())
            );
            timed!(self, "debounce", self.store.enqueue(self.again(&delayed)));
            // The enqueue admitted as many executions as there are permits; the rest is blocked.
            timed!(self, "add waiters", self.store.promote(NOW, BATCH));
            // Blocked executions take over payloads as well.
            timed!(
                self,
                "merge into blocked",
                self.store.enqueue(self.again(&batch))
            );
            timed!(
                self,
                "blocked_by",
                self.store.blocked_by(ids[BATCH - 1], NOW)
            );
            let waiters = self.store.limit_waiters("limit 78".to_owned(), BATCH);
            timed!(self, "limit waiters", waiters);
            let mut claim = self.claim(session, &[], Vec::new());
            claim.caps.limited = Some(PERMITS as usize / 2);
            let mut claimed = timed!(self, "claim limited", self.store.claim(claim));
            claimed.extend(self.claim_capped(session, round).await);
            let settlements: Vec<_> = claimed.iter().map(retaining).collect();
            timed!(self, "settle limited", self.store.settle(settlements));
            let fences = claimed.iter().map(|claimed| claimed.fence).collect();
            timed!(self, "release_permits", self.store.release_permits(fences));
            let admitted = timed!(self, "admit", self.store.promote(NOW, BATCH));
            assert!(admitted.promoted > 0, "no waiter was admitted");
            for (name, id, priority) in [
                ("edit ready", ids[PERMITS as usize], 3),
                ("edit again", ids[PERMITS as usize], 4),
                ("edit delayed", delayed[0].id, 5),
            ] {
                let edit = ExecutionEdit {
                    priority: Some(priority),
                    ..ExecutionEdit::default()
                };
                timed!(self, name, self.store.edit(id, edit, NOW));
            }
            timed!(self, "admit edited", self.store.promote(NOW, BATCH));
            for id in &ids[PERMITS as usize..] {
                timed!(self, "cancel limited", self.store.cancel(*id, NOW));
            }
            timed!(self, "admit none", self.store.promote(NOW, BATCH));
            self.admit_many().await;
            let shared = Limit {
                key: format!("shared {round}"),
                job_id: String::new(),
                rule: LimitRule::Rate(Rate {
                    count: 10,
                    period_ms: 1_000,
                }),
            };
            let keys = vec![shared.key.clone()];
            timed!(self, "reserve", self.store.reserve(shared, 1, NOW, NOW));
            let key = keys[0].clone();
            timed!(self, "pause_limit", self.store.pause_limit(keys, NOW));
            timed!(self, "reset_limit", self.store.reset_limit(key));
            timed!(self, "queues", self.store.queues());
            let mail = || "mail".to_owned();
            timed!(self, "pause", self.store.pause(mail(), QueuePause::at(NOW)));
            let claim = self.claim(session, &["mail"], Vec::new());
            let none = timed!(self, "claim of paused", self.store.claim(claim));
            assert!(none.is_empty());
            timed!(self, "resume", self.store.resume(mail()));
            let published = self.store.catalogue().await.unwrap();
            timed!(self, "publish", self.store.publish(published));
        }
    }

    /// Admits executions of many keys, and blocks more urgent ones of the same keys.
    async fn admit_many(&mut self) {
        const KEYS: usize = 100;
        let first = self.made;
        let mut cancelled = Vec::new();
        for (name, priority, is_admitted) in [
            ("admit many keys", 50, true),
            ("block many keys", 90, false),
        ] {
            let mut batch: Vec<_> = (self.made..).take(KEYS).map(new).collect();
            self.made += KEYS as u128;
            for (n, new) in batch.iter_mut().enumerate() {
                (new.run_at, new.priority) = (None, priority);
                new.rules.limits = vec![Limit {
                    key: format!("job-1/concurrent/{first} {n}"),
                    job_id: "job-1".to_owned(),
                    rule: LimitRule::Concurrent { count: 1 },
                }];
            }
            self.store.enqueue(batch.clone()).await.unwrap();
            timed!(self, name, self.store.promote(NOW, KEYS));
            let last = self.store.blocked_by(batch[KEYS - 1].id, NOW).await;
            assert_eq!(last.unwrap().is_none(), is_admitted, "{name}");
            cancelled.extend(batch.iter().map(|new| new.id));
        }
        for id in cancelled {
            self.store.cancel(id, NOW).await.unwrap();
        }
        self.store.promote(NOW, KEYS).await.unwrap();
    }

    /// Claims with caps for a queue and a job.
    async fn claim_capped(&mut self, session: SessionId, round: usize) -> Vec<Claimed> {
        let mut claim = self.claim(session, &[], Vec::new());
        claim.except = vec![format!("none {round}")];
        claim.caps = Caps {
            limited: Some(BATCH),
            queues: vec![("mail".to_owned(), 5)],
            jobs: vec![("job-18".to_owned(), 1)],
        };
        timed!(self, "claim capped", self.store.claim(claim))
    }

    /// A batch with limits, `unique` and `max_waiting`. The limit blocks half of it.
    /// Executes what earlier calls left ready: it would be claimed before executions with limits.
    async fn claim_urgent_rest(&mut self, session: SessionId) {
        let mut claim = self.claim(session, &[], Vec::new());
        claim.limit = 1_000;
        let rest = self.store.claim(claim).await.expect("a claim");
        let settlements = rest
            .iter()
            .map(|claimed| settlement(claimed, &Next::Cancel));
        let settlements = settlements.collect();
        self.store.settle(settlements).await.expect("settled");
    }

    fn limited_batch(&mut self) -> Vec<NewExecution> {
        let mut batch = self.batch(None);
        let made = self.made;
        for (n, new) in batch.iter_mut().enumerate() {
            new.run_at = None;
            let rules = &mut new.rules;
            rules.limits = vec![
                Limit {
                    key: format!("job-1/concurrent/{made}"),
                    job_id: "job-1".to_owned(),
                    rule: LimitRule::Concurrent { count: PERMITS },
                },
                Limit {
                    key: "job-1/rate/".to_owned(),
                    job_id: "job-1".to_owned(),
                    rule: LimitRule::Rate(Rate {
                        count: 1_000_000,
                        period_ms: 1_000,
                    }),
                },
            ];
            rules.max_waiting = Some(1_000);
            rules.unique = Some(UniqueKey {
                key: format!("{made} {n}"),
                within_ms: None,
                on_conflict: OnConflict::Replace,
                live: vec![ExecutionStatus::Queued],
            });
        }
        batch
    }

    /// A batch of debounced executions.
    fn debounced(&mut self) -> Vec<NewExecution> {
        let mut batch = self.batch(None);
        let made = self.made;
        for (n, new) in batch.iter_mut().enumerate() {
            new.run_at = Some(NOW.after(Duration::from_secs(3_600)));
            new.rules.debounce = Some(DebounceKey {
                key: format!("{made} {n}"),
                delay_ms: 3_600_000,
                at_most_ms: None,
            });
        }
        batch
    }

    /// New executions with the keys of a batch.
    fn again(&mut self, batch: &[NewExecution]) -> Vec<NewExecution> {
        let mut others = self.batch(None);
        for (other, new) in others.iter_mut().zip(batch) {
            let id = other.id;
            *other = new.clone();
            other.id = id;
        }
        others
    }
}

/// A settlement of an attempt whose handler still runs, and retains its permits.
fn retaining(claimed: &Claimed) -> Settlement {
    let mut settlement = settlement(claimed, &Next::Fail);
    // A pause that is over does not delay the rate.
    settlement.permits = claimed.limits.clone().map(|token| Permits {
        token,
        retained: true,
        paused_until: Some(Timestamp::default()),
    });
    settlement
}
