//! Which of several shapes was meant: `anyOf` and `oneOf`, that is to say options and enums.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::expected::{FITS_NONE, listed, type_name, types};
use super::violation::{Found, describe};

/// Finds the alternative that was meant and describes its mistakes; says what the alternatives are
/// when none stands out.
pub(in crate::service) fn describe_alternatives(
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
    let mut say = |pointer: &str, message: String| found.push(Found::new(pointer, message));
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
