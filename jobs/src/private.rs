//! What the expansion of `#[job]` and `#[resource]` names. Not for use by hand: it may change with
//! any release, which is why `jobs` requires exactly its own version of `jobs-macros`.

use std::any::Any;
pub use std::borrow::Cow;
use std::error::Error;
pub use std::sync::Arc;

use crate::error::Verdict;
use crate::handler::{Call, HandlerResult};
use crate::resource::Resource;
use crate::{BoxFuture, JobContext, JobError};

pub use core::option::Option;
pub use core::result::Result;
pub use core::time::Duration;
pub use std::string::String;

pub use inventory;
pub use schemars;
pub use serde;

pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};

pub use crate::assumed::{Field, Fits, Linked, NotLinked, Returns};
pub use crate::definition::{JobDefinition, Source};
pub use crate::field::IntoField;
pub use crate::handler::Handler;
pub use crate::limits::{Debounce, MaxConcurrent, MaxRate, Unique};
pub use crate::resource::{BuiltResource, ResourceDefinition, ResourceRequest};
pub use crate::{ExecutionStatus, HandlerReturn, Job, OnConflict, Priority, RetryPolicy};

/// Where the attribute stands: an expansion's line is that of its outermost macro.
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

/// The definition of a payload's job before any option: that of an external job.
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

/// Adds the job of a payload to every program that links it.
#[doc(hidden)]
#[macro_export]
macro_rules! __submit {
    ($job:ty) => {
        $crate::__private::inventory::submit! {
            <$job as $crate::__private::Job>::DEFINITION
        }
    };
}

/// Describes a payload as another type: by its schema and its name.
#[doc(hidden)]
#[macro_export]
macro_rules! __describe {
    ($payload:ident as $described:ty $(where $($assumed:tt)+)?) => {
        impl $crate::__private::JsonSchema for $payload $(where $($assumed)+)? {
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
        }
    };
}

/// Adds the job of a payload whose `Job` rests on assumptions, which are checked elsewhere.
#[doc(hidden)]
#[macro_export]
macro_rules! __submit_assumed {
    ($job:ty) => {
        const _: () = {
            #[allow(unused_imports, reason = "names what stands in when there is no job")]
            use $crate::__private::NotLinked as _;
            $crate::__private::inventory::submit! {
                $crate::__private::Linked::<$job>::DEFINITION
            }
        };
    };
}

pub use crate::{
    __define as define, __describe as describe, __source as source, __submit as submit,
    __submit_assumed as submit_assumed,
};

/// The priority of that value, which the macro has checked.
pub const fn priority(value: u8) -> Priority {
    match Priority::new(value) {
        Some(priority) => priority,
        None => Priority::Critical,
    }
}

/// Says at a field's type what it lacks.
pub const fn payload_field<T: crate::PayloadField>() {}

/// Says at a handler's return type why it is none.
pub const fn handler_return<R: HandlerReturn>() {}

/// The success type of a handler's return type.
pub type OutputOf<R> = <R as HandlerReturn>::Output;

/// What an attempt begins with: the context that references are borrowed from, and the payload.
///
/// # Errors
/// A payload that does not fit the handler's types.
pub fn open<J: Job>(call: Call) -> Result<(Arc<JobContext>, J), JobError> {
    let payload = serde_json::from_str(&call.payload)
        .map_err(|error| JobError::new(Verdict::InvalidPayload, error))?;
    Ok((Arc::new(call.context), payload))
}

/// What it ends with: the result as JSON.
///
/// Named by its job, so that a type which cannot be a result is reported as that and nothing else.
///
/// # Errors
/// The handler's own, or a result that JSON cannot express.
pub fn close<J: Job>(result: Result<J::Output, JobError>) -> HandlerResult {
    write(result)
}

/// Generic over the result alone: jobs that return the same share it.
fn write<T: Serialize>(result: Result<T, JobError>) -> HandlerResult {
    serde_json::to_string(&result?).map_err(|error| JobError::new(Verdict::InvalidResult, error))
}

/// The future of an attempt, without its type.
pub fn boxed(
    attempt: impl Future<Output = HandlerResult> + Send + 'static,
) -> BoxFuture<'static, HandlerResult> {
    Box::pin(attempt)
}

/// What a by-reference argument of type `&T` borrows.
///
/// The macro does not know which argument is the context, because an alias may name it: the type
/// decides here.
///
/// # Errors
/// A permanent failure when the resource is missing, which the check at start rules out for
/// processes that execute the job.
pub fn reference<T: ?Sized + Resource>(context: &Arc<JobContext>) -> Result<&T, JobError> {
    // `T` may have no size: it is looked for behind its `Arc`, which has one.
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

/// Whether a by-reference argument is the context rather than a resource.
pub fn is_context(request: &ResourceRequest) -> bool {
    request.type_id() == std::any::TypeId::of::<JobContext>()
}

/// Builds a resource and forgets its type.
pub fn build_resource<T: ?Sized + Resource>(
    value: impl Future<Output = Result<Arc<T>, Box<dyn Error + Send + Sync>>> + Send + 'static,
) -> BoxFuture<'static, Result<BuiltResource, Box<dyn Error + Send + Sync>>> {
    Box::pin(async move { value.await.map(BuiltResource::new) })
}

/// What a fallible function under `#[resource]` returns.
#[diagnostic::on_unimplemented(
    message = "a resource function returns `T` or `Result<T, E>`, not `{Self}`",
    note = "`E` must convert into `Box<dyn Error + Send + Sync>`"
)]
pub trait ResourceReturn {
    /// The value.
    type Resource;

    /// The value, or the error that stops the start.
    ///
    /// # Errors
    /// The function's own.
    fn into_result(self) -> Result<Self::Resource, Box<dyn Error + Send + Sync>>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> ResourceReturn for Result<T, E> {
    type Resource = T;

    fn into_result(self) -> Result<T, Box<dyn Error + Send + Sync>> {
        self.map_err(Into::into)
    }
}

/// The success type of a fallible resource function.
pub type ResourceOf<R> = <R as ResourceReturn>::Resource;
