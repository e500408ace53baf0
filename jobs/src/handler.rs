//! Handlers with their types erased: JSON text in, JSON text out.

use crate::{BoxFuture, JobContext, JobError};

/// The handler of a job, by its kind.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Handler {
    /// None here: the job is declared without a body, and other programs execute it.
    External,
    /// An `async fn`, which runs on the async runtime.
    Async(fn(Call) -> BoxFuture<'static, HandlerResult>),
    /// A plain `fn`, which runs on the bounded blocking pool.
    Blocking(fn(Call) -> HandlerResult),
}

/// The input of a handler for one attempt.
#[derive(Debug)]
pub struct Call {
    /// The attempt's context.
    pub context: JobContext,
    /// The stored payload, as JSON text.
    pub payload: String,
}

/// The handler's result as JSON text, or its error.
pub type HandlerResult = Result<String, JobError>;
