//! The transfer of a store: checks the source, copies it in steps, and verifies the row counts.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jobs::{Clock, ExecutionId, ExecutionStatus};
use serde::Serialize;

use crate::clock::timestamp;
use crate::store::{
    MAX_SCHEDULE_RUNS, QueuePause, RowCounts, SessionBeat, Store, StoreError, Transferable,
};

/// The number of executions per step.
const STEP: usize = 500;

/// The time for which the sessions of the source are watched. A live worker renews its session
/// within it, by the default settings.
const WATCH_TIME: Duration = Duration::from_secs(15);

/// The interval between two looks at the sessions.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// The result of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// The rows of the source.
    pub source: RowCounts,
    /// The rows that this transfer has written.
    pub written: RowCounts,
    /// The number of executions that the target already had, from an earlier transfer that was
    /// interrupted.
    pub skipped: u64,
}

/// The reason why a transfer has failed. Written rows stay; the next transfer goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The source or the target does not support transfers.
    #[error("the {0} store does not support transfers")]
    NotSupported(&'static str),
    /// A worker uses the source.
    #[error(
        "worker {worker} uses the source store: stop it first. It has renewed its session, and the \
         transfer would miss what it writes from now on"
    )]
    Alive {
        /// The worker.
        worker: String,
    },
    /// The source has leases: executions are running, or their worker has crashed.
    #[error(
        "{running} executions are leased in the source store: their worker has crashed. Run \
         `work --until-idle` on the source once: it takes over the leases of a crashed worker"
    )]
    Leased {
        /// The number of leases.
        running: u64,
    },
    /// The row counts do not match: another program wrote to one of the stores during the transfer,
    /// or a row was lost.
    #[error(
        "the row counts of the {store} store do not match: expected {expected:?}, found {found:?}. \
         Stop the programs that write to it, then transfer again"
    )]
    Unverified {
        /// `source` or `target`.
        store: &'static str,
        /// The expected rows.
        expected: Box<RowCounts>,
        /// The rows found.
        found: Box<RowCounts>,
    },
    /// The target has another state of an execution, from an earlier copy of the source.
    #[error(
        "the target has execution {execution_id} with the status {found}, and the source with \
         {expected}: one of the stores has worked since an earlier copy. Give a new target"
    )]
    Outdated {
        /// The execution.
        execution_id: ExecutionId,
        /// The status in the source.
        expected: ExecutionStatus,
        /// The status in the target.
        found: ExecutionStatus,
    },
    /// A call to a store failed.
    #[error("the {store} store failed")]
    Store {
        /// `source` or `target`.
        store: &'static str,
        /// The error.
        #[source]
        error: StoreError,
    },
}

/// Copies everything from `source` to `target`: executions in their order with their attempts and
/// logs, idempotency keys, the catalogue, and pauses. The source stays as it is: the caller may
/// mark it as moved ([`Transferable::mark_moved`]).
///
/// No worker may use the source: it has no live session and no leases. A transfer is repeatable:
/// executions that the target has are skipped, if they are in the same state. At the end the rows
/// of both stores are counted and compared.
///
/// `progress` is called after each step with the number of executions done and their total.
///
/// # Errors
/// See [`TransferError`].
pub async fn transfer(
    source: &dyn Store,
    target: &dyn Store,
    clock: &dyn Clock,
    mut progress: impl FnMut(u64, u64),
) -> Result<Transfer, TransferError> {
    check_no_worker(source, clock).await?;
    let from = transferable(source, "source")?;
    let to = transferable(target, "target")?;
    let total = from.row_counts().await.map_err(at("source"))?;
    if total.running > 0 {
        return Err(TransferError::Leased {
            running: total.running,
        });
    }
    let publications = publish(from, target, to).await?;
    let schedules = copy_schedules(source, target).await?;
    copy_tokens(source, target).await?;
    let before = to.row_counts().await.map_err(at("target"))?;

    let mut read = RowCounts {
        publications: total.publications,
        schedules: total.schedules,
        ..RowCounts::default()
    };
    let mut written = RowCounts {
        publications,
        schedules,
        ..RowCounts::default()
    };
    let mut skipped = 0;
    let mut after = None;
    loop {
        let page = from.export(after, STEP).await.map_err(at("source"))?;
        let ids = page.executions.iter().map(|execution| execution.request.id);
        let ids: Vec<_> = ids.collect();
        let mut counts = Vec::with_capacity(page.executions.len());
        for execution in &page.executions {
            let mut rows = RowCounts::default();
            rows.add_execution(execution);
            read = read + rows;
            counts.push(rows);
        }
        let answers = to.import(page.executions).await.map_err(at("target"))?;
        let mut present = Vec::new();
        for ((rows, id), is_new) in counts.into_iter().zip(ids).zip(answers) {
            if is_new {
                written = written + rows;
            } else {
                present.push(id);
            }
        }
        skipped += present.len() as u64;
        check_present(source, target, present).await?;
        progress(read.executions(), total.executions());
        let Some(next) = page.next else { break };
        after = Some(next);
    }

    copy_pauses(source, target, from, to, clock).await?;
    let again = from.row_counts().await.map_err(at("source"))?;
    verify("source", read, again)?;
    let expected = RowCounts {
        publications: 0,
        schedules: 0,
        ..written
    };
    verify(
        "target",
        before + expected,
        to.row_counts().await.map_err(at("target"))?,
    )?;
    Ok(Transfer {
        source: total,
        written,
        skipped,
    })
}

