//! Checks of the fields that `per` and `by` name, and of the fields that a schedule leaves out.
//!
//! The fields of a whole payload are those of its type, which a macro cannot see. The catalogue
//! checks those at the start of the program.

use jobs_grammar::suggestion::did_you_mean;
use proc_macro2::Span;
use syn::LitStr;
use syn::ext::IdentExt as _;

use crate::attribute::limits::Limits;
use crate::attribute::{Schedule, Spanned};
use crate::errors::Errors;
use crate::model::payload::Field;
use crate::signature::{self, Function};

/// Checks that the named fields exist, and that a scheduled payload has a default for every field.
pub(in crate::model) fn check(
    limits: &Limits<LitStr>,
    schedule: Option<&Spanned<Schedule>>,
    function: &Function,
    accepted: &[Field],
    errors: &mut Errors,
) {
    // The names come from the function as written: an argument with a mistake is known.
    let (fields, references) = signature::names(&function.signature);
    reject_unknown_fields(limits, &fields, &references, errors);
    reject_flattened_fields(limits, accepted, errors);
    if let Some(schedule) = schedule {
        let required = accepted.iter().filter(|field| field.initial.is_none());
        let required: Vec<String> = required.map(|f| f.name.unraw().to_string()).collect();
        reject_required_fields(schedule.key.span(), &required, errors);
    }
}

/// Reports fields that are not among `fields`, the names of the by-value arguments.
fn reject_unknown_fields(
    limits: &Limits<LitStr>,
    fields: &[String],
    references: &[String],
    errors: &mut Errors,
) {
    for name in limits.fields() {
        let text = name.value();
        if fields.contains(&text) {
            continue;
        }
        errors.at(name.span(), unknown_field(&text, fields, references));
    }
}

/// Reports fields that have no name in JSON, where limits and keys look them up.
fn reject_flattened_fields(limits: &Limits<LitStr>, accepted: &[Field], errors: &mut Errors) {
    for name in limits.fields() {
        let text = name.value();
        let flattened = |field: &&Field| field.flattened && field.name.unraw() == text;
        if accepted.iter().any(|field| flattened(&field)) {
            let message = format!(
                "`{text}` is flattened, so it has no name in JSON: name another argument, or take \
                 the field that you mean as an argument"
            );
            errors.at(name.span(), message);
        }
    }
}

fn unknown_field(text: &str, fields: &[String], references: &[String]) -> String {
    if references.iter().any(|reference| reference == text) {
        return format!(
            "`{text}` comes from the runtime and is not part of the payload: name a by-value argument"
        );
    }
    // `workspaceId` means `workspace_id`: keys name arguments, not JSON fields.
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let hint = match fields.iter().find(|field| plain(field) == plain(text)) {
        Some(field) => format!(", did you mean `{field}`?"),
        None => did_you_mean(text, fields.iter().map(String::as_str)),
    };
    let expected = match fields {
        [] => "this job has no by-value argument".to_owned(),
        fields => {
            let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
            format!("expected one of {}", fields.join(", "))
        }
    };
    format!("no argument `{text}`{hint}\n{expected}")
}

/// Reports the fields without a default, which a schedule cannot fill in.
fn reject_required_fields(schedule: Span, required: &[String], errors: &mut Errors) {
    if required.is_empty() {
        return;
    }
    let names: Vec<String> = required.iter().map(|name| format!("`{name}`")).collect();
    errors.at(
        schedule,
        format!(
            "a schedule enqueues a payload of defaults, and {} {} no default: add `#[default(…)]`",
            names.join(", "),
            if required.len() == 1 { "has" } else { "have" },
        ),
    );
}
