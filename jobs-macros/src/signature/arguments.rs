//! Arguments of a handler.

use syn::ext::IdentExt as _;
use syn::{FnArg, Ident, Pat, PatType, Type};

use super::Kind;
use super::field_attributes::FieldAttributes;
use super::shown::shown;
use super::types::{self, Unstorable};
use crate::errors::Errors;

/// An argument.
#[derive(Debug)]
pub(crate) enum Argument {
    /// `&T`: the context or a resource of type `T`, from the runtime.
    Reference(Box<Type>),
    /// `T`: a field of the payload, or the whole payload.
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
    /// The type `T`, without the `&` of a reference.
    pub(crate) fn ty(&self) -> &Type {
        match self {
            Self::Reference(ty) => ty,
            Self::Value(value) => &value.ty,
        }
    }
}

/// Reads an argument. Returns `None` after a mistake, which is reported.
pub(super) fn read(input: &FnArg, kind: Kind, errors: &mut Errors) -> Option<Argument> {
    match input {
        FnArg::Receiver(receiver) => {
            let message = "a handler is a free function: replace `self` by an argument `&T`, and \
                           provide the `T` with `#[resource]`";
            errors.over(receiver, message);
            None
        }
        FnArg::Typed(argument) => match types::bare(&argument.ty) {
            Type::Reference(_) => read_reference(argument, kind, errors),
            _ => read_value(argument, errors),
        },
    }
}

/// Reads an argument of a resource function: the type that it borrows, or `None` after a mistake,
/// which is reported. The outer `None` means that the argument is no reference.
pub(crate) fn reference(input: &FnArg, errors: &mut Errors) -> Option<Option<Type>> {
    let FnArg::Typed(argument) = input else {
        return None;
    };
    let Type::Reference(_) = types::bare(&argument.ty) else {
        return None;
    };
    Some(match read_reference(argument, Kind::Async, errors) {
        Some(Argument::Reference(ty)) => Some(*ty),
        _ => None,
    })
}

fn read_reference(argument: &PatType, kind: Kind, errors: &mut Errors) -> Option<Argument> {
    let Type::Reference(reference) = types::bare(&argument.ty) else {
        return None;
    };
    let before = errors.count();
    if let Some(attribute) = FieldAttributes::first_for_fields(&argument.attrs) {
        errors.over(
            attribute,
            "this attribute describes a field of the payload, and a by-reference argument comes \
             from the runtime: remove it",
        );
    }
    let target = types::bare(&reference.elem);
    let name = match argument.pat.as_ref() {
        Pat::Ident(pattern) => pattern.ident.unraw().to_string(),
        _ => "value".to_owned(),
    };
    if let Some(message) = not_a_resource(target, &name) {
        errors.over(&argument.ty, message);
    } else if kind == Kind::External {
        errors.over(
            &argument.ty,
            "by-reference arguments come from the runtime, and a function without a body runs in \
             other programs: remove the argument, or add a body",
        );
    }
    if let Some(mutability) = &reference.mutability {
        errors.over(
            mutability,
            "attempts share the resources of the runtime: take `&T`, and use a lock inside `T` if \
             it changes",
        );
    }
    if let Some(lifetime) = reference.lifetime.as_ref().filter(|l| l.ident == "static") {
        errors.over(
            lifetime,
            "the reference is valid during the attempt only: remove `'static`",
        );
    }
    match types::find_unstorable(target) {
        Some(Unstorable::ImplTrait(span)) => errors.at(
            span,
            "the runtime finds resources by their type: name it, or use `dyn`",
        ),
        Some(Unstorable::SelfType(span)) => errors.at(span, super::SELF),
        _ => {}
    }
    (errors.count() == before).then(|| Argument::Reference(Box::new(target.clone())))
}

fn read_value(argument: &PatType, errors: &mut Errors) -> Option<Argument> {
    let attributes = FieldAttributes::read(&argument.attrs, errors);
    // The fallback has no use for the attributes, so a mistake there keeps the field.
    let before = errors.count();
    let name = field_name(argument, attributes.payload.is_some(), errors);
    reject_unstorable_type(&argument.ty, name.as_ref(), errors);
    match name {
        Some(name) if errors.count() == before => Some(Argument::Value(Box::new(Value {
            name,
            ty: argument.ty.as_ref().clone(),
            attributes,
        }))),
        _ => None,
    }
}

/// Returns the name of the payload's field.
///
/// A leading underscore marks an argument that the function does not use. It is not part of the
/// name, so that using the argument later leaves the payload unchanged.
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
            // A keyword of the edition 2024 that syn takes for a name.
            Ok(_) if stripped == "gen" => Some(Ident::new_raw(stripped, ident.span())),
            Ok(_) => Some(Ident::new(stripped, ident.span())),
            // `_1` keeps its underscore, because `1` is not a name.
            Err(_) if stripped.starts_with(|c: char| c.is_ascii_digit()) => Some(ident.clone()),
            // `_self` keeps it as well: no raw identifier can be `self`.
            Err(_) if ["self", "Self", "super", "crate"].contains(&stripped) => Some(ident.clone()),
            // `_type` becomes `r#type`.
            Err(_) => Some(Ident::new_raw(stripped, ident.span())),
        },
    }
}

