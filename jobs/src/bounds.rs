//! Bounds for the expansion of `#[job]`, so that a type without the required traits is one error.
//!
//! The three derives of a payload would each report such a type, in their own words. The expansion
//! therefore puts `where for<'x> T: PayloadBound<'x>` on their `impl`s. Inside such an `impl`, `T`
//! has all traits. The compiler checks a clause with a lifetime of its own only where the `impl` is
//! used, not at the `impl`. One call of
//! [`assert_payload_field::<T>()`](super::__private::assert_payload_field) reports the type.

use std::marker::PhantomData;

use crate::handler::Handler;
use crate::{HandlerReturn, Job, JobDefinition, JobError, PayloadField, Source};

/// The type of field `N` of a payload, for serde's `bound`.
///
/// That `bound` is a text. A type that comes out of a macro may contain `$crate`, which no text can
/// express, so the text names the type through this trait.
pub trait FieldType<const N: usize> {
    /// The type of field `N`.
    type Type;
}

/// [`PayloadField`] with an unused lifetime, which defers the check to the use of an `impl`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a job's payload",
    label = "is stored as JSON, described by a schema and read again"
)]
pub trait PayloadBound<'x>: PayloadField {}

#[diagnostic::do_not_recommend]
impl<T: PayloadField> PayloadBound<'_> for T {}

/// [`HandlerReturn`] with an unused lifetime, which defers the check to the use of an `impl`.
#[diagnostic::on_unimplemented(
    message = "a handler returns `Result<T, JobError>`, not `{Self}`",
    label = "not a result a job can have"
)]
pub trait HandlerReturnBound<'x>: HandlerReturn {}

#[diagnostic::do_not_recommend]
impl<R: HandlerReturn> HandlerReturnBound<'_> for R {}

/// The error of a handler. Every type that converts into a [`JobError`] implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a handler",
    label = "does not convert into `JobError`",
    note = "implement `std::error::Error` for `{Self}`, or return `JobError`"
)]
pub trait HandlerError: Into<JobError> {}

#[diagnostic::do_not_recommend]
impl<E: Into<JobError>> HandlerError for E {}

/// The definition of a payload's job, also in a program where the payload is no [`Job`].
///
/// `DefinitionOf::<J>::DEFINITION` is the inherent constant if `J` is a [`Job`], and otherwise the
/// constant of [`PlaceholderDefinition`]: an inherent constant takes precedence over a trait's.
#[derive(Debug)]
pub struct DefinitionOf<J>(PhantomData<J>);

impl<J: Job> DefinitionOf<J> {
    /// The job's definition.
    pub const DEFINITION: &'static JobDefinition = J::DEFINITION;
}

/// The placeholder for the definition of a payload that is no [`Job`].
///
/// Such a program does not compile. The placeholder keeps the registration from adding an error.
pub trait PlaceholderDefinition {
    /// The definition of no job.
    const DEFINITION: &'static JobDefinition;
}

impl<J> PlaceholderDefinition for DefinitionOf<J> {
    const DEFINITION: &'static JobDefinition = Placeholder::DEFINITION;
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Placeholder {}

impl Job for Placeholder {
    const ID: &'static str = "";
    type Output = ();
    const DEFINITION: &'static JobDefinition = &JobDefinition::new::<Self>(
        Source {
            module: "",
            line: 0,
        },
        Handler::External,
    );
}
