//! The checks of a store that exists: connection, tables, clocks, workers and waiting executions.

use std::time::Duration;

use jobs::{Catalogue, ExecutionStatus};

use super::CheckResult;
use crate::SystemClock;
use crate::clock::timestamp;
use crate::error::{NO_LIMIT, chain};
use crate::service::KnownJob;
use crate::store::{ExecutionQuery, ExecutionRecord, SessionBeat, Store, StoreError};

/// The number of queued executions whose jobs and payloads are checked, newest first.
const SAMPLE: usize = 1_000;

/// The difference between the clocks of two machines that is told. Rates and schedules go by them.
const MAX_SKEW: Duration = Duration::from_secs(2);

/// A renewal may be this late on a busy machine, however short the lease.
const LEAST_LEASE: Duration = Duration::from_secs(5);

/// Runs all checks, also after a problem.
/// `limits` are the names of the limits in the settings.
pub(super) async fn check(store: &dyn Store, limits: &[&str]) -> Vec<CheckResult> {
    let mut results = vec![check_connection(store).await, check_layout(store).await];
    results.extend(check_moved(store).await);
    results.extend(check_workers(store).await);
    results.extend(check_leases(store).await);
    if let Ok(newest) = store.list_executions(ExecutionQuery::newest(SAMPLE)).await {
        results.extend(check_limits(&newest.executions, limits));
    }
    let waiting = waiting(store, SAMPLE).await;
    results.extend(waiting.into_iter().flatten());
    results
}

/// Finds queued executions that the linked jobs cannot execute: by their jobs, by their payloads.
/// Looks at the newest `sample`, whose payloads are all in memory.
pub(in crate::cli::commands) async fn waiting(
    store: &dyn Store,
    sample: usize,
) -> [Option<CheckResult>; 2] {
    let mut query = ExecutionQuery::newest(sample);
    query.status = Some(ExecutionStatus::Queued);
    match (store.list_executions(query).await, Catalogue::linked()) {
        (Ok(queued), Ok(linked)) => [
            check_jobs(&queued.executions, &linked),
            check_payloads(&queued.executions, &linked),
        ],
        _ => [None, None],
    }
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

/// Names the sessions whose leases have run out, and which no process has taken over.
async fn check_leases(store: &dyn Store) -> Option<CheckResult> {
    let (sessions, processes) = (store.sessions().await.ok()?, store.processes().await.ok()?);
    let now = timestamp(&SystemClock::new());
    let holds = |id| {
        processes
            .iter()
            .any(|it| it.session == id && it.running > 0)
    };
    // A watcher needs a lease to see that the beat stands still, and may be a lease late.
    let is_late = |it: &SessionBeat| now.since(it.renewed_at) > 3 * it.lease.max(LEAST_LEASE);
    let left = sessions
        .iter()
        .filter(|it| holds(it.session) && (it.is_dead || is_late(it)));
    let left: Vec<_> = left.map(|it| &*it.worker).collect();
    (!left.is_empty()).then(|| {
        let detail = format!(
            "no process has taken over the attempts of {}: start one that executes their jobs, \
             with `run` or `work`",
            left.join(", ")
        );
        CheckResult::warning("leases", detail)
    })
}

/// Finds handlers that ask for a named limit which the settings do not have.
fn check_limits(newest: &[ExecutionRecord], known: &[&str]) -> Option<CheckResult> {
    let missing = newest.iter().find_map(|record| {
        let (_, behind) = record.error.as_ref()?.message.split_once(NO_LIMIT)?;
        let (name, _) = behind.split_once('`')?;
        (!known.contains(&name)).then_some((record, name))
    });
    missing.map(|(record, name)| {
        let (id, job) = (record.id, &record.job_id);
        let detail = format!(
            "{id} of {job} found no limit `{name}`: configure it under `limits` in jobs.toml, or \
             in the program"
        );
        CheckResult::warning("limits", detail)
    })
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
