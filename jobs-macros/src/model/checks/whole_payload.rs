//! Checks of a payload that is an existing type.

use syn::Ident;

use crate::errors::Errors;
use crate::signature::Value;

/// Reports arguments and attributes that a whole payload excludes.
pub(in crate::model) fn reject_beside<'a>(
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
    if let (Some(sensitive), []) = (&attributes.sensitive, &*attributes.sensitive_fields) {
        errors.over(
            sensitive,
            "this argument is the whole payload: name the fields to hide as in JSON, \
             `#[sensitive(\"password\")]`",
        );
    }
    for attribute in &attributes.passed {
        errors.over(
            attribute,
            "this attribute describes a field: move it to the type of the whole payload",
        );
    }
}

/// Reports keys that describe the fields of the struct. `shown` is the whole payload's type.
pub(in crate::model) fn reject_keys<'a>(
    keys: impl Iterator<Item = &'a Ident>,
    shown: &str,
    errors: &mut Errors,
) {
    for key in keys {
        let message = format!(
            "the payload's fields are those of `{shown}`: remove `{key}`, and put serde's attribute \
             on that type"
        );
        errors.over(key, message);
    }
}
