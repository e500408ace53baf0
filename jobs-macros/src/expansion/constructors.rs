//! The constructors of a payload: `new` with the required fields, a setter for each other field.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{Expr, ExprLit, Ident, Lit, Visibility};

use crate::model::{AcceptedJob, Field, Shape};

/// Generates the `impl` block.
pub(crate) fn constructors(job: &AcceptedJob) -> TokenStream {
    let Shape::Fields(fields) = &job.payload.shape else {
        return TokenStream::new();
    };
    let payload = &job.payload;
    let (name, visibility) = (&payload.name, &payload.visibility);

    let required = fields.iter().filter(|field| field.default.is_none());
    let parameters: Vec<TokenStream> = required
        .map(|Field { name, ty, .. }| quote!(#name: impl __private::IntoField<#ty>))
        .collect();
    let values = fields
        .iter()
        .map(|Field { name, default, .. }| match default {
            None => quote!(#name: __private::IntoField::into_field(#name)),
            Some(_) => {
                let default = default_name(name);
                quote!(#name: Self::#default())
            }
        });
    let defaulted = || {
        let all = fields.iter();
        all.filter_map(|field| Some((field, field.default.as_ref()?)))
    };
    let setters = defaulted().map(|(field, default)| setter(&payload.visibility, field, default));
    let defaults = defaulted().map(|(Field { name, ty, .. }, default)| {
        let function = default_name(name);
        let value = if is_text(default) {
            quote!(__private::IntoField::into_field(#default))
        } else {
            quote!(#default)
        };
        quote! {
            fn #function() -> #ty {
                #value
            }
        }
    });

    let new_docs = match (parameters.is_empty(), defaulted().next().is_some()) {
        (true, false) => " The payload: it has no fields.",
        (true, true) => " The payload with every field at its default.",
        (false, false) => " A payload of these fields.",
        (false, true) => " A payload of the required fields; the others are at their defaults.",
    };
    let many = (parameters.len() > 7).then(|| quote!(, clippy::too_many_arguments));
    quote! {
        #[allow(dead_code #many)]
        impl #name {
            #[doc = #new_docs]
            #[must_use]
            #visibility fn new(#(#parameters),*) -> Self {
                Self {
                    #(#values,)*
                }
            }
            #(#setters)*
            #(#defaults)*
        }
    }
}

fn setter(visibility: &Visibility, field: &Field, default: &Expr) -> TokenStream {
    let Field { name, ty, .. } = field;
    let plain = name.unraw();
    let docs = if is_literal(default) {
        let default = quote!(#default).to_string();
        format!(" Sets `{plain}`, which is `{default}` otherwise.")
    } else {
        format!(" Sets `{plain}`, which has a default.")
    };
    quote! {
        #[doc = #docs]
        #[must_use]
        #visibility fn #name(mut self, #name: impl __private::IntoField<#ty>) -> Self {
            self.#name = __private::IntoField::into_field(#name);
            self
        }
    }
}

/// Returns the name of a field's default function, which serde, the schema and `new` call.
pub(super) fn default_name(field: &Ident) -> Ident {
    format_ident!("__default_{}", field.unraw(), span = Span::call_site())
}

/// Returns `true` if a default is a text literal, which converts into the field's type.
fn is_text(default: &Expr) -> bool {
    match default {
        Expr::Lit(ExprLit {
            lit: Lit::Str(_), ..
        }) => true,
        Expr::Group(group) => is_text(&group.expr),
        _ => false,
    }
}

fn is_literal(default: &Expr) -> bool {
    match default {
        Expr::Lit(_) => true,
        Expr::Group(group) => is_literal(&group.expr),
        _ => false,
    }
}
