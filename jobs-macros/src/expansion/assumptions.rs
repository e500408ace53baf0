//! What is assumed of types that only the compiler can judge, and where it is made sure of.
//!
//! Everything that would report a type which does not fit, in the words of three derives, says
//! `where for<'x> T: Fits<'x>` instead; `payload_field::<T>()` reports it, in one sentence at the
//! type. `jobs::__private` says why that works. Types that always fit leave no tokens.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{LitStr, Type};

use crate::field_attributes;
use crate::model::{Job, Shape};
use crate::types::{at, is_job_result, is_plain};

/// The types of the payload's fields that may not fit.
pub(super) fn unsure_fields(job: &Job) -> Vec<&Type> {
    let types: Vec<&Type> = match &job.payload.shape {
        Shape::Fields(fields) => {
            // How others are written and described is their attributes' business.
            let fields = fields.iter();
            let usual = fields.filter(|f| !field_attributes::is_by_hand(&f.attributes));
            usual.map(|field| &field.ty).collect()
        }
        Shape::Whole(ty) => vec![ty],
    };
    let mut unsure: Vec<&Type> = Vec::new();
    for ty in types {
        if !is_plain(ty) && !unsure.contains(&ty) {
            unsure.push(ty);
        }
    }
    unsure
}

/// The return type, if it may be no result.
fn unsure_output(job: &Job) -> Option<&Type> {
    job.output.as_ref().filter(|ty| !is_job_result(ty))
}

/// Whether `Job` rests on assumptions.
pub(super) fn any(job: &Job) -> bool {
    !unsure_fields(job).is_empty() || unsure_output(job).is_some()
}

/// The one place that reports what does not fit.
pub(super) fn assertions(job: &Job) -> Option<TokenStream> {
    if !any(job) {
        return None;
    }
    let (cfgs, krate) = (&job.cfgs, &job.krate);
    let fields = unsure_fields(job)
        .into_iter()
        .map(|ty| quote_spanned!(at(ty)=> #krate::__private::payload_field::<#ty>();));
    let output = unsure_output(job)
        .map(|ty| quote_spanned!(at(ty)=> #krate::__private::handler_return::<#ty>();));
    Some(quote! {
        #(#cfgs)*
        const _: () = {
            #(#fields)*
            #output
        };
    })
}

/// The `where` clause of what needs the fields to fit.
pub(super) fn of_fields(job: &Job) -> Option<TokenStream> {
    clause(&field_predicates(job))
}

/// The `where` clause of `Job`.
pub(super) fn of_job(job: &Job) -> Option<TokenStream> {
    let mut predicates = field_predicates(job);
    predicates.extend(unsure_output(job).map(|ty| quote!(for<'x> #ty: __private::Returns<'x>)));
    clause(&predicates)
}

fn field_predicates(job: &Job) -> Vec<TokenStream> {
    let types = unsure_fields(job).into_iter();
    types
        .map(|ty| quote!(for<'x> #ty: __private::Fits<'x>))
        .collect()
}

fn clause(predicates: &[TokenStream]) -> Option<TokenStream> {
    (!predicates.is_empty()).then(|| quote!(where #(#predicates,)*))
}

/// The same in the words of serde, for its derives.
pub(super) fn serde_bound(job: &Job) -> Option<TokenStream> {
    let (name, krate) = (&job.payload.name, &job.krate);
    let private: String = quote!(#krate::__private).to_string().split(' ').collect();
    let predicates: Vec<String> = (0..unsure_fields(job).len())
        .map(|n| format!("for<'x> <{name} as {private}::Field<{n}>>::Type: {private}::Fits<'x>"))
        .collect();
    let bound = LitStr::new(&predicates.join(", "), Span::call_site());
    (!predicates.is_empty()).then(|| quote!(, bound = #bound))
}

/// The names that `serde_bound` uses.
pub(super) fn field_types(job: &Job) -> TokenStream {
    let name = &job.payload.name;
    let types = unsure_fields(job).into_iter().enumerate();
    types
        .map(|(n, ty)| {
            let n = Literal::usize_unsuffixed(n);
            quote! {
                impl __private::Field<#n> for #name {
                    type Type = #ty;
                }
            }
        })
        .collect()
}
