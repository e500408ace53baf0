//! The scenarios of the comparison, and the measurement that all peers share.
//!
//! `peer SCENARIO URL EXECUTIONS CONCURRENCY CALLERS` runs a scenario on an empty database, and
//! prints its figures as one JSON object.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The executions of a batch.
const BATCH: u64 = 1_000;

/// The pause between two executions of the latency scenario.
const PAUSE: Duration = Duration::from_millis(20);

/// The payload: two fields, in every system.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Work {
    pub number: u64,
    /// The time of the enqueue, in microseconds since the start of the program.
    pub sent_at: u64,
}

/// The result of an execution, for systems that keep results.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Done {
    pub number: u64,
    pub ok: bool,
}

impl Work {
    pub fn now(number: u64) -> Self {
        Self {
            number,
            sent_at: micros(),
        }
    }

    /// The handler: records the latency and counts the execution.
    pub fn done(&self) -> Done {
        let took = micros().saturating_sub(self.sent_at);
        LAST_TOOK.store(took, Ordering::Release);
        EXECUTED.fetch_add(1, Ordering::Release);
        Done {
            number: self.number,
            ok: true,
        }
    }
}

static EXECUTED: AtomicU64 = AtomicU64::new(0);
static LAST_TOOK: AtomicU64 = AtomicU64::new(0);
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn micros() -> u64 {
    u64::try_from(BEGUN.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A system under comparison.
#[allow(async_fn_in_trait, reason = "each program has one implementation")]
pub trait Peer: Send + Sync + Sized + 'static {
    /// Creates the layout in an empty database.
    async fn open(url: &str, concurrency: usize) -> Self;

    /// Enqueues a batch durably, in one call.
    fn enqueue(&self, batch: Vec<Work>) -> impl Future<Output = ()> + Send;

    /// Enqueues one execution durably.
    fn enqueue_one(&self, work: Work) -> impl Future<Output = ()> + Send;

    /// Starts a worker in this process, which runs until the process ends.
    async fn work(&self);

    /// Counts the unfinished executions in the database.
    async fn unfinished(&self) -> u64;
}

/// Runs the scenario of the command line.
pub async fn run<P: Peer>() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, url, executions, concurrency, callers] = &args[..] else {
        panic!("usage: SCENARIO URL EXECUTIONS CONCURRENCY CALLERS");
    };
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let (executions, callers) = (number(executions), number(callers));
    let concurrency = usize::try_from(number(concurrency)).expect("a small number");
    let peer = Arc::new(P::open(url, concurrency).await);
    let figures = match scenario.as_str() {
        "drain" => drain(&*peer, executions).await,
        "enqueue-batch" => batches(&peer, executions, callers).await,
        "enqueue-single" => singles(&peer, executions, callers).await,
        "latency" => latency(&*peer, executions).await,
        other => panic!("unknown scenario {other}"),
    };
    println!("{figures}");
    // Ends without waiting for the worker.
    std::process::exit(0);
}

async fn fill(peer: &impl Peer, executions: u64) {
    let mut number = 0;
    while number < executions {
        let next = executions.min(number + BATCH);
        peer.enqueue((number..next).map(Work::now).collect()).await;
        number = next;
    }
}

/// Measures from the start of the worker until the database has no unfinished execution.
async fn drain(peer: &impl Peer, executions: u64) -> Value {
    fill(peer, executions).await;
    let started = Instant::now();
    peer.work().await;
    executed(executions).await;
    while peer.unfinished().await > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    rate(executions, started)
}

async fn batches(peer: &Arc<impl Peer>, executions: u64, callers: u64) -> Value {
    let calls = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let callers = (0..callers).map(|_| {
        let (peer, calls) = (Arc::clone(peer), Arc::clone(&calls));
        tokio::spawn(async move {
            loop {
                let number = calls.fetch_add(BATCH, Ordering::Relaxed);
                if number >= executions {
                    return;
                }
                let batch = number..executions.min(number + BATCH);
                peer.enqueue(batch.map(Work::now).collect()).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller does not panic");
    }
    rate(executions, started)
}

async fn singles(peer: &Arc<impl Peer>, executions: u64, callers: u64) -> Value {
    let calls = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let callers = (0..callers).map(|_| {
        let (peer, calls) = (Arc::clone(peer), Arc::clone(&calls));
        tokio::spawn(async move {
            loop {
                let number = calls.fetch_add(1, Ordering::Relaxed);
                if number >= executions {
                    return;
                }
                peer.enqueue_one(Work::now(number)).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller does not panic");
    }
    rate(executions, started)
}

/// Measures from the call that enqueues an execution, with an idle worker, to its handler.
async fn latency(peer: &impl Peer, executions: u64) -> Value {
    peer.work().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut took = Vec::new();
    for number in 0..executions {
        peer.enqueue_one(Work::now(number)).await;
        executed(number + 1).await;
        took.push(LAST_TOOK.load(Ordering::Acquire));
        tokio::time::sleep(PAUSE).await;
    }
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100] as f64 / 1_000.0;
    json!({"p50": at(50), "p99": at(99)})
}

async fn executed(count: u64) {
    while EXECUTED.load(Ordering::Acquire) < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn rate(executions: u64, started: Instant) -> Value {
    json!({"rate": executions as f64 / started.elapsed().as_secs_f64()})
}
