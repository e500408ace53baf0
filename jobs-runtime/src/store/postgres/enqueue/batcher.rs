//! Batching of concurrent enqueues: several calls share a commit.
//!
//! A call adds its batch to the pending calls and sends a [`Flush`] to the pool. The first flush
//! that runs writes everything that is pending by then; the others find nothing left to do.
//!
//! | pool | calls |
//! |---|---|
//! | plain | without keys, limits and `expires`; written optimistically |
//! | checked | the others; written after a lookup |
//! | waiting | that met a lock of another transaction; see [`waiting`](super::waiting) |

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::waiting::WaitingCalls;
use super::{Answers, CheckedEnqueue, OptimisticEnqueue};
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::pool::{ConnectionTask, Pool, Request};
use crate::store::postgres::conn::text;
use crate::store::postgres::limits::{EnsureLimits, LimitIds, RequestedLimits};
use crate::store::rules::dedup::needs_dedup;
use crate::store::{EnqueueAnswer, NewExecution, StoreError};

/// Most rows, and most bytes of payloads, of a group with more than one call.
const MAX_ROWS: usize = 5_000;
const MAX_BYTES: usize = 16 << 20;

/// The longest wait of a flush for the callers of the last group: they may enqueue again at once.
const LINGER: Duration = Duration::from_micros(60);

/// Time for which a flush divides groups that meet a lock. The calls of the groups that are left
/// then wait for their locks one by one.
const DIVIDE_TIMEOUT: Duration = Duration::from_millis(400);

/// A call that waits for a commit.
pub(in crate::store::postgres) struct EnqueueCall {
    pub(in crate::store::postgres) batch: Vec<NewExecution>,
    reply: oneshot::Sender<Result<Vec<EnqueueAnswer>, StoreError>>,
}

impl EnqueueCall {
    /// True if the caller has stopped waiting.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn bytes(&self) -> usize {
        self.batch.iter().map(|new| new.payload.len()).sum()
    }
}

/// Calls that wait for a flush.
#[derive(Default)]
struct PendingCalls {
    calls: Mutex<Vec<EnqueueCall>>,
    /// Number of calls in the last group.
    last_group: AtomicUsize,
}

impl PendingCalls {
    fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<EnqueueCall>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the oldest calls that fit into a group. Drops calls whose caller has timed out.
    fn take_group(&self) -> Vec<EnqueueCall> {
        let mut calls = self.lock();
        calls.retain(|call| !call.is_abandoned());
        let (mut rows, mut bytes) = (0, 0);
        let fitting = calls.iter().take_while(|call| {
            let first = rows == 0;
            rows += call.batch.len();
            bytes += call.bytes();
            first || rows <= MAX_ROWS && bytes <= MAX_BYTES
        });
        let fitting = fitting.count();
        calls.drain(..fitting).collect()
    }
}

/// Entry point of enqueues: a pool for each kind of call.
pub(in crate::store::postgres) struct EnqueueBatcher {
    plain: (Pool, Arc<PendingCalls>),
    checked: (Pool, Arc<PendingCalls>),
    waiting: Arc<WaitingCalls>,
}

impl EnqueueBatcher {
    /// The pools `checked` and `waiting` must have a short `lock_timeout`.
    pub(in crate::store::postgres) fn new(plain: Pool, checked: Pool, waiting: Pool) -> Self {
        Self {
            plain: (plain, Arc::default()),
            checked: (checked, Arc::default()),
            waiting: Arc::new(WaitingCalls::new(waiting)),
        }
    }

    /// Creates the executions of a call. Texts are encoded already.
    pub(in crate::store::postgres) async fn enqueue(
        &self,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        let needs_lookup = |new: &NewExecution| {
            needs_dedup(new) || !new.rules.limits.is_empty() || new.expires_at.is_some()
        };
        let needs_lookup = batch.iter().any(needs_lookup);
        if needs_lookup && self.waiting.share_a_key(&batch) {
            return self
                .waiting
                .pool()
                .request_with(|reply| self.waiting.add(EnqueueCall { batch, reply }))
                .await;
        }
        let (pool, pending) = if needs_lookup {
            &self.checked
        } else {
            &self.plain
        };
        pool.request_with(|reply| {
            pending.lock().push(EnqueueCall { batch, reply });
            Box::new(Flush {
                pending: Arc::clone(pending),
                waiting: Arc::clone(&self.waiting),
                needs_lookup,
            })
        })
        .await
    }
}

