//! A job as it was accepted: what the expansion is made of.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{Attribute, Expr, Ident, LitStr, Path, Type, Visibility};

use crate::arguments::Arguments;
use crate::case;
use crate::docs::Docs;
use crate::errors::Errors;
use crate::field_attributes::has_serde_default;
use crate::function::Function;
use crate::given::Written;
use crate::limits::{self, Limits};
use crate::retries::Policy;
use crate::signature::{self, Argument, Kind, Signature, Value};
use crate::types;
use crate::values::Priority;

/// A job.
#[derive(Debug)]
pub(crate) struct Job {
    /// The path of the crate `jobs`.
    pub(crate) krate: TokenStream,
    pub(crate) function: Ident,
    pub(crate) kind: Kind,
    pub(crate) inputs: Vec<Input>,
    pub(crate) output: Option<Type>,
    pub(crate) docs: Docs,
    /// For every item beside the function.
    pub(crate) cfgs: Vec<Attribute>,
    /// The runtime's call is not the one that the deprecation is about.
    pub(crate) deprecated: bool,
    pub(crate) id: LitStr,
    pub(crate) payload: Payload,
    pub(crate) options: Options,
}

/// Where the handler's argument is taken from.
#[derive(Debug)]
pub(crate) enum Input {
    /// The context or a resource of this type.
    Runtime(Box<Type>),
    /// This field of the payload.
    Field(Ident),
    /// The payload as a whole.
    Payload,
}

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

/// What the payload consists of.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A field per by-value argument.
    Fields(Vec<Field>),
    /// An existing type.
    Whole(Box<Type>),
}

/// A field of the payload.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) default: Option<Expr>,
    pub(crate) attributes: Vec<Attribute>,
    /// Its name in JSON.
    pub(crate) in_json: String,
}

/// What is written only when it was written: each `Some` is one call of the const builder.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) label: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) timeout: Option<Option<Duration>>,
    pub(crate) retries: Option<Policy>,
    pub(crate) priority: Option<Priority>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) tags: Vec<LitStr>,
    /// Names in JSON.
    pub(crate) sensitive: Vec<String>,
    pub(crate) disabled: bool,
    pub(crate) limits: Limits,
    /// Whether executions come from a schedule, with a whole payload of defaults.
    pub(crate) scheduled: bool,
}

