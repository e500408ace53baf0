//! Request bodies: size limits, and JSON objects whose mistakes are all reported at once.
//!
//! A body of the wrong shape is a 400 `invalid_request` with a `violations` list. A payload within
//! the body is checked by the service, which answers 422 (see
//! [`response::errors`](crate::http::response::errors)).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use futures_util::StreamExt;
use jobs::{Clock, Violation};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::guard::single_header;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::Input;
use crate::service::{MAX_TEXT_CHARS, RawObject, similar_names};

/// The largest body, in bytes.
pub(in crate::http) const MAX_BODY: usize = 2 * 1024 * 1024;

/// The largest body of a batch, in bytes.
pub(in crate::http) const MAX_BATCH_BODY: usize = 16 * 1024 * 1024;

/// Bytes that are read and discarded when a body is too large. Most clients read the response only
/// after sending the whole body; without this they would see a reset connection.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;

/// A body of at most `LIMIT` bytes, as text. An empty body counts as an empty object.
pub(in crate::http) struct BodyText<const LIMIT: usize>(pub(in crate::http) String);

impl<const LIMIT: usize, S: Send + Sync> FromRequest<S> for BodyText<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let headers = request.headers();
        let declared = single_header(headers, &header::CONTENT_LENGTH)
            .and_then(|length| length.parse::<usize>().ok())
            .unwrap_or(0);
        if declared > LIMIT && headers.contains_key(header::EXPECT) {
            // The client waits for permission to send (`Expect: 100-continue`), so nothing has to
            // be discarded.
            return Err(too_large(LIMIT));
        }
        let timeout = request.extensions().get::<BodyTimeout>().cloned();
        let body = read(request.into_body(), LIMIT);
        let bytes = match timeout {
            Some(timeout) => tokio::select! {
                biased;
                bytes = body => bytes?,
                () = timeout.clock.sleep(timeout.limit) => return Err(too_slow(timeout.limit)),
            },
            None => body.await?,
        };
        let text = String::from_utf8(bytes)
            .map_err(|_| Problem::new(Code::MalformedJson, "the body is not UTF-8"))?;
        if text.trim_ascii().is_empty() {
            Ok(Self("{}".to_owned()))
        } else {
            Ok(Self(text))
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

/// The time limit of a body, from the head of its request. Nothing is done before the body is
/// complete, so the response can say so. The deadline of the request is later, and cannot.
#[derive(Clone)]
pub(in crate::http) struct BodyTimeout {
    pub(in crate::http) clock: Arc<dyn Clock>,
    pub(in crate::http) limit: Duration,
}

fn too_slow(limit: Duration) -> Problem {
    Problem::new(
        Code::RequestTimeout,
        format!("the body was not complete within {limit:?}; nothing was done"),
    )
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body is larger than the {limit} bytes that are allowed");
    Problem::new(Code::PayloadTooLarge, detail).with("limit", limit)
}

/// Returns whether a text may be stored: bounded, and without control characters.
pub(in crate::http) fn is_storable(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MAX_TEXT_CHARS).contains(&length) && !text.contains(char::is_control)
}

/// Reads the fields of an object one by one and collects the mistakes. A `null` counts as absent.
pub(in crate::http) struct BodyFields<'a> {
    /// The JSON pointer to the object within the body.
    pointer: String,
    /// The fields that have not been read yet.
    given: Vec<(String, &'a RawValue)>,
    /// The fields that the body may have.
    documented: &'static [Input],
    violations: Vec<Violation>,
}

impl<'a> BodyFields<'a> {
    /// Reads an object that may have the `documented` fields. `pointer` is the JSON pointer to it
    /// within the body.
    pub(in crate::http) fn read(
        text: &'a str,
        pointer: String,
        documented: &'static [Input],
    ) -> Result<Self, Problem> {
        let RawObject(given) =
            serde_json::from_str(text).map_err(|error| match error.classify() {
                Category::Data => Problem::violations(
                    Code::InvalidRequest,
                    &[Violation {
                        pointer: pointer.clone(),
                        message: "must be an object".to_owned(),
                    }],
                ),
                _ => Problem::new(
                    Code::MalformedJson,
                    format!("the body is not valid JSON: {error}"),
                ),
            })?;
        Ok(Self {
            pointer,
            given,
            documented,
            violations: Vec::new(),
        })
    }

