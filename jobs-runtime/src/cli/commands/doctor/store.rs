//! The checks of a store that exists: connection, tables, clocks, workers and waiting executions.

use std::time::Duration;

use jobs::{Catalogue, ExecutionStatus};

use super::CheckResult;
use crate::SystemClock;
use crate::clock::timestamp;
use crate::error::chain;
use crate::service::KnownJob;
use crate::store::{ExecutionQuery, ExecutionRecord, Store, StoreError};

/// The number of queued executions whose jobs and payloads are checked, newest first.
const SAMPLE: usize = 1_000;

/// The difference between the clocks of two machines that is told. Rates and schedules go by them.
const MAX_SKEW: Duration = Duration::from_secs(2);

/// Runs all checks, also after a problem.
pub(super) async fn check(store: &dyn Store) -> Vec<CheckResult> {
    let mut results = vec![check_connection(store).await, check_layout(store).await];
    results.extend(check_moved(store).await);
    results.extend(check_workers(store).await);
    let mut query = ExecutionQuery::newest(SAMPLE);
    query.status = Some(ExecutionStatus::Queued);
    if let (Ok(queued), Ok(linked)) = (store.list_executions(query).await, Catalogue::linked()) {
        results.extend(check_jobs(&queued.executions, &linked));
        results.extend(check_payloads(&queued.executions, &linked));
    }
    results
}

async fn check_connection(store: &dyn Store) -> CheckResult {
    let description = store.describe();
    let location = format!("{} ({})", description.location, description.durability);
    match store.ping().await {
        // With missing tables the store responds; the next check reports them.
        Ok(()) | Err(StoreError::Layout(_)) => CheckResult::ok("store", location),
        Err(error) => CheckResult::problem("store", chain(&error).to_string()),
    }
}

async fn check_layout(store: &dyn Store) -> CheckResult {
    let migrations = match store.migrations().await {
        Ok(migrations) => migrations,
        Err(error) => return CheckResult::problem("layout", chain(&error).to_string()),
    };
    match migrations.iter().filter(|m| m.applied_at.is_none()).count() {
        0 => CheckResult::ok("layout", "up to date"),
        pending => CheckResult::warning(
            "layout",
            format!("{pending} pending migrations: `migrate` applies them"),
        ),
    }
}

/// Tells that the executions were moved elsewhere, after which no worker starts here.
async fn check_moved(store: &dyn Store) -> Option<CheckResult> {
    match store.transfer()?.check_not_moved().await {
        Err(error @ StoreError::Moved { .. }) => {
            Some(CheckResult::problem("store", chain(&error).to_string()))
        }
        Ok(()) | Err(_) => None,
    }
}

/// Names the workers, and compares their clocks with that of this machine.
async fn check_workers(store: &dyn Store) -> Vec<CheckResult> {
    let Ok(processes) = store.processes().await else {
        return Vec::new();
    };
    let names: Vec<_> = processes.iter().map(|it| it.worker.as_str()).collect();
    let mut results = vec![if names.is_empty() {
        CheckResult::warning(
            "workers",
            "no worker has a session: start one with `run` or `work`",
        )
    } else {
        CheckResult::ok("workers", names.join(", "))
    }];
    let now = timestamp(&SystemClock::new());
    // The clock of a worker that is behind cannot be told from one that renews late.
    let ahead = processes.iter().map(|it| (it, it.renewed_at.since(now)));
    if let Some((process, skew)) = ahead.max_by_key(|(_, skew)| *skew)
        && skew > MAX_SKEW
    {
        let detail = format!(
            "the clock of {} is {} s ahead of this one: set both by NTP",
            process.worker,
            skew.as_secs()
        );
        results.push(CheckResult::warning("clock", detail));
    }
    results
}

/// Finds queued executions of jobs that this program does not link. `None` if there are none.
fn check_jobs(queued: &[ExecutionRecord], linked: &Catalogue) -> Option<CheckResult> {
    let ids = queued.iter().map(|record| record.job_id.as_str());
    let mut unknown: Vec<_> = ids.filter(|id| linked.get(id).is_none()).collect();
    unknown.sort_unstable();
    unknown.dedup();
    (!unknown.is_empty()).then(|| {
        CheckResult::warning(
            "waiting",
            format!(
                "queued executions have jobs that this program does not link: start a worker that \
                 links {}",
                unknown.join(", ")
            ),
        )
    })
}

/// Finds queued executions whose payloads the linked jobs would refuse. `None` if there are none.
fn check_payloads(queued: &[ExecutionRecord], linked: &Catalogue) -> Option<CheckResult> {
    let refused: Vec<_> = queued
        .iter()
        .filter_map(|record| Some((record, violation(record, linked)?)))
        .collect();
    let (record, violation) = refused.first()?;
    let detail = format!(
        "{} queued executions have payloads that their jobs refuse, such as {} of {}: {violation}; \
         `check --waiting` lists them",
        refused.len(),
        record.id,
        record.job_id,
    );
    Some(CheckResult::warning("payloads", detail))
}

/// Why the linked job of an execution refuses its payload. `None` if it does not.
fn violation(record: &ExecutionRecord, linked: &Catalogue) -> Option<String> {
    let job = linked.get(&record.job_id)?;
    match job.upcast(record.payload.get()) {
        // The check of the linked jobs reports an invalid schema.
        Ok(payload) => KnownJob::linked(job).ok()?.first_violation(&payload).ok()?,
        Err(error) => Some(error.to_string()),
    }
}
