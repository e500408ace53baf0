//! What the expansion of `#[job]` assumes of types that it cannot judge, so that one which does not
//! fit is reported once, where the user wrote it.
//!
//! The derives of a payload would each report such a type in their own words. They do not where
//! their `impl` says `where for<'x> T: Fits<'x>`: inside, `T` has everything; and the compiler
//! leaves clauses with a lifetime of their own to whoever uses the `impl`. The one who does is
//! [`payload_field`](super::payload_field), in one sentence.

use std::marker::PhantomData;

use crate::handler::Handler;
use crate::{HandlerReturn, Job, JobDefinition, PayloadField, Source};

/// The types of a payload's fields, for serde: its `bound` is a text, and a type that came out of
/// a macro may say `$crate`, which no text can.
pub trait Field<const N: usize> {
    /// The type of field `N`.
    type Type;
}

/// [`PayloadField`], with a lifetime that says nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a job's payload",
    label = "is stored as JSON, described by a schema and read again"
)]
pub trait Fits<'x>: PayloadField {}

#[diagnostic::do_not_recommend]
impl<T: PayloadField> Fits<'_> for T {}

/// [`HandlerReturn`], with a lifetime that says nothing.
#[diagnostic::on_unimplemented(
    message = "a handler returns `Result<T, JobError>`, not `{Self}`",
    label = "not a result a job can have"
)]
pub trait Returns<'x>: HandlerReturn {}

#[diagnostic::do_not_recommend]
impl<R: HandlerReturn> Returns<'_> for R {}

/// The definition of a payload's job, if the assumptions hold: `Linked::<J>::DEFINITION` is that of
/// this type if `J` is a [`Job`], and that of [`NotLinked`] if not.
#[derive(Debug)]
pub struct Linked<J>(PhantomData<J>);

impl<J: Job> Linked<J> {
    /// The job's definition.
    pub const DEFINITION: &'static JobDefinition = J::DEFINITION;
}

/// What stands in for a job that is not one, in a program that does not compile.
pub trait NotLinked {
    /// No job's definition.
    const DEFINITION: &'static JobDefinition;
}

impl<J> NotLinked for Linked<J> {
    const DEFINITION: &'static JobDefinition = Unfit::DEFINITION;
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Unfit {}

impl Job for Unfit {
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
