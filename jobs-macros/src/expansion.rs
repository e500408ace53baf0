//! The last stage: generates the items that replace the attribute.
//!
//! ```text
//! // Input:
//! #[job(id = "mail.send")]
//! async fn send_mail(ctx: &JobContext, to: Address) -> Result<(), JobError> { … }
//!
//! // Output:
//! async fn send_mail(ctx: &JobContext, to: Address) -> Result<(), JobError> { … }
//! const _: () = { assert_payload_field::<Address>(); };       // bounds.rs
//! struct SendMail { to: Address }                             // payload.rs
//! const _: () = {
//!     use ::jobs::__private;
//!     impl SendMail { fn new(..) … }                          // constructors.rs
//!     impl JsonSchema for SendMail where … { … }              // schema.rs
//!     impl Job for SendMail where … { … }                     // glue.rs, builder.rs
//!     __private::submit_bounded!(SendMail);                   // glue.rs
//! };
//! ```
//!
//! | module | content |
//! |---|---|
//! | `payload`, `constructors`, `schema` | the payload struct, its `new` and setters, its schema |
//! | `bounds` | the bounds on the payload's types |
//! | `glue` | `Job`, the handler and the registration |
//! | `builder`, `limits`, `schedule`, `duration` | the calls that build the job's definition |
//!
//! The module imports `model` and `signature`, never `attribute`: it generates code for what was
//! accepted, not for what was written. It looks for no mistakes: [`fallback`] emits those that
//! earlier stages found.

mod bounds;
mod builder;
mod constructors;
mod duration;
mod glue;
mod limits;
mod payload;
mod schedule;
mod schema;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::model::{AcceptedJob, Outline};
use crate::signature::{Function, WithoutMacroAttributes};

/// Generates everything that replaces the attribute.
pub(crate) fn expand(function: &Function, job: &AcceptedJob) -> TokenStream {
    let function = WithoutMacroAttributes(function);
    let payload = payload::payload(job);
    let options = builder::options(job);
    let handler = glue::handler(job);
    let implementation = glue::implementation(job, &quote!(#options #handler));
    let registration = glue::registration(job);
    let assertions = bounds::assertions(&job.outline);
    let glue = block(&job.outline, &quote!(#implementation #registration));
    quote! {
        #function
        #assertions
        #payload
        #glue
    }
}

/// Generates the replacement after a mistake: the errors, the function, the payload and a `Job`.
///
/// Code that uses the payload still compiles, so each mistake stays one error and editors keep
/// working. The job has no handler and is not registered.
pub(crate) fn fallback(function: &Function, outline: &Outline, errors: &Errors) -> TokenStream {
    let function = function.sized();
    let function = WithoutMacroAttributes(&function);
    let payload = payload::placeholder(outline);
    let glue = block(outline, &glue::placeholder(outline));
    quote! {
        #errors
        #function
        #payload
        #glue
    }
}

/// Generates the `const _` block with the `impl`s. The author's code does not see its imports.
fn block(outline: &Outline, implementation: &TokenStream) -> TokenStream {
    let (shared, krate) = (&outline.shared, &outline.krate);
    let constructors = constructors::constructors(&outline.payload);
    let allowed = outline.deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #(#shared)*
        #allowed
        const _: () = {
            use #krate::__private;
            #constructors
            #implementation
        };
    }
}
