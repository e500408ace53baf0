//! The implementation of `JsonSchema` for payloads that cannot derive it.

use proc_macro2::TokenStream;
use quote::quote;

use super::{bounds, payload};
use crate::model::{AcceptedJob, Shape};

/// Generates the implementation, or nothing if the payload derives it.
pub(super) fn schema(job: &AcceptedJob) -> TokenStream {
    match &job.payload.shape {
        // The derive would describe the wrapper.
        Shape::Whole(ty) => delegate(job, &quote!(#ty)),
        Shape::Fields(_) if bounds::bounded_types(job).is_empty() => TokenStream::new(),
        Shape::Fields(fields) => {
            let twin = payload::described_twin(job, fields);
            let delegate = delegate(job, &quote!(__Described));
            quote!(#twin #delegate)
        }
    }
}

/// Generates an implementation that returns the schema and the name of `described`.
fn delegate(job: &AcceptedJob, described: &TokenStream) -> TokenStream {
    let name = &job.payload.name;
    let bounds = bounds::payload_clause(job);
    quote! {
        __private::describe! {
            #name as #described #bounds
        }
    }
}
