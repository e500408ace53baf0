//! What links the payload, the function and the runtime. Nothing but names and calls: the logic is
//! in `jobs::__private`, where it is tested.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use crate::model::{Input, Job, Shape};
use crate::signature::Kind;
use crate::types::{at, is_plain};

/// The implementation of `Job`.
pub(super) fn implementation(job: &Job, options: &TokenStream) -> TokenStream {
    let (id, name) = (&job.id, &job.payload.name);
    let schema = schema(job);
    let output = output(job);
    quote! {
        #schema
        impl __private::Job for #name {
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
    quote! {
        __private::submit!(#name);
    }
}

/// Says in one sentence, at its type, that a field does not fit. The three derives say it in five
/// errors, which come after this one because the struct does. Types that always fit leave no tokens.
pub(super) fn assertions(job: &Job) -> Option<TokenStream> {
    let types: Vec<&Type> = match &job.payload.shape {
        Shape::Fields(fields) => fields.iter().map(|field| &field.ty).collect(),
        Shape::Whole(ty) => vec![ty],
    };
    let unsure: Vec<_> = types.into_iter().filter(|ty| !is_plain(ty)).collect();
    if unsure.is_empty() {
        return None;
    }
    let (cfgs, krate) = (&job.cfgs, &job.krate);
    let assertions = unsure
        .iter()
        .map(|ty| quote_spanned!(at(ty)=> #krate::__private::payload_field::<#ty>();));
    Some(quote! {
        #(#cfgs)*
        const _: () = {
            #(#assertions)*
        };
    })
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

/// The schema of a wrapped payload is that of the type, with its own name and docs: a derive would
/// describe the wrapper.
fn schema(job: &Job) -> TokenStream {
    let name = &job.payload.name;
    let Shape::Whole(ty) = &job.payload.shape else {
        return TokenStream::new();
    };
    quote! {
        impl __private::JsonSchema for #name {
            fn inline_schema() -> bool {
                <#ty as __private::JsonSchema>::inline_schema()
            }
            fn schema_name() -> __private::Cow<'static, str> {
                <#ty as __private::JsonSchema>::schema_name()
            }
            fn schema_id() -> __private::Cow<'static, str> {
                <#ty as __private::JsonSchema>::schema_id()
            }
            fn json_schema(
                generator: &mut __private::schemars::SchemaGenerator,
            ) -> __private::schemars::Schema {
                <#ty as __private::JsonSchema>::json_schema(generator)
            }
        }
    }
}
