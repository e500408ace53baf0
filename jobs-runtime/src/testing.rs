//! Test support for applications: a runtime whose time the test controls.
//!
//! [`TestRuntime`] starts the real engine over a store in memory. [`VirtualClock`] is its clock,
//! and can also drive a [`Runtime`](crate::Runtime) of any other kind. A year of retries takes as
//! long as the store needs for them. While a worker is idle and alone on its store, the clock skips
//! its polls and goes on to the next thing that is due. [`#[jobs::test]`](macro@jobs::test) writes
//! the frame of such a test.
//!
//! ```
//! # use jobs::{job, JobContext, JobError};
//! # use std::time::Duration;
//! use jobs_runtime::Runtime;
//! use jobs_runtime::testing::VirtualClock;
//!
//! /// Succeeds in its third attempt, an hour after the second.
//! #[job(id = "patient", retries = ["1m", "1h"])]
//! async fn patient(ctx: &JobContext) -> Result<u32, JobError> {
//!     match ctx.attempt() {
//!         3 => Ok(3),
//!         _ => Err("not yet".into()),
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = VirtualClock::new();
//! let builder = Runtime::builder().database("sqlite::memory:").clock(clock.clone());
//! let runtime = builder.start().await?;
//! let execution = runtime.client().enqueue(Patient::new()).await?;
//! let result = clock.run_until(async move { execution.result().await }).await;
//! assert_eq!(result?, 3);
//! assert!(clock.passed() >= Duration::from_secs(3660));
//! # Ok(())
//! # }
//! ```
//!
//! The folder may import the runtime, the store contract, the engine's decision about retries and
//! the guard of the clock. Other modules of the crate must not import it, except in their tests.

mod faults;
mod run;
mod sleep;
mod test_runtime;
mod virtual_clock;

pub use faults::Crash;
pub use run::run_test;
pub use test_runtime::{TestExecution, TestRuntime};
pub use virtual_clock::VirtualClock;
