//! Limits: one attempt at a time for each tenant, and ten starts per second.
//!
//! ```text
//! cargo run -p examples --example limits
//! ```
//!
//! Limits are declared on the job and enforced across the whole fleet. The code that enqueues does
//! not see them. The command `explain ID` shows why an execution waits, and which executions have
//! the permits. `JOBS_DATABASE` sets the store; by default it is in memory.

#![expect(clippy::print_stdout, reason = "prints its observations")]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jobs::{JobContext, JobError, job};
use jobs_runtime::Runtime;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Renders a page. Each tenant renders one page at a time, so no tenant blocks another.
///
/// Returns the number of pages of this tenant that are rendering.
#[job(id = "render-page", max_concurrent = (1, per = "tenant"))]
pub async fn render_page(
    ctx: &JobContext,
    rendering: &RenderingPages,
    tenant: String,
    page: u32,
) -> Result<usize, JobError> {
    let at_once = rendering.add(&tenant, 1);
    tracing::info!(tenant, page, "rendering");
    let slept = ctx.sleep(Duration::from_millis(20)).await;
    rendering.add(&tenant, -1);
    slept?;
    Ok(at_once)
}

/// Calls a service that accepts ten calls per second. Returns the time in milliseconds.
#[job(id = "call-zoo", rate_limit = "10/s")]
pub async fn call_zoo(ctx: &JobContext) -> Result<u64, JobError> {
    let since_epoch = ctx.now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(u64::try_from(since_epoch.as_millis())?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = std::env::var("JOBS_DATABASE").unwrap_or_else(|_| "sqlite::memory:".to_owned());
    let runtime = Runtime::builder().database(database).start().await?;
    render_one_page_per_tenant(&runtime).await?;
    spread_calls(&runtime).await?;
    runtime.shutdown().await;
    Ok(())
}

async fn render_one_page_per_tenant(runtime: &Runtime) -> Result<()> {
    let pages =
        (0..9).map(|page| RenderPage::new(["acme", "umbrella", "initech"][page % 3], page as u32));
    let mut most = 0;
    for execution in runtime.client().enqueue_all(pages).await? {
        most = most.max(execution.result().await?);
    }
    println!("9 pages of 3 tenants: at most {most} at a time for a tenant");
    Ok(())
}

async fn spread_calls(runtime: &Runtime) -> Result<()> {
    let calls = std::iter::repeat_with(CallZoo::new).take(4);
    let mut times = Vec::new();
    for execution in runtime.client().enqueue_all(calls).await? {
        times.push(execution.result().await?);
    }
    times.sort_unstable();
    // The limit spreads four starts over 300 ms. A handler may begin a little after its start.
    let spread = times[3] - times[0] >= 200;
    println!("4 calls at 10 per second: over at least 200 ms: {spread}");
    Ok(())
}

/// The number of pages that are rendering, for each tenant.
pub struct RenderingPages(Mutex<BTreeMap<String, usize>>);

impl RenderingPages {
    /// Adds to the number of a tenant, and returns the sum.
    fn add(&self, tenant: &str, change: isize) -> usize {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = tenants.entry(tenant.to_owned()).or_default();
        *count = count.saturating_add_signed(change);
        *count
    }
}

#[jobs::resource]
fn rendering_pages() -> RenderingPages {
    RenderingPages(Mutex::default())
}
