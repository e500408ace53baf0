//! Restores archived executions into a store.

use std::time::Duration;

use serde::Serialize;

use super::ArchivedExecution;
use crate::store::{IdempotencyKey, StoreError, Transferable};
use crate::time::Timestamp;

/// Executions per import.
pub(crate) const BATCH: usize = 200;

/// The result of a restore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Restored {
    /// The executions that the store did not have.
    pub(crate) restored: u64,
    /// The executions that the store has.
    pub(crate) skipped: u64,
}

/// Writes executions into a store, as final ones behind all others. Those that the store has are
/// left alone, so a restore can be repeated.
///
/// Their keys and limits stay behind: a newer execution may have the keys, and a limit of the past
/// would replace the present one. An idempotency key of the restore's own keeps each execution from
/// retention until `keep_until`.
pub(crate) async fn restore(
    target: &dyn Transferable,
    batch: Vec<ArchivedExecution>,
    keep_until: Timestamp,
    report: &mut Restored,
) -> Result<(), StoreError> {
    let executions = batch.into_iter().map(|archived| {
        let mut execution = archived.into_transferred();
        execution.names.clear();
        execution.request.rules.limits.clear();
        execution.keys = vec![IdempotencyKey {
            key: format!("archive.restore:{}", execution.request.id),
            payload_digest: String::new(),
            expires_at: keep_until,
        }];
        execution
    });
    for is_new in target.import(executions.collect()).await? {
        if is_new {
            report.restored += 1;
        } else {
            report.skipped += 1;
        }
    }
    Ok(())
}

/// The default time for which retention leaves restored executions alone: 30 days.
pub(crate) const KEEP: Duration = Duration::from_secs(30 * 86_400);
