//! A fan-out: a handler enqueues a child for each part of its work, and adds their results.
//!
//! ```text
//! cargo run -p examples --example fan_out
//! ```
//!
//! While the handler waits, it lends its slot to a child: this program has one slot. The first
//! attempt fails after it has enqueued the children. The second one finds them, and nothing is
//! counted twice.

#![expect(clippy::print_stdout, reason = "prints its observations")]

use std::sync::atomic::{AtomicUsize, Ordering};

use jobs::{JobContext, JobError, job};
use jobs_runtime::Runtime;

/// Counts the words of each page in a child of its own.
#[job(id = "book.count-words", retries = ["100ms"])]
pub async fn count_words(ctx: &JobContext, pages: Vec<String>) -> Result<usize, JobError> {
    let counts = pages.into_iter().map(CountPage::new);
    let counts = ctx.enqueue_all(counts).await?;
    if ctx.attempt() == 1 {
        return Err("the power fails".into());
    }
    let mut words = 0;
    for count in counts {
        words += count.result().await?;
    }
    Ok(words)
}

/// Counts the words of one page.
#[job(id = "book.count-page")]
pub async fn count_page(counted: &CountedPages, text: String) -> Result<usize, JobError> {
    counted.0.fetch_add(1, Ordering::Relaxed);
    Ok(text.split_whitespace().count())
}

/// The number of pages that were counted.
#[derive(Default)]
pub struct CountedPages(AtomicUsize);

#[jobs::resource]
fn counted_pages() -> CountedPages {
    CountedPages::default()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let counted = std::sync::Arc::new(CountedPages::default());
    let runtime = Runtime::builder()
        .database("sqlite::memory:")
        .shared_resource(std::sync::Arc::clone(&counted))
        .concurrency(1)
        .start()
        .await?;
    let pages = ["it was a dark night", "the rain fell", "the end"];
    let pages: Vec<String> = pages.map(str::to_owned).to_vec();
    let words = runtime.client().enqueue(CountWords::new(pages)).await?;
    let words = words.result().await?;
    let pages = counted.0.load(Ordering::Relaxed);
    println!("{words} words on {pages} pages");
    runtime.shutdown().await;
    Ok(())
}
