//! Defaults that change from one evaluation, second or process to the next.
//!
//! The defaults are part of the schema, and the schema is part of the job's fingerprint. A default
//! with the time or a random number in it would give each process a fingerprint of its own.

use std::panic::catch_unwind;
use std::time::Duration;

use serde_json::Value;

use super::CataloguedJob;
use crate::schema;

/// The pause before defaults that look like a time are evaluated again.
const MORE_THAN_A_SECOND: Duration = Duration::from_millis(1_050);

/// The least number that may be a time since 1970, in seconds: September 2001.
const EPOCH_SECONDS: f64 = 1e9;

/// Finds the jobs whose defaults change, each with their fields: `/field`, or `Type/field`.
///
/// Evaluates each default twice. If one looks like a time, evaluates all a third time, more than a
/// second later: only programs with such a default wait at their start.
pub(super) fn find_unstable<'j>(
    jobs: impl Iterator<Item = &'j CataloguedJob>,
) -> Vec<(&'j CataloguedJob, Vec<String>)> {
    let mut unstable = Vec::new();
    let mut timelike = Vec::new();
    for job in jobs {
        let schema = &job.descriptor.payload_schema;
        let found = Defaults::of(schema);
        if found.is_empty() {
            continue;
        }
        let fields = differences(job);
        if !fields.is_empty() {
            unstable.push((job, fields));
        } else if found.any(is_timelike) {
            timelike.push(job);
        }
    }
    if !timelike.is_empty() {
        std::thread::sleep(MORE_THAN_A_SECOND);
    }
    for job in timelike {
        let fields = differences(job);
        if !fields.is_empty() {
            unstable.push((job, fields));
        }
    }
    unstable
}

/// The differences between the published schema and a new evaluation.
fn differences(job: &CataloguedJob) -> Vec<String> {
    let again = || schema::publish((job.definition.payload_schema)());
    let Ok(again) = catch_unwind(again) else {
        return vec!["a field whose default panics when it is evaluated again".to_owned()];
    };
    let mut fields = Vec::new();
    find_differences(&job.descriptor.payload_schema, &again, "", &mut fields);
    fields
}

/// The defaults of a schema, at any depth.
struct Defaults<'s>(Vec<&'s Value>);

impl<'s> Defaults<'s> {
    fn of(schema: &'s Value) -> Self {
        let mut found = Self(Vec::new());
        found.collect(schema);
        found
    }

    fn collect(&mut self, schema: &'s Value) {
        match schema {
            Value::Object(keywords) => {
                self.0.extend(keywords.get("default"));
                keywords.values().for_each(|value| self.collect(value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if a number or a text of a default has a property.
    fn any(&self, property: fn(&Value) -> bool) -> bool {
        fn is_in(value: &Value, property: fn(&Value) -> bool) -> bool {
            match value {
                Value::Object(members) => members.values().any(|value| is_in(value, property)),
                Value::Array(items) => items.iter().any(|item| is_in(item, property)),
                scalar => property(scalar),
            }
        }
        self.0.iter().any(|default| is_in(default, property))
    }
}

/// True for a number of seconds since 1970, and for a text with `2030-01-31` or `12:00:00`.
fn is_timelike(scalar: &Value) -> bool {
    match scalar {
        Value::Number(number) => number
            .as_f64()
            .is_some_and(|number| number >= EPOCH_SECONDS),
        Value::String(text) => {
            let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
            let bytes = text.as_bytes();
            let separates = |at: usize, separator: u8| {
                bytes[at] == separator
                    && bytes.get(at + 3) == Some(&separator)
                    && at > 0
                    && [at - 1, at + 1, at + 2, at + 4]
                        .iter()
                        .all(|&n| digit(bytes.get(n)))
            };
            (0..bytes.len()).any(|at| separates(at, b':') || separates(at, b'-'))
        }
        _ => false,
    }
}

/// Adds the name of each field that contains a difference to `found`.
fn find_differences(first: &Value, again: &Value, field: &str, found: &mut Vec<String>) {
    match (first, again) {
        (first, again) if first == again => {}
        (Value::Object(first), Value::Object(again)) if first.len() == again.len() => {
            for (name, value) in first {
                let Some(other) = again.get(name) else {
                    found.push(field.to_owned());
                    return;
                };
                match (name.as_str(), value) {
                    ("properties" | "$defs", Value::Object(named)) => {
                        let names_types = name == "$defs";
                        for (name, value) in named {
                            let other = other.get(name).unwrap_or(&Value::Null);
                            let name = if names_types {
                                name.clone()
                            } else {
                                format!("{field}/{name}")
                            };
                            find_differences(value, other, &name, found);
                        }
                    }
                    ("default", _) if value != other => found.push(field.to_owned()),
                    _ => find_differences(value, other, field, found),
                }
            }
        }
        (Value::Array(first), Value::Array(again)) if first.len() == again.len() => {
            for (first, again) in first.iter().zip(again) {
                find_differences(first, again, field, found);
            }
        }
        _ => found.push(field.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_told_from_other_defaults() {
        for time in [
            json!(1_900_000_000),
            json!(1_900_000_000_123.5),
            json!("2030-01-31"),
            json!("at 12:00:00Z"),
        ] {
            assert!(is_timelike(&time), "{time}");
        }
        for other in [
            json!(3600),
            json!("a-bc-d"),
            json!("1:2"),
            json!(null),
            json!(":00:"),
        ] {
            assert!(!is_timelike(&other), "{other}");
        }
    }
}
