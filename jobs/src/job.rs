//! Traits of payloads, results and return types.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bounds::HandlerError;
use crate::{JobDefinition, JobError};

/// The payload of a job. A client enqueues it, the store keeps it, the handler receives it.
///
/// [`#[job]`](crate::job) implements the trait for the struct that it generates.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the payload of a job",
    label = "not a payload",
    note = "`#[job]` on `async fn send_mail(..)` generates the payload `SendMail`: enqueue that"
)]
pub trait Job: Serialize + DeserializeOwned + JsonSchema + Send + 'static {
    /// The job's stable id, as in `#[job(id = "…")]`.
    const ID: &'static str;

    /// The type of the handler's result.
    type Output: JobOutput;

    /// The job's definition, built by the expansion.
    #[doc(hidden)]
    const DEFINITION: &'static JobDefinition;

    /// The job's definition.
    fn definition() -> &'static JobDefinition {
        Self::DEFINITION
    }
}

/// The result of a job. The store keeps it as JSON, a schema describes it, clients read it.
///
/// Every type with the supertraits implements it. Derive `Serialize`, `Deserialize` and
/// `JsonSchema`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a job",
    label = "is stored as JSON, described by a schema and read again",
    note = "`#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]` makes a type \
            fit; it must be `Send + 'static`, too",
    note = "a type of another crate fits with that crate's feature `serde` and schemars' feature \
            for it: `bigdecimal04`, `bytes1`, `chrono04`, `either1`, `indexmap2`, `jiff02`, \
            `rust_decimal1`, `semver1`, `smallvec1`, `url2`, `uuid1`"
)]
pub trait JobOutput: Serialize + DeserializeOwned + JsonSchema + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> JobOutput for T {}

/// A field of a job's payload.
///
/// Every type with the supertraits implements it. Derive `Serialize`, `Deserialize` and
/// `JsonSchema`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a job's payload",
    label = "is stored as JSON, described by a schema and read again",
    note = "`#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]` makes a type \
            fit; it must be `Send + 'static`, too",
    note = "a type of another crate fits with that crate's feature `serde` and schemars' feature \
            for it: `bigdecimal04`, `bytes1`, `chrono04`, `either1`, `indexmap2`, `jiff02`, \
            `rust_decimal1`, `semver1`, `smallvec1`, `url2`, `uuid1`",
    note = "a resource is taken by reference: `&{Self}`"
)]
pub trait PayloadField: Serialize + DeserializeOwned + JsonSchema + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> PayloadField for T {}

/// The return type of a handler: a `Result` whose error converts into a [`JobError`].
#[diagnostic::on_unimplemented(
    message = "a handler returns `Result<T, JobError>`, not `{Self}`",
    label = "not a result a job can have",
    note = "`T` is stored as the job's result: derive Serialize, Deserialize and JsonSchema for it"
)]
pub trait HandlerReturn {
    /// The type of the success value.
    type Output: JobOutput;

    /// Converts the handler's error into a [`JobError`].
    ///
    /// # Errors
    /// The handler's own error.
    fn into_result(self) -> Result<Self::Output, JobError>;
}

impl<T: JobOutput, E: HandlerError> HandlerReturn for Result<T, E> {
    type Output = T;

    fn into_result(self) -> Result<T, JobError> {
        self.map_err(Into::into)
    }
}
