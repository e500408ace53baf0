//! The second stage: reads the function below the attribute.
//!
//! By-reference arguments come from the runtime. By-value arguments form the payload.
//!
//! | module | content |
//! |---|---|
//! | `function` | the function, with its body as unparsed tokens |
//! | `arguments` | by-reference and by-value arguments |
//! | `field_attributes` | the attributes of a by-value argument |
//! | `types` | questions about the syntax of a type |
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
pub(crate) mod types;

use syn::{Ident, ReturnType, Safety, Type};

use crate::errors::Errors;
use types::Unstorable;

pub(crate) use arguments::{Argument, Value, names, same_name};
pub(crate) use function::{Function, Plain};

/// A handler's signature as written. An argument with a mistake is left out.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) kind: Kind,
    pub(crate) arguments: Vec<Argument>,
    /// The return type. `None` after a mistake.
    pub(crate) output: Option<Type>,
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
        // Generics are rejected, so generated items must not mention them.
        let generics: Vec<&Ident> = function
            .signature
            .generics
            .type_params()
            .map(|generic| &generic.ident)
            .collect();
        let concrete = |ty: &Type| !generics.iter().any(|name| types::mentions(ty, name));
        let inputs = function.signature.inputs.iter();
        Self {
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
    if !signature.generics.params.is_empty() {
        errors.over(
            &signature.generics,
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
        ReturnType::Type(_, ty) => match types::find_unstorable(ty) {
            Some(Unstorable::ImplTrait(span)) => {
                errors.at(span, "the result is stored and read again: name its type");
                None
            }
            Some(Unstorable::Reference(span) | Unstorable::Lifetime(span)) => {
                errors.at(span, "the result is stored: return an owned type");
                None
            }
            Some(Unstorable::Inferred(span)) => {
                errors.at(span, "name the type of the result");
                None
            }
            None => Some(ty.as_ref().clone()),
        },
    }
}
