//! Jobs with limits, deduplication and backlog bounds.

use std::time::{Duration, UNIX_EPOCH};

use jobs::{JobContext, JobError, job};

/// Waits until it is cancelled, one attempt at a time per tenant.
#[job(id = "test.in-turn", queue = "turns", max_concurrent = (1, per = "tenant"), timeout = "none", retries = 0)]
pub async fn in_turn(ctx: &JobContext, tenant: String) -> Result<(), JobError> {
    drop(tenant);
    ctx.cancelled().await;
    Err(JobError::cancel("the cancellation was observed"))
}

/// Syncs an account; one live execution per account.
#[job(id = "test.sync", unique = (by = ["account"]), retries = 0)]
pub async fn sync_account(account: u32) -> Result<u32, JobError> {
    Ok(account)
}

/// Mirrors a page; a newer enqueue replaces the payload of a waiting one.
#[job(id = "test.mirror", unique = (by = ["page"], on_conflict = "replace"), max_waiting = 2, retries = 0)]
pub async fn mirror(page: u32, text: String) -> Result<String, JobError> {
    let _ = page;
    Ok(text)
}

/// Sleeps; three attempts at a time.
#[job(id = "test.slot", max_concurrent = 3, retries = [1], max_attempts = 100)]
pub async fn slot(ctx: &JobContext, millis: u64) -> Result<(), JobError> {
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(())
}

/// Sleeps; two attempts at a time per key.
#[job(id = "test.keyed", max_concurrent = (2, per = "key"), retries = [1], max_attempts = 100)]
pub async fn keyed(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(())
}

/// Sleeps; eight starts a second.
#[job(id = "test.paced", rate_limit = "8/s", retries = [1], max_attempts = 100)]
pub async fn paced(ctx: &JobContext, millis: u64) -> Result<(), JobError> {
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(())
}

/// Sleeps; five starts a second per key, and four attempts at a time.
#[job(id = "test.paced-by-key", rate_limit = ("5/s", per = "key"), max_concurrent = 4, retries = [1], max_attempts = 100)]
pub async fn paced_by_key(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(())
}

/// Awaits a permit of the shared limit `test-api`, and returns when it got it, in milliseconds of
/// Unix time.
#[job(id = "test.limited-handler", retries = [1], max_attempts = 100)]
pub async fn limited_handler(ctx: &JobContext) -> Result<u64, JobError> {
    ctx.limit("test-api", 1).await?;
    let now = ctx.now().duration_since(UNIX_EPOCH);
    let millis = now.map_err(JobError::permanent)?.as_millis();
    u64::try_from(millis).map_err(JobError::permanent)
}

/// Sleeps; one live execution per key, which a second enqueue returns.
#[job(id = "test.unique", unique = (by = ["key"]), retries = [1], max_attempts = 100)]
pub async fn unique_by_key(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(())
}

/// Sleeps; one live execution per key, and a second enqueue is rejected.
#[job(id = "test.unique-reject", unique = (by = ["key"], on_conflict = "reject"), retries = [1], max_attempts = 100)]
pub async fn unique_or_reject(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(())
}

/// Sleeps; debounced per key, for one second at most.
#[job(id = "test.debounced", debounce = ("200ms", by = ["key"], at_most = "1s"), retries = [1], max_attempts = 100)]
pub async fn debounced(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(())
}

/// Sleeps; a backlog of eight at most, in a queue of its own.
#[job(id = "test.capped", max_waiting = 8, queue = "capped", retries = [1], max_attempts = 100)]
pub async fn capped(ctx: &JobContext, millis: u64) -> Result<(), JobError> {
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(())
}
