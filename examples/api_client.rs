//! A client of an API with a rate limit: handlers wait for permits that the whole fleet shares, and
//! pass on the answer "too many requests".
//!
//! ```text
//! cargo run -p examples --example api_client
//! ```
//!
//! `ctx.limit` waits for a permit of the named rate. `JobError::rate_limited` ends the attempt
//! without spending the budget, and pauses the named rate for all callers.

#![expect(clippy::print_stdout, reason = "prints its observations")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jobs::{JobContext, JobError, job};
use jobs_runtime::Runtime;

/// Reads the names of some animals, each by a request of its own.
#[job(id = "zoo.read-animals", retries = 0)]
pub async fn read_animals(
    ctx: &JobContext,
    zoo: &Zoo,
    ids: Vec<u32>,
) -> Result<Vec<String>, JobError> {
    let mut names = Vec::new();
    for id in ids {
        ctx.limit("zoo-api", 1).await?;
        match zoo.name_of(id) {
            Answer::Found(name) => names.push(name),
            Answer::TooManyRequests(wait) => return Err(JobError::rate_limited(wait)),
        }
    }
    Ok(names)
}

/// Stands for the client of an API. It refuses its third request.
#[derive(Default)]
pub struct Zoo {
    requests: AtomicU32,
}

enum Answer {
    Found(String),
    TooManyRequests(Duration),
}

impl Zoo {
    fn name_of(&self, id: u32) -> Answer {
        if self.requests.fetch_add(1, Ordering::Relaxed) == 2 {
            return Answer::TooManyRequests(Duration::from_secs(1));
        }
        Answer::Found(format!("animal {id}"))
    }
}

#[jobs::resource]
fn zoo() -> Zoo {
    Zoo::default()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder()
        .database("sqlite::memory:")
        .limit("zoo-api", 100, Duration::from_secs(1))
        .start()
        .await?;
    let reading = runtime.client().enqueue(ReadAnimals::new(vec![1, 2, 3, 4]));
    let reading = reading.await?;
    let names = reading.result().await?;
    let record = runtime.store().execution(reading.id()).await?;
    let attempts = record.map_or(0, |record| record.attempts.len());
    println!("{} names in {attempts} attempts", names.len());
    runtime.shutdown().await;
    Ok(())
}
