//! Pruning beside a busy worker, measured on both stores: claims and settlements go on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jobs::{AttemptOutcome, ExecutionId};
use jobs_runtime::store::{
    AttemptEnd, Caps, Claim, NewExecution, Next, SessionId, SessionInfo, Settlement, Store, open,
};
use jobs_runtime::time::Timestamp;
use jobs_runtime::{RetentionSettings, Runtime};
use tests::postgres::Postgres;
use tests::process::{is_full_tier, now};

/// The executions of one enqueue, claim and settlement.
const BATCH: u32 = 250;

/// The time of the history: long before the present.
const PAST: Timestamp = Timestamp::from_millis(1_500_000_000_000);

/// A time at which nothing has expired.
const PRESENT: Timestamp = Timestamp::from_millis(4_000_000_000_000);

/// A worker that enqueues, claims and settles batches.
struct Worker {
    store: Arc<dyn Store>,
    session: SessionId,
    batches: u64,
}

impl Worker {
    async fn new(store: &Arc<dyn Store>) -> Self {
        let info = SessionInfo {
            worker: "busy".to_owned(),
            opened_at: PAST,
            job_ids: Vec::new(),
            queues: Vec::new(),
            labels: Vec::new(),
            slot_caps: Vec::new(),
            fingerprints: Vec::new(),
            lease: Duration::from_secs(3_600),
        };
        Self {
            session: store.open_session(info).await.expect("opened"),
            store: Arc::clone(store),
            batches: 0,
        }
    }

    /// Executes one batch. Its executions are created and ended at `at`.
    async fn batch(&mut self, job: &str, at: Timestamp) {
        self.batches += 1;
        let first =
            u128::from(self.session.0.unsigned_abs()) << 96 | u128::from(self.batches) << 32;
        let new = (0..BATCH).map(|n| new(job, first | u128::from(n), at));
        self.store.enqueue(new.collect()).await.expect("enqueued");
        let claim = Claim {
            session: self.session,
            number: i64::try_from(self.batches).expect("few"),
            job_ids: vec![job.to_owned()],
            queues: Vec::new(),
            except: Vec::new(),
            only: Vec::new(),
            limit: usize::try_from(BATCH).expect("few"),
            caps: Caps::default(),
            now: at,
        };
        let claimed = self.store.claim(claim).await.expect("claimed");
        let ends = claimed.iter().map(|one| Settlement {
            fence: one.fence,
            execution_id: one.execution_id,
            end: AttemptEnd {
                outcome: AttemptOutcome::Succeeded,
                started_at: at,
                finished_at: at,
                error: None,
                progress: None,
                logs: Vec::new(),
            },
            next: Next::Succeed("null".to_owned()),
            permits: None,
        });
        self.store.settle(ends.collect()).await.expect("settled");
    }
}

fn new(job: &str, id: u128, at: Timestamp) -> NewExecution {
    NewExecution::new(ExecutionId::from_bytes(id.to_be_bytes()), job, at)
}

/// Executes batches until `done`, and returns their number a second and the longest of them.
async fn work_until(worker: &mut Worker, mut done: impl FnMut(Instant) -> bool) -> (f64, Duration) {
    let begun = now();
    let (mut batches, mut longest) = (0_u32, Duration::ZERO);
    loop {
        let started = now();
        worker.batch("present", PRESENT).await;
        longest = longest.max(started.elapsed());
        batches += 1;
        if done(begun) {
            return (f64::from(batches) / begun.elapsed().as_secs_f64(), longest);
        }
    }
}

/// Measures a worker alone, and beside a prune of as many executions as the tier says.
async fn measure(store: Arc<dyn Store>) {
    store.migrate().await.expect("the layout is written");
    let expired = if is_full_tier() { 200_000 } else { 5_000 };
    let mut worker = Worker::new(&store).await;
    for _ in 0..expired / u64::from(BATCH) {
        worker.batch("past", PAST).await;
    }
    let alone = Duration::from_secs(if is_full_tier() { 10 } else { 1 });
    let (rate_alone, longest_alone) =
        work_until(&mut worker, |begun| begun.elapsed() >= alone).await;
    let runtime = Runtime::builder()
        .store(Arc::clone(&store))
        .workers(false)
        .retention(RetentionSettings::default())
        .start()
        .await
        .expect("it starts");
    let prune = tokio::spawn(async move {
        let begun = now();
        let report = runtime.prune().await;
        (report, begun.elapsed())
    });
    let (rate, longest) = work_until(&mut worker, |_| prune.is_finished()).await;
    let (report, took) = prune.await.expect("it ends");
    let report = report
        .expect("the store answers")
        .expect("no other process prunes");
    let deleted: u64 = report.executions.iter().map(|one| one.count).sum();
    println!(
        "{}: {deleted} executions pruned in {took:.1?}; beside it {:.0} executions a second, the \
         longest batch {longest:.1?}; alone {:.0} a second, the longest batch {longest_alone:.1?}",
        store.describe().kind,
        rate * f64::from(BATCH),
        rate_alone * f64::from(BATCH),
    );
    assert_eq!(deleted, expired, "{report:?}");
    if is_full_tier() {
        assert!(
            rate > rate_alone / 3.0,
            "{rate} batches a second, {rate_alone} alone"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_leaves_room_for_a_worker_on_sqlite() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite:{}", directory.path().join("jobs.db").display());
    let store = open(&url.parse().expect("a URL")).await;
    measure(store.expect("the store opens")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_leaves_room_for_a_worker_on_postgres() {
    let server = Postgres::start();
    let url = server.url("postgres");
    let store = open(&url.parse().expect("a URL")).await;
    measure(store.expect("the store opens")).await;
}
