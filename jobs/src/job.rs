//! What the payload of a job is to the type system.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{JobDefinition, JobError};

/// The payload of a job: what is enqueued, stored and handed to the handler.
///
/// Implemented by [`#[job]`](crate::job) for the struct that it puts beside the function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the payload of a job",
    label = "not a payload",
    note = "`#[job]` on `async fn send_mail(..)` generates the payload `SendMail`: enqueue that"
)]
pub trait Job: Serialize + DeserializeOwned + JsonSchema + Send + 'static {
    /// The job's stable id, as in `#[job(id = "…")]`.
    const ID: &'static str;

    /// What the handler returns when it succeeds.
    type Output: JobOutput;

    /// Everything that is known about the job; built by the expansion.
    #[doc(hidden)]
    const DEFINITION: &'static JobDefinition;

    /// Everything that is known about the job.
    fn definition() -> &'static JobDefinition {
        Self::DEFINITION
    }
}

/// The result of a job: stored as JSON, described by a schema, read again by clients.
///
/// Every type is one that has these traits; three derives give them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a job",
    label = "is stored as JSON, described by a schema and read again",
    note = "`#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]` makes a type \
            fit; it must be `Send + 'static`, too"
)]
pub trait JobOutput: Serialize + DeserializeOwned + JsonSchema + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> JobOutput for T {}

/// A field of a job's payload.
///
/// Every type is one that has these traits; three derives give them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a job's payload",
    label = "is stored as JSON, described by a schema and read again",
    note = "`#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]` makes a type \
            fit; it must be `Send + 'static`, too",
    note = "what the runtime hands out is taken by reference: `&{Self}`"
)]
pub trait PayloadField: Serialize + DeserializeOwned + JsonSchema + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> PayloadField for T {}

/// What a handler may return: a result whose error becomes a [`JobError`].
#[diagnostic::on_unimplemented(
    message = "a handler returns `Result<T, JobError>`, not `{Self}`",
    label = "not a result a job can have",
    note = "`T` is stored as the job's result: derive Serialize, Deserialize and JsonSchema for it"
)]
pub trait HandlerReturn {
    /// The success value.
    type Output: JobOutput;

    /// The result in the form that the runtime settles by.
    ///
    /// # Errors
    /// The handler's own.
    fn into_result(self) -> Result<Self::Output, JobError>;
}

impl<T: JobOutput, E: Into<JobError>> HandlerReturn for Result<T, E> {
    type Output = T;

    fn into_result(self) -> Result<T, JobError> {
        self.map_err(Into::into)
    }
}
