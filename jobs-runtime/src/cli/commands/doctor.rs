//! The command `doctor`: checks the set-up and says how to repair it.
//!
//! [`store`] checks a store and its waiting executions, [`disk`] the free space, [`access`] the
//! tokens of the interface, and [`server`] a running program instead of a store. Like every
//! command, this one may import the rest of `cli`, the store contract and the broker. It must not
//! import another command, and it changes no data.

mod access;
#[cfg(feature = "archive")]
mod archive;
#[cfg(unix)]
mod disk;
mod server;
pub(super) mod store;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::RuntimeBuilder;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::table;
use crate::store::{DatabaseUrl, ParseDatabaseUrlError, Store};

/// The first bytes of a SQLite file, with its name and the version of its format.
const HEADER_BYTES: usize = 20;

/// The result of one check.
#[derive(Debug, Serialize)]
pub(super) struct CheckResult {
    check: &'static str,
    #[serde(rename = "verdict")]
    status: CheckStatus,
    pub(super) detail: String,
}

/// The status of a check. A `problem` makes the command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum CheckStatus {
    Ok,
    Warning,
    Problem,
}

/// Runs all checks, also after a problem. Fails if there is a problem. Creates and changes nothing,
/// apart from a file in the archive that it removes. With `build_resources`, the functions of the
/// resources run.
pub(in crate::cli) async fn doctor(
    settings: &Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    build_resources: bool,
) -> Result<(), Failure> {
    if let Some(client) = Source::server(settings)? {
        return print(output, &server::check(&client).await);
    }
    let mut results = vec![check_address(settings)];
    match open_unchanged(settings).await {
        Err(problem) => {
            results.insert(0, check_jobs(None).await);
            results.extend(access::check(settings, None).await);
            results.push(problem);
        }
        Ok(store) => {
            results.insert(0, check_jobs(Some(&*store)).await);
            let limits: Vec<_> = settings.engine.limits.keys().map(String::as_str).collect();
            results.extend(store::check(&*store, &limits).await);
            results.extend(access::check(settings, Some(&*store)).await);
        }
    }
    #[cfg(unix)]
    results.extend(disk::check(settings));
    #[cfg(feature = "archive")]
    if let Some(directory) = &settings.archive {
        results.push(archive::check(directory));
    }
    #[cfg(feature = "rabbitmq")]
    if let Some(broker) = &settings.broker {
        results.push(check_broker(broker).await);
    }
    let builder = configure(settings.builder());
    results.push(if build_resources {
        check_start(builder).await
    } else {
        check_providers(&builder)
    });
    print(output, &results)
}

/// Prints the results. A problem is a failure.
fn print(output: Output, results: &[CheckResult]) -> Result<(), Failure> {
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

/// Opens the store if that changes nothing. Otherwise returns what is wrong with it.
async fn open_unchanged(settings: &Settings) -> Result<Arc<dyn Store>, CheckResult> {
    let problem = |reason: String| CheckResult::problem("store", reason);
    let url: DatabaseUrl = settings
        .database
        .parse()
        .map_err(|error: ParseDatabaseUrlError| problem(error.to_string()))?;
    if let DatabaseUrl::Sqlite { path, .. } = &url {
        check_file(&url, path)?;
    }
    let opened = crate::store::open(&url).await;
    opened.map_err(|error| problem(crate::error::chain(&error).to_string()))
}

/// Checks that the file is a database in WAL mode: only then the store opens it unchanged.
fn check_file(url: &DatabaseUrl, path: &Path) -> Result<(), CheckResult> {
    let mut header = [0; HEADER_BYTES];
    // Opening a pipe would wait for its other end.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let reason = format!("{url} is no file: give another one with `--database URL`");
        return Err(CheckResult::problem("store", reason));
    }
    let read = File::open(path).and_then(|file| file.take(HEADER_BYTES as u64).read(&mut header));
    let parent = path.parent();
    let missing_dir = parent.filter(|dir| !dir.as_os_str().is_empty() && !dir.is_dir());
    match (read, missing_dir) {
        (Ok(0), _) => Err(CheckResult::warning(
            "store",
            format!("{url} is empty: `run` creates its tables"),
        )),
        (Ok(_), _) if !header.starts_with(b"SQLite format 3\0") => Err(CheckResult::problem(
            "store",
            format!("{url} is no SQLite database: give another file with `--database URL`"),
        )),
        // The version of the format that writers need; 2 is WAL.
        (Ok(_), _) if header[18] != 2 => Err(CheckResult::warning(
            "store",
            format!("{url} is a database of another program: `run` would add its tables to it"),
        )),
        (Ok(_), _) => Ok(()),
        (Err(_), Some(dir)) => Err(CheckResult::problem(
            "store",
            format!(
                "{url}: the directory {} does not exist: create it",
                dir.display()
            ),
        )),
        (Err(error), None) if error.kind() == ErrorKind::NotFound => Err(CheckResult::warning(
            "store",
            format!("{url} does not exist: `run` creates it"),
        )),
        (Err(error), None) => Err(CheckResult::problem("store", format!("{url}: {error}"))),
    }
}

/// Checks the broker: reachability, rights and topology.
#[cfg(feature = "rabbitmq")]
async fn check_broker(broker: &crate::BrokerConfig) -> CheckResult {
    let linked = jobs::Catalogue::linked();
    let keys: Vec<_> = linked
        .iter()
        .flat_map(jobs::Catalogue::iter)
        .map(|job| job.descriptor().routing_key.clone())
        .collect();
    let found = match crate::broker::check::check(broker, &keys).await {
        Ok(found) => found,
        Err(error) => return CheckResult::problem("broker", format!("{broker}: {error}")),
    };
    if !found.troubles.is_empty() {
        return CheckResult::problem("broker", found.troubles.join("; "));
    }
    if found.dead_letters > 0 {
        let detail = format!(
            "{broker} has {} dead letters: `dead-letters list` shows them",
            found.dead_letters
        );
        return CheckResult::warning("broker", detail);
    }
    if !found.missing.is_empty() {
        let detail = format!(
            "{broker} has no broker queue {}: `run` declares it",
            found.missing.join(", ")
        );
        return CheckResult::warning("broker", detail);
    }
    CheckResult::ok("broker", broker.to_string())
}

/// Checks what a start needs beside the store: jobs, settings, and a provider of each resource.
fn check_providers(builder: &RuntimeBuilder) -> CheckResult {
    match builder.check() {
        Ok(()) => CheckResult::ok(
            "start",
            "every resource has a provider; `doctor --build-resources` builds them",
        ),
        Err(error) => CheckResult::problem("start", crate::error::chain(&error).to_string()),
    }
}

/// Starts a worker over an empty store in memory, to build the resources.
async fn check_start(builder: RuntimeBuilder) -> CheckResult {
    let opened = crate::store::open(&DatabaseUrl::SqliteMemory).await;
    let started = match opened {
        Ok(store) => builder.store(store).start().await,
        Err(error) => Err(error.into()),
    };
    match started {
        Ok(runtime) => {
            runtime.shutdown_now().await;
            CheckResult::ok("start", "a worker starts and builds its resources")
        }
        Err(error) => CheckResult::problem("start", crate::error::chain(&error).to_string()),
    }
}