/// Request that writes the pending calls.
struct Flush {
    pending: Arc<PendingCalls>,
    waiting: Arc<WaitingCalls>,
    needs_lookup: bool,
}

#[async_trait]
impl Request for Flush {
    async fn run(self: Box<Self>, task: &mut ConnectionTask) {
        // Another flush may have written the calls already.
        if self.pending.len() == 0 {
            return;
        }
        self.linger().await;
        let group = self.pending.take_group();
        self.pending
            .last_group
            .store(group.len(), Ordering::Relaxed);
        let started = crate::clock::real_now();
        let mut groups = vec![group];
        while let Some(group) = groups.pop() {
            if group.is_empty() {
                continue;
            }
            let (group, result) = self.write(task, group).await;
            match result {
                Ok(answers) => reply_to_all(group, answers),
                // A call that meets a lock waits elsewhere.
                Err(error)
                    if self.needs_lookup
                        && error.is_locked()
                        && (group.len() == 1 || started.elapsed() > DIVIDE_TIMEOUT) =>
                {
                    group
                        .into_iter()
                        .for_each(|call| self.waiting.hand_over(call));
                }
                // The calls of a group that is rejected or meets a lock are written one by one: a
                // bad call fails alone. In an outage all calls fail at once.
                Err(error) if group.len() > 1 && !error.is_outage() => {
                    groups.extend(group.into_iter().rev().map(|call| vec![call]));
                }
                Err(error) => fail_all(group, error.at(task.location())),
            }
        }
    }
}

impl Flush {
    /// Waits up to [`LINGER`] for the callers of the last group. Their threads need a moment to
    /// enqueue again, and would otherwise miss this commit.
    async fn linger(&self) {
        let expected = self.pending.last_group.load(Ordering::Relaxed);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let started = crate::clock::real_now();
        while self.pending.len() < expected && started.elapsed() < LINGER {
            std::thread::yield_now();
        }
    }

    /// Writes a group and returns it with the answers.
    async fn write(
        &self,
        task: &mut ConnectionTask,
        group: Vec<EnqueueCall>,
    ) -> (Vec<EnqueueCall>, Result<Answers, DbError>) {
        if self.needs_lookup {
            return write_checked(task, group).await;
        }
        let optimistic = OptimisticEnqueue(group);
        match task.run_operation(&optimistic).await {
            Err(error) if error.is_unique_violation() => write_checked(task, optimistic.0).await,
            result => (optimistic.0, result),
        }
    }
}

/// Writes a group after a lookup and returns it with the answers. Its limits are written before, in
/// a transaction of their own.
pub(super) async fn write_checked(
    task: &mut ConnectionTask,
    calls: Vec<EnqueueCall>,
) -> (Vec<EnqueueCall>, Result<Answers, DbError>) {
    let requested = RequestedLimits::by(calls.iter().flat_map(|call| &call.batch));
    let limits = if requested.is_empty() {
        LimitIds::new()
    } else {
        match task.run_operation(&EnsureLimits(requested)).await {
            Ok(limits) => limits,
            Err(error) => return (calls, Err(error)),
        }
    };
    let checked = CheckedEnqueue { calls, limits };
    let result = task.run_operation(&checked).await;
    (checked.calls, result)
}

/// Replies to every call with its answer.
pub(super) fn reply_to_all(group: Vec<EnqueueCall>, answers: Answers) {
    for (call, answer) in group.into_iter().zip(answers) {
        // A caller that has stopped waiting needs no reply.
        let _ = call.reply.send(answer.map_err(text::decode_error));
    }
}

/// Replies to every call with the same error.
pub(super) fn fail_all(group: Vec<EnqueueCall>, error: StoreError) {
    let mut error = Some(error);
    for call in group.into_iter().rev() {
        let Some(this) = error.take() else { return };
        error = Some(this.for_each_caller());
        let _ = call.reply.send(Err(this));
    }
}
