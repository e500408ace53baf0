//! A process dies between any two calls of its store, and so may the ones that follow it. A seed
//! tells everything: what was enqueued, when who dies, whether the last call took effect.

use std::sync::Arc;
use std::time::Duration;

use jobs::ExecutionId;
use jobs_runtime::store::{ExecutionQuery, ExecutionRecord, Store, open};
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::{EngineConfig, Entropy, Runtime};
use tests::mortal::{Death, Mortal};
use tests::process::is_full_tier;

use super::book::{Book, Step, Steps};
use super::oracle::{self, Died};

const LEASE: Duration = Duration::from_secs(30);

/// Seeds in the short tier, and in the long one.
fn seeds() -> u64 {
    if is_full_tier() { 5_000 } else { 200 }
}

/// One run of a seed.
struct Run {
    random: fastrand::Rng,
    clock: Arc<VirtualClock>,
    store: Arc<dyn Store>,
    book: Book,
    accepted: Vec<ExecutionId>,
    deaths: Vec<Died>,
}

impl Run {
    async fn new(seed: u64) -> Self {
        let url = "sqlite::memory:".parse().expect("a URL");
        let clock = VirtualClock::new();
        Self {
            random: fastrand::Rng::with_seed(seed),
            store: open(&url).await.expect("the store opens"),
            book: Book::new(clock.clone()),
            clock,
            accepted: Vec::new(),
            deaths: Vec::new(),
        }
    }

    /// Lives one process after the other; all but the last one die.
    async fn live(&mut self) {
        let deaths = self.random.usize(1..=3);
        for process in 0..deaths {
            let calls = self.random.i64(1..=45);
            let death = self.random.choice([Death::Before, Death::After]);
            let life = Mortal::new(Arc::clone(&self.store), calls, death.expect("one of two"));
            self.live_once(process, &life).await;
            life.kill();
            let at = self.clock.passed();
            self.deaths.push(Died { process, at });
            // The next one comes at once, or when everything has been given up long ago.
            let pause = self.random.u64(0..60);
            self.clock.advance(Duration::from_secs(pause)).await;
        }
        let life = Mortal::new(Arc::clone(&self.store), i64::MAX, Death::Before);
        let last = self.start(deaths, &life).await.expect("it starts");
        self.clock.advance(Duration::from_secs(900)).await;
        last.shutdown().await;
    }

    /// Enqueues and executes until the process dies, for two minutes at most.
    async fn live_once(&mut self, process: usize, life: &Arc<Mortal>) {
        let Some(runtime) = self.start(process, life).await else {
            return;
        };
        for _ in 0..self.random.usize(1..=5) {
            let plan = self.plan();
            let delay = Duration::from_secs(self.random.choice([0, 0, 0, 15]).unwrap_or(0));
            let enqueue = runtime.client().enqueue(Steps::new(plan)).delay(delay);
            if let Ok(execution) = enqueue.await {
                self.accepted.push(execution.id());
            }
            self.pass(life).await;
        }
        if self.random.bool()
            && let Some(id) = self.random.choice(self.accepted.clone())
        {
            let _ = runtime.service().cancel(id).await;
        }
        for _ in 0..120 {
            if life.is_dead() {
                return;
            }
            self.clock.advance(Duration::from_secs(1)).await;
        }
    }

    async fn pass(&mut self, life: &Mortal) {
        let millis = self.random.choice([0, 0, 100, 2_000]).unwrap_or(0);
        if !life.is_dead() {
            self.clock.advance(Duration::from_millis(millis)).await;
        }
    }

    /// `None` if it died on the way.
    async fn start(&mut self, process: usize, life: &Arc<Mortal>) -> Option<Runtime> {
        let config = EngineConfig {
            concurrency: 2,
            lease: LEASE,
            // Coarse, so that little happens while nothing does.
            poll: Duration::from_secs(20),
            worker: format!("process {process}"),
            ..EngineConfig::default()
        };
        let store: Arc<dyn Store> = life.clone();
        Runtime::builder()
            .store(store)
            .clock(self.clock.clone())
            .entropy(Entropy::seeded(self.random.u64(..)))
            .engine(config)
            .jobs(["fault.steps"])
            .resource(self.book.of(process, life))
            .start()
            .await
            .ok()
    }

    fn plan(&mut self) -> Vec<Step> {
        const STEPS: [Step; 9] = [
            Step::Succeed,
            Step::Sleep(1),
            Step::Sleep(20),
            Step::Fail,
            Step::Panic,
            Step::TimeOut,
            Step::Snooze,
            Step::GiveUp,
            Step::Child,
        ];
        let mut plan: Vec<_> = (0..self.random.usize(0..3))
            .filter_map(|_| self.random.choice(STEPS))
            .collect();
        // The step that stays in the end must be one that ends.
        let ends = [Step::Succeed, Step::Sleep(2), Step::Fail, Step::Child];
        plan.extend(self.random.choice(ends));
        plan
    }

    async fn check(&self) {
        let page = self
            .store
            .list_executions(ExecutionQuery::newest(1_000))
            .await;
        let mut records: Vec<ExecutionRecord> = Vec::new();
        for execution in page.expect("a page").executions {
            let record = self.store.execution(execution.id).await;
            records.push(record.expect("the store answers").expect("it exists"));
        }
        for record in &records {
            oracle::check(record, &self.book, &self.deaths, LEASE);
        }
        let missing = oracle::missing(&records, &self.accepted, &self.book);
        assert!(missing.is_empty(), "nothing accepted is lost: {missing:?}");
    }
}

#[test]
fn a_process_may_die_between_any_two_calls() {
    // Panics are part of the plan.
    std::panic::set_hook(Box::new(|_| {}));
    let only = std::env::var("JOBS_TEST_SEED").ok();
    let seeds = match only.as_deref().map(str::parse) {
        Some(Ok(seed)) => seed..seed + 1,
        _ => 0..seeds(),
    };
    let mut failed = Vec::new();
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("threads start");
        let outcome = std::panic::catch_unwind(|| {
            runtime.block_on(async {
                let mut run = Run::new(seed).await;
                run.live().await;
                run.check().await;
            });
        });
        runtime.shutdown_background();
        if let Err(panic) = outcome {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            failed.push(format!("JOBS_TEST_SEED={seed}: {text}"));
        }
        if failed.len() > 2 {
            break;
        }
    }
    let _ = std::panic::take_hook();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
