//! Times of every call of a store, on executions of every kind.

use std::time::Duration;

use jobs::{
    AttemptOutcome, ErrorKind, ExecutionError, ExecutionId, ExecutionStatus, OnConflict, Progress,
};
use jobs_runtime::store::{
    AttemptEnd, CapScope, Caps, Claim, Claimed, EnqueueRules, ExecutionQuery, ExecutionSort, Fence,
    IdempotencyKey, LogBatch, LogLevel, LogLine, LogQuery, NewExecution, Next, Permits,
    ProgressReport, SessionId, SessionInfo, Settlement, Store, UniqueKey,
};
use jobs_runtime::time::Timestamp;
use tests::process::now;

/// The repetitions of each call. The quickest one counts, so that a busy machine does not look like
/// a slow plan.
const ROUNDS: usize = 7;

/// The executions of a batch.
const BATCH: usize = 20;

/// Awaits a call, records its time, and returns its answer.
macro_rules! timed {
    ($self:ident, $name:expr, $call:expr) => {{
        let call = $call;
        let begun = now();
        let answer = call.await;
        let took = begun.elapsed();
        $self.record($name, took);
        answer.unwrap_or_else(|error| panic!("{}: {error:?}", $name))
    }};
}

mod bulk;
mod dispatch;
mod limits;
mod retention;
mod schedules;
mod transfer;

/// The time of the quickest call of each kind.
pub(crate) struct CallTimes<'s> {
    store: &'s dyn Store,
    took: Vec<(&'static str, Duration)>,
    claims: i64,
    made: u128,
}

/// The current time of all calls. Scheduled executions of the filled stores are due later.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

impl<'s> CallTimes<'s> {
    /// Makes every call [`ROUNDS`] times. `comparison` counts the earlier measurements of this
    /// store, so that ids do not repeat.
    pub(crate) async fn measure(
        store: &'s dyn Store,
        comparison: usize,
    ) -> Vec<(&'static str, Duration)> {
        let mut times = Self::new(store, comparison);
        times.writes().await;
        times.reads().await;
        times.statistics().await;
        times.bulk().await;
        times.transfer().await;
        times.limits().await;
        times.retention().await;
        times.schedules().await;
        times.dispatch().await;
        times.took
    }

    /// Makes the calls that workers, clients and relays repeat. `comparison` is as in `measure`.
    pub(crate) async fn make_frequent_calls(store: &'s dyn Store, comparison: usize) {
        let mut times = Self::new(store, comparison);
        times.writes().await;
        times.limits().await;
        times.schedules().await;
        times.dispatch().await;
    }

    fn new(store: &'s dyn Store, comparison: usize) -> Self {
        Self {
            store,
            took: Vec::new(),
            claims: 0,
            made: comparison as u128 * 1_000_000,
        }
    }

    fn record(&mut self, name: &'static str, took: Duration) {
        match self.took.iter_mut().find(|(known, _)| *known == name) {
            Some((_, best)) => *best = took.min(*best),
            None => self.took.push((name, took)),
        }
    }

    async fn writes(&mut self) {
        let session = self.session("this worker").await;
        for round in 0..ROUNDS {
            timed!(self, "enqueue", self.store.enqueue(self.batch(None)));
            timed!(
                self,
                "enqueue again",
                self.store.enqueue(self.batch(Some(round)))
            );
            timed!(self, "enqueue by key", self.store.enqueue(self.keyed()));
            for queues in [&[][..], &["default"], &["default", "mail"]] {
                let claim = self.claim(session, queues, Vec::new());
                let claimed = timed!(self, "claim", self.store.claim(claim.clone()));
                timed!(self, "claim again", self.store.claim(claim));
                self.work(claimed).await;
            }
            let mut only = self.batch(None);
            only.iter_mut().for_each(|new| new.run_at = None);
            let ids = only.iter().map(|new| new.id).collect();
            self.store.enqueue(only).await.unwrap();
            let claim = self.claim(session, &[], ids);
            let claimed = timed!(self, "claim only", self.store.claim(claim));
            assert_eq!(claimed.len(), BATCH);
            timed!(self, "renew", self.store.renew(session, NOW));
            timed!(self, "cancel requests", self.store.cancel_requests(session));
            self.take_over(session).await;
            // Only the retries that were just scheduled are due.
            let soon = NOW.after(Duration::from_secs(1));
            timed!(self, "promote", self.store.promote(soon, BATCH));
            let mut expiring = self.batch(None);
            expiring
                .iter_mut()
                .for_each(|new| new.expires_at = Some(soon));
            timed!(self, "enqueue expiring", self.store.enqueue(expiring));
            timed!(self, "expire", self.store.promote(soon, BATCH));
            self.operate(claimed).await;
        }
    }

