//! `#[resource]`, from tokens to tokens.
//!
//! ```text
//! // Input:
//! #[resource]
//! async fn workspace_db() -> Result<WorkspaceDb, sqlx::Error> { … }
//!
//! // Output: the function, and
//! const _: () = {
//!     submit! { ResourceDefinition::new::<WorkspaceDb>(source!(), || build(workspace_db())) }
//! };
//! ```

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Path, ReturnType, Safety, Type};

use crate::errors::Errors;
use crate::function::{Function, Plain};
use crate::given::Given;
use crate::suggestion::did_you_mean;
use crate::types::{self, Obstacle};

/// What `#[resource(attribute)] item` is replaced by.
pub(crate) fn resource(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let krate = krate(attribute, &mut errors);
    let provided = Provided::read(&function, &mut errors);

    let plain = Plain(&function);
    match provided {
        Some(provided) if errors.is_empty() => {
            let registration = provided.register(&function, &krate);
            quote!(#plain #registration)
        }
        _ => quote!(#errors #plain),
    }
}

/// Reads the one key, `crate`.
fn krate(attribute: TokenStream, errors: &mut Errors) -> TokenStream {
    let mut krate = quote!(::jobs);
    for given in Given::list(attribute, errors) {
        let given = given.like("crate = crate::reexported::jobs");
        match given.name().as_str() {
            "crate" => {
                if let Some(path) = errors.ok(given.value(Path::parse_mod_style)) {
                    krate = quote!(#path);
                }
            }
            other => {
                let hint = did_you_mean(other, ["crate"]);
                let message = format!("unknown key `{other}`{hint}\nexpected `crate` or nothing");
                errors.at(given.span(), message);
            }
        }
    }
    krate
}

/// What a function provides, read off its return type.
struct Provided {
    /// The type that handlers borrow.
    ty: TokenStream,
    /// Whether the function can fail.
    fallible: bool,
    /// Whether the value comes in its `Arc`.
    shared: bool,
}

impl Provided {
    fn read(function: &Function, errors: &mut Errors) -> Option<Self> {
        let signature = &function.signature;
        if function.body.is_none() {
            errors.over(
                &signature.ident,
                "a resource is built by the body of its function: add one",
            );
        }
        if let Some(constness) = &signature.constness {
            errors.over(constness, "a resource is built at start: remove `const`");
        }
        if let Safety::Unsafe(unsafety) = &signature.safety {
            errors.over(unsafety, "the runtime calls it, and cannot keep the promises that `unsafe` asks for: remove it");
        }
        if let Some(abi) = &signature.abi {
            errors.over(
                abi,
                "a resource is built by an ordinary Rust function: remove `extern`",
            );
        }
        if !signature.generics.params.is_empty() {
            errors.over(
                &signature.generics,
                "a resource has one type: remove the generics",
            );
        }
        if !signature.inputs.is_empty() {
            errors.over(
                &signature.inputs,
                "a resource is built without arguments: read its configuration in the body",
            );
        }
        match &signature.output {
            ReturnType::Default => {
                let message = "a resource has a value: return `T` or `Result<T, E>`";
                errors.over(&signature.ident, message);
                None
            }
            ReturnType::Type(_, ty) => Self::of(ty, errors),
        }
    }

    fn of(ty: &Type, errors: &mut Errors) -> Option<Self> {
        match types::obstacle(ty) {
            Some(Obstacle::ImplTrait(span)) => {
                let message = "handlers ask for a resource by its type: name it, or return \
                               `Arc<dyn Trait>`";
                errors.at(span, message);
                return None;
            }
            Some(Obstacle::Inferred(span)) => {
                errors.at(span, "name the type of the resource");
                return None;
            }
            Some(Obstacle::Reference(_) | Obstacle::Lifetime(_)) | None => {}
        }
        // Whether it can fail is a question of the name, as an alias such as `anyhow::Result`
        // shows: a type parameter cannot tell a fallible function from one that provides a result.
        let segment = types::last_segment(ty);
        let result = segment.filter(|segment| segment.ident.to_string().ends_with("Result"));
        let value = match result {
            Some(result) => types::first_argument(result),
            None => Some(ty),
        };
        let shared = value
            .and_then(types::last_segment)
            .filter(|segment| segment.ident == "Arc")
            .and_then(types::first_argument);
        let provided = match (shared, result) {
            (Some(inner), _) => quote!(#inner),
            (None, None) => quote!(#ty),
            (None, Some(_)) => quote!(#ty),
        };
        Some(Self {
            ty: provided,
            fallible: result.is_some(),
            shared: shared.is_some(),
        })
    }

    fn register(&self, function: &Function, krate: &TokenStream) -> TokenStream {
        let cfgs = function.cfgs();
        let name = &function.signature.ident;
        let span = function.signature.output.span();
        let ty = match (self.fallible, self.shared) {
            (true, false) => {
                let ty = &self.ty;
                quote_spanned!(span=> __private::ResourceOf<#ty>)
            }
            _ => self.ty.clone(),
        };
        let mut value = quote!(#name());
        if function.signature.asyncness.is_some() {
            value = quote!(#value.await);
        }
        if self.fallible {
            value = quote!(__private::ResourceReturn::into_result(#value)?);
        }
        let resource = Ident::new("resource", Span::mixed_site());
        let shared = match self.shared {
            true => quote!(#resource),
            false => quote!(__private::Arc::new(#resource)),
        };
        quote! {
            #(#cfgs)*
            const _: () = {
                use #krate::__private;
                __private::inventory::submit! {
                    __private::ResourceDefinition::new::<#ty>(__private::source!(), || {
                        __private::build_resource(async {
                            let #resource = #value;
                            __private::Result::Ok(#shared)
                        })
                    })
                }
            };
        }
    }
}
