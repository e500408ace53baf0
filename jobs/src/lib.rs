//! Background jobs: annotate an async function, enqueue its payload, let a worker run it.
//!
//! ```
//! use jobs::{job, JobContext, JobError};
//!
//! /// Sends a letter.
//! #[job(id = "send-letter", timeout = "1m", retries = ["10s", "1m"])]
//! pub async fn send_letter(
//!     ctx: &JobContext,
//!     to: String,
//!     #[default(1)] copies: u32,
//! ) -> Result<(), JobError> {
//!     ctx.progress(50, format!("{copies} for {to}"));
//!     Ok(())
//! }
//!
//! let letter = SendLetter::new("alice").copies(2_u32); // what a client enqueues
//! assert_eq!(letter.copies, 2);
//! ```
//!
//! A crate that declares or enqueues jobs depends on this crate alone. The crate `jobs-runtime`
//! executes the jobs.
//!
//! * Declare jobs: [`macro@job`], [`macro@resource`], [`JobContext`], [`JobError`].
//! * Enqueue jobs: [`Client`], [`Execution`].
//! * List the linked jobs: [`Catalogue`], [`JobDescriptor`].
//! * Test jobs: `jobs::testing` (feature `testing`).
//! * Enqueue in a transaction of the application: `Enqueue::tx` (feature `sqlx`).
//! * Write a runtime or a test kit: [`runtime`].
//!
//! This crate contains no timer, no database and no network, and never imports the runtime. The
//! feature `sqlx` adds one exception: `client::transaction` borrows the application's connection.

// Values: ids, policies and statuses.
mod id;
mod limits;
mod priority;
mod retention;
mod retry;
mod status;

// A running attempt.
mod clock;
mod context;
mod error;
mod guard;
mod progress;

// Declarations: constants that the attributes generate.
mod bounds;
mod definition;
mod field;
mod handler;
mod job;
mod payload;
mod resource;
mod schedule;
mod schema;
mod upcast;

// The declarations of a whole program, and their published form.
mod catalogue;
mod descriptor;

// Enqueueing.
mod client;

#[cfg(feature = "testing")]
pub mod testing;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[doc = include_str!("docs/job.md")]
pub use jobs_macros::job;
#[doc = include_str!("docs/resource.md")]
pub use jobs_macros::resource;
#[doc = include_str!("docs/test.md")]
pub use jobs_macros::test;

pub use catalogue::{Catalogue, CatalogueError, CataloguedJob};
pub use client::{
    Client, Enqueue, EnqueueError, EnqueueItem, Execution, Many, One, ResultError, Violation,
    Violations,
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
pub use retention::JobRetention;
pub use retry::RetryPolicy;
pub use schedule::{CatchUp, Overlap, ScheduleRule};
pub use status::{
    AttemptOutcome, ErrorKind, ExecutionError, ExecutionStatus, ParseErrorKindError,
    ParseOutcomeError, ParseStatusError,
};

/// Traits and types for runtimes and test kits. Authors of jobs need none of them.
pub mod runtime {
    pub use crate::client::{
        Backend, ChildNumber, Due, EnqueueRequest, Enqueued, Finished, TriggeredBy,
    };
    #[cfg(feature = "_sqlx")]
    pub use crate::context::SucceedIn;
    pub use crate::context::{ContextParts, Limiter, Reserved};
    pub use crate::error::Verdict;
    pub use crate::guard::{ErrorReport, error_text, guarded, panic_text};
    pub use crate::handler::{Call, Handler, HandlerResult};
    pub use crate::limits::{Debounce, MaxConcurrent, MaxRate, Unique};
    pub use crate::payload::PayloadReader;
    pub use crate::resource::{
        BuildResource, BuiltResource, Resource, ResourceDefinition, ResourceRequest, Resources,
    };
    pub use crate::retention::Retain;
    pub use crate::schedule::{DEFAULT_TIMEZONE, MAX_CATCH_UP, Schedule};
    pub use crate::upcast::Upcast;
    pub use jobs_grammar::cron::{CivilTime, Cron, CronError, expand as expand_cron};
    pub use jobs_grammar::id::check as check_id;
    pub use jobs_grammar::zone::check as check_timezone;
}

/// Compiles the examples of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/what-job-expands-to.md")]
mod what_job_expands_to {}
