//! Limits: what holds executions back in the whole fleet, puts them together, or lets none go.
//!
//! ```text
//! cargo run -p examples --example limits
//! ```
//!
//! The limits are those of the jobs, and whoever enqueues does not see them. `explain ID` tells why
//! an execution waits, and who has the permits that it waits for.

#![expect(clippy::print_stdout, reason = "says what it sees")]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jobs::{JobContext, JobError, job};
use jobs_runtime::Runtime;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Renders a page: one at a time for each tenant, so that none keeps the others waiting.
#[job(id = "render-page", max_concurrent = (1, per = "tenant"))]
pub async fn render_page(
    ctx: &JobContext,
    desk: &Desk,
    tenant: String,
    page: u32,
) -> Result<usize, JobError> {
    let at_once = desk.change(&tenant, 1);
    tracing::info!(tenant, page, "rendering");
    ctx.sleep(Duration::from_millis(20)).await;
    desk.change(&tenant, -1);
    Ok(at_once)
}

/// Calls a service that takes ten calls a second, and tells when it did.
#[job(id = "call-zoo", rate_limit = "10/s")]
pub async fn call_zoo(ctx: &JobContext) -> Result<u64, JobError> {
    let since = ctx.now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}

/// Syncs an account: who asks while that waits or runs is answered with the same execution.
#[job(id = "sync-account", unique = (by = ["account"]))]
pub async fn sync_account(account: u32) -> Result<u32, JobError> {
    Ok(account)
}

/// Indexes a document once nobody has changed it for a while, as it is by then.
#[job(id = "index-doc", debounce = ("200ms", by = ["doc"], at_most = "2s"))]
pub async fn index_doc(doc: u32, text: String) -> Result<String, JobError> {
    tracing::info!(doc, "indexing");
    Ok(text)
}

/// Sends a letter.
#[job(id = "send-letter", queue = "mail")]
pub async fn send_letter(to: String) -> Result<String, JobError> {
    Ok(format!("dear {to}"))
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = std::env::var("JOBS_DATABASE").unwrap_or_else(|_| "sqlite::memory:".to_owned());
    let runtime = Runtime::builder().database(database).start().await?;
    tenants_take_turns(&runtime).await?;
    calls_are_spread(&runtime).await?;
    one_sync_for_all_who_ask(&runtime).await?;
    the_last_change_is_indexed(&runtime).await?;
    nothing_leaves_a_paused_queue(&runtime).await?;
    runtime.shutdown().await;
    Ok(())
}

async fn tenants_take_turns(runtime: &Runtime) -> Result<()> {
    let pages =
        (0..9).map(|page| RenderPage::new(["acme", "umbrella", "initech"][page % 3], page as u32));
    let mut most = 0;
    for execution in runtime.client().enqueue_all(pages).await? {
        most = most.max(execution.result().await?);
    }
    println!("9 pages of 3 tenants: at most {most} at a time for a tenant");
    Ok(())
}

async fn calls_are_spread(runtime: &Runtime) -> Result<()> {
    let calls = std::iter::repeat_with(CallZoo::new).take(4);
    let mut times = Vec::new();
    for execution in runtime.client().enqueue_all(calls).await? {
        times.push(execution.result().await?);
    }
    times.sort_unstable();
    // Four starts are three tenths of a second apart; a handler may begin a little after its start.
    let spread = times[3] - times[0] >= 200;
    println!("4 calls of 10 a second: spread out {spread}");
    Ok(())
}

async fn one_sync_for_all_who_ask(runtime: &Runtime) -> Result<()> {
    let asked = [7, 7, 8, 7].map(SyncAccount::new);
    let executions = runtime.client().enqueue_all(asked).await?;
    let created = executions.iter().filter(|one| one.triggered()).count();
    println!("4 asked for a sync of 2 accounts: {created} executions");
    for execution in executions {
        execution.result().await?;
    }
    Ok(())
}

async fn the_last_change_is_indexed(runtime: &Runtime) -> Result<()> {
    let changes = ["a draft", "a review", "the end"].map(|text| IndexDoc::new(1_u32, text));
    let executions = runtime.client().enqueue_all(changes).await?;
    let first = executions[0].id();
    let together = executions.iter().all(|execution| execution.id() == first);
    let text = executions[0].result().await?;
    println!("3 changes of a document: together {together}, indexed `{text}`");
    Ok(())
}

async fn nothing_leaves_a_paused_queue(runtime: &Runtime) -> Result<()> {
    runtime.service().pause("mail").await?;
    let letter = runtime.client().enqueue(SendLetter::new("alice")).await?;
    // Others go on.
    runtime
        .client()
        .enqueue(SyncAccount::new(9))
        .await?
        .result()
        .await?;
    let told = runtime
        .service()
        .explain(letter.id())
        .await?
        .ok_or("it is there")?;
    runtime.service().resume("mail").await?;
    let sent = letter.result().await?;
    println!(
        "a letter in a paused queue is {}; resumed: `{sent}`",
        told.status
    );
    Ok(())
}

/// Counts what is rendered at the moment.
pub struct Desk(Mutex<BTreeMap<String, usize>>);

impl Desk {
    fn change(&self, tenant: &str, by: isize) -> usize {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = tenants.entry(tenant.to_owned()).or_default();
        *count = count.saturating_add_signed(by);
        *count
    }
}

#[jobs::resource]
fn desk() -> Desk {
    Desk(Mutex::default())
}
