//! Bounds on the types of the payload and of the handler's return.
//!
//! With them, a type without the required traits is reported once. Only the compiler knows whether
//! a type implements `PayloadField`. The derives would each report a type that does not, in their
//! own words. So their `impl`s carry `where for<'x> T: PayloadBound<'x>`, and
//! `assert_payload_field::<T>()` reports the type once. The lifetime `'x` defers the check to the
//! use of the `impl`; the module `bounds` of the crate `jobs` explains the mechanism.
//!
//! Standard types ([`is_always_storable`]) and `Result<T, JobError>` get no bound.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{LitStr, Type};

use crate::model::{Outline, Shape};
use crate::signature::shown::shown;
use crate::signature::types::{at, has_dollar_crate, is_always_storable, is_job_result};

/// Returns the distinct field types that need a bound.
fn bounded_types(outline: &Outline) -> Vec<&Type> {
    let types: Vec<&Type> = match &outline.payload.shape {
        Shape::Fields(fields) => {
            // A field with a custom format may lack traits.
            let fields = fields.iter().filter(|field| !field.custom_format);
            fields.map(|field| &field.ty).collect()
        }
        Shape::Whole(ty) => vec![ty],
    };
    let mut bounded: Vec<&Type> = Vec::new();
    for ty in types {
        if !is_always_storable(ty) && !bounded.contains(&ty) {
            bounded.push(ty);
        }
    }
    bounded
}

/// Returns the return type if it needs a bound.
fn bounded_output(outline: &Outline) -> Option<&Type> {
    outline.output.as_ref().filter(|ty| !is_job_result(ty))
}

/// Returns `true` if the `impl` of `Job` has bounds.
pub(super) fn has_bounds(outline: &Outline) -> bool {
    !bounded_types(outline).is_empty() || bounded_output(outline).is_some()
}

/// Returns `true` if the `impl`s of the payload have bounds.
pub(super) fn has_field_bounds(outline: &Outline) -> bool {
    !bounded_types(outline).is_empty()
}

/// Generates the assertions, the one place that reports a type without the required traits.
pub(super) fn assertions(outline: &Outline) -> Option<TokenStream> {
    if !has_bounds(outline) {
        return None;
    }
    let (shared, krate) = (&outline.shared, &outline.krate);
    let fields = bounded_types(outline)
        .into_iter()
        .map(|ty| quote_spanned!(at(ty)=> #krate::__private::assert_payload_field::<#ty>();));
    let output = bounded_output(outline)
        .map(|ty| quote_spanned!(at(ty)=> #krate::__private::assert_handler_return::<#ty>();));
    Some(quote! {
        #(#shared)*
        const _: () = {
            #(#fields)*
            #output
        };
    })
}

/// Generates the `where` clause of the payload's `impl`s.
pub(super) fn payload_clause(outline: &Outline) -> Option<TokenStream> {
    clause(&field_predicates(outline))
}

/// Generates the `where` clause of the `impl` of `Job`.
pub(super) fn job_clause(outline: &Outline) -> Option<TokenStream> {
    let mut predicates = field_predicates(outline);
    predicates.extend(output_predicate(outline));
    clause(&predicates)
}

/// Generates the `where` clause of the `impl` of `Job` after a mistake, when no field has a bound.
pub(super) fn output_clause(outline: &Outline) -> Option<TokenStream> {
    output_predicate(outline).map(|predicate| quote!(where #predicate))
}

fn field_predicates(outline: &Outline) -> Vec<TokenStream> {
    let types = bounded_types(outline).into_iter();
    types
        .map(|ty| quote!(for<'x> #ty: __private::PayloadBound<'x>))
        .collect()
}

fn output_predicate(outline: &Outline) -> Option<TokenStream> {
    bounded_output(outline).map(|ty| quote!(for<'x> #ty: __private::HandlerReturnBound<'x>))
}

fn clause(predicates: &[TokenStream]) -> Option<TokenStream> {
    (!predicates.is_empty()).then(|| quote!(where #(#predicates,)*))
}

/// Generates `, bound = "…"` for serde's derives, a text with the predicates of their `impl`s.
pub(super) fn serde_bound(outline: &Outline) -> Option<TokenStream> {
    let private = private_path(outline);
    let predicates: Vec<String> = bounded_types(outline)
        .into_iter()
        .enumerate()
        .map(|(n, ty)| {
            let ty = if has_dollar_crate(ty) {
                let name = &outline.payload.name;
                format!("<{name} as {private}::FieldType<{n}>>::Type")
            } else {
                shown(ty)
            };
            format!("for<'x> {ty}: {private}::PayloadBound<'x>")
        })
        .collect();
    let bound = LitStr::new(&predicates.join(", "), Span::call_site());
    (!predicates.is_empty()).then(|| quote!(, bound = #bound))
}

/// The path of the hidden module, as a text for attributes of derives.
pub(super) fn private_path(outline: &Outline) -> String {
    let krate = &outline.krate;
    quote!(#krate::__private).to_string().split(' ').collect()
}

/// Generates the `FieldType` implementations that [`serde_bound`] refers to.
pub(super) fn field_types(outline: &Outline) -> TokenStream {
    let name = &outline.payload.name;
    let types = bounded_types(outline).into_iter().enumerate();
    let types = types.filter(|(_, ty)| has_dollar_crate(ty));
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
