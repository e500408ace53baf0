//! What a validator finds, in plain words and at the place it concerns.
//!
//! A message says what the schema wants, never what was sent: payloads carry secrets, and messages
//! end in logs.

use jobs::Violation;
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

/// A payload with more mistakes than this is not a payload with mistakes.
const MAX_VIOLATIONS: usize = 1_000;

/// Options listed in a message at most.
const MAX_OPTIONS: usize = 20;

/// Describes what a validator has found, each mistake once.
pub(crate) fn violations<'a>(
    errors: impl IntoIterator<Item = ValidationError<'a>>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for error in errors {
        if found.len() >= MAX_VIOLATIONS {
            break;
        }
        describe(&error, &mut found);
    }
    let all: Vec<Found> = found;
    all.iter()
        .enumerate()
        .filter(|(n, one)| !all[..*n].iter().any(|earlier| earlier.same(one)))
        // The range of a type is implied by any other mistake at the same number.
        .filter(|(_, one)| !(one.implied && all.iter().any(|other| other.outdoes(one))))
        .map(|(_, one)| one.violation.clone())
        .collect()
}

/// Appends a step to a JSON pointer (RFC 6901).
pub(crate) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    for c in step.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

struct Found {
    violation: Violation,
    implied: bool,
}

impl Found {
    fn same(&self, other: &Self) -> bool {
        self.violation == other.violation
    }

    fn outdoes(&self, implied: &Self) -> bool {
        !self.implied && self.violation.pointer == implied.violation.pointer
    }
}

fn describe(error: &ValidationError<'_>, found: &mut Vec<Found>) {
    let place = error.instance_path().as_str();
    let mut say = |step: Option<&str>, message: String| {
        let mut pointer = place.to_owned();
        if let Some(step) = step {
            push_step(&mut pointer, step);
        }
        found.push(Found {
            violation: Violation { pointer, message },
            implied: matches!(error.kind(), Kind::Custom { .. }),
        });
    };
    match error.kind() {
        Kind::Required { property } => {
            say(property.as_str(), "is required".to_owned());
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                say(Some(name), "is not a known property".to_owned());
            }
        }
        Kind::PropertyNames { error: inner } => {
            say(
                inner.instance().as_str(),
                format!("has a name that {}", demand(inner)),
            );
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            describe_alternatives(place, context, found);
        }
        _ => say(None, demand(error)),
    }
}

/// What a value has to be, as the predicate of a sentence.
fn demand(error: &ValidationError<'_>) -> String {
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
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => FITS_NONE.to_owned(),
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
        // Handled where they have places of their own.
        Kind::Required { .. }
        | Kind::AdditionalProperties { .. }
        | Kind::UnevaluatedProperties { .. }
        | Kind::PropertyNames { .. }
        | Kind::Referencing(_) => "is not valid".to_owned(),
    }
}

const FITS_NONE: &str = "fits none of the allowed shapes";

/// Finds the alternative that was meant and describes its mistakes; says what the alternatives are
/// when none stands out.
fn describe_alternatives(
    place: &str,
    alternatives: &[Vec<ValidationError<'static>>],
    found: &mut Vec<Found>,
) {
    let scored: Vec<_> = alternatives
        .iter()
        .map(|errors| (misfit(place, errors), errors))
        .collect();
    let best = scored.iter().map(|(misfit, _)| *misfit).min();
    let closest: Vec<_> = scored
        .iter()
        .filter(|(misfit, _)| Some(*misfit) == best)
        .map(|(_, errors)| *errors)
        .collect();
    let mut say = |pointer: &str, message: String| {
        found.push(Found {
            violation: Violation {
                pointer: pointer.to_owned(),
                message,
            },
            implied: false,
        });
    };
    match (best, closest.as_slice()) {
        (Some(Misfit::OtherType), _) => say(place, either(place, &closest)),
        (Some(_), [errors]) => errors.iter().for_each(|error| describe(error, found)),
        (Some(Misfit::OtherTag), several) => match common_tag(place, several) {
            Some(tag) => say(&tag, either(&tag, several)),
            None => say(place, FITS_NONE.to_owned()),
        },
        (_, several) => match common_requirement(place, several) {
            Some(error) => describe(error, found),
            None => say(place, FITS_NONE.to_owned()),
        },
    }
}

/// How far a value is from an alternative, the nearest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Misfit {
    /// The right shape with mistakes inside.
    Inside,
    /// Something is missing.
    Incomplete,
    /// Tagged as another alternative.
    OtherTag,
    /// Of another type, or another constant.
    OtherType,
}

