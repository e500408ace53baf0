//! The schema of a payload that the derive on the payload itself cannot make.

use proc_macro2::TokenStream;
use quote::quote;

use super::{assumptions, payload};
use crate::model::{Job, Shape};

/// The implementation of `JsonSchema`, where it is not derived by the payload.
pub(super) fn schema(job: &Job) -> TokenStream {
    match &job.payload.shape {
        // A derive would describe the wrapper.
        Shape::Whole(ty) => delegate(job, &quote!(#ty)),
        Shape::Fields(fields) => match assumptions::unsure_fields(job).is_empty() {
            true => TokenStream::new(),
            false => {
                let twin = payload::twin(job, fields);
                let delegate = delegate(job, &quote!(__Described));
                quote!(#twin #delegate)
            }
        },
    }
}

/// The schema of the payload is that of `described`, with its name.
fn delegate(job: &Job, described: &TokenStream) -> TokenStream {
    let name = &job.payload.name;
    let assumed = assumptions::of_fields(job);
    quote! {
        __private::describe! {
            #name as #described #assumed
        }
    }
}
