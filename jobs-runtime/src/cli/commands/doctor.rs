//! `doctor`: what is wrong with this set-up, and what to do about it.

use serde::Serialize;

use crate::RuntimeBuilder;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::table::table;
use crate::store::{DatabaseUrl, ExecutionQuery, Store, StoreError};

/// How many waiting executions are looked at for jobs that nobody knows.
const SAMPLE: usize = 1_000;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Problem,
}

/// Looks at everything, whatever the first problem is, and fails if there is one.
pub(in crate::cli) async fn doctor(
    settings: &Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> Result<(), Failure> {
    let mut findings = vec![address(settings)];
    let existed = super::store_exists(settings);
    let store = match settings.database.parse::<DatabaseUrl>() {
        Err(error) => Err(error.to_string()),
        Ok(url) if !existed => {
            findings.push(not_there_yet(&url));
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
            findings.insert(0, linked(None).await);
            findings.push(Finding::problem("store", reason));
        }
        Ok(store) => {
            findings.insert(0, linked(Some(&*store)).await);
            if existed {
                findings.extend(of_store(&*store).await);
            }
            findings.push(starts(settings, configure, store).await);
        }
    }
    output.result(&findings, |findings| {
        let rows = findings.iter().map(|finding| {
            [
                finding.check.to_owned(),
                format!("{:?}", finding.verdict).to_lowercase(),
                finding.detail.clone(),
            ]
        });
        table(["CHECK", "VERDICT", "DETAIL"], rows)
    });
    match findings.iter().any(|f| f.verdict == Verdict::Problem) {
        true => Err(Failure::Told),
        false => Ok(()),
    }
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self {
            check,
            verdict,
            detail: detail.into(),
        }
    }

    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, detail)
    }

    fn warning(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, detail)
    }

    fn problem(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Problem, detail)
    }
}

/// What is linked; if nothing is, the store may know what was meant.
async fn linked(store: Option<&dyn Store>) -> Finding {
    match jobs::Catalogue::linked() {
        Err(error) => Finding::problem("jobs", error.to_string()),
        Ok(catalogue) if catalogue.is_empty() => {
            Finding::warning("jobs", super::nothing_linked(store).await)
        }
        Ok(catalogue) => Finding::ok("jobs", format!("{} linked", catalogue.len())),
    }
}

fn address(settings: &Settings) -> Finding {
    match std::net::TcpListener::bind(settings.bind) {
        Ok(_) => Finding::ok("address", format!("{} is free", settings.bind)),
        Err(error) => Finding::warning("address", format!("{}: {error}", settings.bind)),
    }
}

/// A file that does not exist: fine, if it can be created.
fn not_there_yet(url: &DatabaseUrl) -> Finding {
    let parent = match url {
        DatabaseUrl::Sqlite { path, .. } => path.parent(),
        _ => None,
    };
    match parent.filter(|dir| !dir.as_os_str().is_empty() && !dir.is_dir()) {
        Some(dir) => Finding::problem(
            "store",
            format!("{url}: there is no directory {}", dir.display()),
        ),
        None => Finding::warning("store", format!("{url} is not there yet; `run` creates it")),
    }
}

async fn of_store(store: &dyn Store) -> Vec<Finding> {
    let description = store.describe();
    let place = || format!("{} ({})", description.location, description.durability);
    let mut findings = vec![match store.ping().await {
        Ok(()) => Finding::ok("store", place()),
        // It answers; that its layout is missing is the next finding.
        Err(StoreError::Layout(_)) => Finding::ok("store", place()),
        Err(error) => Finding::problem("store", crate::error::chain(&error).to_string()),
    }];
    findings.push(match store.migrations().await {
        Err(error) => Finding::problem("layout", crate::error::chain(&error).to_string()),
        Ok(migrations) => match migrations.iter().filter(|m| m.applied_at.is_none()).count() {
            0 => Finding::ok("layout", "up to date"),
            pending => Finding::warning("layout", format!("{pending} to apply: `migrate` does it")),
        },
    });
    if let Ok(sessions) = store.sessions().await {
        let workers: Vec<_> = sessions
            .iter()
            .map(|session| session.worker.as_str())
            .collect();
        findings.push(match workers.as_slice() {
            [] => Finding::warning("workers", "none has a session: nothing is executed"),
            workers => Finding::ok("workers", workers.join(", ")),
        });
    }
    findings.extend(unknown_jobs(store).await);
    findings
}

/// Waiting executions of jobs that nobody has published.
async fn unknown_jobs(store: &dyn Store) -> Option<Finding> {
    let mut query = ExecutionQuery::newest(SAMPLE);
    query.status = Some(jobs::ExecutionStatus::Queued);
    let waiting = store.list_executions(query).await.ok()?.executions;
    let linked = jobs::Catalogue::linked().ok()?;
    let mut unknown: Vec<_> = waiting
        .into_iter()
        .map(|record| record.job_id)
        .filter(|id| linked.get(id).is_none())
        .collect();
    unknown.sort();
    unknown.dedup();
    match unknown.is_empty() {
        true => None,
        false => Some(Finding::warning(
            "waiting",
            format!(
                "for jobs that this program does not link: {}",
                unknown.join(", ")
            ),
        )),
    }
}

/// Whether a worker would start: the catalogue, the resources, the schemas. It claims nothing.
async fn starts(
    settings: &Settings,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    store: std::sync::Arc<dyn Store>,
) -> Finding {
    let nothing = jobs::ExecutionId::from_bytes([0; 16]);
    let builder = configure(settings.builder())
        .store(store)
        .executions([nothing]);
    match builder.start().await {
        Ok(runtime) => {
            runtime.shutdown_now().await;
            Finding::ok("start", "a worker starts: every resource can be built")
        }
        Err(error) => Finding::problem("start", crate::error::chain(&error).to_string()),
    }
}
