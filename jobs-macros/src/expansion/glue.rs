//! What links the payload, the function and the runtime. Nothing but names and calls: the logic is
//! in `jobs::__private`, where it is tested.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::{assumptions, schema};
use crate::model::{Input, Job};
use crate::signature::Kind;
use crate::types::at;

/// The implementation of `Job`.
pub(super) fn implementation(job: &Job, options: &TokenStream) -> TokenStream {
    let (id, name) = (&job.id, &job.payload.name);
    let field_types = assumptions::field_types(job);
    let schema = schema::schema(job);
    let output = output(job);
    let assumed = assumptions::of_job(job);
    quote! {
        #field_types
        #schema
        impl __private::Job for #name #assumed {
            const ID: &'static str = #id;
            #output
            const DEFINITION: &'static __private::JobDefinition =
                &__private::define!(Self) #options;
        }
    }
}

/// Linking is the registration.
pub(super) fn registration(job: &Job) -> TokenStream {
    let name = &job.payload.name;
    match assumptions::any(job) {
        true => quote!(__private::submit_assumed!(#name);),
        false => quote!(__private::submit!(#name);),
    }
}

/// The success type, read off the return type by the type system: aliases of `Result` work.
fn output(job: &Job) -> TokenStream {
    match &job.output {
        Some(ty) => quote_spanned!(at(ty)=> type Output = __private::OutputOf<#ty>;),
        None => quote!(
            type Output = ();
        ),
    }
}

/// How the runtime calls the function.
pub(super) fn handler(job: &Job) -> Option<TokenStream> {
    let function = &job.function;
    // What is wrong with the return type is said there, and once.
    let span = job.output.as_ref().map_or_else(Span::call_site, at);
    // Hygiene keeps these apart from a function of the same name.
    let [call, context, payload, result] = ["call", "context", "payload", "result"]
        .map(|name| Ident::new(name, Span::mixed_site().located_at(span)));
    let arguments = job.inputs.iter().map(|input| match input {
        Input::Runtime(ty) => {
            quote_spanned!(at(ty)=> __private::reference::<#ty>(&#context)?)
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
                    let (#context, #payload) = __private::open::<Self>(#call)?;
                    let #result = #calling.await;
                    __private::close::<Self>(__private::HandlerReturn::into_result(#result))
                })
            }))
        }),
        Kind::Blocking => Some(quote_spanned! {span=>
            .handler(__private::Handler::Blocking(|#call| {
                let (#context, #payload) = __private::open::<Self>(#call)?;
                let #result = #calling;
                __private::close::<Self>(__private::HandlerReturn::into_result(#result))
            }))
        }),
    }
}
