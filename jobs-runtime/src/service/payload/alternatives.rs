//! Violations of `anyOf` and `oneOf`, the schemas of optional values and enums.
//!
//! The validator reports the errors of every alternative. This module chooses the alternative that
//! the caller most likely meant and describes only the mistakes relative to it.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::expected::{FITS_NO_SHAPE, listed, type_name, types};
use super::violation::{Finding, describe};

/// Describes the mistakes relative to the closest alternative. If several are equally close,
/// describes what any of them would accept.
pub(in crate::service) fn describe_alternatives(
    pointer: &str,
    alternatives: &[Vec<ValidationError<'static>>],
    found: &mut Vec<Finding>,
) {
    let scored: Vec<_> = alternatives
        .iter()
        .map(|errors| (mismatch(pointer, errors), errors))
        .collect();
    let best = scored.iter().map(|(mismatch, _)| *mismatch).min();
    let closest: Vec<_> = scored
        .iter()
        .filter(|(mismatch, _)| Some(*mismatch) == best)
        .map(|(_, errors)| *errors)
        .collect();
    let mut add = |pointer: &str, message: String| found.push(Finding::new(pointer, message));
    match (best, closest.as_slice()) {
        (Some(Mismatch::OtherType), _) => add(pointer, accepted_by_any(pointer, &closest)),
        (Some(_), [errors]) => errors.iter().for_each(|error| describe(error, found)),
        (Some(Mismatch::OtherTag), several) => match common_tag(pointer, several) {
            Some(tag) => add(&tag, accepted_by_any(&tag, several)),
            None => add(pointer, FITS_NO_SHAPE.to_owned()),
        },
        (_, several) => match common_requirement(pointer, several) {
            Some(error) => describe(error, found),
            None => add(pointer, FITS_NO_SHAPE.to_owned()),
        },
    }
}

/// The distance of a value from an alternative, the smallest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mismatch {
    /// The value has the right shape with mistakes inside.
    Inside,
    /// A property is missing.
    Incomplete,
    /// The value has the tag of another alternative.
    OtherTag,
    /// The value has another type or is another constant.
    OtherType,
}

fn mismatch(pointer: &str, errors: &[ValidationError<'_>]) -> Mismatch {
    let here = |error: &&ValidationError<'_>| error.instance_path().as_str() == pointer;
    let mut worst = Mismatch::Inside;
    for error in errors {
        let mismatch = match error.kind() {
            Kind::Type { .. } | Kind::Enum { .. } | Kind::Constant { .. } if here(&error) => {
                Mismatch::OtherType
            }
            Kind::Enum { .. } | Kind::Constant { .. } if is_child(pointer, error) => {
                Mismatch::OtherTag
            }
            Kind::Required { .. } if here(&error) => {
                // In an externally tagged enum, another tag is an additional property.
                let other = errors
                    .iter()
                    .filter(here)
                    .any(|error| matches!(error.kind(), Kind::AdditionalProperties { .. }));
                if other {
                    Mismatch::OtherTag
                } else {
                    Mismatch::Incomplete
                }
            }
            _ => Mismatch::Inside,
        };
        worst = worst.max(mismatch);
    }
    worst
}

/// Returns whether the error is at a direct child of `pointer`.
fn is_child(pointer: &str, error: &ValidationError<'_>) -> bool {
    error
        .instance_path()
        .as_str()
        .strip_prefix(pointer)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|step| !step.contains('/'))
}

/// Describes what any of several alternatives would accept at a pointer.
fn accepted_by_any(pointer: &str, alternatives: &[&Vec<ValidationError<'static>>]) -> String {
    let mut constants: Vec<&Value> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    let errors = alternatives
        .iter()
        .flat_map(|errors| errors.iter())
        .filter(|error| error.instance_path().as_str() == pointer);
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
        // The schema of a union of constants repeats the type of each constant.
        let redundant: Vec<_> = constants.iter().map(|value| type_name(value)).collect();
        others.retain(|other| !redundant.contains(&other.as_str()));
        others.insert(0, listed(&constants));
    }
    if others.is_empty() {
        FITS_NO_SHAPE.to_owned()
    } else {
        format!("must be {}", others.join(" or "))
    }
}

/// Returns the pointer of the tag: a child that is a wrong constant in every alternative.
fn common_tag(pointer: &str, alternatives: &[&Vec<ValidationError<'static>>]) -> Option<String> {
    let tags = |errors: &[ValidationError<'static>]| -> Vec<String> {
        errors
            .iter()
            .filter(|error| matches!(error.kind(), Kind::Constant { .. } | Kind::Enum { .. }))
            .filter(|error| is_child(pointer, error))
            .map(|error| error.instance_path().as_str().to_owned())
            .collect()
    };
    let (first, rest) = alternatives.split_first()?;
    tags(first)
        .into_iter()
        .find(|tag| rest.iter().all(|errors| tags(errors).contains(tag)))
}

/// Returns the error for a missing property that every alternative requires.
fn common_requirement<'a>(
    pointer: &str,
    alternatives: &[&'a Vec<ValidationError<'static>>],
) -> Option<&'a ValidationError<'static>> {
    let requires = |errors: &[ValidationError<'static>], wanted: &Value| {
        errors.iter().any(|error| {
            matches!(error.kind(), Kind::Required { property } if property == wanted)
                && error.instance_path().as_str() == pointer
        })
    };
    let (first, rest) = alternatives.split_first()?;
    first.iter().find(|error| match error.kind() {
        Kind::Required { property } => rest.iter().all(|errors| requires(errors, property)),
        _ => false,
    })
}
