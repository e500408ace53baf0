//! What the signature of a handler says: references come from the runtime, values are the payload.

use syn::ext::IdentExt as _;
use syn::{FnArg, Ident, Pat, PatType, ReturnType, Safety, Type};

use crate::errors::Errors;
use crate::field_attributes::FieldAttributes;
use crate::function::Function;
use crate::types::{self, Obstacle};

/// A handler's signature, as far as it makes sense.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) kind: Kind,
    pub(crate) arguments: Vec<Argument>,
    /// The return type; `None` after a mistake.
    pub(crate) output: Option<Type>,
}

/// How the job is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `async fn`
    Async,
    /// `fn`
    Blocking,
    /// Without a body: elsewhere.
    External,
}

/// One argument, in the order of the call.
#[derive(Debug)]
pub(crate) enum Argument {
    /// `&T`: from the runtime.
    Reference(Box<Type>),
    /// `T`: of the payload.
    Value(Box<Value>),
}

/// A by-value argument.
#[derive(Debug)]
pub(crate) struct Value {
    /// The field's name.
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) attributes: FieldAttributes,
}

impl Argument {
    /// What is referred to, or passed.
    pub(crate) fn ty(&self) -> &Type {
        match self {
            Self::Reference(ty) => ty,
            Self::Value(value) => &value.ty,
        }
    }
}

impl Signature {
    /// Reads the signature; arguments with mistakes are reported and left out.
    pub(crate) fn read(function: &Function, errors: &mut Errors) -> Self {
        let kind = match (&function.body, &function.signature.asyncness) {
            (None, _) => Kind::External,
            (Some(_), Some(_)) => Kind::Async,
            (Some(_), None) => Kind::Blocking,
        };
        refuse_modifiers(&function.signature, errors);
        // Generics are refused: nothing beside the function may mention them.
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
                .filter_map(|input| argument(input, kind, errors))
                .filter(|argument| concrete(argument.ty()))
                .collect(),
            output: output(function, errors).filter(concrete),
        }
    }
}

/// What a handler cannot be.
fn refuse_modifiers(signature: &syn::Signature, errors: &mut Errors) {
    if let Some(constness) = &signature.constness {
        errors.over(constness, "a handler is not `const`: remove it");
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        errors.over(
            unsafety,
            "the runtime calls handlers, and cannot keep the promises that `unsafe` asks for: \
             remove it",
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
            "without generics there is nothing to bound: remove it",
        );
    }
}

fn argument(input: &FnArg, kind: Kind, errors: &mut Errors) -> Option<Argument> {
    match input {
        FnArg::Receiver(receiver) => {
            let message = "a handler is a free function: take what it needs as `&T` from the \
                           runtime, and register that with `#[resource]`";
            errors.over(receiver, message);
            None
        }
        FnArg::Typed(argument) => match types::bare(&argument.ty) {
            Type::Reference(_) => reference(argument, kind, errors),
            _ => value(argument, errors),
        },
    }
}

fn reference(argument: &PatType, kind: Kind, errors: &mut Errors) -> Option<Argument> {
    let Type::Reference(reference) = types::bare(&argument.ty) else {
        return None;
    };
    let before = errors.count();
    if let Some(attribute) = FieldAttributes::first_for_fields(&argument.attrs) {
        errors.over(
            attribute,
            "this describes a field of the payload, and a by-reference argument is none: it comes \
             from the runtime",
        );
    }
    let target = types::bare(&reference.elem);
    if is_text_or_slice(target) {
        errors.over(
            &argument.ty,
            format!(
                "by-reference arguments come from the runtime; for a field of the payload use {}",
                owned_form(target)
            ),
        );
    } else if kind == Kind::External {
        errors.over(
            &argument.ty,
            "by-reference arguments come from the runtime of a handler, and this job has none: \
             without a body it is executed by other programs",
        );
    }
    if let Some(mutability) = &reference.mutability {
        errors.over(
            mutability,
            "attempts share what the runtime hands out: take `&T`, with a lock inside if it changes",
        );
    }
    if let Some(lifetime) = reference.lifetime.as_ref().filter(|l| l.ident == "static") {
        errors.over(
            lifetime,
            "the reference lasts as long as the attempt: remove `'static`",
        );
    }
    if let Some(Obstacle::ImplTrait(span)) = types::obstacle(target) {
        errors.at(
            span,
            "the runtime finds resources by their type: name it, or use `dyn`",
        );
    }
    (errors.count() == before).then(|| Argument::Reference(Box::new(target.clone())))
}

fn value(argument: &PatType, errors: &mut Errors) -> Option<Argument> {
    let before = errors.count();
    let attributes = FieldAttributes::read(&argument.attrs, errors);
    let name = field_name(argument, attributes.payload.is_some(), errors);
    refuse_type(&argument.ty, name.as_ref(), errors);
    match name {
        Some(name) if errors.count() == before => Some(Argument::Value(Box::new(Value {
            name,
            ty: argument.ty.as_ref().clone(),
            attributes,
        }))),
        _ => None,
    }
}

