//! Jobs for the tests: handlers that succeed, fail, block, hang, log and await in every way.

use std::time::Duration;

use jobs::{JobContext, JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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

/// Runs until its timeout requests cancellation.
#[job(id = "test.slow", timeout = "100ms", retries = 0)]
pub async fn slow(ctx: &JobContext) -> Result<(), JobError> {
    ctx.cancelled().await;
    Err(JobError::cancel("the cancellation was observed"))
}

/// Exceeds its timeout on a blocking thread and ignores the cancellation. Returns when the gate
/// file exists.
#[job(id = "test.slow-blocking", timeout = "100ms", retries = 0)]
pub fn slow_blocking(gate: std::path::PathBuf) -> Result<(), JobError> {
    wait_for_gate(&gate);
    Ok(())
}

/// Blocks a thread of the asynchronous runtime until the gate file exists. No real handler should.
#[job(id = "test.blocks", timeout = "100ms", retries = 0)]
pub async fn blocks(gate: std::path::PathBuf) -> Result<(), JobError> {
    wait_for_gate(&gate);
    Ok(())
}

/// Blocks the thread until the gate file exists, or until the test has removed its directory.
fn wait_for_gate(gate: &std::path::Path) {
    let directory = gate.parent().expect("a gate is in a directory");
    wait_for("the gate", || gate.exists() || !directory.exists());
}

/// Blocks its thread until the gate file exists, then awaits a child that never ends. Writes a file
/// beside the gate when its future is dropped.
#[job(id = "test.lends-too-late", timeout = "100ms", retries = 0)]
pub async fn lends_too_late(ctx: &JobContext, gate: std::path::PathBuf) -> Result<(), JobError> {
    let _end = EndLine {
        file: gate.with_extension("left"),
        name: "the handler".to_owned(),
    };
    let child = ctx.enqueue(ConvertExternally::new("a file")).await?;
    let wait = child.result();
    wait_for_gate(&gate);
    wait.await?;
    Ok(())
}

/// Writes a file at once, and has a timeout of 100 ms.
#[job(id = "test.brief", timeout = "100ms", retries = 0)]
pub async fn brief(file: std::path::PathBuf) -> Result<(), JobError> {
    std::fs::write(file, "begun")?;
    Ok(())
}

/// Reports progress, then waits until it is cancelled.
#[job(id = "test.wait", timeout = "none", retries = 0)]
pub async fn wait(ctx: &JobContext) -> Result<(), JobError> {
    ctx.progress(50, "waiting");
    ctx.cancelled().await;
    ctx.check()
}

/// Waits until it is cancelled. A retry comes after an hour.
#[job(id = "test.patient", timeout = "none", retries = ["1h"])]
pub async fn patient(ctx: &JobContext) -> Result<(), JobError> {
    ctx.cancelled().await;
    ctx.check()
}

/// Appends a line to a file when an attempt begins, then sleeps for `millis`.
#[job(id = "test.record", timeout = "1m", retries = ["50ms"], max_attempts = 20)]
pub async fn record(
    ctx: &JobContext,
    file: std::path::PathBuf,
    millis: u64,
) -> Result<u32, JobError> {
    append(&file, &format!("{} {}", ctx.execution_id(), ctx.attempt()))?;
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(ctx.attempt())
}

/// Sleeps for `millis`, or until it is cancelled.
#[job(id = "test.nap", timeout = "1m", retries = 0)]
pub async fn nap(ctx: &JobContext, millis: u64) -> Result<(), JobError> {
    ctx.sleep(Duration::from_millis(millis)).await
}

/// Takes a number of steps of 10 ms, blocks its thread and ignores cancellation. Each step appends
/// a line with its process id to a file.
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

/// Sleeps for `millis`. Appends a line to a file when an attempt begins, and another one when its
/// handler has returned or was dropped.
#[job(id = "test.interval", timeout = "1m", retries = ["50ms"], max_attempts = 20)]
pub async fn interval(
    ctx: &JobContext,
    file: std::path::PathBuf,
    millis: u64,
) -> Result<u32, JobError> {
    let name = format!("{} {}", ctx.execution_id(), ctx.attempt());
    append(&file, &format!("begin {name}"))?;
    let _end = EndLine { file, name };
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(ctx.attempt())
}

/// Appends a line to a file when it is dropped.
struct EndLine {
    file: std::path::PathBuf,
    name: String,
}

impl Drop for EndLine {
    fn drop(&mut self) {
        append(&self.file, &format!("end {}", self.name)).expect("the file can be written");
    }
}

/// Writes into the table `withdrawals` of the store's file and succeeds, in one transaction. `then`
/// decides how it continues.
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
        // Until the test has another worker take the lease over.
        append(&file.with_extension("waiting"), "waiting")?;
        while !file.with_extension("go").exists() {
            ctx.sleep(Duration::from_millis(5)).await?;
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

/// Blocks a thread of the executors for `millis`.
#[job(id = "test.block-executor", timeout = "1m", retries = 0)]
pub async fn block_executor(millis: u64) -> Result<(), JobError> {
    std::thread::sleep(Duration::from_millis(millis));
    Ok(())
}

/// Appends a line by one write, because several processes write to one file.
fn append(file: &std::path::Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?;
    std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes())
}

/// Ends its first attempt in the given way, and succeeds in the next.
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

/// Returns a result of 2 MiB, which is more than a store keeps.
#[job(id = "test.oversized", retries = ["1h"])]
pub async fn oversized() -> Result<String, JobError> {
    Ok("x".repeat(2 * 1024 * 1024))
}

/// Succeeds although it was cancelled.
#[job(id = "test.finishes", timeout = "none", retries = 0)]
pub async fn finishes(ctx: &JobContext) -> Result<String, JobError> {
    ctx.cancelled().await;
    Ok("finished all the same".to_owned())
}

/// Writes a file when it begins, and succeeds when it is cancelled.
#[job(id = "test.finishes-visibly", timeout = "none", retries = 0)]
pub async fn finishes_visibly(ctx: &JobContext, begun: std::path::PathBuf) -> Result<(), JobError> {
    std::fs::write(begun, "begun")?;
    ctx.cancelled().await;
    Ok(())
}

/// Snoozes twice, then succeeds.
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

/// Awaits a child of the same job, `depth` levels deep.
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

/// Awaits a child that no worker executes, until it is cancelled.
#[job(id = "test.awaits-external", timeout = "none", retries = 0)]
pub async fn awaits_external(ctx: &JobContext) -> Result<(), JobError> {
    let child = ctx.enqueue(ConvertExternally::new("a file")).await?;
    tokio::select! {
        result = child.result() => drop(result?),
        () = ctx.cancelled() => {}
    }
    ctx.check()
}

/// Returns its argument.
#[job(id = "test.echo", retries = 0)]
pub async fn echo(text: String) -> Result<String, JobError> {
    Ok(text)
}

/// A renamed job: its former id is `test.old-name`.
#[job(id = "test.new-name", aliases = ["test.old-name"], retries = 0)]
pub async fn renamed(ctx: &JobContext) -> Result<String, JobError> {
    Ok(ctx.job_id().to_owned())
}

/// An external job.
#[job(id = "test.external", retries = 0)]
pub async fn convert_externally(file_id: String) -> Result<String, JobError>;

/// A payload and a result with every kind of schema, for the generated clients.
#[job(id = "test.shapes", retries = 0, rename_all = "camelCase")]
#[allow(clippy::too_many_arguments, reason = "a field of each kind")]
pub async fn shapes(
    /// The figures.
    figures: Vec<Figure>,
    corner: (f64, f64),
    color: Color,
    sizes: std::collections::BTreeMap<String, u32>,
    note: Option<String>,
    #[default(1)] copies: u8,
    tree: Option<Box<Tree>>,
    anything: serde_json::Value,
) -> Result<Drawing, JobError> {
    drop((corner, color, sizes, note, tree, anything));
    Ok(Drawing {
        first: figures.into_iter().next(),
        copies: copies.into(),
        outcome: Outcome::Drawn { lines: 3 },
    })
}

/// A figure, tagged inside.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Figure {
    /// Round.
    Circle {
        /// In millimetres.
        radius: f64,
    },
    /// With four corners.
    Rectangle {
        /// From left to right.
        width: f64,
        /// From top to bottom.
        height: f64,
    },
    /// Nothing.
    Empty,
}

