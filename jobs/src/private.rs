//! The items that expansions of `#[job]` and `#[resource]` refer to.
//!
//! Applications must not use them: they may change with any release. For the same reason `jobs`
//! requires exactly its own version of `jobs-macros`.

use std::any::Any;
pub use std::borrow::Cow;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
pub use std::sync::Arc;

use crate::error::Verdict;
use crate::handler::{Call, HandlerResult};
use crate::payload::Unreadable;
use crate::resource::{Resource, Resources};
use crate::{BoxFuture, JobContext, JobError, JobOutput, upcast};

pub use core::default::Default;
pub use core::option::Option;
pub use core::result::Result;
pub use core::time::Duration;
pub use std::string::String;

pub use inventory;
pub use schemars;
pub use serde;

pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};

pub use crate::bounds::{
    DefinitionOf, FieldType, HandlerError, HandlerReturnBound, PayloadBound, PlaceholderDefinition,
};
pub use crate::definition::{JobDefinition, Source};
pub use crate::field::IntoField;
pub use crate::handler::Handler;
pub use crate::limits::{Debounce, MaxConcurrent, MaxRate, Unique};
pub use crate::resource::{ResourceDefinition, ResourceRequest};
pub use crate::retention::Retain;
pub use crate::schedule::{CatchUp, Overlap, Schedule};
pub use crate::upcast::UpcastReturn;
pub use crate::{ExecutionStatus, HandlerReturn, Job, OnConflict, Priority, RetryPolicy};

/// The module and the line of the attribute. Inside of another macro, the line is that macro's.
#[doc(hidden)]
#[macro_export]
macro_rules! __source {
    () => {
        $crate::__private::Source {
            module: ::core::module_path!(),
            line: ::core::line!(),
        }
    };
}

/// The definition of a payload's job without options and without a handler.
#[doc(hidden)]
#[macro_export]
macro_rules! __define {
    ($job:ty) => {
        $crate::__private::JobDefinition::new::<$job>(
            $crate::__private::source!(),
            $crate::__private::Handler::External,
        )
    };
}

/// Registers the job of a payload in every program that links the payload.
#[doc(hidden)]
#[macro_export]
macro_rules! __submit {
    ($job:ty) => {
        $crate::__private::inventory::submit! {
            <$job as $crate::__private::Job>::DEFINITION
        }
    };
}

/// The methods of a payload's `JsonSchema`: the schema and the name of another type.
#[doc(hidden)]
#[macro_export]
macro_rules! __describe_as {
    ($described:ty) => {
        fn inline_schema() -> bool {
            <$described as $crate::__private::JsonSchema>::inline_schema()
        }
        fn schema_name() -> $crate::__private::Cow<'static, str> {
            <$described as $crate::__private::JsonSchema>::schema_name()
        }
        fn schema_id() -> $crate::__private::Cow<'static, str> {
            <$described as $crate::__private::JsonSchema>::schema_id()
        }
        fn json_schema(
            generator: &mut $crate::__private::schemars::SchemaGenerator,
        ) -> $crate::__private::schemars::Schema {
            <$described as $crate::__private::JsonSchema>::json_schema(generator)
        }
    };
}

/// Implements the traits of a payload after a mistake in its job, whatever the fields are.
#[doc(hidden)]
#[macro_export]
macro_rules! __placeholder {
    ($payload:ident) => {
        impl $crate::__private::Serialize for $payload {
            fn serialize<S: $crate::__private::serde::Serializer>(
                &self,
                _: S,
            ) -> $crate::__private::Result<S::Ok, S::Error> {
                $crate::__private::no_job()
            }
        }
        impl<'de> $crate::__private::Deserialize<'de> for $payload {
            fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(
                _: D,
            ) -> $crate::__private::Result<Self, D::Error> {
                $crate::__private::no_job()
            }
        }
        impl $crate::__private::JsonSchema for $payload {
            fn schema_name() -> $crate::__private::Cow<'static, str> {
                $crate::__private::no_job()
            }
            fn json_schema(
                _: &mut $crate::__private::schemars::SchemaGenerator,
            ) -> $crate::__private::schemars::Schema {
                $crate::__private::no_job()
            }
        }
    };
}

