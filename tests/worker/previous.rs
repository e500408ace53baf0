//! The previous version of a program, for tests of rolling upgrades.

use jobs::{JobContext, JobError, job};

/// A job that both versions have.
#[job(id = "upgrade.kept", retries = 0)]
async fn kept(n: u32) -> Result<String, JobError> {
    let _ = n;
    Ok("previous".to_owned())
}

/// A job that only this version has.
#[job(id = "upgrade.removed", retries = 0)]
async fn removed(n: u32) -> Result<String, JobError> {
    let _ = n;
    Ok("previous".to_owned())
}

/// A job to which the next version adds an argument.
#[job(id = "upgrade.changed", retries = 0)]
async fn changed(a: u32) -> Result<String, JobError> {
    Ok(format!("previous {a}"))
}

/// A job whose argument has another name in the next version.
#[job(id = "upgrade.renamed", retries = 0)]
async fn renamed(subject: String) -> Result<String, JobError> {
    Ok(format!("previous {subject}"))
}

/// A job that rejects unknown fields. The next version adds an optional argument.
#[job(id = "upgrade.strict", retries = 0, deny_unknown)]
async fn strict(a: u32) -> Result<String, JobError> {
    Ok(format!("previous {a}"))
}

/// A job whose argument has another name in the next version, which converts the older payloads.
#[job(id = "upgrade.converted", retries = 0)]
async fn converted(subject: String) -> Result<String, JobError> {
    Ok(format!("previous {subject}"))
}

/// Sleeps, so that the upgrade happens during an attempt.
#[job(id = "upgrade.slow", timeout = "1m", retries = ["1s"])]
async fn slow(ctx: &JobContext, millis: u64) -> Result<String, JobError> {
    ctx.sleep(std::time::Duration::from_millis(millis)).await?;
    Ok("previous".to_owned())
}

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