impl Job {
    /// Accepts what was written. After a mistake the model is what could be made of the rest,
    /// for the fallback.
    pub(crate) fn accept(
        arguments: Arguments,
        function: &Function,
        signature: Signature,
        errors: &mut Errors,
    ) -> Self {
        let Arguments {
            id,
            aliases,
            label,
            timeout,
            retries,
            max_attempts,
            priority,
            queue,
            tags,
            rename_all,
            deny_unknown,
            derive,
            payload,
            enabled,
            krate,
            mut limits,
            schedule,
        } = arguments;
        let Signature {
            kind,
            arguments,
            output,
        } = signature;

        let id = id.map_or_else(|| LitStr::new("", Span::call_site()), |id| id.value);
        let aliases = aliases.map(|aliases| aliases.value).unwrap_or_default();
        if let Some(same) = aliases.iter().find(|alias| alias.value() == id.value()) {
            errors.over(same, "an alias is a former id: this is the id itself");
        }
        let krate = match krate {
            Some(Written { value, .. }) => quote!(#value),
            None => quote!(::jobs),
        };
        let mentioned = arguments.iter().map(Argument::ty).chain(&output);
        let name = payload_name(payload, &function.signature.ident, mentioned, errors);
        let (inputs, sensitive, shape) = parts(arguments, rename_all.as_ref(), errors);
        refuse_fields(&limits, schedule.as_ref(), function, &shape, errors);
        limits.refuse_contradictions(errors);
        if let Shape::Fields(fields) = &shape {
            limits.rename(|argument| in_json(argument, fields));
        }
        let whole = matches!(shape, Shape::Whole(_));
        if let Shape::Whole(ty) = &shape {
            let shown = quote!(#ty).to_string();
            let keys = [
                rename_all.as_ref().map(|written| &written.key),
                deny_unknown.as_ref().map(|written| &written.key),
            ];
            for key in keys.into_iter().flatten() {
                let message = format!(
                    "the payload's fields are those of `{shown}`: say `{key}` there, in serde's words"
                );
                errors.over(key, message);
            }
        }

        Self {
            krate,
            function: function.signature.ident.clone(),
            kind,
            inputs,
            output,
            docs: Docs::of(&function.attributes),
            cfgs: function.cfgs(),
            deprecated: function.is_deprecated(),
            id,
            payload: Payload {
                name,
                visibility: function.visibility.clone(),
                derives: derive.map(|derive| derive.value).unwrap_or_default(),
                rename_all: rename_all.map(|rule| rule.value),
                deny_unknown: deny_unknown.is_some_and(|deny| deny.value),
                shape,
            },
            options: Options {
                label: label.map(|label| label.value),
                aliases,
                timeout: timeout.map(|timeout| timeout.value),
                retries: Policy::of(retries, max_attempts, errors),
                priority: priority.map(|priority| priority.value),
                queue: queue.map(|queue| queue.value),
                tags: tags.map(|tags| tags.value).unwrap_or_default(),
                sensitive,
                disabled: enabled.is_some_and(|enabled| !enabled.value),
                // Of arguments, all of this was checked above.
                scheduled: whole && schedule.is_some(),
                limits,
            },
        }
    }
}

/// Refuses keys that name arguments which do not exist, or need defaults which do not.
///
/// The fields of a whole payload are its type's, which nobody knows here: they are checked when
/// the catalogue is built.
fn refuse_fields(
    limits: &Limits,
    schedule: Option<&Ident>,
    function: &Function,
    shape: &Shape,
    errors: &mut Errors,
) {
    let Shape::Fields(fields) = shape else {
        return;
    };
    // All arguments as written: one that was left out for a mistake of its own is not unknown.
    let (values, references) = signature::names(&function.signature);
    limits::refuse_unknown_fields(limits.fields(), &values, &references, errors);
    if let Some(schedule) = schedule {
        let required = fields.iter().filter(|field| !field.is_optional());
        let required: Vec<String> = required.map(|f| f.name.unraw().to_string()).collect();
        limits::refuse_required_fields(schedule.span(), &required, errors);
    }
}

/// The name in JSON of the field that an argument becomes.
fn in_json(argument: &LitStr, fields: &[Field]) -> LitStr {
    let name = argument.value();
    match fields.iter().find(|field| field.name.unraw() == name) {
        Some(field) => LitStr::new(&field.in_json, argument.span()),
        None => argument.clone(),
    }
}

impl Field {
    /// Whether a payload may lack it: it has a default, ours or serde's, or is an `Option`.
    fn is_optional(&self) -> bool {
        let option = types::last_segment(&self.ty).is_some_and(|ty| ty.ident == "Option");
        option || self.default.is_some() || has_serde_default(&self.attributes)
    }
}

fn payload_name<'a>(
    given: Option<Written<Ident>>,
    function: &Ident,
    mut types: impl Iterator<Item = &'a Type>,
    errors: &mut Errors,
) -> Ident {
    let name = match given {
        Some(given) => given.value,
        None => {
            let name = case::upper_camel(&function.unraw().to_string());
            if syn::parse_str::<Ident>(&name).is_err() {
                let message =
                    format!("`{name}` cannot be the name of the payload: add `payload = …`");
                errors.over(function, message);
                return Ident::new("Payload", function.span());
            }
            Ident::new(&name, function.span())
        }
    };
    if types.any(|ty| types::mentions(ty, &name)) {
        let better = format!("{name}Payload");
        let message = format!(
            "the payload of this job is named `{name}`, and so is a type of its signature: add \
             `payload = {better}`, or rename the function"
        );
        errors.over(&name, message);
        return Ident::new(&better, name.span());
    }
    name
}

/// Sorts the arguments: what the call passes, which fields are sensitive, what the payload is.
fn parts(
    arguments: Vec<Argument>,
    rename_all: Option<&Written<LitStr>>,
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
        refuse_beside_whole(whole, values(), errors);
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
        if fields
            .iter()
            .any(|field| signature::same_name(&field.name, &name))
        {
            let message = format!("the payload has two fields `{name}`: rename one argument");
            errors.over(&name, message);
            continue;
        }
        if attributes.default.is_some() && name == "new" {
            errors.over(
                &name,
                "the setter of this argument would be another `new` of the payload: rename it, and \
                 keep the name in JSON by `#[serde(rename = \"new\")]`",
            );
            continue;
        }
        let in_json = attributes.serde_rename().unwrap_or_else(|| {
            let plain = name.unraw().to_string();
            case::renamed(&plain, rename_all.as_deref())
        });
        if attributes.sensitive.is_some() {
            sensitive.push(in_json.clone());
        }
        inputs.push(Input::Field(name.clone()));
        fields.push(Field {
            name,
            ty,
            default: attributes.default,
            attributes: attributes.passed,
            in_json,
        });
    }
    (inputs, sensitive, Shape::Fields(fields))
}

fn refuse_beside_whole<'a>(
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
            "a whole payload has no default: give its fields defaults",
        );
    }
    if let Some(sensitive) = &attributes.sensitive {
        errors.over(
            sensitive,
            "this says which fields are not shown, and a whole payload has its own: take them as \
             arguments to mark them",
        );
    }
    for attribute in attributes.passed.iter().filter(|a| !crate::docs::is_doc(a)) {
        errors.over(attribute, "this belongs on the type of the whole payload");
    }
}
