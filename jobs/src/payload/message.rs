//! The reason why a deserialiser refuses a payload, worded without the payload's values.
//!
//! serde's own messages quote the value: ``invalid type: string "hunter2", expected u32``. Only
//! what they expect is kept. The message of an application's own check is kept as well, with the
//! parts masked that occur in the value.

use std::collections::HashSet;

use serde_json::Value;

/// Stands for a part of the payload.
const MASK: &str = "•••";

/// The longest message in bytes.
const MAX_MESSAGE: usize = 1024;

/// The length from which any part of a value is masked. Shorter values are masked as whole words.
const WINDOW: usize = 4;

/// The message of a violation.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    pub(super) text: String,
    /// The field that the value lacks.
    pub(super) missing_field: Option<String>,
}

/// Words the error about a value, whose JSON text is `value`.
pub(super) fn of(error: &serde_json::Error, value: &str) -> Message {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&position).unwrap_or(&text);
    if let Some(field) = quoted(text, "missing field `") {
        return Message {
            text: "is required".to_owned(),
            missing_field: Some(field.to_owned()),
        };
    }
    let mut text = expectation(text).unwrap_or_else(|| {
        let text = &text[..text.floor_char_boundary(MAX_MESSAGE)];
        format!("is refused: {}", without_values(text, value))
    });
    if text.len() > MAX_MESSAGE {
        text.truncate(text.floor_char_boundary(MAX_MESSAGE));
        text.push('…');
    }
    Message {
        text,
        missing_field: None,
    }
}

/// Turns a message of serde or `serde_json` into a predicate. `None` for other messages.
fn expectation(text: &str) -> Option<String> {
    let about_a_value = ["invalid type: ", "invalid value: ", "invalid length "];
    if about_a_value.iter().any(|start| text.starts_with(start)) {
        if text.ends_with("expected key to be a number in quotes") {
            return Some("has a name that must be a number".to_owned());
        }
        let (_, expected) = text.rsplit_once(", expected ")?;
        return Some(format!("must be {}", type_name(expected)));
    }
    if text.starts_with("unknown variant `") {
        let (_, expected) = text.rsplit_once(", expected ")?;
        return Some(format!("must be {expected}"));
    }
    let fixed = match text {
        "number out of range" => "is out of range",
        "trailing characters" | "trailing comma" => "is one item more than allowed",
        _ if text.starts_with("unknown field `") => "is not a known property",
        _ if text.starts_with("duplicate field `") => "is given more than once",
        _ if text.starts_with("data did not match any variant of ") => {
            "fits none of the allowed shapes"
        }
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// The text between `start` and the last backtick.
fn quoted<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    text.strip_prefix(start)?.strip_suffix('`')
}

/// What JSON calls a type that serde expects.
fn type_name(expected: &str) -> String {
    macro_rules! whole_number {
        ($($ty:ident),*) => {
            match expected {
                $(stringify!($ty) => {
                    return format!("a whole number from {} to {}", $ty::MIN, $ty::MAX);
                })*
                _ => {}
            }
        };
    }
    whole_number!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);
    let json = match expected {
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "unit" => "null",
        "a map" => "an object",
        "a sequence" => "an array",
        "string or map" => "a string or an object",
        _ if expected.starts_with("struct ") => "an object",
        other => other,
    };
    json.to_owned()
}

/// Masks the parts of a message that occur in a value.
fn without_values(message: &str, value: &str) -> String {
    let mut scalars = Vec::new();
    match serde_json::from_str::<Value>(value) {
        Ok(value) => collect(&value, &mut scalars),
        // The text of a part of a value.
        Err(_) => scalars.push(value.to_owned()),
    }
    let mut masked = vec![false; message.len()];
    let starts: Vec<usize> = message.char_indices().map(|(at, _)| at).collect();
    let end = |from: usize| starts.get(from).copied().unwrap_or(message.len());
    let windows: Vec<_> = (0..starts.len().saturating_sub(WINDOW - 1))
        .map(|n| starts[n]..end(n + WINDOW))
        .collect();
    let parts: HashSet<&str> = windows
        .iter()
        .map(|range| &message[range.clone()])
        .collect();
    let mut found: HashSet<&str> = HashSet::new();
    for scalar in &scalars {
        let chars: Vec<usize> = scalar.char_indices().map(|(at, _)| at).collect();
        if chars.len() < WINDOW {
            mask_word(message, scalar, &mut masked);
            continue;
        }
        for n in 0..=chars.len() - WINDOW {
            let end = chars.get(n + WINDOW).copied().unwrap_or(scalar.len());
            found.extend(parts.get(&scalar[chars[n]..end]));
        }
    }
    for range in windows {
        if found.contains(&message[range.clone()]) {
            masked[range].fill(true);
        }
    }
    let mut text = String::new();
    let mut in_mask = false;
    for (at, c) in message.char_indices() {
        if !masked[at] {
            text.push(c);
        } else if !in_mask {
            text.push_str(MASK);
        }
        in_mask = masked[at];
    }
    text
}

/// Masks a short value where it is a word of the message.
fn mask_word(message: &str, word: &str, masked: &mut [bool]) {
    if word.is_empty() {
        return;
    }
    for (at, found) in message.match_indices(word) {
        let before = message[..at].chars().next_back();
        let after = message[at + found.len()..].chars().next();
        if ![before, after]
            .iter()
            .flatten()
            .any(|c| c.is_alphanumeric())
        {
            masked[at..at + found.len()].fill(true);
        }
    }
}

fn collect(value: &Value, scalars: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| collect(member, scalars)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, scalars)),
        Value::String(text) => scalars.push(text.clone()),
        Value::Number(number) => scalars.push(number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_value_are_masked_in_messages_of_the_application() {
        let check = |message: &str, value: &str, expected: &str| {
            assert_eq!(without_values(message, value), expected);
        };
        check(
            "the port 99999 is too large",
            "99999",
            "the port ••• is too large",
        );
        check("`hunter2` is no name", r#""hunter2""#, "`•••` is no name");
        check(
            "rest `unter` after `h`",
            r#""hunter""#,
            "rest `•••` after `h`",
        );
        check("7 is not 70", r#"{"a":7}"#, "••• is not 70");
        check(
            "at most 100 are allowed",
            r#"["é",200]"#,
            "at most 100 are allowed",
        );
    }
}
