//! Background jobs: annotate an async function, enqueue its payload, let a worker run it.
//!
//! ```
//! use jobs::{job, JobContext, JobError};
//!
//! /// Sends a letter.
//! #[job(id = "send-letter", timeout = "1m", retries = ["10s", "1m"])]
//! pub async fn send_letter(ctx: &JobContext, to: String, #[default(1)] copies: u32) -> Result<(), JobError> {
//!     ctx.progress(50, format!("{copies} for {to}"));
//!     Ok(())
//! }
//!
//! let letter = SendLetter::new("alice").copies(2_u32); // what a client enqueues
//! assert_eq!(letter.copies, 2);
//! ```
//!
//! This crate is what authors of jobs depend on: the attributes, the context, the client. It has
//! no timer, no database and no network; the crate `jobs-runtime` brings those and executes what
//! is declared here.
//!
//! * Declaring: [`macro@job`], [`macro@resource`], [`JobContext`], [`JobError`].
//! * Enqueueing: [`Client`], [`Execution`].
//! * What is linked: [`Catalogue`], [`JobDescriptor`].
//! * Testing: `jobs::testing`, by the feature `testing`.
//! * For runtimes and test kits: [`runtime`].

mod id;
mod limits;
mod priority;
mod retry;
mod status;

mod context;
mod error;
mod progress;

mod bounds;
mod definition;
mod field;
mod handler;
mod job;
mod resource;
mod schema;

mod catalogue;
mod descriptor;

mod client;
mod clock;
mod cron;

#[cfg(feature = "testing")]
pub mod testing;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[doc = include_str!("docs/job.md")]
pub use jobs_macros::job;
#[doc = include_str!("docs/resource.md")]
pub use jobs_macros::resource;

pub use catalogue::{Catalogue, CatalogueError, CataloguedJob};
pub use client::{
    Client, Enqueue, EnqueueError, Execution, Many, One, ResultError, Violation, Violations,
};
#[cfg(feature = "_sqlx")]
pub use client::{EnqueueIn, Transaction, TransactionRef};
pub use clock::{BoxFuture, Clock, Hold};
pub use context::{FencingToken, JobContext};
pub use definition::{DEFAULT_QUEUE, DEFAULT_TIMEOUT, JobDefinition, Source};
pub use descriptor::{HandlerKind, JobDescriptor};
pub use error::JobError;
pub use field::IntoField;
pub use id::{ExecutionId, ParseExecutionIdError};
pub use job::{HandlerReturn, Job, JobOutput, PayloadField};
pub use limits::{ConcurrencyLimit, DebounceRule, JobLimits, OnConflict, RateLimit, UniqueRule};
pub use priority::{ParsePriorityError, Priority};
pub use progress::{Progress, ProgressCell};
pub use retry::RetryPolicy;
pub use status::{
    AttemptOutcome, ErrorKind, ExecutionError, ExecutionStatus, ParseErrorKindError,
    ParseOutcomeError, ParseStatusError,
};

/// What a runtime implements and calls: nothing here concerns authors of jobs.
pub mod runtime {
    pub use crate::client::{Backend, Due, EnqueueRequest, Enqueued, Finished, TriggeredBy};
    #[cfg(feature = "_sqlx")]
    pub use crate::context::SucceedIn;
    pub use crate::context::{ContextParts, Limiter, Reserved};
    pub use crate::cron::{Cron, CronError};
    pub use crate::error::Verdict;
    pub use crate::handler::{Call, Handler, HandlerResult};
    pub use crate::limits::{Debounce, MaxConcurrent, MaxRate, Unique};
    pub use crate::resource::{
        BuiltResource, Resource, ResourceDefinition, ResourceRequest, Resources,
    };
}

/// The examples of the guide, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/what-job-expands-to.md")]
mod what_job_expands_to {}