    /// The calls of a worker about its leases.
    async fn work(&mut self, claimed: Vec<Claimed>) {
        assert_eq!(claimed.len(), BATCH, "too few executions were claimed");
        let reports = claimed.iter().map(|one| ProgressReport {
            fence: one.fence,
            progress: Progress {
                percent: 50,
                message: Some("halfway".to_owned()),
            },
        });
        timed!(self, "report", self.store.report(reports.collect()));
        let logs = claimed.iter().map(|one| log(one.fence));
        timed!(self, "append logs", self.store.append_logs(logs.collect()));
        let ends = [
            Next::Succeed("null".to_owned()),
            Next::Fail,
            Next::Cancel,
            Next::RetryAt(NOW.after(Duration::from_millis(1))),
            Next::GiveBack,
        ];
        let settlements = claimed.iter().zip(ends.iter().cycle());
        let settlements: Vec<_> = settlements
            .map(|(one, next)| settlement(one, next))
            .collect();
        timed!(self, "settle", self.store.settle(settlements.clone()));
        timed!(self, "settle again", self.store.settle(settlements));
    }

    async fn take_over(&mut self, session: SessionId) {
        let dead = self.session("dead worker").await;
        self.claims += 1;
        let claim = self.claim(dead, &[], Vec::new());
        self.store.claim(claim).await.unwrap();
        let beats = timed!(self, "sessions", self.store.sessions());
        let beat = beats.into_iter().find(|beat| beat.session == dead).unwrap();
        let claim = self.claim(session, &[], Vec::new());
        let taken = timed!(self, "take over", self.store.take_over(beat, claim));
        assert_eq!(taken.len(), BATCH);
        let settlements = taken.iter().map(|one| settlement(one, &Next::GiveBack));
        self.store.settle(settlements.collect()).await.unwrap();
        timed!(self, "close", self.store.close_session(dead));
    }

    /// The calls of an operator about executions.
    async fn operate(&mut self, mut running: Vec<Claimed>) {
        let id = running[0].execution_id;
        timed!(self, "cancel running", self.store.cancel(id, NOW));
        let settlements = running.iter().map(|one| settlement(one, &Next::Fail));
        self.store.settle(settlements.collect()).await.unwrap();
        let retried = running.pop().unwrap().execution_id;
        let rules = EnqueueRules {
            unique: Some(UniqueKey {
                key: "retried".to_owned(),
                within_ms: None,
                on_conflict: OnConflict::Reject,
                live: vec![ExecutionStatus::Queued],
            }),
            ..EnqueueRules::default()
        };
        timed!(self, "retry", self.store.retry(retried, None, rules, NOW));
        timed!(self, "cancel waiting", self.store.cancel(retried, NOW));
        timed!(self, "delete", self.store.delete(retried));
    }

