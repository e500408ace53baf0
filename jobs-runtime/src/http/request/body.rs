//! Bodies, bounded before they are read and read so that every mistake is reported at once.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use futures_util::StreamExt;
use jobs::{Priority, Violation};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::guard::single;
use crate::http::raw_object::Members;
use crate::http::response::problem::{Code, Problem};
use crate::service::near_misses;

/// Bytes of a body.
pub(in crate::http) const MAX_BODY: usize = 2 * 1024 * 1024;

/// Bytes of a batch's body.
pub(in crate::http) const MAX_BATCH_BODY: usize = 16 * 1024 * 1024;

/// Bytes that are read and forgotten when a body is too large. Most clients read no answer before
/// they have sent everything: without this they would see a reset connection instead of a reason.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;

/// A body of at most `LIMIT` bytes, as text. No body counts as an empty object.
pub(in crate::http) struct Text<const LIMIT: usize>(pub(in crate::http) String);

impl<const LIMIT: usize, S: Send + Sync> FromRequest<S> for Text<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let headers = request.headers();
        let declared = single(headers, &header::CONTENT_LENGTH)
            .and_then(|length| length.parse::<usize>().ok())
            .unwrap_or(0);
        if declared > LIMIT && headers.contains_key(header::EXPECT) {
            // The client asks before it sends: it needs no patience of ours.
            return Err(too_large(LIMIT));
        }
        let bytes = read(request.into_body(), LIMIT).await?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Problem::new(Code::MalformedJson, "the body is not UTF-8"))?;
        match text.trim_ascii().is_empty() {
            true => Ok(Self("{}".to_owned())),
            false => Ok(Self(text)),
        }
    }
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk: Bytes = chunk.map_err(|_| {
            Problem::new(
                Code::InvalidRequest,
                "the body ended before it was complete",
            )
        })?;
        if bytes.len() + chunk.len() > limit {
            let mut discarded = chunk.len();
            while discarded < MAX_DISCARDED
                && let Some(Ok(chunk)) = chunks.next().await
            {
                discarded += chunk.len();
            }
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body is larger than the {limit} bytes that are allowed");
    Problem::new(Code::PayloadTooLarge, detail).with("limit", limit)
}

/// The fields of an object that are not taken yet. `null` counts as not given.
pub(in crate::http) struct Fields<'a> {
    place: String,
    given: Vec<(String, &'a RawValue)>,
    known: Vec<&'static str>,
    violations: Vec<Violation>,
}

impl<'a> Fields<'a> {
    /// Reads an object; `place` is the pointer to it within the body.
    pub(in crate::http) fn read(text: &'a str, place: String) -> Result<Self, Problem> {
        let Members(given) =
            serde_json::from_str(text).map_err(|error| match error.classify() {
                Category::Data => Problem::violations(
                    Code::InvalidRequest,
                    &[Violation {
                        pointer: place.clone(),
                        message: "must be an object".to_owned(),
                    }],
                ),
                _ => Problem::new(
                    Code::MalformedJson,
                    format!("the body is not valid JSON: {error}"),
                ),
            })?;
        Ok(Self {
            place,
            given,
            known: Vec::new(),
            violations: Vec::new(),
        })
    }

    /// The text of a field.
    pub(in crate::http) fn raw(&mut self, name: &'static str) -> Option<&'a RawValue> {
        self.known.push(name);
        let mut values = Vec::new();
        self.given.retain(|(given, value)| {
            let taken = given == name;
            if taken {
                values.push(*value);
            }
            !taken
        });
        let value = values.pop()?;
        if !values.is_empty() {
            self.wrong(name, "is given more than once");
        }
        (value.get() != "null").then_some(value)
    }

    /// The value of a field, which must be what `expected` says.
    pub(in crate::http) fn value<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        expected: &str,
    ) -> Option<T> {
        let value = serde_json::from_str(self.raw(name)?.get()).ok();
        if value.is_none() {
            self.wrong(name, format!("must be {expected}"));
        }
        value
    }

    /// The field `priority`.
    pub(in crate::http) fn priority(&mut self) -> Option<Priority> {
        let expected = "`low`, `normal`, `high`, `critical` or 0 to 100";
        self.value("priority", expected)
    }

    /// Notes a mistake.
    pub(in crate::http) fn wrong(&mut self, name: &str, message: impl Into<String>) {
        let mut pointer = self.place.clone();
        crate::service::push_step(&mut pointer, name);
        self.violations.push(Violation {
            pointer,
            message: message.into(),
        });
    }

    /// What was wrong, and what nobody has asked for.
    pub(in crate::http) fn finish(mut self) -> Vec<Violation> {
        for (name, _) in std::mem::take(&mut self.given) {
            let near = near_misses(&name, self.known.iter().copied());
            let message = match near.as_slice() {
                [] => format!("is not a field here: use `{}`", self.known.join("`, `")),
                near => format!(
                    "is not a field here: did you mean `{}`?",
                    near.join("` or `")
                ),
            };
            self.wrong(&name, message);
        }
        self.violations
    }
}

/// Refuses a body with mistakes.
pub(in crate::http) fn accept(violations: &[Violation]) -> Result<(), Problem> {
    match violations.is_empty() {
        true => Ok(()),
        false => Err(Problem::violations(Code::InvalidRequest, violations)),
    }
}
