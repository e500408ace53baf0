//! A paused queue: its executions stay queued until the queue is resumed; other queues go on.
//!
//! ```text
//! cargo run -p examples --example paused_queue
//! ```
//!
//! The program pauses the queue itself. An operator uses the commands `queues pause mail` and
//! `queues resume mail`. `JOBS_DATABASE` sets the store; by default it is in memory.

#![expect(clippy::print_stdout, reason = "prints its observations")]

use jobs::{JobError, job};
use jobs_runtime::Runtime;

/// Sends a letter.
#[job(id = "send-letter", queue = "mail")]
pub async fn send_letter(to: String) -> Result<String, JobError> {
    Ok(format!("dear {to}"))
}

/// Adds two numbers, in the default queue.
#[job(id = "add")]
pub async fn add(a: u32, b: u32) -> Result<u32, JobError> {
    Ok(a + b)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = std::env::var("JOBS_DATABASE").unwrap_or_else(|_| "sqlite::memory:".to_owned());
    let runtime = Runtime::builder().database(database).start().await?;
    let jobs = runtime.client();

    runtime.service().pause("mail").await?;
    let letter = jobs.enqueue(SendLetter::new("alice")).await?;
    let sum = jobs.enqueue(Add::new(1, 2)).await?.result().await?;
    println!("the default queue goes on: 1 + 2 = {sum}");

    let explanation = runtime.service().explain(letter.id()).await?;
    let status = explanation.ok_or("the letter exists")?.status;
    println!("the letter in the paused queue is {status}");

    runtime.service().resume("mail").await?;
    println!(
        "after the resume its result is `{}`",
        letter.result().await?
    );

    runtime.shutdown().await;
    Ok(())
}
