//! The function below an attribute.
//!
//! Its body stays unparsed: an incomplete body, or one for another macro, passes through.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Meta, Signature, Visibility};

use super::types;

/// A function as written.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    /// The body. `None` for `fn name();`.
    pub(crate) body: Option<TokenStream>,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse().map_err(|error| {
            let message = format!("expected a function, such as `async fn send_mail(..)`: {error}");
            syn::Error::new(error.span(), message)
        })?;
        let body: TokenStream = input.parse()?;
        Ok(Self {
            attributes,
            visibility,
            signature,
            body: is_block(&body).then_some(body),
        })
    }
}

/// Turns `#[expect(lint)]` into `#[allow(lint)]`.
fn allowing(mut attribute: Attribute) -> Attribute {
    if attribute.path().is_ident("expect")
        && let Meta::List(list) = &mut attribute.meta
    {
        list.path = syn::parse_quote!(allow);
    }
    attribute
}

fn is_block(body: &TokenStream) -> bool {
    // A block from a `macro_rules!` fragment arrives in an invisible group.
    matches!(body.clone().into_iter().next(), Some(TokenTree::Group(group))
        if matches!(group.delimiter(), Delimiter::Brace | Delimiter::None))
}

impl Function {
    /// The attributes that every generated item repeats: `#[cfg(…)]`, and `#[allow(…)]`, because
    /// the names and types of the arguments are in the items as well. A lint that the function
    /// expects need not be found in each item, so `#[expect(…)]` becomes `#[allow(…)]`.
    pub(crate) fn shared_attributes(&self) -> Vec<Attribute> {
        let shared = |attribute: &&Attribute| {
            let path = attribute.path();
            ["cfg", "allow", "expect"]
                .iter()
                .any(|name| path.is_ident(name))
        };
        let shared = self.attributes.iter().filter(shared).cloned();
        shared.map(allowing).collect()
    }

    /// Removes and returns the attributes of this name, with any path before it.
    pub(crate) fn take_attributes(&mut self, name: &str) -> Vec<Attribute> {
        let (taken, kept) = self.attributes.drain(..).partition(|attribute| {
            let last = attribute.path().segments.last();
            last.is_some_and(|segment| segment.ident == name)
        });
        self.attributes = kept;
        taken
    }

    /// Returns a function without arguments of unsized types and without `...`: neither compiles.
    ///
    /// Unsized types become references, and the body, which may not compile with them, is left out.
    pub(crate) fn sized(&self) -> Self {
        let mut sized = self.clone();
        let mut changed = sized.signature.variadic.take().is_some();
        for argument in &mut sized.signature.inputs {
            if let FnArg::Typed(argument) = argument
                && types::is_unsized(&argument.ty)
            {
                let ty = &argument.ty;
                *argument.ty = syn::parse_quote!(&#ty);
                changed = true;
            }
        }
        if changed {
            sized.attributes.push(syn::parse_quote!(#[allow(unused)]));
            sized.body = Some(quote!({ ::core::unimplemented!() }));
        }
        sized
    }

    /// Returns `true` if the function is `#[deprecated]`.
    pub(crate) fn is_deprecated(&self) -> bool {
        let mut attributes = self.attributes.iter();
        attributes.any(|attribute| attribute.path().is_ident("deprecated"))
    }
}

/// The function for the compiler: without the attributes of its arguments, which are for the macro.
/// Produces no tokens for a function without a body.
pub(crate) struct WithoutMacroAttributes<'a>(pub(crate) &'a Function);

impl ToTokens for WithoutMacroAttributes<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Function {
            attributes,
            visibility,
            signature,
            body,
        } = self.0;
        let Some(body) = body else { return };
        let mut signature = signature.clone();
        for argument in &mut signature.inputs {
            match argument {
                // Lint levels stay: they apply to the function.
                FnArg::Typed(argument) => argument.attrs.retain(is_lint),
                FnArg::Receiver(_) => {}
            }
        }
        tokens.extend(quote!(#(#attributes)* #visibility #signature #body));
    }
}

/// Returns `true` if an attribute sets the level of a lint.
pub(crate) fn is_lint(attribute: &Attribute) -> bool {
    ["allow", "expect", "warn", "deny", "forbid"]
        .iter()
        .any(|level| attribute.path().is_ident(level))
}
