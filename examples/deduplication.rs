//! Deduplication: one live execution for each key, and one execution for a burst of changes.
//!
//! ```text
//! cargo run -p examples --example deduplication
//! ```
//!
//! `JOBS_DATABASE` sets the store; by default it is in memory.

#![expect(clippy::print_stdout, reason = "prints its observations")]

use std::collections::BTreeSet;

use jobs::{JobError, job};
use jobs_runtime::Runtime;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Syncs an account. While a sync of the account waits or runs, an enqueue returns that execution.
#[job(id = "sync-account", unique = (by = ["account"]))]
pub async fn sync_account(account: u32) -> Result<u32, JobError> {
    Ok(account)
}

/// Indexes a document 200 ms after its last change, with the text of that change.
///
/// If the changes do not pause, it runs two seconds after the first one.
#[job(id = "index-doc", debounce = ("200ms", by = ["doc"], at_most = "2s"))]
pub async fn index_doc(doc: u32, text: String) -> Result<String, JobError> {
    tracing::info!(doc, "indexing");
    Ok(text)
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = std::env::var("JOBS_DATABASE").unwrap_or_else(|_| "sqlite::memory:".to_owned());
    let runtime = Runtime::builder().database(database).start().await?;
    sync_each_account_once(&runtime).await?;
    index_the_last_change(&runtime).await?;
    runtime.shutdown().await;
    Ok(())
}

async fn sync_each_account_once(runtime: &Runtime) -> Result<()> {
    let syncs = [7, 7, 8, 7].map(SyncAccount::new);
    let executions = runtime.client().enqueue_all(syncs).await?;
    let created = executions
        .iter()
        .filter(|execution| execution.triggered())
        .count();
    println!("4 syncs of 2 accounts: {created} executions");
    for execution in executions {
        execution.result().await?;
    }
    Ok(())
}

async fn index_the_last_change(runtime: &Runtime) -> Result<()> {
    let changes = ["a draft", "a review", "the end"].map(|text| IndexDoc::new(1_u32, text));
    let executions = runtime.client().enqueue_all(changes).await?;
    let ids: BTreeSet<_> = executions.iter().map(|execution| execution.id()).collect();
    let text = executions[0].result().await?;
    println!(
        "3 changes of a document: {} execution, indexed `{text}`",
        ids.len()
    );
    Ok(())
}
