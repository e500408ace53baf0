//! A test kit for handlers, and for code that enqueues jobs (feature `testing`).
//!
//! Tests need no runtime and no store:
//!
//! ```toml
//! [dev-dependencies]
//! jobs = { version = "0.1", features = ["testing"] }
//! ```
//!
//! # Test a handler
//!
//! [`TestContext`] is an attempt without a worker. It supplies the resources and the clock, and
//! records the handler's progress reports, log lines and enqueued jobs.
//!
//! ```
//! use std::time::Duration;
//!
//! use jobs::testing::{TestContext, block_on};
//! use jobs::{JobContext, JobError, job};
//!
//! pub struct Printer {
//!     name: &'static str,
//! }
//!
//! #[job(id = "letters.print")]
//! pub async fn print_letter(
//!     ctx: &JobContext,
//!     printer: &Printer,
//!     to: String,
//!     #[default(1)] copies: u32,
//! ) -> Result<String, JobError> {
//!     ctx.progress(10, "warming up");
//!     ctx.sleep(Duration::from_secs(60)).await?;
//!     tracing::info!(copies, "printed on {}", printer.name);
//!     Ok(format!("{copies} for {to}"))
//! }
//!
//! let test = TestContext::builder()
//!     .resource(Printer { name: "laser" })
//!     .auto_advance() // sleeping takes no time
//!     .build();
//!
//! // Runs the handler as a worker does: the payload goes through JSON, the resources are found
//! // by their types.
//! let result = block_on(test.run(PrintLetter::new("alice").copies(2)));
//! assert_eq!(result.unwrap(), "2 for alice");
//! assert_eq!(test.progress()[0].percent, 10);
//! assert_eq!(test.logs()[0].message, "printed on laser");
//! assert_eq!(test.clock().elapsed(), Duration::from_secs(60));
//!
//! // A handler is also a function that a test can call.
//! let printer = Printer { name: "inkjet" };
//! let result = block_on(print_letter(test.context(), &printer, "bob".to_owned(), 1));
//! assert_eq!(result.unwrap(), "1 for bob");
//! ```
//!
//! # Test code that enqueues
//!
//! [`RecordingClient`] replaces the store and records each enqueue.
//! [`assert_enqueued!`](crate::assert_enqueued) checks the record:
//!
//! ```
//! use jobs::testing::{RecordingClient, block_on};
//! use jobs::{Client, EnqueueError, JobError, assert_enqueued, job};
//!
//! #[job(id = "mail.welcome")]
//! pub async fn welcome(to: String, #[default("en")] language: String) -> Result<u64, JobError> {
//! #   let _ = (to, language);
//!     Ok(1)
//! }
//!
//! async fn sign_up(jobs: &Client, name: &str) -> Result<(), EnqueueError> {
//!     jobs.enqueue(Welcome::new(name)).item("signup").await?;
//!     Ok(())
//! }
//!
//! let recording = RecordingClient::new();
//! block_on(sign_up(&recording.client(), "alice")).unwrap();
//!
//! let welcome = assert_enqueued!(recording, Welcome { to: "alice", .. });
//! assert_eq!(welcome.request.item_id.as_deref(), Some("signup"));
//! ```
//!
//! The test kit runs on any executor. Its modules import no timer, no database, no network and
//! never the runtime.

mod assertions;
mod block_on;
mod clock;
mod context;
mod logs;
mod recording;

pub use block_on::block_on;
pub use clock::ManualClock;
pub use context::{TestContext, TestContextBuilder};
pub use logs::LogLine;
pub use recording::{Recorded, RecordingClient};

#[doc(hidden)]
pub use assertions::{assert_enqueued_as, assert_not_enqueued_as, field, predicate};
