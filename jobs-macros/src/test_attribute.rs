//! `#[test]`, from tokens to tokens: parses, checks and generates in one file.
//!
//! ```text
//! // Input:
//! #[jobs::test(setup = |builder| builder.resource(Fake))]
//! async fn mail_is_sent(test: &TestRuntime) { … }
//!
//! // Output:
//! #[::core::prelude::v1::test]
//! fn mail_is_sent() {
//!     async fn mail_is_sent(test: &TestRuntime) { … }
//!     ::jobs_runtime::testing::run_test(
//!         |builder| builder.resource(Fake),
//!         async |test| mail_is_sent(test).await,
//!     )
//! }
//! ```

use jobs_grammar::suggestion::did_you_mean;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Expr, FnArg, Token, Type};

use crate::attribute::{Meta, values};
use crate::errors::Errors;
use crate::signature::Function;

/// The keys of the attribute, as written.
struct Keys {
    /// The path of the crate `jobs-runtime`.
    krate: TokenStream,
    /// A function from a `RuntimeBuilder` to a `RuntimeBuilder`.
    setup: TokenStream,
}

/// Returns the tokens that replace `#[jobs::test(attribute)] item`.
pub(crate) fn test(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let keys = Keys::parse(attribute, &mut errors);
    check(&function, &mut errors);
    if errors.is_empty() {
        expand(&function, &keys)
    } else {
        quote!(#errors #item)
    }
}

/// `setup = …` without another key.
struct OnlySetup(Expr);

impl Parse for OnlySetup {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key: Ident = input.parse()?;
        if key != "setup" {
            return Err(input.error("another key"));
        }
        input.parse::<Token![=]>()?;
        let setup = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok(Self(setup))
    }
}

impl Keys {
    fn parse(attribute: TokenStream, errors: &mut Errors) -> Self {
        let mut keys = Self {
            krate: quote!(::jobs_runtime),
            setup: quote!(|builder| builder),
        };
        // An expression may have commas of its own, as in `builder.resource::<Map<A, B>>(map)`.
        if let Ok(setup) = syn::parse2::<OnlySetup>(attribute.clone()) {
            keys.setup = setup.0.into_token_stream();
            return keys;
        }
        let mut given = Vec::new();
        for meta in Meta::parse_all(attribute, errors) {
            if given.contains(&meta.name()) {
                let name = meta.name();
                errors.at(meta.span(), format!("`{name}` is given twice: keep one"));
            }
            given.push(meta.name());
            match meta.name().as_str() {
                "setup" => {
                    let meta = meta.with_example("setup = |builder| builder.resource(Fake)");
                    let setup = meta.value(|input| input.parse::<Expr>());
                    if let Some(setup) = errors.ok(setup) {
                        keys.setup = setup.into_token_stream();
                    }
                }
                "crate" => {
                    let meta = meta.with_example("crate = crate::reexported::jobs_runtime");
                    if let Some(path) = errors.ok(meta.value(values::krate)) {
                        keys.krate = quote!(#path);
                    }
                }
                other => {
                    let hint = did_you_mean(other, ["setup", "crate"]);
                    let message =
                        format!("unknown key `{other}`{hint}\nexpected one of `setup`, `crate`");
                    errors.at(meta.span(), message);
                }
            }
        }
        keys
    }
}

/// Reports what a test cannot be.
fn check(function: &Function, errors: &mut Errors) {
    let signature = &function.signature;
    if function.body.is_none() {
        errors.over(&signature.ident, "a test has a body: add one");
    }
    if signature.asyncness.is_none() {
        errors.over(
            signature.fn_token,
            "a test of jobs awaits its runtime: write `async fn`",
        );
    }
    if !signature.generics.params.is_empty() {
        errors.over(
            &signature.generics,
            "a test is one function: remove the generics",
        );
    }
    let is_reference = |input: &FnArg| matches!(input, FnArg::Typed(typed) if matches!(*typed.ty, Type::Reference(_)));
    let fits = signature.inputs.len() <= 1 && signature.inputs.iter().all(is_reference);
    if !fits {
        errors.over(
            &signature.inputs,
            "a test takes the runtime, or nothing: write `test: &TestRuntime`",
        );
    }
}

fn expand(function: &Function, keys: &Keys) -> TokenStream {
    let Function {
        attributes,
        visibility,
        signature,
        body,
    } = function;
    let Keys { krate, setup } = keys;
    let (name, output) = (&signature.ident, &signature.output);
    let test = Ident::new("test", Span::mixed_site());
    let call = if signature.inputs.is_empty() {
        quote!(async |_| #name().await)
    } else {
        quote!(async |#test| #name(#test).await)
    };
    quote! {
        #(#attributes)*
        #[::core::prelude::v1::test]
        #visibility fn #name() #output {
            #signature #body
            #krate::testing::run_test(#setup, #call)
        }
    }
}