    /// Returns the JSON text of a field.
    pub(in crate::http) fn raw(&mut self, field: &Input) -> Option<&'a RawValue> {
        self.nullable(field).flatten()
    }

    /// Returns the JSON text of a field in which a `null` counts: as `Some(None)`.
    pub(in crate::http) fn nullable(&mut self, field: &Input) -> Option<Option<&'a RawValue>> {
        let name = field.name;
        debug_assert!(
            self.documented.iter().any(|known| known.name == name),
            "`{name}` is read and not documented"
        );
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
            self.add_violation(name, "is given more than once");
        }
        Some((value.get() != "null").then_some(value))
    }

    /// Returns the value of a field. `expected` describes the value in the mistake's message.
    pub(in crate::http) fn value<T: DeserializeOwned>(
        &mut self,
        field: &Input,
        expected: &str,
    ) -> Option<T> {
        let value = serde_json::from_str(self.raw(field)?.get()).ok();
        if value.is_none() {
            self.add_violation(field.name, format!("must be {expected}"));
        }
        value
    }

    /// Returns a text that is stored: bounded, and without control characters.
    pub(in crate::http) fn stored_text(&mut self, field: &Input) -> Option<String> {
        let text: String = self.value(field, "a string")?;
        if is_storable(&text) {
            return Some(text);
        }
        let message = format!("must have 1 to {MAX_TEXT_CHARS} characters, no control characters");
        self.add_violation(field.name, message);
        None
    }

    /// Reads the fields of an object within this one; `None` if it is absent or no object.
    pub(in crate::http) fn object(
        &mut self,
        field: &Input,
        documented: &'static [Input],
    ) -> Option<BodyFields<'a>> {
        let raw = self.raw(field)?;
        let mut pointer = self.pointer.clone();
        crate::service::push_segment(&mut pointer, field.name);
        let fields = BodyFields::read(raw.get(), pointer, documented).ok();
        if fields.is_none() {
            self.add_violation(field.name, "must be an object");
        }
        fields
    }

    /// Adds the mistakes of an object within this one.
    pub(in crate::http) fn add_violations(&mut self, violations: Vec<Violation>) {
        self.violations.extend(violations);
    }

    /// Adds a mistake at a field.
    pub(in crate::http) fn add_violation(&mut self, name: &str, message: impl Into<String>) {
        let mut pointer = self.pointer.clone();
        crate::service::push_segment(&mut pointer, name);
        self.violations.push(Violation {
            pointer,
            message: message.into(),
        });
    }

    /// Returns `true` if a field has a mistake.
    pub(in crate::http) fn has_violation(&self, name: &str) -> bool {
        let mut pointer = self.pointer.clone();
        crate::service::push_segment(&mut pointer, name);
        self.violations.iter().any(|it| it.pointer == pointer)
    }

    /// Returns all mistakes, unknown fields included.
    pub(in crate::http) fn finish(mut self) -> Vec<Violation> {
        let known: Vec<_> = self.documented.iter().map(|field| field.name).collect();
        for (name, _) in std::mem::take(&mut self.given) {
            let near = similar_names(&name, known.iter().copied());
            let message = match near.as_slice() {
                [] if known.is_empty() => "is not a field here; this body has none".to_owned(),
                [] => format!("is not a field here; use `{}`", known.join("`, `")),
                near => format!(
                    "is not a field here; did you mean `{}`?",
                    near.join("` or `")
                ),
            };
            self.add_violation(&name, message);
        }
        self.violations
    }
}

/// Returns a problem if there are violations.
pub(in crate::http) fn reject_violations(violations: &[Violation]) -> Result<(), Problem> {
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Problem::violations(Code::InvalidRequest, violations))
    }
}
