//! Jobs that behave in every way a handler can.

use std::time::Duration;

use jobs::{JobContext, JobError, job};
use sqlx::{ConnectOptions, Connection};
use tracing::Instrument;

use crate::process::wait_for;

/// Adds two numbers.
#[job(id = "test.add", retries = 0)]
pub async fn add(a: i64, b: i64) -> Result<i64, JobError> {
    a.checked_add(b)
        .ok_or_else(|| JobError::permanent("the sum does not fit"))
}

/// Adds two numbers on the blocking pool.
#[job(id = "test.add-blocking", retries = 0)]
pub fn add_blocking(a: i64, b: i64) -> Result<i64, JobError> {
    Ok(a + b)
}

/// Panics.
#[job(id = "test.panic", retries = ["50ms"], max_attempts = 2)]
pub async fn panics(message: String) -> Result<(), JobError> {
    panic!("{message}")
}

/// Fails until its `successful` attempt.
#[job(id = "test.flaky", retries = ["50ms", "100ms", "200ms"])]
pub async fn flaky(ctx: &JobContext, successful: u32) -> Result<u32, JobError> {
    if ctx.attempt() < successful {
        return Err(format!("attempt {} fails", ctx.attempt()).into());
    }
    Ok(ctx.attempt())
}

/// Takes longer than it may.
#[job(id = "test.slow", timeout = "100ms", retries = 0)]
pub async fn slow(ctx: &JobContext) -> Result<(), JobError> {
    ctx.cancelled().await;
    Err(JobError::cancel("asked to end"))
}

/// Takes longer than it may, on a blocking thread, and does not listen: until the gate is there.
#[job(id = "test.slow-blocking", timeout = "100ms", retries = 0)]
pub fn slow_blocking(gate: std::path::PathBuf) -> Result<(), JobError> {
    stand_before(&gate);
    Ok(())
}

/// Blocks the thread of the runtime that it runs on, until the gate is there: what no handler should
/// do.
#[job(id = "test.blocks", timeout = "100ms", retries = 0)]
pub async fn blocks(gate: std::path::PathBuf) -> Result<(), JobError> {
    stand_before(&gate);
    Ok(())
}

/// Blocks its thread until the gate is there, or nobody who could open it.
fn stand_before(gate: &std::path::Path) {
    let place = gate.parent().expect("a gate has a place");
    wait_for("the gate", || gate.exists() || !place.exists());
}

/// Blocks its thread until the gate is there, then waits for a child that never ends; leaves a
/// file beside the gate when nothing of it is left.
#[job(id = "test.lends-too-late", timeout = "100ms", retries = 0)]
pub async fn lends_too_late(ctx: &JobContext, gate: std::path::PathBuf) -> Result<(), JobError> {
    let _open = Open {
        file: gate.with_extension("left"),
        name: "it".to_owned(),
    };
    let child = ctx.enqueue(ConvertExternally::new("nobody")).await?;
    let wait = child.result();
    stand_before(&gate);
    wait.await?;
    Ok(())
}

/// Writes a line as soon as it begins, and is given little time for it.
#[job(id = "test.brief", timeout = "100ms", retries = 0)]
pub async fn brief(file: std::path::PathBuf) -> Result<(), JobError> {
    std::fs::write(file, "begun")?;
    Ok(())
}

/// Waits until it is cancelled, reporting that it has begun.
#[job(id = "test.wait", timeout = "none", retries = 0)]
pub async fn wait(ctx: &JobContext) -> Result<(), JobError> {
    ctx.progress(50, "waiting");
    ctx.cancelled().await;
    ctx.check()
}

/// Runs for so many milliseconds, and leaves a line in a file for every attempt that begins.
#[job(id = "test.record", timeout = "1m", retries = ["50ms"], max_attempts = 20)]
pub async fn record(
    ctx: &JobContext,
    file: std::path::PathBuf,
    millis: u64,
) -> Result<u32, JobError> {
    append(&file, &format!("{} {}", ctx.execution_id(), ctx.attempt()))?;
    ctx.sleep(Duration::from_millis(millis)).await;
    Ok(ctx.attempt())
}

