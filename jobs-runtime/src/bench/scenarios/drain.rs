//! Drain scenarios: a worker executes a backlog that was enqueued before it starts.

use std::sync::Arc;
use std::time::Duration;

use jobs::Job;

use crate::SystemClock;
use crate::bench::config::BenchConfig;
use crate::bench::error::BenchError;
use crate::bench::histogram::Histogram;
use crate::bench::load::{FinishCounter, Workload};
use crate::bench::meter::ReadyMeter;
use crate::bench::noop_jobs::{Keyed, Plain};
use crate::bench::report::Trial;
use crate::bench::scratch_store::ScratchStore;
use crate::bench::seeded_history::SeededHistory;
use crate::clock::{real_now, timestamp};
use crate::store::{Caps, Claim, SessionId, SessionInfo, Store};
use crate::time::Timestamp;

/// A condition that the drain runs under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interference {
    /// No condition.
    None,
    /// A transaction with an old snapshot is open.
    OldSnapshot,
    /// Executions are blocked by limits; the session of a [`PermitHolder`] has the permits.
    BlockedExecutions,
}

/// Drains the executions of a workload in a scratch store.
pub(super) async fn trial(
    scratch: &ScratchStore,
    config: &BenchConfig,
    workload: Workload,
    interference: Interference,
) -> Result<Trial, BenchError> {
    let store = scratch.open().await?;
    let mut snapshot_holder = scratch.monitor().await?;
    if interference == Interference::OldSnapshot {
        snapshot_holder.pin_snapshot().await?;
    }
    let permit_holder = match interference {
        Interference::BlockedExecutions => Some(PermitHolder::open(&store, config).await?),
        _ => None,
    };
    let executions = config.executions();
    workload.enqueue_into(&store, executions, config).await?;
    let store = reopen(scratch, store).await?;

    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let mut finished = FinishCounter::of(&*store);
    if let Some(permit_holder) = &permit_holder {
        permit_holder.renew(&*store).await?;
    }
    let meter = meter.start();
    let worker = config.runtime_on(&store)?.concurrency(config.concurrency);
    let worker = if interference == Interference::BlockedExecutions {
        // The worker must not claim the blocked executions.
        worker.jobs([Plain::ID])
    } else {
        worker
    };
    let worker = worker.start().await?;
    finished.wait_for(executions, &worker).await?;
    let meter = meter.stop();
    worker.shutdown().await;
    drop(worker);
    verify(&*store, executions).await?;
    drop(store);
    let usage = meter.read().await?;
    Ok(Trial::new(executions, usage))
}

/// Opens the store on new connections, so that the meter does not count earlier work.
async fn reopen(
    scratch: &ScratchStore,
    store: Arc<dyn Store>,
) -> Result<Arc<dyn Store>, BenchError> {
    if scratch.is_in_memory() {
        return Ok(store);
    }
    drop(store);
    scratch.open().await
}

/// Compares the number of succeeded executions in the store with the expected one.
async fn verify(store: &dyn Store, expected: u64) -> Result<(), BenchError> {
    let Some(transfer) = store.transfer() else {
        return Ok(());
    };
    let found = transfer.row_counts().await?.succeeded;
    if found == expected {
        Ok(())
    } else {
        Err(BenchError::Missing { found, expected })
    }
}

/// Checks that no execution of a drain is left.
#[cfg(feature = "archive")]
pub(super) async fn verify_drained(store: &dyn Store) -> Result<(), BenchError> {
    let Some(transfer) = store.transfer() else {
        return Ok(());
    };
    let counts = transfer.row_counts().await?;
    match counts.queued + counts.pending + counts.running {
        0 => Ok(()),
        left => Err(BenchError::Missing {
            found: counts.executions() - left,
            expected: counts.executions(),
        }),
    }
}

/// Creates a scratch store with a seeded history of this age.
pub(super) async fn retained_store(
    config: &BenchConfig,
    age: Duration,
) -> Result<ScratchStore, BenchError> {
    let scratch = ScratchStore::new(&config.database);
    if scratch.is_in_memory() {
        return Err(BenchError::Unsupported(
            "the scenarios `retained` and `pruned` need a store on disk: give `--database sqlite:FILE` or \
             `--database postgres://…`",
        ));
    }
    let store = scratch.open().await?;
    let history = SeededHistory {
        job_id: Plain::ID,
        executions: config.retained,
        failed_every: 100,
        age,
    };
    history.write_to(&*store).await?;
    drop(store);
    scratch.monitor().await?.vacuum().await?;
    Ok(scratch)
}

/// Drains a backlog in a store with history, then lists executions.
pub(super) async fn drain_retained(
    scratch: &ScratchStore,
    config: &BenchConfig,
) -> Result<Trial, BenchError> {
    let executions = config.executions();
    let store = scratch.open().await?;
    Workload::Plain
        .enqueue_into(&store, executions, config)
        .await?;
    drop(store);

    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let store = scratch.open().await?;
    let mut finished = FinishCounter::of(&*store);
    let meter = meter.start();
    let worker = config.runtime_on(&store)?.concurrency(config.concurrency);
    let worker = worker.start().await?;
    finished.wait_for(executions, &worker).await?;
    let meter = meter.stop();
    worker.shutdown().await;
    drop(worker);
    let list_latency = Histogram::default();
    let queries = SeededHistory::queries();
    for query in (0..20).flat_map(|_| queries.clone()) {
        let started_at = real_now();
        store.list_executions(query).await?;
        list_latency.record(started_at.elapsed());
    }
    drop(store);
    let usage = meter.read().await?;
    Ok(Trial {
        list_latency,
        ..Trial::new(executions, usage)
    })
}

/// A session without a worker that holds a permit of each key.
struct PermitHolder {
    session: SessionId,
    clock: SystemClock,
}

impl PermitHolder {
    /// Enqueues the executions to be blocked and one more per key, then claims one per key.
    async fn open(store: &Arc<dyn Store>, config: &BenchConfig) -> Result<Self, BenchError> {
        Workload::Keyed(config.keys)
            .enqueue_into(store, config.blocked + config.keys, config)
            .await?;
        let clock = SystemClock::new();
        let now = timestamp(&clock);
        let session = store
            .open_session(SessionInfo {
                worker: "permit-holder".to_owned(),
                opened_at: now,
                job_ids: Vec::new(),
                queues: Vec::new(),
                labels: Vec::new(),
                slot_caps: Vec::new(),
                fingerprints: Vec::new(),
                lease: Duration::from_secs(30),
            })
            .await?;
        let holder = Self { session, clock };
        let mut permits = 0;
        for number in 1.. {
            store.promote(now, 1_000).await?;
            let claimed = store.claim(holder.claim(number, now)).await?.len() as u64;
            permits += claimed;
            if permits >= config.keys {
                break;
            }
            holder.renew(&**store).await?;
        }
        // Promotes the remaining executions, until all of them are blocked.
        let is_due = |at: Timestamp| at <= now;
        while store
            .promote(now, 1_000)
            .await?
            .next_due
            .is_some_and(is_due)
        {
            holder.renew(&**store).await?;
        }
        Ok(holder)
    }

    fn claim(&self, number: i64, now: Timestamp) -> Claim {
        Claim {
            session: self.session,
            number,
            job_ids: vec![Keyed::ID.to_owned()],
            queues: Vec::new(),
            except: Vec::new(),
            only: Vec::new(),
            limit: 1_000,
            caps: Caps::default(),
            now,
        }
    }

    async fn renew(&self, store: &dyn Store) -> Result<(), BenchError> {
        store.renew(self.session, timestamp(&self.clock)).await?;
        Ok(())
    }
}
