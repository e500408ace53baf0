//! The second stage: reads the function below the attribute.
//!
//! By-reference arguments come from the runtime. By-value arguments form the payload.
//!
//! | module | content |
//! |---|---|
//! | `function` | the function, with its body as unparsed tokens |
//! | `arguments` | by-reference and by-value arguments |
//! | `field_attributes`, `serde_attributes` | the attributes of a by-value argument |
//! | `types`, `shown` | questions about the syntax of a type; a type as a text |
//! | `docs` | doc comments |
//! | `case` | names that follow from the function's and its arguments' names |
//!
//! `model`, `expansion` and `resource` import this module. The module itself imports only `errors`
//! and `suggestion`, never `attribute`, `model` or `expansion`: a key never changes what a
//! signature means.

mod arguments;
pub(crate) mod case;
pub(crate) mod docs;
pub(crate) mod field_attributes;
mod function;
pub(crate) mod serde_attributes;
pub(crate) mod shown;
pub(crate) mod types;

use syn::{Ident, ReturnType, Safety, Type};

use crate::errors::Errors;
use types::Unstorable;

pub(crate) use arguments::{Argument, Value, names, reference, same_name};
pub(crate) use function::{Function, WithoutMacroAttributes};

/// A handler's signature as written. An argument with a mistake is left out.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) kind: Kind,
    pub(crate) arguments: Vec<Argument>,
    /// The return type. `None` after a mistake.
    pub(crate) output: Option<Type>,
    /// Set for a function that must be in an `impl`: it has a receiver, or `Self` in a type.
    pub(crate) is_method: bool,
}

/// The way in which a job is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `async fn`
    Async,
    /// `fn`
    Blocking,
    /// A function without a body: other programs execute the job.
    External,
}

impl Signature {
    /// Reads the signature. Mistakes are reported.
    pub(crate) fn read(function: &Function, errors: &mut Errors) -> Self {
        let kind = match (&function.body, &function.signature.asyncness) {
            (None, _) => Kind::External,
            (Some(_), Some(_)) => Kind::Async,
            (Some(_), None) => Kind::Blocking,
        };
        reject_modifiers(&function.signature, errors);
        let receiver = function.signature.receiver().is_some();
        // Generics are rejected, so generated items must not mention them.
        let generics: Vec<&Ident> = function
            .signature
            .generics
            .type_params()
            .map(|generic| &generic.ident)
            .collect();
        let concrete = |ty: &Type| !generics.iter().any(|name| types::mentions(ty, name));
        let inputs = function.signature.inputs.iter();
        let types = inputs.clone().filter_map(|input| match input {
            syn::FnArg::Typed(argument) => Some(&*argument.ty),
            syn::FnArg::Receiver(_) => None,
        });
        let returned = match &function.signature.output {
            ReturnType::Type(_, ty) => Some(&**ty),
            ReturnType::Default => None,
        };
        let mut types = types.chain(returned);
        Self {
            is_method: receiver || types.any(|ty| types::find_self(ty).is_some()),
            kind,
            arguments: inputs
                .filter_map(|input| arguments::read(input, kind, errors))
                .filter(|argument| concrete(argument.ty()))
                .collect(),
            output: output(function, errors).filter(concrete),
        }
    }
}

/// Reports modifiers that a handler cannot have.
fn reject_modifiers(signature: &syn::Signature, errors: &mut Errors) {
    if let Some(constness) = &signature.constness {
        errors.over(constness, "a handler cannot be `const`: remove it");
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        errors.over(
            unsafety,
            "the runtime calls handlers, and cannot uphold the conditions of an `unsafe` function: \
             remove `unsafe`",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.over(
            abi,
            "a handler is an ordinary Rust function: remove `extern`",
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.over(
            variadic,
            "a payload has a fixed set of fields: take a `Vec`",
        );
    }
    let generics = &signature.generics;
    if !generics.params.is_empty() && generics.params.len() == generics.lifetimes().count() {
        errors.over(
            generics,
            "a reference is valid during the attempt, which needs no name: remove the lifetimes",
        );
    } else if !generics.params.is_empty() {
        errors.over(
            generics,
            "a job is one function for one payload type: remove the generics, or call a generic \
             function from the handler",
        );
    } else if let Some(clause) = &signature.generics.where_clause {
        errors.over(
            clause,
            "a `where` clause needs generics, and a handler has none: remove it",
        );
    }
}

/// Reads the return type, which must be one that can be stored.
fn output(function: &Function, errors: &mut Errors) -> Option<Type> {
    match &function.signature.output {
        ReturnType::Default => {
            errors.at(
                function.signature.ident.span(),
                "a handler returns a result: add a return type, such as `-> Result<(), JobError>`",
            );
            None
        }
        ReturnType::Type(_, ty) => {
            let before = errors.count();
            match types::find_unstorable(ty) {
                Some(Unstorable::ImplTrait(_)) if is_future(ty) => errors.over(
                    ty,
                    "a handler that returns a future is an `async fn`: write `async fn`, and the \
                     future's result as the return type",
                ),
                Some(Unstorable::ImplTrait(span)) => {
                    errors.at(span, "the result is stored and read again: name its type");
                }
                Some(Unstorable::Reference(span) | Unstorable::Lifetime(span)) => {
                    errors.at(span, "the result is stored: return an owned type");
                }
                Some(Unstorable::Inferred(span)) => errors.at(span, "name the type of the result"),
                Some(Unstorable::SelfType(span)) => errors.at(span, SELF),
                Some(Unstorable::Unsized) | None => reject_error_type(ty, errors),
            }
            (errors.count() == before).then(|| ty.as_ref().clone())
        }
    }
}

/// The message for `Self` in a signature.
const SELF: &str = "a handler is a free function outside of any `impl`: name the type";

fn is_future(ty: &Type) -> bool {
    let Type::ImplTrait(it) = types::bare(ty) else {
        return false;
    };
    it.bounds.iter().any(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => {
            let last = bound.path.segments.last();
            last.is_some_and(|segment| segment.ident == "Future")
        }
        _ => false,
    })
}

/// Reports the error types of a `Result` that never convert into a `JobError`.
fn reject_error_type(ty: &Type, errors: &mut Errors) {
    let result = types::last_segment(ty).filter(|segment| segment.ident == "Result");
    let Some(error) = result.and_then(types::second_argument) else {
        return;
    };
    match types::bare(error) {
        Type::Tuple(tuple) if tuple.elems.is_empty() => errors.over(
            error,
            "an error says what went wrong: return `JobError`, or a type that implements `Error`",
        ),
        _ if types::is_local_box(error) => errors.over(
            error,
            "the error leaves the thread of the attempt: write `Box<dyn Error + Send + Sync>`, or \
             return `JobError`",
        ),
        _ => {}
    }
}
