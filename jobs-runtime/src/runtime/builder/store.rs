//! The store of a runtime: waits for its server, and creates its tables.

use std::sync::Arc;
use std::time::Duration;

use jobs::Clock;

use crate::engine::outage::{OutageLog, is_outage};
use crate::store::{ClockedStore, DatabaseUrl, MigrationStatus, Store, StoreError};

/// The time between two attempts to reach the store of a start.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// Opens a store and creates its tables. Waits for a server that does not answer, at most for
/// `limit`.
pub(super) async fn open(
    url: &DatabaseUrl,
    clock: &Arc<dyn Clock>,
    limit: Duration,
    may_migrate: bool,
) -> Result<Arc<dyn Store>, StoreError> {
    let is_server = matches!(url, DatabaseUrl::Postgres(_));
    let began = clock.elapsed();
    let outage_log = OutageLog::default();
    let mut is_waiting = false;
    loop {
        let opened = async { prepare(crate::store::open(url).await?, clock, may_migrate).await };
        let error = match opened.await {
            Ok(store) => {
                outage_log.answered(&**clock);
                return Ok(store);
            }
            Err(error) => error,
        };
        let left = limit.saturating_sub(clock.elapsed().saturating_sub(began));
        let is_final = matches!(error, StoreError::Refused { .. } | StoreError::Moved { .. });
        let may_pass = is_outage(&error) && !is_final;
        if !is_server || !may_pass || left.is_zero() {
            return Err(error);
        }
        outage_log.failed(&error, &**clock);
        if !std::mem::replace(&mut is_waiting, true) {
            tracing::warn!("the start waits for the store, at most {limit:?}");
        }
        clock.sleep(STORE_RETRY.min(left)).await;
    }
}

/// Wraps a store for the clock of the runtime, and creates its tables. A program without workers
/// creates them only in an empty store: its layout is left to the workers.
pub(super) async fn prepare(
    store: Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    may_migrate: bool,
) -> Result<Arc<dyn Store>, StoreError> {
    let store = ClockedStore::wrap(store, clock);
    if !may_migrate {
        check_not_older(&store.migrations().await?)?;
    }
    store.migrate().await?;
    if let Some(moved) = store.transfer() {
        moved.check_not_moved().await?;
    }
    Ok(store)
}

/// Refuses a store of which some steps of this program are applied, and others are not.
fn check_not_older(steps: &[MigrationStatus]) -> Result<(), StoreError> {
    let is_applied = |step: &MigrationStatus| step.applied_at.is_some();
    let is_older = steps.iter().any(is_applied) && !steps.iter().all(is_applied);
    if !is_older {
        return Ok(());
    }
    Err(StoreError::Layout(
        "it is older than this program, and a program without workers does not migrate it: start \
         a worker of this version, or run the command `migrate`"
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn steps(applied: &[bool]) -> Vec<MigrationStatus> {
        let step = |(version, is_applied): (u32, &bool)| MigrationStatus {
            version,
            name: "a step".to_owned(),
            applied_at: is_applied.then_some(Timestamp::from_millis(7)),
        };
        (1..).zip(applied).map(step).collect()
    }

    #[test]
    fn a_program_without_workers_creates_tables_and_changes_none() {
        for accepted in [&[][..], &[false, false], &[true, true]] {
            assert!(check_not_older(&steps(accepted)).is_ok(), "{accepted:?}");
        }
        let refused = check_not_older(&steps(&[true, false])).expect_err("older");
        assert!(refused.to_string().contains("`migrate`"), "{refused}");
    }
}
