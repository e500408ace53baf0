//! A load: a thread that enqueues executions during a test of a fleet.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use tests::http;
use tests::process::{now, wait_for};

use super::effects::Effects;

/// The executions of one request.
const BATCH: usize = 10;

/// The number of executions by which the load stays ahead of the workers, so that no slot is idle.
const AHEAD: usize = 20;

/// A thread that enqueues, and keeps the ids of acknowledged executions.
#[derive(Debug)]
pub(crate) struct Load {
    acknowledged: Arc<Mutex<Vec<String>>>,
    /// The number of acknowledged executions at which the thread stops; set by [`end`](Self::end).
    wanted: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// The pace of a load.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Follows the workers, and stays [`AHEAD`] of them.
    AsExecuted,
    /// A number of executions a second, independent of the workers. After an outage the load
    /// catches up.
    PerSecond(f64),
}

impl Load {
    /// Enqueues executions of a random length in `millis`, until the load is [ended](Self::end).
    /// So a fault that is late on a slow machine still meets running work. A request that fails
    /// because the store is unavailable is not repeated; the next request has new executions.
    pub(crate) fn start(
        serving: SocketAddr,
        effects: &Arc<Effects>,
        millis: Range<u64>,
        pace: Pace,
    ) -> Self {
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let wanted = Arc::new(AtomicUsize::new(usize::MAX));
        let (begun_before, started) = (effects.begun(), now());
        let (effects, ids, enough) = (
            Arc::clone(effects),
            Arc::clone(&acknowledged),
            Arc::clone(&wanted),
        );
        let thread = std::thread::spawn(move || {
            while lock(&ids).len() < enough.load(Ordering::Relaxed) {
                let enqueued = lock(&ids).len();
                let is_enough = match pace {
                    Pace::AsExecuted => enqueued + begun_before >= effects.begun() + AHEAD,
                    Pace::PerSecond(rate) => {
                        let due = Duration::from_secs_f64((enqueued + BATCH) as f64 / rate);
                        started.elapsed() < due
                    }
                };
                if is_enough {
                    std::thread::park_timeout(Duration::from_millis(5));
                    continue;
                }
                let batch = enqueue(serving, &effects, &millis);
                if batch.is_empty() {
                    std::thread::park_timeout(Duration::from_millis(50));
                }
                lock(&ids).extend(batch);
            }
        });
        Self {
            acknowledged,
            wanted,
            thread: Some(thread),
        }
    }

    /// Waits until `executions` are acknowledged, stops the load, and returns all acknowledged ids.
    pub(crate) fn end(mut self, executions: usize) -> Vec<String> {
        self.wanted.store(executions, Ordering::Relaxed);
        let thread = self.thread.take().expect("a load ends once");
        wait_for("the last enqueue", || thread.is_finished());
        thread.join().expect("the load met no unexpected answer");
        std::mem::take(&mut lock(&self.acknowledged))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Stops the thread of a failed test.
        self.wanted.store(0, Ordering::Relaxed);
    }
}

/// Sends one request, and returns the acknowledged ids: none if the store is unavailable.
fn enqueue(serving: SocketAddr, effects: &Effects, millis: &Range<u64>) -> Vec<String> {
    let executions: Vec<_> = (0..BATCH)
        .map(|_| {
            let millis = fastrand::u64(millis.clone());
            json!({"payload": {"file": effects.file, "millis": millis}})
        })
        .collect();
    let body = json!({ "executions": executions }).to_string();
    let path = "/api/v1/workers/jobs/test.interval/trigger-batch";
    let answer = http::post(serving, path, &body);
    match answer.status {
        202 => {
            let executions = answer.body["executions"]
                .as_array()
                .expect("a list of executions");
            let ids = executions.iter().map(|one| &one["executionId"]);
            ids.map(|id| id.as_str().expect("an id").to_owned())
                .collect()
        }
        503 => Vec::new(),
        _ => panic!("{answer:?}"),
    }
}

fn lock(ids: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}
