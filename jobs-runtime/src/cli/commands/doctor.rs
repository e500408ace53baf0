//! The command `doctor`: checks the set-up and says how to repair it.

use serde::Serialize;

use crate::RuntimeBuilder;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::table::table;
use crate::store::{DatabaseUrl, ExecutionQuery, Store, StoreError};

/// The number of queued executions whose jobs are checked.
const SAMPLE: usize = 1_000;

/// The result of one check.
#[derive(Debug, Serialize)]
struct CheckResult {
    check: &'static str,
    #[serde(rename = "verdict")]
    status: CheckStatus,
    detail: String,
}

/// The status of a check. A `problem` makes the command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum CheckStatus {
    Ok,
    Warning,
    Problem,
}

/// Runs all checks, also after a problem. Fails if there is a problem.
pub(in crate::cli) async fn doctor(
    settings: &Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> Result<(), Failure> {
    let mut results = vec![check_address(settings)];
    let exists = super::store_exists(settings);
    let store = match settings.database.parse::<DatabaseUrl>() {
        Err(error) => Err(error.to_string()),
        Ok(url) if !exists => {
            results.push(check_missing_store(&url));
            crate::store::open(&DatabaseUrl::SqliteMemory)
                .await
                .map_err(|error| crate::error::chain(&error).to_string())
        }
        Ok(url) => {
            let opened = crate::store::open(&url).await;
            opened.map_err(|error| crate::error::chain(&error).to_string())
        }
    };
    match store {
        Err(reason) => {
            results.insert(0, check_jobs(None).await);
            results.push(CheckResult::problem("store", reason));
        }
        Ok(store) => {
            results.insert(0, check_jobs(Some(&*store)).await);
            if exists {
                results.extend(check_store(&*store).await);
            }
            results.push(check_start(settings, configure, store).await);
        }
    }
    output.result(&results, |results| {
        let rows = results.iter().map(|result| {
            [
                result.check.to_owned(),
                format!("{:?}", result.status).to_lowercase(),
                result.detail.clone(),
            ]
        });
        table(["CHECK", "STATUS", "DETAIL"], rows)
    })?;
    let is_problem = |result: &CheckResult| result.status == CheckStatus::Problem;
    if results.iter().any(is_problem) {
        Err(Failure::FailedReported)
    } else {
        Ok(())
    }
}

impl CheckResult {
    fn new(check: &'static str, status: CheckStatus, detail: impl Into<String>) -> Self {
        Self {
            check,
            status,
            detail: detail.into(),
        }
    }

    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, CheckStatus::Ok, detail)
    }

    fn warning(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, CheckStatus::Warning, detail)
    }

    fn problem(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, CheckStatus::Problem, detail)
    }
}

/// Checks the linked jobs. Without any, the store's catalogue may name the missing crates.
async fn check_jobs(store: Option<&dyn Store>) -> CheckResult {
    match jobs::Catalogue::linked() {
        Err(error) => CheckResult::problem("jobs", error.to_string()),
        Ok(catalogue) if catalogue.is_empty() => {
            CheckResult::warning("jobs", super::no_jobs_hint(store).await)
        }
        Ok(catalogue) => CheckResult::ok("jobs", format!("{} linked", catalogue.len())),
    }
}

/// Checks that the address for HTTP is free.
fn check_address(settings: &Settings) -> CheckResult {
    match std::net::TcpListener::bind(settings.bind) {
        Ok(_) => CheckResult::ok("address", format!("{} is free", settings.bind)),
        Err(error) => CheckResult::warning(
            "address",
            format!(
                "cannot listen on {} ({error}): free it, or give another with `--bind HOST:PORT`",
                settings.bind
            ),
        ),
    }
}

/// Checks a store whose file does not exist: its directory must exist.
fn check_missing_store(url: &DatabaseUrl) -> CheckResult {
    let parent = match url {
        DatabaseUrl::Sqlite { path, .. } => path.parent(),
        _ => None,
    };
    match parent.filter(|dir| !dir.as_os_str().is_empty() && !dir.is_dir()) {
        Some(dir) => CheckResult::problem(
            "store",
            format!(
                "{url}: the directory {} does not exist: create it",
                dir.display()
            ),
        ),
        None => CheckResult::warning("store", format!("{url} does not exist: `run` creates it")),
    }
}

/// Checks a store that exists: its connection, tables, workers and queued executions.
async fn check_store(store: &dyn Store) -> Vec<CheckResult> {
    let description = store.describe();
    let location = || format!("{} ({})", description.location, description.durability);
    let mut results = vec![match store.ping().await {
        Ok(()) => CheckResult::ok("store", location()),
        // The store responds. The next check reports its missing tables.
        Err(StoreError::Layout(_)) => CheckResult::ok("store", location()),
        Err(error) => CheckResult::problem("store", crate::error::chain(&error).to_string()),
    }];
    results.push(match store.migrations().await {
        Err(error) => CheckResult::problem("layout", crate::error::chain(&error).to_string()),
        Ok(migrations) => match migrations.iter().filter(|m| m.applied_at.is_none()).count() {
            0 => CheckResult::ok("layout", "up to date"),
            pending => CheckResult::warning(
                "layout",
                format!("{pending} pending migrations: `migrate` applies them"),
            ),
        },
    });
    if let Ok(sessions) = store.sessions().await {
        let workers: Vec<_> = sessions
            .iter()
            .map(|session| session.worker.as_str())
            .collect();
        results.push(match workers.as_slice() {
            [] => CheckResult::warning(
                "workers",
                "no worker has a session: start one with `run` or `work`",
            ),
            workers => CheckResult::ok("workers", workers.join(", ")),
        });
    }
    results.extend(check_queued_jobs(store).await);
    results
}

/// Finds queued executions of jobs that this program does not link. `None` if there are none.
async fn check_queued_jobs(store: &dyn Store) -> Option<CheckResult> {
    let mut query = ExecutionQuery::newest(SAMPLE);
    query.status = Some(jobs::ExecutionStatus::Queued);
    let queued = store.list_executions(query).await.ok()?.executions;
    let linked = jobs::Catalogue::linked().ok()?;
    let mut unknown: Vec<_> = queued
        .into_iter()
        .map(|record| record.job_id)
        .filter(|id| linked.get(id).is_none())
        .collect();
    unknown.sort();
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

/// Starts a worker to check the catalogue, the schemas and the resources. The worker claims
/// nothing: it is restricted to one execution, which does not exist.
async fn check_start(
    settings: &Settings,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    store: std::sync::Arc<dyn Store>,
) -> CheckResult {
    let nonexistent = jobs::ExecutionId::from_bytes([0; 16]);
    let builder = configure(settings.builder())
        .store(store)
        .executions([nonexistent]);
    match builder.start().await {
        Ok(runtime) => {
            runtime.shutdown_now().await;
            CheckResult::ok("start", "a worker starts and builds its resources")
        }
        Err(error) => CheckResult::problem("start", crate::error::chain(&error).to_string()),
    }
}
