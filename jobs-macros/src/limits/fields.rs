//! The fields that `per` and `by` name, and those that a schedule leaves out.

use proc_macro2::Span;
use syn::LitStr;

use crate::errors::Errors;
use crate::suggestion::did_you_mean;

/// Makes sure that the named fields exist: `arguments` are the by-value arguments' names and those
/// of by-reference ones.
pub(crate) fn refuse_unknown_fields<'a>(
    named: impl IntoIterator<Item = &'a LitStr>,
    fields: &[String],
    references: &[String],
    errors: &mut Errors,
) {
    for name in named {
        let text = name.value();
        if fields.contains(&text) {
            continue;
        }
        errors.at(name.span(), unknown_field(&text, fields, references));
    }
}

fn unknown_field(text: &str, fields: &[String], references: &[String]) -> String {
    if references.iter().any(|reference| reference == text) {
        return format!("`{text}` comes from the runtime: name a by-value argument");
    }
    // `workspaceId` is how JSON has it; keys speak of arguments.
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

/// A schedule has nobody to fill in what is required.
pub(crate) fn refuse_required_fields(schedule: Span, required: &[String], errors: &mut Errors) {
    if required.is_empty() {
        return;
    }
    let names: Vec<String> = required.iter().map(|name| format!("`{name}`")).collect();
    errors.at(
        schedule,
        format!(
            "a schedule enqueues the payload of defaults, and {} {} none: add `#[default(…)]`",
            names.join(", "),
            if required.len() == 1 { "has" } else { "have" },
        ),
    );
}
