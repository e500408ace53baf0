//! The constructors of a payload: `new` with the required fields, a setter for each other field.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{Expr, ExprLit, ExprUnary, Ident, Lit, Visibility};

use crate::model::{Field, Initial, Payload, Shape};

use crate::signature::docs::is_doc;

/// Generates the `impl` block.
pub(super) fn constructors(payload: &Payload) -> TokenStream {
    let Shape::Fields(fields) = &payload.shape else {
        return TokenStream::new();
    };
    let (name, visibility) = (&payload.name, &payload.visibility);
    let required = fields.iter().filter(|field| field.initial.is_none());
    let parameters: Vec<TokenStream> = required
        .map(|Field { name, ty, .. }| quote!(#name: impl __private::IntoField<#ty>))
        .collect();
    let values = fields.iter().map(|Field { name, initial, .. }| {
        let value = match initial {
            None => quote!(__private::IntoField::into_field(#name)),
            Some(initial) => initial_value(name, initial),
        };
        quote!(#name: #value)
    });
    let initial = || {
        let all = fields.iter();
        all.filter_map(|field| Some((field, field.initial.as_ref()?)))
    };
    let setters = initial().map(|(field, initial)| setter(visibility, field, initial));
    let defaults = initial().filter_map(|(field, initial)| match initial {
        Initial::Written(default) => Some(default_function(field, default)),
        Initial::Absent | Initial::Serde(_) => None,
    });

    let new_docs = match (parameters.is_empty(), initial().next().is_some()) {
        (true, false) => " The payload: it has no fields.",
        (true, true) => " The payload with every field at its default.",
        (false, false) => " A payload of these fields.",
        (false, true) => " A payload of the required fields; the others are at their defaults.",
    };
    let many = (parameters.len() > 7).then(|| quote!(, clippy::too_many_arguments));
    let default = payload.default.then(|| default_trait(name, fields));
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
        #default
    }
}

fn setter(visibility: &Visibility, field: &Field, initial: &Initial) -> TokenStream {
    let Field { name, ty, docs, .. } = field;
    let hidden = docs.iter().filter(|attribute| !is_doc(attribute));
    let plain = name.unraw();
    let otherwise = match initial {
        Initial::Written(default) if is_literal(default) => {
            format!(
                "is `{}` otherwise",
                quote!(#default).to_string().replace("- ", "-")
            )
        }
        Initial::Absent => "is `None` otherwise".to_owned(),
        Initial::Written(_) | Initial::Serde(_) => "has a default".to_owned(),
    };
    let sentence = format!(" Sets `{plain}`, which {otherwise}.");
    quote! {
        #[doc = #sentence]
        #(#hidden)*
        #[must_use]
        #visibility fn #name(mut self, #name: impl __private::IntoField<#ty>) -> Self {
            self.#name = __private::IntoField::into_field(#name);
            self
        }
    }
}

/// Generates the value of a field that `new` does not take.
fn initial_value(name: &Ident, initial: &Initial) -> TokenStream {
    match initial {
        Initial::Written(_) => {
            let default = default_name(name);
            quote!(Self::#default())
        }
        Initial::Absent => quote!(__private::Option::None),
        Initial::Serde(None) => quote!(__private::Default::default()),
        Initial::Serde(Some(function)) => quote!(#function()),
    }
}

/// Generates the function of a `#[default(…)]`.
fn default_function(field: &Field, default: &Expr) -> TokenStream {
    let Field { name, ty, .. } = field;
    let function = default_name(name);
    let value = if is_text(default) {
        quote!(__private::IntoField::into_field(#default))
    } else if cannot_panic(default) {
        quote!(#default)
    } else {
        let plain = name.unraw().to_string();
        quote!(__private::default_of(#plain, || #default))
    };
    quote! {
        fn #function() -> #ty {
            #value
        }
    }
}

/// Generates `Default` for the key `derive(Default)`: the derive does not know `#[default(…)]`.
fn default_trait(name: &Ident, fields: &[Field]) -> TokenStream {
    let values = fields.iter().map(|Field { name, initial, .. }| {
        let value = match initial {
            None => quote!(__private::Default::default()),
            Some(initial) => initial_value(name, initial),
        };
        quote!(#name: #value)
    });
    quote! {
        impl __private::Default for #name {
            fn default() -> Self {
                Self {
                    #(#values,)*
                }
            }
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
        Expr::Unary(ExprUnary { expr, .. }) => is_literal(expr),
        Expr::Path(path) => path.path.get_ident().is_some(),
        Expr::Group(group) => is_literal(&group.expr),
        _ => false,
    }
}

/// Returns `true` for a default without a call: a literal, or the path of a value.
fn cannot_panic(default: &Expr) -> bool {
    match default {
        Expr::Path(_) => true,
        Expr::Group(group) => cannot_panic(&group.expr),
        other => is_literal(other),
    }
}