    async fn reads(&mut self) {
        let newest = self
            .store
            .list_executions(ExecutionQuery::newest(100))
            .await
            .unwrap();
        let ids: Vec<_> = newest.executions.iter().map(|one| one.id).collect();
        for _ in 0..ROUNDS {
            timed!(self, "execution", self.store.execution(ids[0]));
            timed!(
                self,
                "execution_states",
                self.store.execution_states(ids.clone())
            );
            timed!(self, "ahead", self.store.ahead(ids[0], 1_000));
            timed!(self, "processes", self.store.processes());
            let queue = "default".to_owned();
            let since = self.store.waiting_since(queue, NOW, BATCH);
            timed!(self, "waiting since", since);
            for scope in [
                CapScope::Queue("mail".to_owned()),
                CapScope::JobIds(vec!["job-1".to_owned()]),
            ] {
                timed!(self, "leases_of", self.store.leases_of(scope));
            }
            timed!(self, "catalogue", self.store.catalogue());
            let jobs = vec!["job-1".to_owned()];
            timed!(self, "sensitive_fields", self.store.sensitive_fields(jobs));
            let query = LogQuery {
                execution_id: ids[0],
                attempt: None,
                level: None,
                after: None,
                limit: 100,
            };
            timed!(self, "logs", self.store.logs(query));
            for (name, query) in list_queries() {
                timed!(self, name, self.store.list_executions(query));
            }
        }
    }

    async fn session(&mut self, worker: &str) -> SessionId {
        let info = SessionInfo {
            worker: worker.to_owned(),
            opened_at: NOW,
            job_ids: vec!["job-1".to_owned()],
            queues: Vec::new(),
            labels: Vec::new(),
            slot_caps: Vec::new(),
            fingerprints: Vec::new(),
            lease: Duration::from_secs(30),
        };
        timed!(self, "open", self.store.open_session(info))
    }

    fn claim(&mut self, session: SessionId, queues: &[&str], only: Vec<ExecutionId>) -> Claim {
        self.claims += 1;
        Claim {
            session,
            number: self.claims,
            job_ids: (0..100).map(|n| format!("job-{n}")).collect(),
            queues: queues.iter().map(|&queue| queue.to_owned()).collect(),
            except: Vec::new(),
            only,
            limit: BATCH,
            caps: Caps::default(),
            now: NOW,
        }
    }

    /// A batch of new executions; with `again` the previous batch.
    fn batch(&mut self, again: Option<usize>) -> Vec<NewExecution> {
        let first = match again {
            Some(_) => self.made.saturating_sub(BATCH as u128),
            None => {
                self.made += BATCH as u128;
                self.made - BATCH as u128
            }
        };
        (first..).take(BATCH).map(new).collect()
    }

    fn keyed(&mut self) -> Vec<NewExecution> {
        let mut batch = self.batch(None);
        let made = self.made;
        for (n, new) in batch.iter_mut().enumerate() {
            new.idempotency_key = Some(IdempotencyKey {
                key: format!("fresh {made} {n}"),
                payload_digest: "digest".to_owned(),
                expires_at: NOW.after(Duration::from_secs(60)),
            });
        }
        batch
    }
}

/// A new execution. Its id follows from the number, and is none of the filled stores.
pub(crate) fn new(number: u128) -> NewExecution {
    let id = (u128::MAX - number).to_be_bytes();
    NewExecution {
        queue: if number.is_multiple_of(2) {
            "default"
        } else {
            "mail"
        }
        .to_owned(),
        priority: 100,
        run_at: number
            .is_multiple_of(10)
            .then(|| NOW.after(Duration::from_secs(3600))),
        correlation_id: Some("correlation".to_owned()),
        item_id: Some("item".to_owned()),
        created_by: Some("a user".to_owned()),
        tags: vec!["tag".to_owned()],
        ..NewExecution::new(ExecutionId::from_bytes(id), "job-1", NOW)
    }
}

fn log(fence: Fence) -> LogBatch {
    let line = LogLine {
        line: 1,
        at: NOW,
        level: LogLevel::Info,
        target: "test".to_owned(),
        message: "a line".to_owned(),
        fields: None,
    };
    LogBatch {
        fence,
        lines: vec![line.into()],
    }
}

