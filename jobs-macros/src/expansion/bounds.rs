//! Bounds on the payload's types, so that a type without the required traits is reported once.
//!
//! Only the compiler knows whether a type implements `PayloadField`. The derives would each report
//! a type that does not, in their own words. So their `impl`s carry `where for<'x> T:
//! PayloadBound<'x>`, and `assert_payload_field::<T>()` reports the type once. The module `bounds`
//! of the crate `jobs` explains the mechanism. Types that always implement the trait leave no
//! tokens.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{LitStr, Type};

use crate::model::{AcceptedJob, Shape};
use crate::signature::field_attributes::has_custom_format;
use crate::signature::types::{at, is_job_result, is_plain};

/// Returns the distinct field types that need a bound.
pub(super) fn bounded_types(job: &AcceptedJob) -> Vec<&Type> {
    let types: Vec<&Type> = match &job.payload.shape {
        Shape::Fields(fields) => {
            // A field with a custom format may lack traits.
            let fields = fields.iter();
            let fields = fields.filter(|field| !has_custom_format(&field.attributes));
            fields.map(|field| &field.ty).collect()
        }
        Shape::Whole(ty) => vec![ty],
    };
    let mut bounded: Vec<&Type> = Vec::new();
    for ty in types {
        if !is_plain(ty) && !bounded.contains(&ty) {
            bounded.push(ty);
        }
    }
    bounded
}

/// Returns the return type if it needs a bound.
fn bounded_output(job: &AcceptedJob) -> Option<&Type> {
    job.output.as_ref().filter(|ty| !is_job_result(ty))
}

/// Returns `true` if the `impl` of `Job` has bounds.
pub(super) fn has_bounds(job: &AcceptedJob) -> bool {
    !bounded_types(job).is_empty() || bounded_output(job).is_some()
}

/// Generates the assertions, the one place that reports a type without the required traits.
pub(super) fn assertions(job: &AcceptedJob) -> Option<TokenStream> {
    if !has_bounds(job) {
        return None;
    }
    let (cfgs, krate) = (&job.cfgs, &job.krate);
    let fields = bounded_types(job)
        .into_iter()
        .map(|ty| quote_spanned!(at(ty)=> #krate::__private::assert_payload_field::<#ty>();));
    let output = bounded_output(job)
        .map(|ty| quote_spanned!(at(ty)=> #krate::__private::assert_handler_return::<#ty>();));
    Some(quote! {
        #(#cfgs)*
        const _: () = {
            #(#fields)*
            #output
        };
    })
}

/// Generates the `where` clause of the payload's `impl`s.
pub(super) fn payload_clause(job: &AcceptedJob) -> Option<TokenStream> {
    clause(&field_predicates(job))
}

/// Generates the `where` clause of the `impl` of `Job`.
pub(super) fn job_clause(job: &AcceptedJob) -> Option<TokenStream> {
    let mut predicates = field_predicates(job);
    predicates.extend(
        bounded_output(job).map(|ty| quote!(for<'x> #ty: __private::HandlerReturnBound<'x>)),
    );
    clause(&predicates)
}

fn field_predicates(job: &AcceptedJob) -> Vec<TokenStream> {
    let types = bounded_types(job).into_iter();
    types
        .map(|ty| quote!(for<'x> #ty: __private::PayloadBound<'x>))
        .collect()
}

fn clause(predicates: &[TokenStream]) -> Option<TokenStream> {
    (!predicates.is_empty()).then(|| quote!(where #(#predicates,)*))
}

/// Generates serde's `bound`, a text with the predicates of the payload's `impl`s.
pub(super) fn serde_bound(job: &AcceptedJob) -> Option<TokenStream> {
    let (name, krate) = (&job.payload.name, &job.krate);
    let private: String = quote!(#krate::__private).to_string().split(' ').collect();
    let predicates: Vec<String> = (0..bounded_types(job).len())
        .map(|n| {
            format!(
                "for<'x> <{name} as {private}::FieldType<{n}>>::Type: {private}::PayloadBound<'x>"
            )
        })
        .collect();
    let bound = LitStr::new(&predicates.join(", "), Span::call_site());
    (!predicates.is_empty()).then(|| quote!(, bound = #bound))
}

/// Generates the `FieldType` implementations that [`serde_bound`] refers to.
pub(super) fn field_types(job: &AcceptedJob) -> TokenStream {
    let name = &job.payload.name;
    let types = bounded_types(job).into_iter().enumerate();
    types
        .map(|(n, ty)| {
            let n = Literal::usize_unsuffixed(n);
            quote! {
                impl __private::FieldType<#n> for #name {
                    type Type = #ty;
                }
            }
        })
        .collect()
}