/// A color: one of some words.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// A word with a hyphen.
    DarkRed,
    /// A plain word.
    Blue,
}

/// A type that contains itself.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Tree {
    /// A key that is a word of Python.
    #[serde(rename = "from")]
    pub origin: String,
    /// The branches.
    #[serde(default)]
    pub children: Vec<Tree>,
}

/// The result of `test.shapes`.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Drawing {
    /// The first figure.
    pub first: Option<Figure>,
    /// The copies of the payload.
    pub copies: u32,
    /// The end of the drawing.
    pub outcome: Outcome,
}

/// An outcome, tagged outside.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// With fields.
    Drawn {
        /// The number of lines.
        lines: u32,
    },
    /// With one value.
    Rejected(String),
    /// Without a value.
    Skipped,
}

/// The job of the conformance kit in `clients/kit`: external workers do what `mode` says.
#[job(id = "kit.work", timeout = "2m", retries = ["50ms"], max_attempts = 5)]
pub async fn kit_work(mode: String, #[default(0)] number: i64) -> Result<KitDone, JobError>;

/// The job of the conformance kit that checks timeouts.
#[job(id = "kit.brief", timeout = "3s", retries = 0)]
pub async fn kit_brief(#[default(0)] number: i64) -> Result<KitDone, JobError>;

/// The result of the kit's jobs.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct KitDone {
    /// The number of the payload, doubled.
    pub doubled: i64,
    /// The attempt that succeeded.
    pub attempt: u32,
}

/// Logs at several levels, also from a spawned task, and fails its first attempt.
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

/// Works in a span of its own, fails its first attempt, and awaits a child in its second.
#[job(id = "test.traced", retries = ["50ms"])]
pub async fn traced(ctx: &JobContext) -> Result<i64, JobError> {
    let work = async { tracing::info!("at work") };
    work.instrument(tracing::info_span!("inner-work", step = 1))
        .await;
    if ctx.attempt() == 1 {
        return Err("the first attempt fails".into());
    }
    let child = ctx.enqueue(Add::new(1, 1)).await?;
    Ok(child.result().await?)
}

/// Logs a number of lines on the blocking pool.
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

/// Text that a terminal would obey.
///
/// A long description:\u{1b}[2J
/// forged
#[job(id = "test.hostile", label = "A \u{1b}[2J\nforged label", retries = ["50ms"])]
pub async fn hostile(
    ctx: &JobContext,
    /// A \u{1b}[2J field.
    #[default("\u{1b}[2J\nforged")]
    text: String,
) -> Result<(), JobError> {
    ctx.progress(50, &*text);
    tracing::info!(text, "{text}");
    tracing::info_span!("inner", text).in_scope(|| tracing::warn!("{text:?}"));
    if ctx.attempt() == 1 {
        panic!("{text}");
    }
    Err(JobError::permanent(text))
}

/// Takes a value that viewers do not see.
#[job(id = "test.secret", retries = 0)]
pub async fn takes_secret(#[sensitive] token: String) -> Result<(), JobError> {
    drop(token);
    Ok(())
}

/// A card that viewers do not see. Its number has no `!`.
#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Card {
    #[serde(deserialize_with = "card_number")]
    number: String,
    codes: Vec<String>,
}