/// Registers the job of a payload whose `Job` has bounds, which an assertion checks elsewhere.
#[doc(hidden)]
#[macro_export]
macro_rules! __submit_bounded {
    ($job:ty) => {
        const _: () = {
            #[allow(unused_imports, reason = "used only if the payload is no `Job`")]
            use $crate::__private::PlaceholderDefinition as _;
            $crate::__private::inventory::submit! {
                $crate::__private::DefinitionOf::<$job>::DEFINITION
            }
        };
    };
}

pub use crate::{
    __define as define, __describe_as as describe_as, __placeholder as placeholder,
    __source as source, __submit as submit, __submit_bounded as submit_bounded,
};

/// Returns the priority of a value that the macro has checked to be at most 100.
pub const fn priority(value: u8) -> Priority {
    match Priority::new(value) {
        Some(priority) => priority,
        None => Priority::Critical,
    }
}

/// The body of a [`placeholder`]'s methods. A program with a mistake never runs.
///
/// # Panics
/// Always.
pub fn no_job() -> ! {
    unreachable!("a job with a mistake does not compile")
}

/// Evaluates the default of a field. A panic names the field.
///
/// # Panics
/// If the default does.
pub fn default_of<T>(field: &str, value: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(value)).unwrap_or_else(|panic| {
        let message = format!("the default of `{field}` panics: {}", panic_text(&*panic));
        resume_unwind(Box::new(message))
    })
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

/// Reports a field's type that lacks a trait.
pub const fn assert_payload_field<T: crate::PayloadField>() {}

/// Reports a return type that no handler can have.
pub const fn assert_handler_return<R: HandlerReturn>() {}

/// The success type of a handler's return type.
pub type OutputOf<R> = <R as HandlerReturn>::Output;

/// Returns the context, which by-reference arguments borrow from, and the parsed payload, after
/// the job's `upcast`.
///
/// # Errors
/// The payload does not match the handler's types, or `upcast` fails.
pub fn begin_attempt<J: Job>(call: Call) -> Result<(Arc<JobContext>, J), JobError> {
    let payload = upcast::convert(J::DEFINITION.upcast, &call.payload)?;
    let payload = serde_json::from_str(&payload)
        .map_err(|error| unreadable_payload(&payload, &error, J::DEFINITION.reader.read))?;
    #[cfg(feature = "_sqlx")]
    call.context.check_results(check_result::<J::Output>);
    Ok((Arc::new(call.context), payload))
}

fn unreadable_payload(
    payload: &str,
    error: &serde_json::Error,
    read: fn(&str) -> serde_json::Result<()>,
) -> JobError {
    let unreadable = Unreadable::new(payload, error, read);
    JobError::new(Verdict::InvalidPayload, unreadable)
}

/// Returns the handler's result as JSON.
///
/// The type parameter is the job, so that a result type without the required traits is reported
/// once, by the bound of `Job::Output`.
///
/// # Errors
/// The handler's error, or a result that JSON cannot express or that its own type cannot read.
pub fn finish_attempt<J: Job>(result: Result<J::Output, JobError>) -> HandlerResult {
    write_result(result)
}

/// Generic over the result only, so that jobs with the same result type share the code.
fn write_result<T: JobOutput>(result: Result<T, JobError>) -> HandlerResult {
    let text = serde_json::to_string(&result?)
        .map_err(|error| JobError::new(Verdict::InvalidResult, error))?;
    check_result::<T>(&text)?;
    Ok(text)
}

/// Reads a result as its callers do. JSON has no `NaN`: it becomes `null`, which is no number.
fn check_result<T: JobOutput>(text: &str) -> Result<(), JobError> {
    read_result::<T>(text).map_err(|error| unreadable_result(text, &error, read_result::<T>))
}

