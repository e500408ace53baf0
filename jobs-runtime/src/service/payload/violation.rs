//! Violations: the validator's errors as JSON pointers with messages.
//!
//! These are the `violations` of a 422 response. A message describes the expected value and never
//! quotes the payload, which may contain secrets and would end up in logs.

use jobs::Violation;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;

use super::alternatives::describe_alternatives;
use super::expected::expectation;

/// The largest number of violations that are reported for one payload.
pub(crate) const MAX_VIOLATIONS: usize = 1_000;

/// Converts a validator's errors to violations, without repetitions.
pub(crate) fn violations<'a>(
    errors: impl IntoIterator<Item = ValidationError<'a>>,
) -> Vec<Violation> {
    let mut found: Vec<Finding> = Vec::new();
    for error in errors {
        if found.len() >= MAX_VIOLATIONS {
            break;
        }
        describe(&error, &mut found);
    }
    let all = found;
    all.iter()
        .enumerate()
        .filter(|(n, one)| !all[..*n].iter().any(|earlier| earlier.equals(one)))
        // Another mistake at the same number makes the message about its range redundant.
        .filter(|(_, one)| !(one.implied && all.iter().any(|other| other.supersedes(one))))
        .map(|(_, one)| one.violation.clone())
        .collect()
}

/// Appends a segment to a JSON pointer (RFC 6901).
pub(crate) fn push_segment(pointer: &mut String, segment: &str) {
    pointer.push('/');
    for c in segment.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// A violation before repetitions are removed.
pub(in crate::service) struct Finding {
    violation: Violation,
    /// Any other violation at the same pointer supersedes this one.
    implied: bool,
}

impl Finding {
    pub(in crate::service) fn new(pointer: &str, message: String) -> Self {
        Self {
            violation: Violation {
                pointer: pointer.to_owned(),
                message,
            },
            implied: false,
        }
    }

    fn equals(&self, other: &Self) -> bool {
        self.violation == other.violation
    }

    fn supersedes(&self, implied: &Self) -> bool {
        !self.implied && self.violation.pointer == implied.violation.pointer
    }
}

/// Appends the findings for one error of the validator.
pub(in crate::service) fn describe(error: &ValidationError<'_>, found: &mut Vec<Finding>) {
    let pointer = error.instance_path().as_str();
    let mut add = |property: Option<&str>, message: String| {
        let mut pointer = pointer.to_owned();
        if let Some(property) = property {
            push_segment(&mut pointer, property);
        }
        found.push(Finding {
            violation: Violation { pointer, message },
            implied: matches!(error.kind(), Kind::Custom { .. }),
        });
    };
    match error.kind() {
        Kind::Required { property } => {
            add(property.as_str(), "is required".to_owned());
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            // Their number is bounded by the payload only.
            for name in unexpected.iter().take(MAX_VIOLATIONS) {
                add(Some(name), "is not a known property".to_owned());
            }
        }
        Kind::PropertyNames { error: inner } => {
            add(
                inner.instance().as_str(),
                format!("has a name that {}", expectation(inner)),
            );
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            describe_alternatives(pointer, context, found);
        }
        _ => add(None, expectation(error)),
    }
}
