//! The implementation of `JsonSchema` for payloads that cannot derive it.

use proc_macro2::TokenStream;
use quote::quote;

use super::{bounds, payload};
use crate::model::{AcceptedJob, Shape};

/// Generates the implementation, or nothing if the payload derives it.
pub(super) fn schema(job: &AcceptedJob) -> TokenStream {
    match &job.outline.payload.shape {
        // The derive would describe the wrapper.
        Shape::Whole(ty) => delegate(job, &quote!(#ty)),
        Shape::Fields(_) if derives_schema(job) => TokenStream::new(),
        Shape::Fields(fields) => {
            let twin = payload::described_twin(job, fields);
            let delegate = delegate(job, &quote!(__Described));
            quote!(#twin #delegate)
        }
    }
}

/// Returns `true` if the payload derives its schema. schemars' derive takes no bounds, so with
/// bounds the `described_twin` has the derive instead.
pub(super) fn derives_schema(job: &AcceptedJob) -> bool {
    let fields = matches!(job.outline.payload.shape, Shape::Fields(_));
    fields && !bounds::has_field_bounds(&job.outline)
}

/// Generates an implementation that returns the schema and the name of `described`.
fn delegate(job: &AcceptedJob, described: &TokenStream) -> TokenStream {
    let name = &job.outline.payload.name;
    let bounds = bounds::payload_clause(&job.outline);
    quote! {
        impl __private::JsonSchema for #name #bounds {
            __private::describe_as!(#described);
        }
    }
}
