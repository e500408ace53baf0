//! A program whose build turns on what changes JSON and panics for the whole dependency graph. With
//! the argument `paused`, it executes a job while the clock of its tokio runtime is paused.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use jobs::{JobContext, JobError, job};
use jobs_runtime::http::Caller;
use jobs_runtime::store::Role;
use serde_json::Value;
use tower::ServiceExt as _;

/// Returns what it was given.
#[job(id = "numbers.echo", unique = (by = ["float"], on_conflict = "skip"))]
pub async fn echo(
    float: f64,
    small: f32,
    largest: u128,
    least: i64,
    any: Value,
    floats: Vec<f64>,
) -> Result<Value, JobError> {
    Ok(serde_json::json!({
        "float": float,
        "small": small,
        "largest": largest.to_string(),
        "least": least,
        "any": any,
        "floats": floats,
    }))
}

/// Enqueues a child from code, as the typed client writes it, and returns the child's result.
#[job(id = "numbers.relay")]
pub async fn relay(ctx: &JobContext, float: f64) -> Result<Value, JobError> {
    let child = Echo::new(
        float,
        0.5,
        u128::MAX,
        i64::MIN,
        Value::from(1.5),
        vec![float],
    );
    Ok(ctx.enqueue(child).await?.result().await?)
}

/// Sleeps in the middle of an attempt.
#[job(id = "clock.nap", timeout = "10s", retries = 0)]
pub async fn nap(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(Duration::from_millis(300)).await
}

/// Timers of a paused runtime jump to their ends whenever nothing else runs.
async fn under_a_paused_clock() {
    let begun = Instant::now();
    let runtime = jobs_runtime::Runtime::builder().start().await.unwrap();
    let nap = runtime.client().enqueue(Nap::new()).await.unwrap();
    nap.result().await.unwrap();
    let record = runtime.store().execution(nap.id()).await.unwrap().unwrap();
    let attempt = &record.attempts[0];
    let slept = attempt.finished_at.unwrap().since(attempt.started_at);
    let mut request = Request::post("/api/v1/workers/jobs/clock.nap/trigger")
        .header("content-type", "application/json")
        .body(Body::from("{}"))
        .unwrap();
    let caller = Caller::new("the application", Role::Operator);
    request.extensions_mut().insert(caller);
    let answer = runtime.router().oneshot(request).await.unwrap();
    runtime.shutdown().await;
    println!(
        "attempts: {}, slept: {}, over HTTP: {}, in time: {}",
        record.attempts.len(),
        slept >= Duration::from_millis(290),
        answer.status(),
        begun.elapsed() < Duration::from_secs(20),
    );
}

fn main() -> std::process::ExitCode {
    if std::env::args().nth(1).as_deref() != Some("paused") {
        return jobs_runtime::main();
    }
    let mut tokio = tokio::runtime::Builder::new_current_thread();
    let tokio = tokio.enable_all().start_paused(true).build().unwrap();
    tokio.block_on(under_a_paused_clock());
    std::process::ExitCode::SUCCESS
}
