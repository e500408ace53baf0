//! Messages that describe the value which a schema expects.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

/// The largest number of options in a message.
const MAX_OPTIONS: usize = 20;

/// The message for a value that matches none of several alternatives.
pub(in crate::service) const FITS_NO_SHAPE: &str = "fits none of the allowed shapes";

/// Describes the expected value, as a predicate such as `must be a string`.
pub(in crate::service) fn expectation(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::Enum { options } => format!("must be {}", one_of(options)),
        Kind::Constant { expected_value } => format!("must be `{expected_value}`"),
        Kind::Format { format } => format!("must be {}", format_name(format)),
        Kind::Pattern { pattern } => format!("must match the pattern `{pattern}`"),
        Kind::MinLength { limit: 1 } => "must not be empty".to_owned(),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be greater than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinItems { limit } => format!("must have at least {}", counted(*limit, "item")),
        Kind::MaxItems { limit } => format!("must have at most {}", counted(*limit, "item")),
        Kind::AdditionalItems { limit } => {
            format!("must have at most {}", counted(*limit as u64, "item"))
        }
        Kind::UnevaluatedItems { .. } => "has more items than allowed".to_owned(),
        Kind::UniqueItems => "must not repeat an item".to_owned(),
        Kind::Contains => "lacks an item that it must contain".to_owned(),
        Kind::MinProperties { limit: 1 } => "must not be empty".to_owned(),
        Kind::MinProperties { limit } => format!("must have at least {limit} properties"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} properties"),
        Kind::OneOfMultipleValid { .. } => "fits more than one of the allowed shapes".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => FITS_NO_SHAPE.to_owned(),
        Kind::Not { .. } => "has a shape that is not allowed".to_owned(),
        Kind::FalseSchema => "is not allowed".to_owned(),
        Kind::ContentEncoding { content_encoding } => {
            format!("must be encoded as {content_encoding}")
        }
        Kind::ContentMediaType { content_media_type } => {
            format!("must contain {content_media_type}")
        }
        Kind::FromUtf8 { .. } => "must be encoded UTF-8".to_owned(),
        Kind::Custom { message, .. } => message.clone(),
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            "could not be checked against its pattern".to_owned()
        }
        // `violation::describe` handles these, because their pointers differ from the error's.
        Kind::Required { .. }
        | Kind::AdditionalProperties { .. }
        | Kind::UnevaluatedProperties { .. }
        | Kind::PropertyNames { .. }
        | Kind::Referencing(_) => "is not valid".to_owned(),
    }
}

/// Names the types that a schema allows.
pub(in crate::service) fn types(kind: &TypeKind) -> String {
    let name = |name: &str| {
        match name {
            "null" => "null",
            "boolean" => "true or false",
            "integer" => "an integer",
            "number" => "a number",
            "string" => "a string",
            "array" => "an array",
            _ => "an object",
        }
        .to_owned()
    };
    match kind {
        TypeKind::Single(one) => name(one.as_str()),
        TypeKind::Multiple(several) => {
            let mut names: Vec<_> = several.iter().map(|one| name(one.as_str())).collect();
            // `null` is named last: `a string or null`.
            names.sort_by_key(|name| name == "null");
            names.join(" or ")
        }
    }
}

/// Names the type of a value.
pub(in crate::service) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn one_of(options: &Value) -> String {
    let options: Vec<_> = options.as_array().into_iter().flatten().collect();
    listed(&options)
}

/// Lists options, at most [`MAX_OPTIONS`] of them.
pub(in crate::service) fn listed(options: &[&Value]) -> String {
    let mut names: Vec<String> = options
        .iter()
        .take(MAX_OPTIONS)
        .map(|option| match option {
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        })
        .collect();
    if options.len() > MAX_OPTIONS {
        names.push(format!("{} others", options.len() - MAX_OPTIONS));
    }
    match names.as_slice() {
        [one] => one.clone(),
        _ => format!("one of {}", names.join(", ")),
    }
}

fn format_name(format: &str) -> String {
    match format {
        "date-time" => "a date and time like `2030-01-31T12:00:00Z`".to_owned(),
        "date" => "a date like `2030-01-31`".to_owned(),
        "time" => "a time like `12:00:00Z`".to_owned(),
        "duration" => "a duration like `PT5M`".to_owned(),
        "email" => "an e-mail address".to_owned(),
        "uuid" => "a UUID like `123e4567-e89b-12d3-a456-426614174000`".to_owned(),
        "uri" => "a URI".to_owned(),
        "hostname" => "a host name".to_owned(),
        "ipv4" => "an IPv4 address".to_owned(),
        "ipv6" => "an IPv6 address".to_owned(),
        "ip" => "an IP address".to_owned(),
        other => format!("of the format `{other}`"),
    }
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
