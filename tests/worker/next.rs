//! The next version of `previous`: one job is added, one is removed, and one has a new argument.

use jobs::{JobContext, JobError, job};
use serde_json::Value;

/// A job that both versions have.
#[job(id = "upgrade.kept", retries = 0)]
async fn kept(n: u32) -> Result<String, JobError> {
    let _ = n;
    Ok("next".to_owned())
}

/// A job that only this version has.
#[job(id = "upgrade.added", retries = 0)]
async fn added(n: u32) -> Result<String, JobError> {
    let _ = n;
    Ok("next".to_owned())
}

/// A job with an argument `b` that the previous version does not have.
#[job(id = "upgrade.changed", retries = 0)]
async fn changed(a: u32, b: u32) -> Result<String, JobError> {
    Ok(format!("next {}", a + b))
}

/// A job whose argument had another name in the previous version.
#[job(id = "upgrade.renamed", retries = 0)]
async fn renamed(user: String) -> Result<String, JobError> {
    Ok(format!("next {user}"))
}

/// A job that rejects unknown fields, with an optional argument that the previous version rejects.
#[job(id = "upgrade.strict", retries = 0, deny_unknown)]
async fn strict(a: u32, #[default(1)] b: u32) -> Result<String, JobError> {
    Ok(format!("next {}", a + b))
}

/// A job whose argument had another name in the previous version.
#[job(id = "upgrade.converted", retries = 0, upcast = from_subject)]
async fn converted(user: String) -> Result<String, JobError> {
    Ok(format!("next {user}"))
}

/// Renames the argument of the previous version.
fn from_subject(mut payload: Value) -> Value {
    if let Some(fields) = payload.as_object_mut()
        && let Some(subject) = fields.remove("subject")
    {
        fields.insert("user".to_owned(), subject);
    }
    payload
}

/// Sleeps, so that the upgrade happens during an attempt.
#[job(id = "upgrade.slow", timeout = "1m", retries = ["1s"])]
async fn slow(ctx: &JobContext, millis: u64) -> Result<String, JobError> {
    ctx.sleep(std::time::Duration::from_millis(millis)).await?;
    Ok("next".to_owned())
}

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
