//! The link between payload, function and runtime: `Job`, the handler and the registration.
//!
//! The generated code only calls `jobs::__private`, which contains the logic.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::{bounds, schema};
use crate::model::{AcceptedJob, Input, Outline};
use crate::signature::Kind;
use crate::signature::types::at;

/// Generates the implementation of `Job`, and those that it needs.
pub(super) fn implementation(job: &AcceptedJob, options: &TokenStream) -> TokenStream {
    let (id, name) = (&job.id, &job.outline.payload.name);
    let field_types = bounds::field_types(&job.outline);
    let schema = schema::schema(job);
    let output = output(&job.outline);
    let bounds = bounds::job_clause(&job.outline);
    quote! {
        #field_types
        #schema
        impl __private::Job for #name #bounds {
            const ID: &'static str = #id;
            #output
            const DEFINITION: &'static __private::JobDefinition =
                &__private::define!(Self) #options;
        }
    }
}

/// Generates an implementation of `Job` after a mistake: code that enqueues the payload compiles.
pub(super) fn placeholder(outline: &Outline) -> TokenStream {
    let name = &outline.payload.name;
    let output = output(outline);
    let bounds = bounds::output_clause(outline);
    quote! {
        __private::placeholder!(#name);
        impl __private::Job for #name #bounds {
            const ID: &'static str = "";
            #output
            const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self);
        }
    }
}

/// Generates the registration: a program that links the payload has the job in its catalogue.
pub(super) fn registration(job: &AcceptedJob) -> TokenStream {
    let name = &job.outline.payload.name;
    if bounds::has_bounds(&job.outline) {
        quote!(__private::submit_bounded!(#name);)
    } else {
        quote!(__private::submit!(#name);)
    }
}

/// Generates the success type. The compiler derives it from the return type, so aliases of `Result`
/// work.
fn output(outline: &Outline) -> TokenStream {
    match &outline.output {
        Some(ty) => quote_spanned!(at(ty)=> type Output = __private::OutputOf<#ty>;),
        None => quote!(
            type Output = ();
        ),
    }
}

/// Generates the handler, which calls the function. Returns `None` for an external job.
pub(super) fn handler(job: &AcceptedJob) -> Option<TokenStream> {
    let function = &job.function;
    // Errors about the return type point at it.
    let span = job.outline.output.as_ref().map_or_else(Span::call_site, at);
    // Mixed-site hygiene keeps these apart from a function of the same name.
    let [call, context, payload, result] = ["call", "context", "payload", "result"]
        .map(|name| Ident::new(name, Span::mixed_site().located_at(span)));
    let arguments = job.inputs.iter().map(|input| match input {
        Input::Runtime(ty) => {
            quote_spanned!(at(ty)=> __private::borrow_argument::<#ty>(&#context)?)
        }
        Input::Field(name) => quote!(#payload.#name),
        Input::Payload => quote!(#payload.0),
    });
    let calling = quote!(#function(#(#arguments),*));
    match job.kind {
        Kind::External => None,
        Kind::Async => Some(quote_spanned! {span=>
            .handler(__private::Handler::Async(|#call| {
                __private::boxed(async move {
                    let (#context, #payload) = __private::begin_attempt::<Self>(#call)?;
                    let #result = #calling.await;
                    __private::finish_attempt::<Self>(__private::HandlerReturn::into_result(#result))
                })
            }))
        }),
        Kind::Blocking => Some(quote_spanned! {span=>
            .handler(__private::Handler::Blocking(|#call| {
                let (#context, #payload) = __private::begin_attempt::<Self>(#call)?;
                let #result = #calling;
                __private::finish_attempt::<Self>(__private::HandlerReturn::into_result(#result))
            }))
        }),
    }
}
