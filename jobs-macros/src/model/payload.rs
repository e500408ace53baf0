//! The payload struct, from the by-value arguments.

use syn::ext::IdentExt as _;
use syn::{Attribute, Expr, Ident, LitStr, Path, Type, Visibility};

use super::{Input, JsonName};
use crate::attribute::Spanned;
use crate::errors::Errors;
use crate::signature::docs::is_doc;
use crate::signature::field_attributes::has_serde_default;
use crate::signature::{Argument, Value, case, same_name, types};

/// The struct beside the function.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) derives: Vec<Path>,
    pub(crate) rename_all: Option<LitStr>,
    pub(crate) deny_unknown: bool,
    pub(crate) shape: Shape,
}

/// The shape of the payload.
#[derive(Debug)]
pub(crate) enum Shape {
    /// One field per by-value argument.
    Fields(Vec<Field>),
    /// An existing type, from the argument marked `#[payload]`.
    Whole(Box<Type>),
}

/// A field of the payload.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) default: Option<Expr>,
    pub(crate) attributes: Vec<Attribute>,
    /// The field's name in JSON.
    pub(crate) json_name: String,
}

impl Shape {
    /// Returns the name in JSON of the field that a key names.
    ///
    /// Keys name the fields of a whole payload as in JSON already.
    pub(super) fn json_name(&self, field: LitStr) -> JsonName {
        let Self::Fields(fields) = self else {
            return JsonName(field);
        };
        let name = field.value();
        match fields.iter().find(|field| field.name.unraw() == name) {
            Some(known) => JsonName(LitStr::new(&known.json_name, field.span())),
            None => JsonName(field),
        }
    }
}

impl Field {
    /// Returns `true` if a payload may lack the field: it is an `Option`, or has `#[default(…)]` or
    /// serde's default.
    pub(super) fn is_optional(&self) -> bool {
        let option = types::last_segment(&self.ty).is_some_and(|ty| ty.ident == "Option");
        option || self.default.is_some() || has_serde_default(&self.attributes)
    }
}

/// Returns the name of the payload struct: the key `payload`, or the function's name converted.
pub(super) fn name<'a>(
    key: Option<Spanned<Ident>>,
    function: &Ident,
    mut types: impl Iterator<Item = &'a Type>,
    errors: &mut Errors,
) -> Ident {
    let name = match key {
        Some(key) => key.value,
        None => {
            let name = case::upper_camel(&function.unraw().to_string());
            if syn::parse_str::<Ident>(&name).is_err() {
                let message =
                    format!("`{name}` is not a valid name of the payload: add `payload = …`");
                errors.over(function, message);
                return Ident::new("Payload", function.span());
            }
            Ident::new(&name, function.span())
        }
    };
    if types.any(|ty| types::mentions(ty, &name)) {
        let better = format!("{name}Payload");
        let message = format!(
            "the payload of this job and a type of its signature are both named `{name}`: add \
             `payload = {better}`, or rename the function"
        );
        errors.over(&name, message);
        return Ident::new(&better, name.span());
    }
    name
}

/// Sorts the arguments into the inputs of the call, the sensitive fields and the payload's shape.
pub(super) fn sort_arguments(
    arguments: Vec<Argument>,
    rename_all: Option<&Spanned<LitStr>>,
    errors: &mut Errors,
) -> (Vec<Input>, Vec<String>, Shape) {
    let values = || {
        arguments.iter().filter_map(|argument| match argument {
            Argument::Value(value) => Some(&**value),
            Argument::Reference(_) => None,
        })
    };
    let whole = values().find(|value| value.attributes.payload.is_some());
    if let Some(whole) = whole {
        reject_beside_whole(whole, values(), errors);
        let shape = Shape::Whole(Box::new(whole.ty.clone()));
        let inputs = arguments.into_iter().filter_map(|argument| match argument {
            Argument::Reference(ty) => Some(Input::Runtime(ty)),
            Argument::Value(value) => value.attributes.payload.map(|_| Input::Payload),
        });
        return (inputs.collect(), Vec::new(), shape);
    }

    let rename_all = rename_all.map(|rule| rule.value.value());
    let mut inputs = Vec::new();
    let mut sensitive = Vec::new();
    let mut fields: Vec<Field> = Vec::new();
    for argument in arguments {
        let Value {
            name,
            ty,
            attributes,
        } = match argument {
            Argument::Value(value) => *value,
            Argument::Reference(ty) => {
                inputs.push(Input::Runtime(ty));
                continue;
            }
        };
        if fields.iter().any(|field| same_name(&field.name, &name)) {
            let message = format!("the payload has two fields `{name}`: rename one argument");
            errors.over(&name, message);
            continue;
        }
        if attributes.default.is_some() && name == "new" {
            errors.over(
                &name,
                "the setter of this argument would be a second `new` of the payload: rename it, and \
                 keep its name in JSON with `#[serde(rename = \"new\")]`",
            );
            continue;
        }
        let json_name = attributes.serde_rename().unwrap_or_else(|| {
            let plain = name.unraw().to_string();
            case::renamed(&plain, rename_all.as_deref())
        });
        if attributes.sensitive.is_some() {
            sensitive.push(json_name.clone());
        }
        inputs.push(Input::Field(name.clone()));
        fields.push(Field {
            name,
            ty,
            default: attributes.default,
            attributes: attributes.passed,
            json_name,
        });
    }
    (inputs, sensitive, Shape::Fields(fields))
}

/// Reports arguments and attributes that a whole payload excludes.
fn reject_beside_whole<'a>(
    whole: &Value,
    values: impl Iterator<Item = &'a Value>,
    errors: &mut Errors,
) {
    for other in values.filter(|value| value.name != whole.name) {
        let message = match &other.attributes.payload {
            Some(_) => "a job has one payload: mark one argument with `#[payload]`".to_owned(),
            None => format!(
                "`{}` is the whole payload: make `{}` a field of it, or remove `#[payload]`",
                whole.name, other.name
            ),
        };
        errors.over(&other.name, message);
    }
    let attributes = &whole.attributes;
    if let Some(default) = &attributes.default {
        errors.over(
            default,
            "a whole payload has no default: remove it, and give defaults to the fields of its type",
        );
    }
    if let Some(sensitive) = &attributes.sensitive {
        errors.over(
            sensitive,
            "`#[sensitive]` marks a field, and this argument is the whole payload: take its fields as \
             arguments to mark them",
        );
    }
    for attribute in attributes.passed.iter().filter(|a| !is_doc(a)) {
        errors.over(
            attribute,
            "this attribute describes a field: move it to the type of the whole payload",
        );
    }
}
