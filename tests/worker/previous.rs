//! A program before its upgrade.

use jobs::{JobContext, JobError, job};

/// In both, and the same in both.
#[job(id = "upgrade.kept", retries = 0)]
async fn kept(n: u32) -> Result<String, JobError> {
    let _ = n;
    Ok("previous".to_owned())
}

/// Gone with the next program.
#[job(id = "upgrade.removed", retries = 0)]
async fn removed(n: u32) -> Result<String, JobError> {
    let _ = n;
    Ok("previous".to_owned())
}

/// The next program wants more of it.
#[job(id = "upgrade.changed", retries = 0)]
async fn changed(a: u32) -> Result<String, JobError> {
    Ok(format!("previous {a}"))
}

/// Takes its time, so that the upgrade comes in between.
#[job(id = "upgrade.slow", timeout = "1m", retries = ["1s"])]
async fn slow(ctx: &JobContext, millis: u64) -> Result<String, JobError> {
    ctx.sleep(std::time::Duration::from_millis(millis)).await;
    Ok("previous".to_owned())
}

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
