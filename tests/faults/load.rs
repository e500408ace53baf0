//! Enqueues that never stop while a fleet is put to the test.

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

/// Executions to a request.
const BATCH: usize = 10;

/// How far the load keeps ahead of the workers: enough for every slot to be taken.
const AHEAD: usize = 20;

/// A thread that enqueues, and keeps the ids that it was given an answer for.
#[derive(Debug)]
pub(crate) struct Load {
    acknowledged: Arc<Mutex<Vec<String>>>,
    /// How many it is to be; nobody knows before its end.
    wanted: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// How fast a load goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// As fast as the workers, and a little ahead of them.
    AsExecuted,
    /// So many a second, whatever the workers do. What could not be enqueued for a while is made up for.
    ASecond(f64),
}

impl Load {
    /// Enqueues through `front` what takes so many milliseconds, until it is [ended](Self::end):
    /// a fault that comes late on a slow machine finds work under way all the same. What is refused
    /// because the store is away is not asked for again: others are enqueued in its place.
    pub(crate) fn start(
        front: SocketAddr,
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
                    Pace::ASecond(rate) => {
                        let due = Duration::from_secs_f64((enqueued + BATCH) as f64 / rate);
                        started.elapsed() < due
                    }
                };
                if is_enough {
                    std::thread::park_timeout(Duration::from_millis(5));
                    continue;
                }
                let batch = enqueue(front, &effects, &millis);
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

    /// Ends it when so many were acknowledged, and returns the ids that were acknowledged.
    pub(crate) fn end(mut self, executions: usize) -> Vec<String> {
        self.wanted.store(executions, Ordering::Relaxed);
        let thread = self.thread.take().expect("it ends once");
        wait_for("the last enqueue", || thread.is_finished());
        thread
            .join()
            .expect("every answer was one of those expected");
        std::mem::take(&mut lock(&self.acknowledged))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // A test that has failed need not wait for the rest.
        self.wanted.store(0, Ordering::Relaxed);
    }
}

/// One request; nothing if it was refused.
fn enqueue(front: SocketAddr, effects: &Effects, millis: &Range<u64>) -> Vec<String> {
    let executions: Vec<_> = (0..BATCH)
        .map(|_| {
            let millis = fastrand::u64(millis.clone());
            json!({"payload": {"file": effects.file, "millis": millis}})
        })
        .collect();
    let body = json!({ "executions": executions }).to_string();
    let path = "/api/v1/workers/jobs/test.interval/trigger-batch";
    let answer = http::post(front, path, &body);
    match answer.status {
        202 => {
            let executions = answer.body["executions"].as_array().expect("a list");
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