fn card_number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let number = String::deserialize(from)?;
    if number.contains('!') {
        let message = format!("`{number}` is the number of no card: {number:?}");
        return Err(serde::de::Error::custom(message));
    }
    Ok(number)
}

/// Quotes its sensitive fields wherever a handler can.
#[job(id = "test.leaks", retries = ["50ms"])]
pub async fn leaks(
    ctx: &JobContext,
    #[sensitive]
    #[serde(alias = "pass")]
    token: String,
    #[sensitive] card: Card,
    how: String,
) -> Result<Vec<String>, JobError> {
    tracing::info!(token, "used {token}");
    ctx.progress(50, format!("halfway with {}", card.number));
    match how.as_str() {
        "fail" => Err(format!("the token {token} is refused for {card:?}").into()),
        "permanent" => Err(JobError::permanent(format!("{} is blocked", card.number))),
        "wait" => {
            ctx.cancelled().await;
            Err(JobError::cancel(format!("{token} waited")))
        }
        _ => Ok(vec![token, card.number]),
    }
}

/// A resource that is built as the variable `TEST_RESOURCE` says. A file `building` shows that its
/// function runs.
#[derive(Debug)]
pub struct Gate;

/// Builds the gate.
#[jobs::resource]
pub async fn gate() -> Result<Gate, std::io::Error> {
    let Ok(how) = std::env::var("TEST_RESOURCE") else {
        return Ok(Gate);
    };
    std::fs::write("building", &*how)?;
    match how.as_str() {
        "hang" => std::future::pending().await,
        "block" => loop {
            std::thread::park();
        },
        "panic" => panic!("the gate is missing"),
        _ => Err(std::io::Error::other("the gate is locked")),
    }
}

/// Needs the gate.
#[job(id = "test.gated", retries = 0)]
pub async fn gated(_gate: &Gate) -> Result<(), JobError> {
    Ok(())
}

/// Writes a file when it begins, and ends when another one exists.
#[job(id = "test.until", timeout = "5m", retries = 0)]
pub async fn until(
    ctx: &JobContext,
    begun: std::path::PathBuf,
    gate: std::path::PathBuf,
) -> Result<(), JobError> {
    std::fs::write(begun, "begun")?;
    while !gate.exists() {
        ctx.sleep(Duration::from_millis(5)).await?;
    }
    Ok(())
}
