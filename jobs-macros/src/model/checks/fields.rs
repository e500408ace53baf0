//! Checks of the attributes of one argument together, and of the fields' names.

use syn::ext::IdentExt as _;
use syn::{Ident, Path};

use super::ends_with;
use crate::errors::Errors;
use crate::model::payload::Field;
use crate::signature::{Value, same_name, types};

/// Reports attributes of one argument that contradict each other.
pub(in crate::model) fn check(value: &Value, errors: &mut Errors) {
    let Value {
        name,
        ty,
        attributes,
    } = value;
    let serde = &attributes.serde;
    if let (Some(_), Some(default)) = (&attributes.default, &serde.default) {
        errors.at(
            default.span,
            "this field has two defaults: remove serde's, because `#[default(…)]` sets it as well",
        );
    }
    let defaulted = attributes.default.is_some() || serde.default.is_some();
    // A reader of its own needs the field, also for an `Option`.
    let optional = defaulted || (types::is_option(ty) && !serde.custom_reader);
    if let (false, Some(skip)) = (optional, serde.skip_serializing_if) {
        let message = if types::is_option(ty) {
            "the field's own reader needs it, also when it is skipped: add `#[default(…)]`"
        } else {
            "the handler needs this field, also when it is skipped: add `#[default(…)]`, or make it \
             an `Option`"
        };
        errors.at(skip, message);
    }
    if let (Some(format), false) = (&serde.format, serde.custom_schema) {
        errors.over(
            format,
            format!(
                "the schema of this format is unknown: add `#[schemars(with = \"…\")]` with a type \
                 of the same JSON as `{}` writes, such as `String`",
                format.value()
            ),
        );
    }
    if let Some(field) = attributes.sensitive_fields.first() {
        errors.over(
            field,
            format!(
                "`{name}` is one field and hidden as a whole: write `#[sensitive]` without names"
            ),
        );
    }
    if let (Some(sensitive), Some(_)) = (&attributes.sensitive, serde.flatten) {
        errors.over(
            sensitive,
            "a flattened field has no name in JSON, so it cannot be hidden: remove \
             `#[serde(flatten)]`",
        );
    }
}

/// The names that fields have taken: in the struct, and in JSON.
#[derive(Default)]
pub(in crate::model) struct Names {
    fields: Vec<Ident>,
    json: Vec<(String, Ident)>,
}

impl Names {
    /// Adds the names of a field. A name that is taken is reported.
    pub(in crate::model) fn add(&mut self, value: &Value, json_name: &str, errors: &mut Errors) {
        let name = &value.name;
        let taken = self.fields.iter().any(|field| same_name(field, name));
        self.fields.push(name.clone());
        if taken {
            let message = format!("the payload has two fields `{name}`: rename one argument");
            errors.over(name, message);
            return;
        }
        let serde = &value.attributes.serde;
        if serde.flatten.is_some() {
            return;
        }
        let aliases = serde
            .aliases
            .iter()
            .map(|alias| (alias.value(), alias.span()));
        let span = serde
            .rename
            .as_ref()
            .map_or(name.span(), |rename| rename.span());
        let own = (json_name.to_owned(), span);
        for (json, span) in [own].into_iter().chain(aliases) {
            let other = self.json.iter().find(|(taken, _)| *taken == json);
            match other {
                Some((_, other)) if same_name(other, name) => errors.at(
                    span,
                    format!("`{json}` is the name of this field already: remove it"),
                ),
                Some((_, other)) => errors.at(
                    span,
                    format!("`{other}` and `{name}` are both `{json}` in JSON: rename one of them"),
                ),
                None => self.json.push((json, name.clone())),
            }
        }
    }

    /// Returns `true` if two fields have this name.
    pub(in crate::model) fn is_taken_twice(&self, name: &Ident) -> bool {
        let same = self.fields.iter().filter(|field| same_name(field, name));
        same.count() > 1
    }
}

/// Reports a setter that would hide another method of the payload, and returns `true` for it.
pub(in crate::model) fn hides_a_method(
    field: &Field,
    derives: &[Path],
    errors: &mut Errors,
) -> bool {
    if field.initial.is_none() {
        return false;
    }
    let name = field.name.unraw().to_string();
    let derived = |derive: &str| derives.iter().any(|path| ends_with(path, derive));
    let hides = match name.as_str() {
        "new" => "would be a second `new` of the payload",
        "clone" if derived("Clone") => "would hide `Clone::clone`",
        "default" if derived("Default") => "would hide `Default::default`",
        _ => return false,
    };
    errors.over(
        &field.name,
        format!(
            "the setter of this argument {hides}: rename it, and keep its name in JSON with \
             `#[serde(rename = \"{name}\")]`"
        ),
    );
    true
}
