//! How a payload is made: `new` with what is required, and a setter for each of the other fields.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{Expr, ExprLit, Ident, Lit, Visibility};

use crate::model::{Field, Job, Shape};

/// `new` with the required fields, and a setter for each of the others.
pub(crate) fn constructors(job: &Job) -> TokenStream {
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
        let with_default = |field| match field {
            &Field { ref default, .. } => default.as_ref().map(|default| (field, default)),
        };
        fields.iter().filter_map(with_default)
    };
    let setters = defaulted().map(|(field, default)| setter(&payload.visibility, field, default));
    let defaults = defaulted().map(|(Field { name, ty, .. }, default)| {
        let function = default_name(name);
        let value = match is_text(default) {
            true => quote!(__private::IntoField::into_field(#default)),
            false => quote!(#default),
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
    let docs = match is_literal(default) {
        true => {
            let default = quote!(#default).to_string();
            format!(" Sets `{plain}`, which is `{default}` otherwise.")
        }
        false => format!(" Sets `{plain}`, which has a default."),
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

/// The function that makes a field's default; serde, the schema and `new` call it.
pub(super) fn default_name(field: &Ident) -> Ident {
    format_ident!("__default_{}", field.unraw(), span = Span::call_site())
}

/// Whether a default converts: nobody wants to write `"member".to_owned()`.
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
