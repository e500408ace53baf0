//! Conversion of older payload shapes: the function that the key `upcast` of `#[job]` names.

use std::borrow::Cow;

use serde_json::Value;

use crate::JobError;
use crate::bounds::HandlerError;
use crate::error::Verdict;

/// Converts a stored payload into the shape that the job's payload has now.
pub type Upcast = fn(Value) -> Result<Value, JobError>;

/// The return type of an `upcast` function: the converted payload, or a `Result` with it.
#[diagnostic::on_unimplemented(
    message = "an `upcast` function returns `serde_json::Value`, not `{Self}`",
    label = "not a payload in JSON",
    note = "`Result<serde_json::Value, E>` fits as well, if `E` converts into `JobError`"
)]
pub trait UpcastReturn {
    /// Converts the function's error.
    ///
    /// # Errors
    /// The function's own error.
    fn into_result(self) -> Result<Value, JobError>;
}

impl UpcastReturn for Value {
    fn into_result(self) -> Result<Value, JobError> {
        Ok(self)
    }
}

impl<E: HandlerError> UpcastReturn for Result<Value, E> {
    fn into_result(self) -> Result<Value, JobError> {
        self.map_err(Into::into)
    }
}

/// Converts a payload with the job's `upcast` function. A payload that the function leaves as it
/// is keeps its text, so that integers above 2^64 keep their digits.
///
/// # Errors
/// The function's error, as one about the payload.
pub(crate) fn convert(upcast: Option<Upcast>, payload: &str) -> Result<Cow<'_, str>, JobError> {
    let Some(upcast) = upcast else {
        return Ok(Cow::Borrowed(payload));
    };
    let stored: Value = serde_json::from_str(payload).map_err(invalid)?;
    let converted = upcast(stored.clone()).map_err(|error| invalid(format!("upcast: {error}")))?;
    if converted == stored {
        return Ok(Cow::Borrowed(payload));
    }
    Ok(Cow::Owned(converted.to_string()))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> JobError {
    JobError::new(Verdict::InvalidPayload, error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rename(mut payload: Value) -> Result<Value, JobError> {
        let fields = payload.as_object_mut().ok_or("no object")?;
        if let Some(subject) = fields.remove("subject") {
            fields.insert("user".to_owned(), subject);
        }
        Ok(payload)
    }

    #[test]
    fn an_unchanged_payload_keeps_its_text() {
        let text = r#"{ "account": 340282366920938463463374607431768211455 }"#;
        for upcast in [None, Some(rename as Upcast)] {
            assert_eq!(convert(upcast, text).expect("converted"), text);
        }
    }

    #[test]
    fn a_changed_payload_is_written_anew() {
        let converted = convert(Some(rename), r#"{"subject":"a"}"#).expect("converted");
        assert_eq!(converted, json!({ "user": "a" }).to_string());
    }

    #[test]
    fn an_error_is_one_about_the_payload() {
        let error = convert(Some(rename), "[]").expect_err("no object");
        assert_eq!(error.verdict(), Verdict::InvalidPayload);
        assert_eq!(error.to_string(), "upcast: no object");
    }
}
