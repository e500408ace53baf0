//! Enqueues that wait for a lock of another transaction.
//!
//! A transaction of an application may stay open for long and hold a key that other enqueues bring.
//! Such an enqueue shares neither its connection nor its batch with one that can be written now:
//!
//! * The checked pool waits for a lock for [`CHECKED_LOCK_TIMEOUT`] at most. It then hands the call
//!   over to this module.
//! * A later call that shares a key with a waiting one is added to the waiting calls at once.
//! * The connections of the waiting pool take turns. Each try takes [`WAITING_LOCK_TIMEOUT`] at
//!   most, so that many locked keys do not delay each other. A call fails after [`MAX_WAIT`].

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::batcher::{EnqueueCall, fail_all, reply_to_all, write_checked};
use crate::store::NewExecution;
use crate::store::postgres::conn::pool::{ConnectionTask, Pool, PoolOptions, Request};
use crate::store::rules::dedup::DedupKind;

/// Time limit of a wait for a lock on the checked pool.
const CHECKED_LOCK_TIMEOUT: Duration = Duration::from_millis(50);

/// Time limit of a wait for a lock on the waiting pool, for one try.
const WAITING_LOCK_TIMEOUT: Duration = Duration::from_millis(250);

/// Time after which a call that still meets a lock fails.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Connections of the waiting pool. They are open while calls wait, and some minutes longer.
pub(in crate::store::postgres) const WAITING_CONNECTIONS: usize = 3;

/// Options of the pool whose calls can be written now.
pub(in crate::store::postgres) fn checked_pool_options() -> PoolOptions {
    with_lock_timeout(CHECKED_LOCK_TIMEOUT)
}

/// Options of the pool whose calls wait for locks.
pub(in crate::store::postgres) fn waiting_pool_options() -> PoolOptions {
    with_lock_timeout(WAITING_LOCK_TIMEOUT)
}

fn with_lock_timeout(lock_timeout: Duration) -> PoolOptions {
    PoolOptions {
        lock_timeout: Some(lock_timeout),
        ..PoolOptions::default()
    }
}

/// An idempotency key, unique key or debounce key: job, kind, key.
type Key = (String, &'static str, String);

/// The calls that wait for a lock, and their pool.
pub(super) struct WaitingCalls {
    pool: Pool,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    queue: VecDeque<WaitingCall>,
    /// Number of waiting calls per key, those that are being written included.
    keys: HashMap<Key, usize>,
    /// Keys of the calls that are being written.
    in_flight: HashSet<Key>,
}

struct WaitingCall {
    call: EnqueueCall,
    keys: BTreeSet<Key>,
    since: Instant,
}

impl WaitingCalls {
    pub(super) fn new(pool: Pool) -> Self {
        Self {
            pool,
            calls: Mutex::default(),
        }
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if a waiting call has one of the keys of this batch.
    pub(super) fn share_a_key(&self, batch: &[NewExecution]) -> bool {
        let calls = self.calls();
        !calls.keys.is_empty() && keys_of(batch).any(|key| calls.keys.contains_key(&key))
    }

    /// Adds a call and returns the request that writes it.
    pub(super) fn add(self: &Arc<Self>, call: EnqueueCall) -> Box<dyn Request> {
        self.calls().add(call);
        Box::new(WaitForLocks(Arc::clone(self)))
    }

    /// Adds a call that has met a lock, and starts its wait.
    pub(super) fn hand_over(self: &Arc<Self>, call: EnqueueCall) {
        let request = self.add(call);
        self.pool.try_send(request);
    }
}

impl Calls {
    fn add(&mut self, call: EnqueueCall) {
        let keys: BTreeSet<Key> = keys_of(&call.batch).collect();
        for key in &keys {
            *self.keys.entry(key.clone()).or_default() += 1;
        }
        self.queue.push_back(WaitingCall {
            call,
            keys,
            since: Instant::now(),
        });
    }

    /// Takes the first call none of whose keys is being written, and all calls with the same keys.
    fn take_group(&mut self) -> Vec<WaitingCall> {
        let in_flight = &self.in_flight;
        let is_free =
            |waiting: &WaitingCall| !waiting.keys.iter().any(|key| in_flight.contains(key));
        let Some(first) = self.queue.iter().position(is_free) else {
            return Vec::new();
        };
        let mut group: Vec<_> = self.queue.remove(first).into_iter().collect();
        let keys = group.first().map(|first| first.keys.clone());
        let keys = keys.unwrap_or_default();
        if !keys.is_empty() {
            let (same, others) = std::mem::take(&mut self.queue)
                .into_iter()
                .partition::<Vec<_>, _>(|waiting| waiting.keys == keys);
            self.queue = others.into();
            group.extend(same);
        }
        self.in_flight.extend(keys);
        group
    }

    /// The calls of a group are no longer being written.
    fn end_try(&mut self, keys: &BTreeSet<Key>) {
        self.in_flight.retain(|key| !keys.contains(key));
    }

    /// A call has its reply.
    fn remove(&mut self, keys: &BTreeSet<Key>) {
        for key in keys {
            if let Some(count) = self.keys.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    self.keys.remove(key);
                }
            }
        }
    }
}

/// Request that writes the waiting calls, group after group, until none is left that another
/// request is not writing.
struct WaitForLocks(Arc<WaitingCalls>);

#[async_trait]
impl Request for WaitForLocks {
    async fn run(self: Box<Self>, task: &mut ConnectionTask) {
        loop {
            let group = self.0.calls().take_group();
            if group.is_empty() {
                return;
            }
            self.try_group(task, group).await;
        }
    }
}

impl WaitForLocks {
    async fn try_group(&self, task: &mut ConnectionTask, group: Vec<WaitingCall>) {
        let mut keys = BTreeSet::new();
        let mut calls = Vec::with_capacity(group.len());
        let mut since = Vec::with_capacity(group.len());
        for waiting in group {
            keys = waiting.keys;
            if waiting.call.is_abandoned() {
                self.0.calls().remove(&keys);
            } else {
                calls.push(waiting.call);
                since.push(waiting.since);
            }
        }
        let (calls, result) = if calls.is_empty() {
            (calls, Ok(Vec::new()))
        } else {
            write_checked(task, calls).await
        };
        let mut waiting = self.0.calls();
        waiting.end_try(&keys);
        let error = match result {
            Ok(answers) => {
                calls.iter().for_each(|_| waiting.remove(&keys));
                drop(waiting);
                return reply_to_all(calls, answers);
            }
            Err(error) => error,
        };
        let mut failed = Vec::new();
        for (call, since) in calls.into_iter().zip(since) {
            if error.is_locked() && since.elapsed() < MAX_WAIT {
                let keys = keys.clone();
                waiting.queue.push_back(WaitingCall { call, keys, since });
            } else {
                waiting.remove(&keys);
                failed.push(call);
            }
        }
        drop(waiting);
        fail_all(failed, error.at(task.location()));
    }
}

/// The keys under which an enqueue may wait for another transaction.
fn keys_of(batch: &[NewExecution]) -> impl Iterator<Item = Key> + '_ {
    batch.iter().flat_map(|new| {
        let idempotency = new.idempotency_key.as_ref();
        let idempotency = idempotency.map(|key| ("idempotency", &*key.key));
        let dedup = DedupKind::ALL.map(|kind| Some((kind.as_str(), kind.key_of(new)?)));
        let keys = [idempotency].into_iter().chain(dedup).flatten();
        keys.map(move |(kind, key)| (new.job_id.clone(), kind, key.to_owned()))
    })
}