fn read_result<T: JobOutput>(text: &str) -> serde_json::Result<()> {
    serde_json::from_str::<T>(text).map(drop)
}

fn unreadable_result(
    result: &str,
    error: &serde_json::Error,
    read: fn(&str) -> serde_json::Result<()>,
) -> JobError {
    let reason = Unreadable::new(result, error, read);
    let reason = format!("the type of the result cannot read what it has written: {reason}");
    JobError::new(Verdict::InvalidResult, reason)
}

/// Boxes the future of an attempt.
pub fn boxed(
    attempt: impl Future<Output = HandlerResult> + Send + 'static,
) -> BoxFuture<'static, HandlerResult> {
    Box::pin(attempt)
}

/// Borrows a by-reference argument of type `&T`: the context, or the resource of type `T`.
///
/// The macro cannot tell the context from a resource, because an alias may name either. The type
/// decides here.
///
/// # Errors
/// A permanent failure if the resource is missing. A process that executes the job checks this when
/// it starts.
pub fn borrow_argument<T: ?Sized + Resource>(context: &Arc<JobContext>) -> Result<&T, JobError> {
    // `T` may be unsized, so the downcast is to `Arc<T>`, which is sized.
    let itself: &dyn Any = context;
    let itself = itself.downcast_ref::<Arc<T>>().map(|context| &**context);
    itself
        .or_else(|| context.resources().borrowed::<T>())
        .ok_or_else(|| {
            JobError::permanent(format!(
                "no resource of type `{}` in this process",
                std::any::type_name::<T>()
            ))
        })
}

/// Borrows a by-reference argument of a resource function.
///
/// # Errors
/// The resource is missing. A runtime builds the needed resources first.
pub fn borrow_resource<T: ?Sized + Resource>(
    resources: &Resources,
) -> Result<&T, Box<dyn Error + Send + Sync>> {
    let missing = || format!("no resource of type `{}`", std::any::type_name::<T>());
    resources.borrowed::<T>().ok_or_else(|| missing().into())
}

/// Returns `true` if a by-reference argument is the context.
pub fn is_context(request: &ResourceRequest) -> bool {
    request.type_id() == std::any::TypeId::of::<JobContext>()
}

/// Builds a resource and erases its type.
pub fn build_resource<T: ?Sized + 'static>(
    value: impl Future<Output = Result<Arc<T>, Box<dyn Error + Send + Sync>>> + Send + 'static,
) -> BoxFuture<'static, Result<Box<dyn Any>, Box<dyn Error + Send + Sync>>> {
    Box::pin(async move {
        let value: Box<dyn Any> = Box::new(value.await?);
        Ok(value)
    })
}

/// The return type of a fallible function below `#[resource]`.
#[diagnostic::on_unimplemented(
    message = "a resource function returns `T` or `Result<T, E>`, not `{Self}`",
    note = "`E` must convert into `Box<dyn Error + Send + Sync>`"
)]
pub trait ResourceReturn {
    /// The resource.
    type Resource;
    /// The error, which stops the start of the process. [`resource_error`] checks its type.
    type Error;

    /// Takes the value apart.
    ///
    /// # Errors
    /// The function's error.
    fn into_result(self) -> Result<Self::Resource, Self::Error>;
}

/// The error of a resource function. Every type that converts into a boxed error implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a resource function",
    label = "does not convert into `Box<dyn Error + Send + Sync>`",
    note = "implement `std::error::Error` for `{Self}`"
)]
pub trait ResourceError: Into<Box<dyn Error + Send + Sync>> {}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn Error + Send + Sync>>> ResourceError for E {}

/// Converts the error of a resource function.
pub fn resource_error<E: ResourceError>(error: E) -> Box<dyn Error + Send + Sync> {
    error.into()
}

impl<T, E> ResourceReturn for Result<T, E> {
    type Resource = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// The success type of a fallible resource function.
pub type ResourceOf<R> = <R as ResourceReturn>::Resource;