/// Reports a type that no field of a payload can have.
fn reject_unstorable_type(ty: &Type, name: Option<&Ident>, errors: &mut Errors) {
    let name = name.map_or_else(|| "value".to_owned(), |name| name.unraw().to_string());
    if let Some(resource) = optional_resource(ty) {
        errors.over(
            ty,
            format!(
                "the runtime has every resource before an attempt starts: take `{name}: &{}`",
                shown(resource)
            ),
        );
        return;
    }
    match types::find_unstorable(ty) {
        Some(Unstorable::Reference(span)) => errors.at(
            span,
            "a payload is stored between enqueue and attempt, so it owns its data: use an owned \
             type, such as `String` for `&str`",
        ),
        Some(Unstorable::Lifetime(span)) => errors.at(
            span,
            "a payload is stored between enqueue and attempt, so it owns its data: use `'static` \
             or an owned type",
        ),
        Some(Unstorable::ImplTrait(span)) => errors.at(
            span,
            "a field of the payload has one type: name it (`new` takes anything that converts)",
        ),
        Some(Unstorable::Inferred(span)) => errors.at(span, "name the type of the payload's field"),
        Some(Unstorable::SelfType(span)) => errors.at(span, super::SELF),
        Some(Unstorable::Unsized) => match types::bare(ty) {
            Type::TraitObject(_) => errors.over(
                ty,
                format!(
                    "a payload is stored as JSON, and a `dyn` type has no size: take a resource as \
                     `{name}: &{}`, or a field of one type",
                    shown(ty)
                ),
            ),
            _ => errors.over(
                ty,
                format!("a field of the payload has a size: use {}", owned_form(ty)),
            ),
        },
        None => {}
    }
    let Some(segment) = types::last_segment(ty) else {
        return;
    };
    if segment.ident == "Arc" {
        let inner = types::first_argument(segment).map_or_else(|| "T".to_owned(), shown);
        errors.over(
            ty,
            format!(
                "by-value arguments form the payload, and an `Arc` cannot be stored: take a \
                 resource as `{name}: &{inner}`, or a field without `Arc`"
            ),
        );
    } else if segment.ident == "JobContext" && segment.arguments.is_none() {
        errors.over(
            ty,
            format!("the context comes from the runtime: take it as `{name}: &JobContext`"),
        );
    }
}

/// The type `T` of an `Option<&T>` that is meant as a resource.
fn optional_resource(ty: &Type) -> Option<&Type> {
    let option = types::last_segment(ty).filter(|segment| segment.ident == "Option");
    match types::bare(option.and_then(types::first_argument)?) {
        Type::Reference(reference) if !is_text_or_slice(types::bare(&reference.elem)) => {
            Some(types::bare(&reference.elem))
        }
        _ => None,
    }
}

/// Standard types, and types of well-known crates, that are data and never a resource.
const DATA: &[&str] = &[
    "bool",
    "char",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "PathBuf",
    "Vec",
    "VecDeque",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "Option",
    "Duration",
    "SystemTime",
    "Uuid",
    "Url",
    "DateTime",
    "NaiveDate",
    "Timestamp",
    "Decimal",
];

/// The message for a by-reference argument whose type cannot be provided.
fn not_a_resource(target: &Type, name: &str) -> Option<String> {
    if is_text_or_slice(target) {
        return Some(format!(
            "by-reference arguments come from the runtime; for a field of the payload use {}",
            owned_form(target)
        ));
    }
    let segment = types::last_segment(target)?;
    if ["Arc", "Rc", "Box"]
        .iter()
        .any(|pointer| segment.ident == pointer)
    {
        let inner = shown(types::first_argument(segment)?);
        return Some(format!(
            "the runtime provides the value in an `{}` by its own type: take `{name}: &{inner}`",
            segment.ident
        ));
    }
    DATA.iter().any(|data| segment.ident == data).then(|| {
        let ty = shown(target);
        format!(
            "by-reference arguments are resources, and `{ty}` is data: take it by value as \
             `{name}: {ty}`, or provide a type of its own with `#[resource]`"
        )
    })
}

/// Returns `true` if a reference to this type is meant as payload data rather than as a resource.
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

/// The owned type for a text or slice, for messages.
fn owned_form(ty: &Type) -> String {
    match types::bare(ty) {
        Type::Slice(slice) => format!("`Vec<{}>`", shown(&slice.elem)),
        _ => match types::last_segment(ty) {
            Some(segment) if segment.ident == "str" => "`String`".to_owned(),
            Some(segment) if segment.ident == "Path" => "`PathBuf`".to_owned(),
            _ => format!("`{}`", shown(ty)),
        },
    }
}

/// Returns the names of the by-value arguments, and those of the by-reference arguments.
pub(crate) fn names(signature: &syn::Signature) -> (Vec<String>, Vec<String>) {
    let (mut values, mut references) = (Vec::new(), Vec::new());
    for input in &signature.inputs {
        let FnArg::Typed(argument) = input else {
            continue;
        };
        let Pat::Ident(pattern) = argument.pat.as_ref() else {
            continue;
        };
        // `_1` and `_self` keep their underscores.
        let ident = field_name(argument, false, &mut Errors::default());
        let name = ident.unwrap_or_else(|| pattern.ident.clone());
        let name = name.unraw().to_string();
        match types::bare(&argument.ty) {
            Type::Reference(_) => references.push(name),
            _ => values.push(name),
        }
    }
    (values, references)
}

/// Returns `true` if two fields have the same name apart from `r#`.
pub(crate) fn same_name(a: &Ident, b: &Ident) -> bool {
    a.unraw() == b.unraw()
}
