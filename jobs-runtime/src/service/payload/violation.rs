//! What a validator finds, in plain words and at the place it concerns.
//!
//! A message says what the schema wants, never what was sent: payloads carry secrets, and messages
//! end in logs.

use jobs::Violation;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;

use super::alternatives::describe_alternatives;
use super::expected::demand;

/// A payload with more mistakes than this is not a payload with mistakes.
const MAX_VIOLATIONS: usize = 1_000;

/// Describes what a validator has found, each mistake once.
pub(crate) fn violations<'a>(
    errors: impl IntoIterator<Item = ValidationError<'a>>,
) -> Vec<Violation> {
    let mut found: Vec<Found> = Vec::new();
    for error in errors {
        if found.len() >= MAX_VIOLATIONS {
            break;
        }
        describe(&error, &mut found);
    }
    let all = found;
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

/// A violation, and whether any other one at its place makes it needless.
pub(in crate::service) struct Found {
    violation: Violation,
    implied: bool,
}

impl Found {
    pub(in crate::service) fn new(pointer: &str, message: String) -> Self {
        Self {
            violation: Violation {
                pointer: pointer.to_owned(),
                message,
            },
            implied: false,
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.violation == other.violation
    }

    fn outdoes(&self, implied: &Self) -> bool {
        !self.implied && self.violation.pointer == implied.violation.pointer
    }
}

pub(in crate::service) fn describe(error: &ValidationError<'_>, found: &mut Vec<Found>) {
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