/// The name of the payload's field.
///
/// An underscore in front says that the function does not use the argument, which may change
/// without changing the payload: it is no part of the name.
fn field_name(argument: &PatType, whole: bool, errors: &mut Errors) -> Option<Ident> {
    let Pat::Ident(pattern) = argument.pat.as_ref() else {
        errors.over(
            &argument.pat,
            "expected a name: it is the name of the payload's field (take values apart in the body)",
        );
        return None;
    };
    if let Some(by_ref) = &pattern.by_ref {
        errors.over(by_ref, "expected a plain name: remove `ref`");
    }
    if let Some((at, _)) = &pattern.subpat {
        errors.over(at, "expected a plain name: match in the body instead");
    }
    let ident = &pattern.ident;
    let text = ident.to_string();
    match text.trim_start_matches('_') {
        "" => {
            errors.over(
                ident,
                "expected a name: it is the name of the payload's field",
            );
            None
        }
        stripped if stripped.len() == text.len() || whole => Some(ident.clone()),
        stripped => match syn::parse_str::<Ident>(stripped) {
            Ok(_) => Some(Ident::new(stripped, ident.span())),
            // `_type`: the keyword is meant, `_1` is its own name.
            Err(_) if stripped.starts_with(|c: char| c.is_ascii_digit()) => Some(ident.clone()),
            Err(_) => Some(Ident::new_raw(stripped, ident.span())),
        },
    }
}

/// Types that no payload's field can have, and what was meant.
fn refuse_type(ty: &Type, name: Option<&Ident>, errors: &mut Errors) {
    match types::obstacle(ty) {
        Some(Obstacle::Reference(span)) => errors.at(
            span,
            "a payload owns its data, for it is stored between enqueue and attempt: use an owned \
             type, such as `String` for `&str`",
        ),
        Some(Obstacle::Lifetime(span)) => errors.at(
            span,
            "a payload owns its data, for it is stored between enqueue and attempt: use `'static` \
             or an owned type",
        ),
        Some(Obstacle::ImplTrait(span)) => errors.at(
            span,
            "a field of the payload has one type: name it (`new` takes anything that converts)",
        ),
        Some(Obstacle::Inferred(span)) => errors.at(span, "name the type of the payload's field"),
        None => {}
    }
    let name = name.map_or_else(|| "value".to_owned(), ToString::to_string);
    let Some(segment) = types::last_segment(ty) else {
        return;
    };
    if segment.ident == "Arc" {
        let inner = types::first_argument(segment).map_or_else(|| "T".to_owned(), shown);
        errors.over(
            ty,
            format!(
                "by-value arguments are the payload, and an `Arc` is not stored: take a resource \
                 as `{name}: &{inner}`, or a field without `Arc`"
            ),
        );
    } else if segment.ident == "JobContext" && segment.arguments.is_none() {
        errors.over(
            ty,
            format!("the context comes from the runtime: take it as `{name}: &JobContext`"),
        );
    }
}

fn output(function: &Function, errors: &mut Errors) -> Option<Type> {
    match &function.signature.output {
        ReturnType::Default => {
            errors.at(
                function.signature.ident.span(),
                "a handler says how it ended: return a result, such as \
                 `-> Result<(), JobError>`",
            );
            None
        }
        ReturnType::Type(_, ty) => match types::obstacle(ty) {
            Some(Obstacle::ImplTrait(span)) => {
                errors.at(span, "the result is stored and read again: name its type");
                None
            }
            Some(Obstacle::Reference(span) | Obstacle::Lifetime(span)) => {
                errors.at(span, "the result is stored: return an owned type");
                None
            }
            Some(Obstacle::Inferred(span)) => {
                errors.at(span, "name the type of the result");
                None
            }
            None => Some(ty.as_ref().clone()),
        },
    }
}

fn is_text_or_slice(ty: &Type) -> bool {
    match ty {
        Type::Slice(_) => true,
        _ => types::last_segment(ty).is_some_and(|segment| {
            ["str", "Path", "String"]
                .iter()
                .any(|name| segment.ident == name)
        }),
    }
}

fn owned_form(ty: &Type) -> String {
    match ty {
        Type::Slice(slice) => format!("`Vec<{}>`", shown(&slice.elem)),
        _ => match types::last_segment(ty) {
            Some(segment) if segment.ident == "str" => "`String`".to_owned(),
            Some(segment) if segment.ident == "Path" => "`PathBuf`".to_owned(),
            _ => format!("`{}`", shown(ty)),
        },
    }
}

/// A type as it is usually written.
fn shown(ty: &Type) -> String {
    let text = quote::quote!(#ty).to_string();
    text.replace(" < ", "<")
        .replace(" >", ">")
        .replace(" :: ", "::")
        .replace(" , ", ", ")
}

/// The names of the by-value arguments, as fields, and of the by-reference ones.
pub(crate) fn names(signature: &syn::Signature) -> (Vec<String>, Vec<String>) {
    let (mut values, mut references) = (Vec::new(), Vec::new());
    for input in &signature.inputs {
        let FnArg::Typed(argument) = input else {
            continue;
        };
        let Pat::Ident(pattern) = argument.pat.as_ref() else {
            continue;
        };
        let name = pattern.ident.unraw().to_string();
        let name = name.trim_start_matches('_').to_owned();
        match types::bare(&argument.ty) {
            Type::Reference(_) => references.push(name),
            _ => values.push(name),
        }
    }
    (values, references)
}

/// Whether two fields have one name, which raw identifiers and underscores can hide.
pub(crate) fn same_name(a: &Ident, b: &Ident) -> bool {
    a.unraw() == b.unraw()
}
