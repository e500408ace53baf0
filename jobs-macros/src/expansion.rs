//! From an accepted job to code.
//!
//! ```text
//! // Input:
//! #[job(id = "mail.send")]
//! async fn send_mail(ctx: &JobContext, to: Address) -> Result<(), JobError> { … }
//!
//! // Output:
//! async fn send_mail(ctx: &JobContext, to: Address) -> Result<(), JobError> { … }
//! const _: () = { payload_field::<Address>(); };         // assumptions.rs
//! struct SendMail { to: Address }                        // payload.rs
//! const _: () = {
//!     use ::jobs::__private;
//!     impl SendMail { fn new(..) … }                     // constructors.rs
//!     impl Field<0> for SendMail { type Type = Address; } // assumptions.rs
//!     impl JsonSchema for SendMail where … { … }         // schema.rs
//!     impl Job for SendMail where … { … }                // glue.rs, builder.rs
//!     __private::submit_assumed!(SendMail);              // glue.rs
//! };
//! ```

mod assumptions;
mod payload;

mod builder;
mod constructors;
mod glue;
mod limits;
mod schema;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::function::{Function, Plain};
use crate::model::Job;

/// Everything that the attribute is replaced by.
pub(crate) fn expand(function: &Function, job: &Job) -> TokenStream {
    let function = Plain(function);
    let payload = payload::payload(job);
    let options = builder::options(job);
    let handler = glue::handler(job);
    let implementation = glue::implementation(job, &quote!(#options #handler));
    let registration = glue::registration(job);
    let assertions = assumptions::assertions(job);
    let glue = block(job, &quote!(#implementation #registration));
    quote! {
        #function
        #assertions
        #payload
        #glue
    }
}

/// What is left after a mistake: its message, the function, and stand-ins for whatever others may
/// refer to, so that one mistake is one error and the editor keeps working. The job is not
/// registered, and looks like one whose handler is elsewhere.
pub(crate) fn fallback(function: &Function, job: &Job, errors: &Errors) -> TokenStream {
    if function.signature.receiver().is_some() {
        // It stands in an `impl`, where nothing can stand beside it.
        let function = Plain(function);
        return quote!(#errors #function);
    }
    let function = Plain(function);
    let payload = payload::payload(job);
    let glue = block(job, &glue::implementation(job, &TokenStream::new()));
    quote! {
        #errors
        #function
        #payload
        #glue
    }
}

/// Everything without a name, in a block that nobody can look into.
fn block(job: &Job, implementation: &TokenStream) -> TokenStream {
    let (cfgs, krate) = (&job.cfgs, &job.krate);
    let constructors = constructors::constructors(job);
    let allowed = job.deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #(#cfgs)*
        #allowed
        const _: () = {
            use #krate::__private;
            #constructors
            #implementation
        };
    }
}
