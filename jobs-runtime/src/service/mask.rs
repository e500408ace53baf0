//! The mask of hidden values, and payloads in which a caller sends it back.
//!
//! A form that shows a masked payload sends the mask back for the fields that were not edited.
//! The old value then stays. Without an old value, the mask is refused: a store never keeps it as a
//! value.

use jobs::Violation;
use serde_json::Value;
use serde_json::value::RawValue;

use super::push_segment;
use super::raw_object::RawObject;

/// Stands for a hidden value.
pub(super) const MASK: &str = "•••";

/// Puts the old values in the place of masks that were sent back. Other texts are unchanged, and so
/// are payloads that are no objects: the check of the payload refuses these.
pub(super) fn restore(payload: String, before: &RawValue, sensitive: &[String]) -> String {
    let (Some(members), Some(old)) = (members(&payload), members(before.get())) else {
        return payload;
    };
    let is_masked =
        |(name, value): &(String, &RawValue)| sensitive.contains(name) && is_mask(value);
    if !members.iter().any(is_masked) {
        return payload;
    }
    let members = members.iter().map(|member| {
        let (name, value) = member;
        let kept = old
            .iter()
            .rfind(|(old, _)| is_masked(member) && old == name);
        let value = kept.map_or(*value, |(_, old)| *old);
        format!("{}:{value}", Value::String(name.clone()))
    });
    let members: Vec<_> = members.collect();
    format!("{{{}}}", members.join(","))
}

/// Finds masks that would be stored as values.
pub(super) fn violations(payload: &Value, sensitive: &[String]) -> Vec<Violation> {
    let masked = sensitive
        .iter()
        .filter(|name| payload[name.as_str()] == MASK);
    let violations = masked.map(|name| {
        let mut pointer = String::new();
        push_segment(&mut pointer, name);
        Violation {
            pointer,
            message: format!("is the mask `{MASK}` of a hidden value; send the value itself"),
        }
    });
    violations.collect()
}

fn members(text: &str) -> Option<Vec<(String, &RawValue)>> {
    let RawObject(members) = serde_json::from_str(text).ok()?;
    Some(members)
}

fn is_mask(value: &RawValue) -> bool {
    serde_json::from_str::<String>(value.get()).is_ok_and(|text| text == MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_that_is_sent_back_keeps_the_old_value() {
        let sensitive = ["pin".to_owned()];
        let check = |payload: &str, before: &str| {
            let before = RawValue::from_string(before.to_owned()).expect("JSON");
            restore(payload.to_owned(), &before, &sensitive)
        };
        let before = r#"{"pin":1.50,"to":"a"}"#;
        assert_eq!(
            check(r#"{"pin":"•••","to":"b"}"#, before),
            r#"{"pin":1.50,"to":"b"}"#
        );
        // The mask may be written with escapes.
        assert_eq!(check(r#"{"pin":"\u2022••"}"#, before), r#"{"pin":1.50}"#);
        for unchanged in [
            r#"{ "pin": 7, "to": "•••" }"#,
            r#"{"pin":"••••"}"#,
            r#"["•••"]"#,
            "not JSON",
        ] {
            assert_eq!(check(unchanged, before), unchanged);
        }
        // Without an old value the mask stays, and is refused.
        let kept = check(r#"{"pin":"•••"}"#, r#"{"to":"a"}"#);
        let kept = serde_json::from_str(&kept).expect("JSON");
        assert_eq!(violations(&kept, &sensitive)[0].pointer, "/pin");
        assert!(violations(&serde_json::json!({"pin": "x"}), &sensitive).is_empty());
    }
}
