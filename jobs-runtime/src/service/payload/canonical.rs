//! Comparison of a payload with the form that its type writes.
//!
//! A type that reads a payload may leave out members that it does not know. Such a payload has a
//! mistake, mostly a misspelt name: it must not be accepted in the other form.

use serde_json::{Map, Value};

use crate::service::raw_object::RawObject;

/// Gives members the names under which the other form has their values. The texts of the values
/// stay, and so do members that the other form has under no name. `None` if no name changes.
pub(crate) fn rename_members(given: &str, written: &Value) -> Option<String> {
    let RawObject(members) = serde_json::from_str(given).ok()?;
    let written = written.as_object()?;
    let is_given = |name: &String| members.iter().any(|(given, _)| given == name);
    let mut new: Vec<_> = written.iter().filter(|(name, _)| !is_given(name)).collect();
    let mut is_renamed = false;
    let mut texts = Vec::with_capacity(members.len());
    for (name, text) in &members {
        let value = serde_json::from_str(text.get()).ok()?;
        let former = !written.contains_key(name);
        let same = new.iter().position(|(_, other)| keeps_value(&value, other));
        let name = match same.filter(|_| former) {
            Some(same) => {
                is_renamed = true;
                new.swap_remove(same).0
            }
            None => name,
        };
        texts.push(format!("{}:{text}", Value::String(name.clone())));
    }
    is_renamed.then(|| format!("{{{}}}", texts.join(",")))
}

/// Returns `true` if a payload and its other form have the same content under other names.
///
/// * A member may have another name, if its value is the same: an alias.
/// * A text may become another text: the alias of a variant, or an unknown variant. In an object,
///   such a text is a tag, and the content of an unknown variant may be left out.
/// * A number may be written in another way.
/// * The other form may have more members: defaults.
pub(crate) fn keeps_content(given: &Value, written: &Value) -> bool {
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => keeps_members(given, written),
        (Value::Array(given), Value::Array(written)) => {
            let keep = |given: &[&Value], written: &[&Value]| {
                let mut pairs = given.iter().zip(written);
                pairs.all(|(given, written)| keeps_content(given, written))
            };
            given.len() == written.len()
                && (keep(&Vec::from_iter(given), &Vec::from_iter(written))
                    || keep(&sorted(given), &sorted(written)))
        }
        (Value::String(_), Value::String(_)) => true,
        (Value::Number(given), Value::Number(written)) => {
            given == written || given.as_f64() == written.as_f64()
        }
        (given, written) => given == written,
    }
}

/// Returns whether two forms of one payload are equal. Sets are written in any order, so arrays are
/// compared without their order.
pub(crate) fn has_same_members(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let is_same = |(name, value): (&String, &Value)| {
                let other = other.get(name);
                other.is_some_and(|other| has_same_members(value, other))
            };
            one.len() == other.len() && one.iter().all(is_same)
        }
        (Value::Array(one), Value::Array(other)) => {
            let (one, other) = (sorted(one), sorted(other));
            let mut pairs = one.iter().zip(&other);
            one.len() == other.len() && pairs.all(|(one, other)| has_same_members(one, other))
        }
        (one, other) => one == other,
    }
}

/// The items in the order of their texts.
fn sorted(items: &[Value]) -> Vec<&Value> {
    let mut items: Vec<_> = items.iter().collect();
    items.sort_by_cached_key(|item| item.to_string());
    items
}

fn keeps_members(given: &Map<String, Value>, written: &Map<String, Value>) -> bool {
    let mut new: Vec<_> = written
        .iter()
        .filter(|(name, _)| !given.contains_key(*name))
        .map(|(_, value)| value)
        .collect();
    let has_other_tag = given.iter().any(|(name, value)| {
        let written = written.get(name).filter(|written| written.is_string());
        value.is_string() && written.is_some_and(|written| written != value)
    });
    given.iter().all(|(name, value)| match written.get(name) {
        Some(written) => keeps_content(value, written),
        None if has_other_tag => true,
        None => {
            let same = new.iter().position(|other| keeps_value(value, other));
            same.map(|same| new.swap_remove(same)).is_some()
        }
    })
}

/// The same under another name: only names inside may differ.
fn keeps_value(given: &Value, written: &Value) -> bool {
    match (given, written) {
        (Value::String(given), Value::String(written)) => given == written,
        (given, written) => keeps_content(given, written),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_get_the_names_of_their_values() {
        let check = |given: &str, written: Value, expected: Option<&str>| {
            assert_eq!(
                rename_members(given, &written).as_deref(),
                expected,
                "{given}"
            );
        };
        check(
            r#"{"old":1.50}"#,
            json!({"a": 1.5, "b": 7}),
            Some(r#"{"a":1.50}"#),
        );
        check(
            r#"{"old":5,"extra":{"x":1}}"#,
            json!({"a": 5}),
            Some(r#"{"a":5,"extra":{"x":1}}"#),
        );
        check(r#"{"a":5,"extra":6}"#, json!({"a": 5}), None);
        check(r#"{"d":7}"#, json!({"c": 7, "d": 7}), None);
    }

    #[test]
    fn only_names_differ_between_the_forms() {
        let check = |given: Value, written: Value, expected: bool| {
            assert_eq!(
                keeps_content(&given, &written),
                expected,
                "{given} {written}"
            );
        };
        check(json!({"old": 5}), json!({"name": 5}), true);
        check(json!({"old": 5}), json!({"name": 5, "more": 1}), true);
        check(json!({"cuont": 5}), json!({"count": 1}), false);
        check(
            json!({"a": "x", "typo": "y"}),
            json!({"a": "x", "b": "z"}),
            false,
        );
        check(json!({"kind": "old"}), json!({"kind": "new"}), true);
        check(
            json!({"old": {"x": [1]}}),
            json!({"new": {"x": [1.0]}}),
            true,
        );
        check(json!({"a": [1, 2]}), json!({"a": [1]}), false);
        check(json!({"a": null}), json!({"a": 1}), false);
        check(json!({"a": "5"}), json!({"a": 5}), false);
        check(json!({"t": "new", "v": [1]}), json!({"t": "other"}), true);
    }
}
