//! The loop that executes bulk operations.
//!
//! It runs in every process that executes jobs or serves HTTP; the fleet's turn lets one of them
//! work at a time. An operation of the same process starts it at once; operations of other
//! processes are found within 5 seconds. A batch takes about [`BATCH_TIME`], and a pause of six
//! times that follows, so that claims and settlements have most of the store's time.
//!
//! A process may end in the middle: a batch is written completely or not at all, with the position
//! behind it. The next process continues from there.

use std::sync::Arc;
use std::time::Duration;

use crate::JobService;
use crate::background_loop::{BackgroundLoop, poll_interval};
use crate::clock::timestamp;
use crate::service::FoundMatches;
use crate::store::{StoreError, Turn};

/// The time that a batch may take. The size of the batches follows from it.
const BATCH_TIME: Duration = Duration::from_millis(30);

/// The smallest and the largest batch, in executions. A batch's time includes its wait for the
/// store's writer, so beside a busy drain or on a slow disk even the smallest takes long.
const BATCH_SIZES: (usize, usize) = (100, 500);

/// The pause after a batch, as a multiple of its time.
const PAUSE_FACTOR: u32 = 6;

/// The interval between two looks for an operation that another process has started. Under a
/// virtual clock it is a day.
const POLL: Duration = Duration::from_secs(5);

/// The time for which a process holds the turn before it has to take it again.
const TURN: Duration = Duration::from_secs(15);

/// The task's name in the store.
const TASK: &str = "operations";

/// Starts the loop on the tokio runtime of the caller. `holder` is a name that no other process of
/// the fleet has.
pub(crate) fn start(service: JobService, holder: String) -> BackgroundLoop {
    let clock = Arc::clone(service.clock());
    BackgroundLoop::start(&clock, execute_forever(service, holder))
}

async fn execute_forever(service: JobService, holder: String) {
    let clock = Arc::clone(service.clock());
    let poll = poll_interval(&*clock, POLL);
    let changes = service.operation_changes();
    loop {
        let started = changes.notified();
        if let Err(error) = execute_in_turn(&service, &holder, |_| {}).await {
            let error = crate::error::chain(&error);
            tracing::warn!(%error, "a batch of a bulk operation failed; it is tried again");
        }
        tokio::select! {
            () = clock.sleep(poll) => {}
            () = started => {}
        }
    }
}

/// Executes all operations that run, if it is this process's turn. Calls `progress` after each
/// batch. Returns whether it was.
pub(crate) async fn execute_in_turn(
    service: &JobService,
    holder: &str,
    mut progress: impl FnMut(&crate::store::BulkOperation),
) -> Result<bool, StoreError> {
    let store = service.store();
    if store.next_operation().await?.is_none() {
        return Ok(true);
    }
    let clock = service.clock();
    let mut limit = BATCH_SIZES.0;
    let mut found = FoundMatches::default();
    let mut turn_taken_at: Option<Duration> = None;
    loop {
        let started = clock.elapsed();
        if turn_taken_at.is_none_or(|taken| started.saturating_sub(taken) > TURN / 3) {
            if !take_turn(service, holder).await? {
                return Ok(false);
            }
            turn_taken_at = Some(started);
        }
        let Some(operation) = service.run_operation_batch(&mut found, limit).await? else {
            break;
        };
        progress(&operation);
        let took = clock.elapsed().saturating_sub(started);
        limit = next_size(limit, took);
        if !took.is_zero() {
            clock.sleep(took * PAUSE_FACTOR).await;
        }
    }
    let until = timestamp(&**clock);
    store
        .end_turn(TASK.to_owned(), holder.to_owned(), until)
        .await?;
    Ok(true)
}

async fn take_turn(service: &JobService, holder: &str) -> Result<bool, StoreError> {
    let now = timestamp(&**service.clock());
    let turn = Turn {
        task: TASK.to_owned(),
        holder: holder.to_owned(),
        now,
        until: now.after(TURN),
        // A longer turn comes from a wrong clock.
        latest: now.after(TURN * 4),
        urgent: true,
    };
    service.store().take_turn(turn).await
}

/// Doubles or halves the batch, so that it takes about [`BATCH_TIME`].
fn next_size(size: usize, took: Duration) -> usize {
    let (smallest, largest) = BATCH_SIZES;
    if took > BATCH_TIME {
        (size / 2).max(smallest)
    } else if took < BATCH_TIME / 2 {
        (size * 2).min(largest)
    } else {
        size
    }
}