fn misfit(place: &str, errors: &[ValidationError<'_>]) -> Misfit {
    let here = |error: &&ValidationError<'_>| error.instance_path().as_str() == place;
    let mut worst = Misfit::Inside;
    for error in errors {
        let misfit = match error.kind() {
            Kind::Type { .. } | Kind::Enum { .. } | Kind::Constant { .. } if here(&error) => {
                Misfit::OtherType
            }
            Kind::Enum { .. } | Kind::Constant { .. } if is_child(place, error) => Misfit::OtherTag,
            Kind::Required { .. } if here(&error) => {
                // An externally tagged enum: another tag where this one is required.
                let other = errors
                    .iter()
                    .filter(here)
                    .any(|error| matches!(error.kind(), Kind::AdditionalProperties { .. }));
                match other {
                    true => Misfit::OtherTag,
                    false => Misfit::Incomplete,
                }
            }
            _ => Misfit::Inside,
        };
        worst = worst.max(misfit);
    }
    worst
}

fn is_child(place: &str, error: &ValidationError<'_>) -> bool {
    error
        .instance_path()
        .as_str()
        .strip_prefix(place)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|step| !step.contains('/'))
}

/// What any of several alternatives would accept at a place.
fn either(place: &str, alternatives: &[&Vec<ValidationError<'static>>]) -> String {
    let mut constants: Vec<&Value> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    let errors = alternatives
        .iter()
        .flat_map(|errors| errors.iter())
        .filter(|error| error.instance_path().as_str() == place);
    for error in errors {
        match error.kind() {
            Kind::Constant { expected_value } => constants.push(expected_value),
            Kind::Enum { options } => constants.extend(options.as_array().into_iter().flatten()),
            Kind::Type { kind } => {
                let types = types(kind);
                if !others.contains(&types) {
                    others.push(types);
                }
            }
            _ => {}
        }
    }
    if !constants.is_empty() {
        // A union of constants states its type beside each of them.
        let redundant: Vec<_> = constants.iter().map(|value| type_name(value)).collect();
        others.retain(|other| !redundant.contains(&other.as_str()));
        others.insert(0, listed(&constants));
    }
    match others.is_empty() {
        true => FITS_NONE.to_owned(),
        false => format!("must be {}", others.join(" or ")),
    }
}

/// The place of the tag that each alternative wants another constant at.
fn common_tag(place: &str, alternatives: &[&Vec<ValidationError<'static>>]) -> Option<String> {
    let tags = |errors: &[ValidationError<'static>]| -> Vec<String> {
        errors
            .iter()
            .filter(|error| matches!(error.kind(), Kind::Constant { .. } | Kind::Enum { .. }))
            .filter(|error| is_child(place, error))
            .map(|error| error.instance_path().as_str().to_owned())
            .collect()
    };
    let (first, rest) = alternatives.split_first()?;
    tags(first)
        .into_iter()
        .find(|tag| rest.iter().all(|errors| tags(errors).contains(tag)))
}

/// The missing property that every alternative requires.
fn common_requirement<'a>(
    place: &str,
    alternatives: &[&'a Vec<ValidationError<'static>>],
) -> Option<&'a ValidationError<'static>> {
    let requires = |errors: &[ValidationError<'static>], wanted: &Value| {
        errors.iter().any(|error| {
            matches!(error.kind(), Kind::Required { property } if property == wanted)
                && error.instance_path().as_str() == place
        })
    };
    let (first, rest) = alternatives.split_first()?;
    first.iter().find(|error| match error.kind() {
        Kind::Required { property } => rest.iter().all(|errors| requires(errors, property)),
        _ => false,
    })
}

fn types(kind: &TypeKind) -> String {
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
            // The set counts `null` first, people last.
            names.sort_by_key(|name| name == "null");
            names.join(" or ")
        }
    }
}

fn type_name(value: &Value) -> &'static str {
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

fn listed(options: &[&Value]) -> String {
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
