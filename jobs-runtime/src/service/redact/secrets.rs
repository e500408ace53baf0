//! The sensitive values of one payload, and their removal from other texts.
//!
//! A handler may quote a sensitive value in an error, a result or a log line. Such a quotation is
//! masked as well.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{MASK, masked};
use crate::service::raw_object::RawObject;
use crate::store::LogRecord;

/// Shorter values are not searched for: they would be found in every text.
const SHORTEST: usize = 4;

/// The values that are searched for.
const MAX_VALUES: usize = 100;

/// The texts of the sensitive values of a payload, longest first.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Collects the values of these members.
    pub(super) fn of(payload: &RawValue, names: &[String]) -> Self {
        let mut texts = Vec::new();
        if let Ok(RawObject(members)) = serde_json::from_str(payload.get()) {
            for (name, value) in members {
                if names.contains(&name)
                    && let Ok(value) = serde_json::from_str(value.get())
                {
                    collect(&value, &mut texts);
                }
            }
        }
        texts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        texts.dedup();
        texts.truncate(MAX_VALUES);
        Self(texts)
    }

    /// Collects the values of all members.
    pub(super) fn of_all(payload: &RawValue) -> Self {
        let names = serde_json::from_str(payload.get()).map(|RawObject(members)| {
            let names = members.into_iter().map(|(name, _)| name);
            names.collect::<Vec<_>>()
        });
        Self::of(payload, &names.unwrap_or_default())
    }

    /// Masks the values in a text.
    pub(super) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), MASK));
            }
        }
        text
    }

    pub(crate) fn hide_in(&self, text: &mut String) {
        if let Cow::Owned(hidden) = self.hide(text) {
            *text = hidden;
        }
    }

    /// Masks a JSON value that has one of the values in it.
    pub(super) fn hide_in_json(&self, json: &mut Box<RawValue>) {
        if self.0.is_empty() {
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(json.get()) else {
            return;
        };
        if self.is_in(&value) {
            *json = masked();
        }
    }

    /// Masks the values in a log line.
    #[cfg_attr(
        not(feature = "http"),
        expect(dead_code, reason = "only HTTP and the command line show log lines")
    )]
    pub(crate) fn hide_in_line(&self, record: &mut LogRecord) {
        self.hide_in(&mut record.line.message);
        if let Some(fields) = &mut record.line.fields
            && let Ok(mut value) = serde_json::from_str::<Value>(fields.get())
            && self.is_in(&value)
        {
            if let Value::Object(members) = &mut value {
                for (_, member) in members.iter_mut() {
                    if self.is_in(member) {
                        *member = MASK.into();
                    }
                }
            }
            *fields = RawValue::from_string(value.to_string()).unwrap_or_else(|_| masked());
        }
    }

    fn is_in(&self, value: &Value) -> bool {
        match value {
            Value::Object(members) => members
                .iter()
                .any(|(name, member)| self.is_in_text(name) || self.is_in(member)),
            Value::Array(items) => items.iter().any(|item| self.is_in(item)),
            Value::String(text) => self.is_in_text(text),
            Value::Number(number) => self.is_in_text(&number.to_string()),
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn is_in_text(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(secret.as_str()))
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| collect(member, texts)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::String(text) if text.chars().count() >= SHORTEST => texts.push(text.clone()),
        Value::Number(number) if number.to_string().len() >= SHORTEST => {
            texts.push(number.to_string());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quoted_values_are_masked() {
        let payload =
            json!({"card": {"number": 41_111, "cvv": "12", "name": "Ada L"}, "to": "Bob B"});
        let payload = RawValue::from_string(payload.to_string()).expect("JSON");
        let secrets = Secrets::of(&payload, &["card".to_owned()]);
        assert_eq!(
            secrets.hide("card 41111 of Ada L, to Bob B, 12"),
            "card ••• of •••, to Bob B, 12"
        );
        let hidden = |json: Value| {
            let mut json = RawValue::from_string(json.to_string()).expect("JSON");
            secrets.hide_in_json(&mut json);
            json.get() == "\"•••\""
        };
        assert!(hidden(json!({"paid": [{"by": "41111"}]})));
        assert!(hidden(json!(41_111)));
        assert!(!hidden(json!({"paid": true, "to": "Bob B"})));
    }
}
