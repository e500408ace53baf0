//! Jobs that are held back, put together or refused.

use std::time::{Duration, UNIX_EPOCH};

use jobs::{JobContext, JobError, job};

/// Waits until it is cancelled, one at a time for a tenant.
#[job(id = "test.in-turn", queue = "turns", max_concurrent = (1, per = "tenant"), timeout = "none", retries = 0)]
pub async fn in_turn(ctx: &JobContext, tenant: String) -> Result<(), JobError> {
    drop(tenant);
    ctx.cancelled().await;
    Err(JobError::cancel("asked to end"))
}

/// Syncs an account, once at a time.
#[job(id = "test.sync", unique = (by = ["account"]), retries = 0)]
pub async fn sync_account(account: u32) -> Result<u32, JobError> {
    Ok(account)
}

/// Mirrors a page as it is last.
#[job(id = "test.mirror", unique = (by = ["page"], on_conflict = "replace"), max_waiting = 2, retries = 0)]
pub async fn mirror(page: u32, text: String) -> Result<String, JobError> {
    let _ = page;
    Ok(text)
}

/// Takes its time, three at a time.
#[job(id = "test.slot", max_concurrent = 3, retries = [1], max_attempts = 100)]
pub async fn slot(ctx: &JobContext, millis: u64) -> Result<(), JobError> {
    ctx.sleep(Duration::from_millis(millis)).await;
    Ok(())
}

/// Takes its time, two at a time for each key.
#[job(id = "test.keyed", max_concurrent = (2, per = "key"), retries = [1], max_attempts = 100)]
pub async fn keyed(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await;
    Ok(())
}

/// Starts eight times a second at most.
#[job(id = "test.paced", rate_limit = "8/s", retries = [1], max_attempts = 100)]
pub async fn paced(ctx: &JobContext, millis: u64) -> Result<(), JobError> {
    ctx.sleep(Duration::from_millis(millis)).await;
    Ok(())
}

/// Starts five times a second at most for each key, and four run at a time.
#[job(id = "test.paced-by-key", rate_limit = ("5/s", per = "key"), max_concurrent = 4, retries = [1], max_attempts = 100)]
pub async fn paced_by_key(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await;
    Ok(())
}

/// Waits for its turn at what all of the fleet shares, and says when that was: milliseconds of Unix time.
#[job(id = "test.outside", retries = [1], max_attempts = 100)]
pub async fn outside(ctx: &JobContext) -> Result<u64, JobError> {
    ctx.limit("test-api", 1).await?;
    let now = ctx.now().duration_since(UNIX_EPOCH);
    let millis = now.map_err(JobError::permanent)?.as_millis();
    u64::try_from(millis).map_err(JobError::permanent)
}

/// One lives for each key; another is answered with it.
#[job(id = "test.alone", unique = (by = ["key"]), retries = [1], max_attempts = 100)]
pub async fn alone(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await;
    Ok(())
}

/// One lives for each key; another is refused.
#[job(id = "test.jealous", unique = (by = ["key"], on_conflict = "reject"), retries = [1], max_attempts = 100)]
pub async fn jealous(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await;
    Ok(())
}

/// Waits for others of its key, for a second at most.
#[job(id = "test.gathered", debounce = ("200ms", by = ["key"], at_most = "1s"), retries = [1], max_attempts = 100)]
pub async fn gathered(ctx: &JobContext, key: u32, millis: u64) -> Result<(), JobError> {
    let _ = key;
    ctx.sleep(Duration::from_millis(millis)).await;
    Ok(())
}

/// Eight of them wait at most; they have a queue of their own.
#[job(id = "test.capped", max_waiting = 8, queue = "capped", retries = [1], max_attempts = 100)]
pub async fn capped(ctx: &JobContext, millis: u64) -> Result<(), JobError> {
    ctx.sleep(Duration::from_millis(millis)).await;
    Ok(())
}
