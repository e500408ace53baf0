//! Jobs that are held back, put together or refused.

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
