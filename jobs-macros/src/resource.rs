//! `#[resource]`, from tokens to tokens: parses, checks and generates in one file.
//!
//! ```text
//! // Input:
//! #[resource]
//! async fn workspace_db() -> Result<WorkspaceDb, sqlx::Error> { … }
//!
//! // Output: the function, and
//! const _: () = {
//!     const __RESOURCE: ResourceDefinition =
//!         ResourceDefinition::new::<WorkspaceDb>(source!(), |_| build_resource(workspace_db()));
//!     submit!(__RESOURCE);
//! };
//! ```

use jobs_grammar::suggestion::did_you_mean;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ReturnType, Safety, Type};

use crate::attribute::{Meta, values};
use crate::errors::Errors;
use crate::signature::types::{self, Unstorable};
use crate::signature::{self, Function, WithoutMacroAttributes};

/// Returns the tokens that replace `#[resource(attribute)] item`.
pub(crate) fn resource(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let krate = parse_crate(attribute, &mut errors);
    let provided = Provided::read(&function, &mut errors);

    let item = WithoutMacroAttributes(&function);
    match provided {
        Some(provided) if errors.is_empty() => {
            let registration = provided.register(&function, &krate);
            quote!(#item #registration)
        }
        _ => quote!(#errors #item),
    }
}

/// Parses the one key, `crate`.
fn parse_crate(attribute: TokenStream, errors: &mut Errors) -> TokenStream {
    let mut krate = quote!(::jobs);
    for meta in Meta::parse_all(attribute, errors) {
        let meta = meta.with_example("crate = crate::reexported::jobs");
        match meta.name().as_str() {
            "crate" => {
                if let Some(path) = errors.ok(meta.value(values::krate)) {
                    krate = quote!(#path);
                }
            }
            other => {
                let hint = did_you_mean(other, ["crate"]);
                let message = format!("unknown key `{other}`{hint}\nexpected `crate` or nothing");
                errors.at(meta.span(), message);
            }
        }
    }
    krate
}

/// A resource function's return type, taken apart.
struct Provided {
    /// The type that handlers borrow. For a fallible function that is not shared, the return type.
    ty: TokenStream,
    /// Set for a function that can fail.
    fallible: bool,
    /// Set for a function that returns the value in an `Arc`.
    shared: bool,
    /// The types of the resources that the function borrows.
    needs: Vec<Type>,
}

impl Provided {
    /// Checks the function and reads its return type.
    fn read(function: &Function, errors: &mut Errors) -> Option<Self> {
        let signature = &function.signature;
        if function.body.is_none() {
            errors.over(
                &signature.ident,
                "a resource is built by the body of its function: add one",
            );
        }
        if let Some(constness) = &signature.constness {
            errors.over(
                constness,
                "a resource is built when the process starts: remove `const`",
            );
        }
        if let Safety::Unsafe(unsafety) = &signature.safety {
            errors.over(
                unsafety,
                "the runtime calls this function, and cannot uphold the conditions of an `unsafe` \
                 function: remove `unsafe`",
            );
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
        let mut needs = Vec::new();
        for input in &signature.inputs {
            needs.extend(signature::reference(input, errors).unwrap_or_else(|| {
                errors.over(
                    input,
                    "a resource function borrows other resources, by reference: take `&T`, or read \
                     the configuration in the body",
                );
                None
            }));
        }
        let provided = match &signature.output {
            ReturnType::Default => {
                let message = "a resource function returns the resource: add a return type, `-> T` or \
                               `-> Result<T, E>`";
                errors.over(&signature.ident, message);
                None
            }
            ReturnType::Type(_, ty) => Self::of(ty, errors),
        };
        provided.map(|provided| Self { needs, ..provided })
    }

    /// Takes a return type apart.
    fn of(ty: &Type, errors: &mut Errors) -> Option<Self> {
        match types::find_unstorable(ty) {
            Some(Unstorable::ImplTrait(span)) => {
                let message = "handlers ask for a resource by its type: name it, or return \
                               `Arc<dyn Trait>`";
                errors.at(span, message);
                return None;
            }
            Some(Unstorable::Inferred(span)) => {
                errors.at(span, "name the type of the resource");
                return None;
            }
            Some(Unstorable::SelfType(span)) => {
                let message = "a resource function is a free function: name the type";
                errors.at(span, message);
                return None;
            }
            Some(Unstorable::Reference(_) | Unstorable::Lifetime(_) | Unstorable::Unsized)
            | None => {}
        }
        // A function is fallible if its return type's name ends in `Result`. The name decides,
        // because an alias such as `anyhow::Result<T>` hides the error.
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
            // The compiler takes the value out of a result: an alias may fix either type.
            (None, _) => quote!(#ty),
        };
        Some(Self {
            ty: provided,
            fallible: result.is_some(),
            shared: shared.is_some(),
            needs: Vec::new(),
        })
    }

    /// Generates the registration.
    fn register(&self, function: &Function, krate: &TokenStream) -> TokenStream {
        let attributes = function.shared_attributes();
        let name = &function.signature.ident;
        // Errors about the return type point at it.
        let span = match &function.signature.output {
            ReturnType::Type(_, ty) => types::at(ty),
            ReturnType::Default => name.span(),
        };
        let ty = if self.fallible && !self.shared {
            let ty = &self.ty;
            quote_spanned!(span=> __private::ResourceOf<#ty>)
        } else {
            self.ty.clone()
        };
        let needs = &self.needs;
        // The names of the closure's argument and of the value are unknown to the application.
        let resources = Ident::new("resources", Span::mixed_site());
        let borrowed = needs.iter().map(|ty| {
            let at = types::at(ty);
            quote_spanned!(at=> __private::borrow_resource::<#ty>(&#resources)?)
        });
        let mut value = quote!(#name(#(#borrowed),*));
        let needs = (!needs.is_empty())
            .then(|| quote!(.needs(&[#(__private::ResourceRequest::of::<#needs>()),*])));
        let (argument, moves) = match &needs {
            Some(_) => (quote!(#resources), Some(quote!(move))),
            None => (quote!(_), None),
        };
        if function.signature.asyncness.is_some() {
            value = quote!(#value.await);
        }
        if self.fallible {
            value = quote_spanned! {span=>
                __private::ResourceReturn::into_result(#value).map_err(__private::resource_error)?
            };
        }
        let resource = Ident::new("resource", Span::mixed_site().located_at(span));
        let shared = if self.shared {
            quote!(#resource)
        } else {
            quote_spanned!(span=> __private::Arc::new(#resource))
        };
        let definition = quote_spanned! {span=>
            __private::ResourceDefinition::new::<#ty>(__private::source!(), |#argument| {
                __private::build_resource(async #moves {
                    let #resource = #value;
                    __private::Result::Ok(#shared)
                })
            }) #needs
        };
        quote! {
            #(#attributes)*
            const _: () = {
                use #krate::__private;
                const __RESOURCE: __private::ResourceDefinition = #definition;
                __private::inventory::submit!(__RESOURCE);
            };
        }
    }
}