/// Sleeps for so many milliseconds, or until it is asked to end.
#[job(id = "test.nap", timeout = "1m", retries = 0)]
pub async fn nap(ctx: &JobContext, millis: u64) -> Result<(), JobError> {
    ctx.sleep(Duration::from_millis(millis)).await;
    ctx.check()
}

/// Takes so many steps of 10 ms on a thread that it never lets go, deaf to every request to end, and
/// leaves a line with its process for each.
#[job(id = "test.deaf", timeout = "1m", retries = ["50ms"], max_attempts = 20)]
pub async fn deaf(ctx: &JobContext, file: std::path::PathBuf, steps: u64) -> Result<u32, JobError> {
    for step in 1..=steps {
        let (id, attempt) = (ctx.execution_id(), ctx.attempt());
        append(
            &file,
            &format!("{id} {attempt} {step} {}", std::process::id()),
        )?;
        ctx.progress_of(step, steps, "steps");
        tracing::info!(step, "a step");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(ctx.attempt())
}

/// Runs for so many milliseconds, and leaves a line in a file when an attempt begins and another
/// when nothing of it is left.
#[job(id = "test.interval", timeout = "1m", retries = ["50ms"], max_attempts = 20)]
pub async fn interval(
    ctx: &JobContext,
    file: std::path::PathBuf,
    millis: u64,
) -> Result<u32, JobError> {
    let name = format!("{} {}", ctx.execution_id(), ctx.attempt());
    append(&file, &format!("begin {name}"))?;
    let _open = Open { file, name };
    ctx.sleep(Duration::from_millis(millis)).await;
    ctx.check()?;
    Ok(ctx.attempt())
}

struct Open {
    file: std::path::PathBuf,
    name: String,
}

impl Drop for Open {
    fn drop(&mut self) {
        append(&self.file, &format!("end {}", self.name)).expect("the file can be written");
    }
}

/// Writes into the table `withdrawals` of the store's own file and succeeds, in one transaction;
/// then goes on as it was told.
#[job(id = "test.withdraw", timeout = "5m", retries = ["20ms"], max_attempts = 3)]
pub async fn withdraw(
    ctx: &JobContext,
    file: std::path::PathBuf,
    then: String,
) -> Result<u32, JobError> {
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&file)
        .connect()
        .await?;
    if then == "wait" {
        // Begun, and until the lease is somebody else's.
        append(&file.with_extension("waiting"), "waiting")?;
        while !file.with_extension("go").exists() {
            ctx.sleep(Duration::from_millis(5)).await;
            ctx.check()?;
        }
    }
    let attempt = ctx.attempt();
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("INSERT INTO withdrawals (attempt) VALUES (?)")
        .bind(attempt)
        .execute(&mut *tx)
        .await?;
    ctx.succeed_in(&mut tx, &attempt).await?;
    match (then.as_str(), attempt) {
        ("roll back", 1) => {
            tx.rollback().await?;
            return Ok(attempt);
        }
        ("stop", 1) => {
            append(&file.with_extension("open"), "open")?;
            std::future::pending::<()>().await;
        }
        _ => tx.commit().await?,
    }
    match then.as_str() {
        "fail" => Err("after the commit".into()),
        "panic" => panic!("after the commit"),
        "hang" => {
            append(&file.with_extension("committed"), "committed")?;
            std::future::pending().await
        }
        _ => Ok(attempt),
    }
}

/// Blocks a thread of the executors for so many milliseconds.
#[job(id = "test.block-executor", timeout = "1m", retries = 0)]
pub async fn block_executor(millis: u64) -> Result<(), JobError> {
    std::thread::sleep(Duration::from_millis(millis));
    Ok(())
}

/// Lines are appended whole: several processes write to one file.
fn append(file: &std::path::Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?;
    std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes())
}

/// Ends its first attempt as it is told to, and succeeds in the next.
#[job(id = "test.ends", retries = ["1h"])]
pub async fn ends(ctx: &JobContext, how: String) -> Result<u32, JobError> {
    let soon = Duration::from_millis(20);
    if ctx.attempt() > 1 {
        return Ok(ctx.attempt());
    }
    Err(match how.as_str() {
        "permanent" => JobError::permanent("never"),
        "retry-in" => JobError::retry_in(soon, "soon"),
        "rate-limited" => JobError::rate_limited(soon),
        "cancel" => JobError::cancel("not wanted"),
        other => return Err(other.into()),
    })
}

