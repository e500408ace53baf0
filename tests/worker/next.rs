//! The same program after its upgrade: a job more, a job less, a job that wants more.

use jobs::{JobContext, JobError, job};

/// In both, and the same in both.
#[job(id = "upgrade.kept", retries = 0)]
async fn kept(n: u32) -> Result<String, JobError> {
    let _ = n;
    Ok("next".to_owned())
}

/// New.
#[job(id = "upgrade.added", retries = 0)]
async fn added(n: u32) -> Result<String, JobError> {
    let _ = n;
    Ok("next".to_owned())
}

/// With an argument that the previous program does not know.
#[job(id = "upgrade.changed", retries = 0)]
async fn changed(a: u32, b: u32) -> Result<String, JobError> {
    Ok(format!("next {}", a + b))
}

/// Takes its time, so that the upgrade comes in between.
#[job(id = "upgrade.slow", timeout = "1m", retries = ["1s"])]
async fn slow(ctx: &JobContext, millis: u64) -> Result<String, JobError> {
    ctx.sleep(std::time::Duration::from_millis(millis)).await;
    Ok("next".to_owned())
}

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
