//! The payload struct, from the by-value arguments.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Attribute, Expr, ExprPath, Ident, LitStr, Path, Type, Visibility};

use super::checks::{fields, whole_payload};
use super::{Input, JsonName};
use crate::attribute::Spanned;
use crate::errors::Errors;
use crate::signature::serde_attributes::SerdeDefault;
use crate::signature::{Argument, Value, case, types};

/// The struct beside the function.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    /// The derives of the key `derive`, without `Default`.
    pub(crate) derives: Vec<Path>,
    /// Set for a `Default` of the fields' defaults.
    pub(crate) default: bool,
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
    /// The value without an argument for it. `None` for a required field.
    pub(crate) initial: Option<Initial>,
    /// The lines of the docs, and `#[doc(hidden)]`.
    pub(crate) docs: Vec<Attribute>,
    /// `#[serde(…)]` and `#[schemars(…)]` of the argument.
    pub(crate) attributes: Vec<Attribute>,
    /// Set for a field whose type may lack serde's traits.
    pub(crate) custom_format: bool,
    /// Set for a field whose members are members of the payload in JSON.
    pub(crate) flattened: bool,
    /// The field's name in JSON.
    pub(crate) json_name: String,
}

/// The fields whose values are hidden, by their names in JSON.
#[derive(Debug, Default)]
pub(crate) struct Sensitive {
    pub(crate) names: Vec<String>,
    /// Former names.
    pub(crate) aliases: Vec<String>,
}

/// The value of a field that `new` does not take and that a payload in JSON may lack.
#[derive(Debug)]
pub(crate) enum Initial {
    /// `#[default(expr)]`
    Written(Expr),
    /// `None`, of an `Option`.
    Absent,
    /// `#[serde(default)]`, or the function of `#[serde(default = "path")]`.
    Serde(Option<ExprPath>),
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

/// Names of Rust's prelude that a payload must not hide, and a name of this crate.
const PRELUDE: &[&str] = &[
    "AsMut",
    "AsRef",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "Job",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

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
    let better = format!("{name}Payload");
    let message = if PRELUDE.iter().any(|hidden| name == hidden) {
        format!(
            "the payload `{name}` would hide Rust's own `{name}` in this module: add \
             `payload = {better}`, or rename the function"
        )
    } else if types.any(|ty| types::mentions(ty, &name)) {
        format!(
            "the payload of this job and a type of its signature are both named `{name}`: add \
             `payload = {better}`, or rename the function"
        )
    } else {
        return name;
    };
    errors.over(&name, message);
    Ident::new(&better, name.span())
}

/// Sorts the arguments into the inputs of the call, the sensitive fields and the payload's shape.
pub(super) fn sort_arguments(
    arguments: Vec<Argument>,
    rename_all: Option<&Spanned<LitStr>>,
    derives: &[Path],
    errors: &mut Errors,
) -> (Vec<Input>, Sensitive, Shape) {
    let values = || {
        arguments.iter().filter_map(|argument| match argument {
            Argument::Value(value) => Some(&**value),
            Argument::Reference(_) => None,
        })
    };
    let whole = values().find(|value| value.attributes.payload.is_some());
    if let Some(whole) = whole {
        whole_payload::reject_beside(whole, values(), errors);
        let shape = Shape::Whole(Box::new(whole.ty.clone()));
        let fields = whole.attributes.sensitive_fields.iter().map(LitStr::value);
        let sensitive = Sensitive {
            names: fields.collect(),
            aliases: Vec::new(),
        };
        let inputs = arguments.into_iter().filter_map(|argument| match argument {
            Argument::Reference(ty) => Some(Input::Runtime(ty)),
            Argument::Value(value) => value.attributes.payload.map(|_| Input::Payload),
        });
        return (inputs.collect(), sensitive, shape);
    }

    let rename_all = rename_all.map(|rule| rule.value.value());
    let mut names = fields::Names::default();
    let mut inputs = Vec::new();
    let mut sensitive = Sensitive::default();
    let mut accepted: Vec<Field> = Vec::new();
    for argument in arguments {
        let value = match argument {
            Argument::Value(value) => *value,
            Argument::Reference(ty) => {
                inputs.push(Input::Runtime(ty));
                continue;
            }
        };
        let json_name = json_name(&value, rename_all.as_deref(), errors);
        fields::check(&value, errors);
        names.add(&value, &json_name, errors);
        let is_sensitive = value.attributes.sensitive.is_some();
        let aliases: Vec<String> = value
            .attributes
            .serde
            .aliases
            .iter()
            .map(LitStr::value)
            .collect();
        let field = field(value, json_name, errors);
        // The fallback leaves out what would not compile.
        if names.is_taken_twice(&field.name) || fields::hides_a_method(&field, derives, errors) {
            continue;
        }
        if is_sensitive {
            // A payload that was never rewritten may contain the field under an alias.
            sensitive.names.push(field.json_name.clone());
            sensitive.aliases.extend(aliases);
        }
        inputs.push(Input::Field(field.name.clone()));
        accepted.push(field);
    }
    (inputs, sensitive, Shape::Fields(accepted))
}

/// The name in JSON: that of `#[serde(rename)]`, or the argument's name under `rename_all`.
fn json_name(value: &Value, rename_all: Option<&str>, errors: &mut Errors) -> String {
    if let Some(name) = &value.attributes.serde.rename {
        return name.value();
    }
    let plain = value.name.unraw().to_string();
    case::renamed(&plain, rename_all).unwrap_or_else(|| {
        errors.over(
            &value.name,
            format!(
                "`camelCase` cannot convert `{plain}`: add `#[serde(rename = \"…\")]` with its name \
                 in JSON"
            ),
        );
        plain
    })
}

fn field(value: Value, json_name: String, errors: &mut Errors) -> Field {
    let Value {
        name,
        ty,
        attributes,
    } = value;
    let serde = &attributes.serde;
    let initial = match (attributes.default, &serde.default) {
        (Some(default), _) => Some(Initial::Written(default)),
        (None, Some(default)) => Some(Initial::Serde(function(default, errors))),
        (None, None) if types::is_option(&ty) && !serde.custom_reader => Some(Initial::Absent),
        (None, None) => None,
    };
    Field {
        name,
        ty,
        initial,
        docs: attributes.docs,
        custom_format: serde.custom_format,
        flattened: serde.flatten.is_some(),
        attributes: attributes.passed,
        json_name,
    }
}

/// The function of `#[serde(default = "path")]`.
fn function(default: &SerdeDefault, errors: &mut Errors) -> Option<ExprPath> {
    let text = default.function.as_ref()?;
    // Names resolve as in serde's derive.
    let text = LitStr::new(&text.value(), Span::call_site().located_at(text.span()));
    errors.ok(text.parse())
}