/// Returns more than a store keeps.
#[job(id = "test.oversized", retries = ["1h"])]
pub async fn oversized() -> Result<String, JobError> {
    Ok("x".repeat(2 * 1024 * 1024))
}

/// Finishes although it was cancelled.
#[job(id = "test.finishes", timeout = "none", retries = 0)]
pub async fn finishes(ctx: &JobContext) -> Result<String, JobError> {
    ctx.cancelled().await;
    Ok("finished all the same".to_owned())
}

/// Leaves a file when it has begun, and finishes when it is cancelled.
#[job(id = "test.finishes-visibly", timeout = "none", retries = 0)]
pub async fn finishes_visibly(ctx: &JobContext, begun: std::path::PathBuf) -> Result<(), JobError> {
    std::fs::write(begun, "begun")?;
    ctx.cancelled().await;
    Ok(())
}

/// Asks for a later time twice, at no cost.
#[job(id = "test.snooze", retries = 0)]
pub async fn snoozes(ctx: &JobContext) -> Result<u32, JobError> {
    match ctx.attempt() {
        attempt @ ..3 => {
            let _ = attempt;
            Err(JobError::snooze(Duration::from_millis(20)))
        }
        attempt => Ok(attempt),
    }
}

/// Enqueues a child and awaits its result.
#[job(id = "test.parent", retries = 0)]
pub async fn parent(ctx: &JobContext, a: i64) -> Result<i64, JobError> {
    let child = ctx.enqueue(Add::new(a, 1)).await?;
    Ok(child.result().await?)
}

/// Awaits one like itself, so many deep.
#[job(id = "test.chain", retries = 0)]
pub async fn chain(ctx: &JobContext, depth: u32) -> Result<u32, JobError> {
    match depth {
        0 => Ok(0),
        _ => {
            let next = ctx.enqueue(Chain::new(depth - 1)).await?;
            Ok(next.result().await? + 1)
        }
    }
}

/// Awaits what nobody executes, until it is cancelled.
#[job(id = "test.awaits-nobody", timeout = "none", retries = 0)]
pub async fn awaits_nobody(ctx: &JobContext) -> Result<(), JobError> {
    let child = ctx.enqueue(ConvertExternally::new("nobody")).await?;
    tokio::select! {
        result = child.result() => drop(result?),
        () = ctx.cancelled() => {}
    }
    ctx.check()
}

/// Returns what it is given.
#[job(id = "test.echo", retries = 0)]
pub async fn echo(text: String) -> Result<String, JobError> {
    Ok(text)
}

/// Was called `test.old-name` once.
#[job(id = "test.new-name", aliases = ["test.old-name"], retries = 0)]
pub async fn renamed(ctx: &JobContext) -> Result<String, JobError> {
    Ok(ctx.job_id().to_owned())
}

/// A declaration that other programs implement.
#[job(id = "test.external", retries = 0)]
pub async fn convert_externally(file_id: String) -> Result<String, JobError>;

/// Logs at every level, from a task of its own as well, and fails its first attempt.
#[job(id = "test.log", retries = ["50ms"], timeout = "1m")]
pub async fn logs(ctx: &JobContext, name: String) -> Result<(), JobError> {
    tracing::debug!("not stored");
    tracing::info!(attempt = ctx.attempt(), name, "hello {name}");
    let inside = async { tracing::info!("from a task") }.in_current_span();
    tokio::spawn(inside).await?;
    if ctx.attempt() == 1 {
        tracing::warn!("this will not go well");
        return Err("it did not go well".into());
    }
    Ok(())
}

/// Logs so many lines on the blocking pool.
#[job(id = "test.log-much", retries = 0)]
pub fn logs_much(lines: u32) -> Result<(), JobError> {
    (0..lines).for_each(|n| tracing::info!(n, "line"));
    Ok(())
}

/// Logs, then waits until it is cancelled.
#[job(id = "test.log-and-wait", timeout = "none", retries = 0)]
pub async fn logs_and_waits(ctx: &JobContext) -> Result<(), JobError> {
    tracing::info!("waiting");
    ctx.cancelled().await;
    tracing::info!("asked to end");
    ctx.check()
}