fn transferable<'s>(
    store: &'s dyn Store,
    which: &'static str,
) -> Result<&'s dyn Transferable, TransferError> {
    store.transfer().ok_or(TransferError::NotSupported(which))
}

/// Checks that executions which the target already had are in the same state in both stores.
async fn check_present(
    source: &dyn Store,
    target: &dyn Store,
    ids: Vec<ExecutionId>,
) -> Result<(), TransferError> {
    if ids.is_empty() {
        return Ok(());
    }
    let expected = source.execution_states(ids.clone()).await;
    let expected = expected.map_err(at("source"))?;
    let found = target.execution_states(ids).await.map_err(at("target"))?;
    let found = found.iter().map(|one| (one.execution_id, one.status));
    let found: HashMap<_, _> = found.collect();
    for execution in expected {
        match found.get(&execution.execution_id) {
            Some(status) if *status != execution.status => {
                return Err(TransferError::Outdated {
                    execution_id: execution.execution_id,
                    expected: execution.status,
                    found: *status,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn at(store: &'static str) -> impl Fn(StoreError) -> TransferError {
    move |error| TransferError::Store { store, error }
}

fn verify(store: &'static str, expected: RowCounts, found: RowCounts) -> Result<(), TransferError> {
    if expected == found {
        return Ok(());
    }
    Err(TransferError::Unverified {
        store,
        expected: Box::new(expected),
        found: Box::new(found),
    })
}

/// Copies the schedules that the target does not have yet, with their runs, and returns their
/// number.
async fn copy_schedules(source: &dyn Store, target: &dyn Store) -> Result<u64, TransferError> {
    let mut copied = 0;
    for schedule in source.schedules().await.map_err(at("source"))? {
        let name = schedule.name.clone();
        let runs = source.schedule_runs(name, MAX_SCHEDULE_RUNS).await;
        let runs = runs.map_err(at("source"))?;
        let added = target.add_schedule(schedule, runs).await;
        copied += u64::from(added.map_err(at("target"))?);
    }
    Ok(copied)
}

/// Copies the tokens that the target does not have yet. Sign-ins are not copied: a browser signs in
/// again.
async fn copy_tokens(source: &dyn Store, target: &dyn Store) -> Result<(), TransferError> {
    for token in source.tokens().await.map_err(at("source"))? {
        target.add_token(token).await.map_err(at("target"))?;
    }
    Ok(())
}

/// Pauses the queues and the rates in the target that are paused in the source. A rate without a
/// pause keeps the distance to its last start.
async fn copy_pauses(
    source: &dyn Store,
    target: &dyn Store,
    from: &dyn Transferable,
    to: &dyn Transferable,
    clock: &dyn Clock,
) -> Result<(), TransferError> {
    for queue in source.queues().await.map_err(at("source"))? {
        if let Some(since) = queue.paused_at {
            let pause = QueuePause {
                since,
                by: queue.paused_by,
                reason: queue.pause_reason,
            };
            target
                .pause(queue.queue, pause)
                .await
                .map_err(at("target"))?;
        }
    }
    let rates = from
        .paused_rates(timestamp(clock))
        .await
        .map_err(at("source"))?;
    to.pause_rates(rates).await.map_err(at("target"))
}

/// Publishes the jobs that the target does not have yet and returns their number.
async fn publish(
    from: &dyn Transferable,
    target: &dyn Store,
    to: &dyn Transferable,
) -> Result<u64, TransferError> {
    let known = to.publications().await.map_err(at("target"))?;
    let known: HashSet<_> = known
        .into_iter()
        .map(|job| (job.descriptor.id, job.fingerprint))
        .collect();
    let mut jobs = from.publications().await.map_err(at("source"))?;
    jobs.retain(|job| !known.contains(&(job.descriptor.id.clone(), job.fingerprint.clone())));
    let published = jobs.len() as u64;
    target.publish(jobs).await.map_err(at("target"))?;
    Ok(published)
}

/// Fails if a worker uses the store: it watches the beats of the sessions for [`WATCH_TIME`]. A
/// session whose beat stands still belongs to a dead worker and does no harm.
async fn check_no_worker(store: &dyn Store, clock: &dyn Clock) -> Result<(), TransferError> {
    let first = store.sessions().await.map_err(at("source"))?;
    let begun = clock.elapsed();
    while !first.is_empty() && clock.elapsed().saturating_sub(begun) < WATCH_TIME {
        clock.sleep(WATCH_INTERVAL).await;
        let now = store.sessions().await.map_err(at("source"))?;
        if let Some(alive) = now.iter().find(|session| has_renewed(session, &first)) {
            return Err(TransferError::Alive {
                worker: alive.worker.clone(),
            });
        }
        if now.is_empty() {
            break;
        }
    }
    Ok(())
}

fn has_renewed(now: &SessionBeat, first: &[SessionBeat]) -> bool {
    let before = first.iter().find(|before| before.session == now.session);
    before.is_none_or(|before| before.beat != now.beat)
}
