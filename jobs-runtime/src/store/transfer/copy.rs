//! Moving everything from one store to another, and making sure that it arrived.

use std::collections::HashSet;
use std::time::Duration;

use jobs::Clock;
use serde::Serialize;

use crate::store::{RowCounts, SessionBeat, Store, StoreError, Transferable};

/// Executions per step.
const STEP: usize = 500;

/// A worker that lives renews its session within this time, by the default settings.
const WATCH: Duration = Duration::from_secs(15);

/// How often the sessions are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(500);

/// What a move did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// What the source keeps.
    pub source: RowCounts,
    /// What was written by this move.
    pub written: RowCounts,
    /// Executions that were there already: moved by an earlier call that did not come to its end.
    pub skipped: u64,
}

/// Why a move did not come to its end. What was written stays; the next call goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// One of the stores cannot be moved from or to.
    #[error("the {0} store cannot be moved")]
    NotArchived(&'static str),
    /// A worker is at work in the source.
    #[error(
        "worker {worker} is at work in the source: stop it first. It renewed its session \
         meanwhile, and what it does now would be left behind"
    )]
    Alive {
        /// Who.
        worker: String,
    },
    /// Executions are running in the source, or were when their worker crashed.
    #[error(
        "{running} executions are leased in the source: their worker is gone without giving them \
         back. Run `work --until-idle` on the source once: it takes over what a crashed worker held"
    )]
    Leased {
        /// How many.
        running: u64,
    },
    /// Somebody wrote to one of the stores meanwhile, or a row was not taken as it was.
    #[error(
        "the counts of the {store} store do not add up: expected {expected:?}, found {found:?}; \
         if somebody wrote to it meanwhile, stop that and move again"
    )]
    Unverified {
        /// `source` or `target`.
        store: &'static str,
        /// What should be there.
        expected: Box<RowCounts>,
        /// What is.
        found: Box<RowCounts>,
    },
    /// A store did not answer.
    #[error("the {store} store failed")]
    Store {
        /// `source` or `target`.
        store: &'static str,
        /// Why.
        #[source]
        error: StoreError,
    },
}

/// Moves everything that `source` keeps to `target`: executions in their order with attempts and
/// logs, idempotency keys, the catalogue. The source is left as it is, and has to be at rest: no
/// worker in session, nothing leased. Repeatable: what arrived before is skipped. At the end both
/// stores are counted.
///
/// `told` hears after each step how many executions of the source have been dealt with, and of how
/// many.
///
/// # Errors
/// See [`TransferError`].
pub async fn transfer(
    source: &dyn Store,
    target: &dyn Store,
    clock: &dyn Clock,
    mut told: impl FnMut(u64, u64),
) -> Result<Transfer, TransferError> {
    at_rest(source, clock).await?;
    let from = archive(source, "source")?;
    let to = archive(target, "target")?;
    let kept = from.row_counts().await.map_err(at("source"))?;
    if kept.running > 0 {
        return Err(TransferError::Leased {
            running: kept.running,
        });
    }
    let publications = publish(from, target, to).await?;
    let before = to.row_counts().await.map_err(at("target"))?;

    let mut read = RowCounts {
        publications: kept.publications,
        ..RowCounts::default()
    };
    let mut written = RowCounts {
        publications,
        ..RowCounts::default()
    };
    let mut skipped = 0;
    let mut after = None;
    loop {
        let page = from.export(after, STEP).await.map_err(at("source"))?;
        if page.executions.is_empty() {
            break;
        }
        let mut counts = Vec::with_capacity(page.executions.len());
        for archived in &page.executions {
            read.count(archived);
            let mut one = RowCounts::default();
            one.count(archived);
            counts.push(one);
        }
        let answers = to.import(page.executions).await.map_err(at("target"))?;
        for (one, is_new) in counts.into_iter().zip(answers) {
            match is_new {
                true => written = written + one,
                false => skipped += 1,
            }
        }
        told(read.executions(), kept.executions());
        let Some(next) = page.next else { break };
        after = Some(next);
    }

    let again = from.row_counts().await.map_err(at("source"))?;
    verify("source", read, again)?;
    let expected = RowCounts {
        publications: 0,
        ..written
    };
    verify(
        "target",
        before + expected,
        to.row_counts().await.map_err(at("target"))?,
    )?;
    Ok(Transfer {
        source: kept,
        written,
        skipped,
    })
}

fn archive<'s>(
    store: &'s dyn Store,
    which: &'static str,
) -> Result<&'s dyn Transferable, TransferError> {
    store.transfer().ok_or(TransferError::NotArchived(which))
}

fn at(store: &'static str) -> impl Fn(StoreError) -> TransferError {
    move |error| TransferError::Store { store, error }
}

fn verify(store: &'static str, expected: RowCounts, found: RowCounts) -> Result<(), TransferError> {
    match expected == found {
        true => Ok(()),
        false => Err(TransferError::Unverified {
            store,
            expected: Box::new(expected),
            found: Box::new(found),
        }),
    }
}

/// Publishes what the target does not know yet and says how much that was.
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

/// Makes sure that no worker is in session, as far as that shows: one that renews it lives. A
/// session that stands still belongs to a worker that crashed, and does no harm.
async fn at_rest(store: &dyn Store, clock: &dyn Clock) -> Result<(), TransferError> {
    let first = store.sessions().await.map_err(at("source"))?;
    let begun = clock.elapsed();
    while !first.is_empty() && clock.elapsed().saturating_sub(begun) < WATCH {
        clock.sleep(LOOK).await;
        let now = store.sessions().await.map_err(at("source"))?;
        if let Some(alive) = now.iter().find(|session| has_stirred(session, &first)) {
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

fn has_stirred(now: &SessionBeat, first: &[SessionBeat]) -> bool {
    let before = first.iter().find(|before| before.session == now.session);
    before.is_none_or(|before| before.beat != now.beat)
}
