//! The function behind a job, without its types.

use crate::{BoxFuture, JobContext, JobError};

/// How a job is executed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Handler {
    /// Declared without a body: other programs execute it.
    External,
    /// An `async fn`: runs on the runtime.
    Async(fn(Call) -> BoxFuture<'static, HandlerResult>),
    /// A plain `fn`: runs on the bounded blocking pool.
    Blocking(fn(Call) -> HandlerResult),
}

/// One attempt, as the handler's glue receives it.
#[derive(Debug)]
pub struct Call {
    /// What the handler can ask and tell.
    pub context: JobContext,
    /// The stored payload: JSON text.
    pub payload: String,
}

/// The result as JSON text, or why there is none.
pub type HandlerResult = Result<String, JobError>;