fn settlement(claimed: &Claimed, next: &Next) -> Settlement {
    let (outcome, error) = match next {
        Next::Succeed(_) => (AttemptOutcome::Succeeded, None),
        Next::Cancel => (AttemptOutcome::Cancelled, None),
        Next::GiveBack => (AttemptOutcome::Released, None),
        _ => {
            let error = ExecutionError {
                kind: ErrorKind::Failed,
                message: "no".to_owned(),
            };
            (AttemptOutcome::Failed, Some(error))
        }
    };
    Settlement {
        fence: claimed.fence,
        execution_id: claimed.execution_id,
        end: AttemptEnd {
            outcome,
            error,
            started_at: NOW,
            finished_at: NOW,
            progress: None,
            logs: Vec::new(),
        },
        next: next.clone(),
        permits: claimed.limits.clone().map(Permits::released),
    }
}

/// Named queries by each filter, also by values without executions.
pub(crate) fn list_queries() -> Vec<(&'static str, ExecutionQuery)> {
    let all = || ExecutionQuery::newest(50);
    let of = |status| ExecutionQuery {
        status: Some(status),
        ..all()
    };
    let text = |text: &str| Some(text.to_owned());
    vec![
        ("list", all()),
        (
            "list of a job",
            ExecutionQuery {
                job_id: text("job-3"),
                ..all()
            },
        ),
        (
            "list of no job",
            ExecutionQuery {
                job_id: text("none"),
                ..all()
            },
        ),
        (
            "list of a queue",
            ExecutionQuery {
                queue: text("mail"),
                ..all()
            },
        ),
        (
            "list of no queue",
            ExecutionQuery {
                queue: text("none"),
                ..all()
            },
        ),
        (
            "list of an item",
            ExecutionQuery {
                item_id: text("item 7"),
                ..all()
            },
        ),
        (
            "list of a correlation",
            ExecutionQuery {
                correlation_id: text("correlation 7"),
                ..all()
            },
        ),
        (
            "list of a creator",
            ExecutionQuery {
                created_by: text("user 7"),
                ..all()
            },
        ),
        (
            "list of children",
            ExecutionQuery {
                parent_id: Some(ExecutionId::from_bytes([7; 16])),
                ..all()
            },
        ),
        (
            "list of a tag",
            ExecutionQuery {
                tag: text("rare"),
                ..all()
            },
        ),
        (
            "list since",
            ExecutionQuery {
                since: Some(NOW.after(Duration::from_secs(60))),
                ..all()
            },
        ),
        (
            "list until",
            ExecutionQuery {
                until: Some(Timestamp::from_millis(0)),
                ..all()
            },
        ),
        (
            "list of long ones",
            ExecutionQuery {
                longer_than: Some(Duration::from_secs(3_600)),
                ..all()
            },
        ),
        (
            "list of the longest",
            ExecutionQuery {
                sort: ExecutionSort::Duration,
                ..all()
            },
        ),
        ("list of queued", of(ExecutionStatus::Queued)),
        ("list of pending", of(ExecutionStatus::Pending)),
        ("list of running", of(ExecutionStatus::Running)),
        ("list of succeeded", of(ExecutionStatus::Succeeded)),
        ("list of failed", of(ExecutionStatus::Failed)),
        ("list of cancelled", of(ExecutionStatus::Cancelled)),
        // These examine the largest number of candidates, and no candidate passes.
        (
            "list of no success",
            ExecutionQuery {
                correlation_id: text("failures"),
                ..of(ExecutionStatus::Succeeded)
            },
        ),
        (
            "list of none queued",
            ExecutionQuery {
                correlation_id: text("delays"),
                ..of(ExecutionStatus::Queued)
            },
        ),
        (
            "list by several",
            ExecutionQuery {
                job_id: text("job-3"),
                queue: text("mail"),
                created_by: text("user 7"),
                ..of(ExecutionStatus::Failed)
            },
        ),
    ]
}
