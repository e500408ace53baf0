//! What clients are told when a request is not fulfilled.
//!
//! `application/problem+json` (RFC 9457) with a `code` that never changes its meaning. What a
//! client is told and what is logged are different things: a problem is built from what the
//! client may know, and the cause of a failure of ours goes to the log.

use std::error::Error;
use std::fmt::Write as _;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// Declares the codes: one table for word, status and title.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $word:literal, $status:ident, $title:literal;)*) => {
        /// What went wrong, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The word in the answer's `code`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $word),* }
            }

            /// The status of the answer.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status),* }
            }

            /// What went wrong, for people, the same in every answer of this code.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$code => $title),* }
            }
        }
    };
}

codes! {
    /// The body is no JSON.
    MalformedJson = "malformed_json", BAD_REQUEST, "Malformed JSON";
    /// Fields of the body, headers included, are not what they should be: see `violations`.
    InvalidRequest = "invalid_request", BAD_REQUEST, "Invalid request";
    /// Query parameters are not what they should be: see `violations`.
    InvalidQuery = "invalid_query", BAD_REQUEST, "Invalid query";
    /// The `Origin` is another site's.
    OriginNotAllowed = "origin_not_allowed", FORBIDDEN, "Origin not allowed";
    /// No job has that id: see `near`.
    UnknownJob = "unknown_job", NOT_FOUND, "Unknown job";
    /// No execution has that id.
    UnknownExecution = "unknown_execution", NOT_FOUND, "Unknown execution";
    /// No job names that queue, and nothing is in it: see `near`.
    UnknownQueue = "unknown_queue", NOT_FOUND, "Unknown queue";
    /// No route has that path.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// The route has no such method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// The idempotency key was used with another payload: see `executionId`.
    IdempotencyConflict = "idempotency_conflict", CONFLICT, "Idempotency conflict";
    /// The job accepts no executions.
    JobDisabled = "job_disabled", CONFLICT, "Job disabled";
    /// Another execution lives under the same unique key: see `executionId`.
    UniqueConflict = "unique_conflict", CONFLICT, "Unique conflict";
    /// The execution runs or has ended: see `executionStatus`.
    NotWaiting = "not_waiting", CONFLICT, "Not waiting";
    /// The execution is in a status that has no retry: see `status`.
    NotRetryable = "not_retryable", CONFLICT, "Not retryable";
    /// The execution is final: see `executionStatus`.
    AlreadyFinal = "already_final", CONFLICT, "Already final";
    /// The execution is not final: see `executionStatus`.
    NotFinal = "not_final", CONFLICT, "Not final";
    /// The body, the payload or the batch is larger than allowed.
    PayloadTooLarge = "payload_too_large", PAYLOAD_TOO_LARGE, "Payload too large";
    /// The body is not declared as JSON.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// The `Host` is not this machine.
    HostNotAllowed = "host_not_allowed", MISDIRECTED_REQUEST, "Host not allowed";
    /// The payload does not fit the job's schema: see `violations`.
    InvalidPayload = "invalid_payload", UNPROCESSABLE_ENTITY, "Invalid payload";
    /// As many clients listen to events as may.
    TooManySubscribers = "too_many_subscribers", TOO_MANY_REQUESTS, "Too many subscribers";
    /// As many executions of the job wait as may: see `maxWaiting`, and `Retry-After`.
    QueueFull = "queue_full", TOO_MANY_REQUESTS, "Queue full";
    /// A defect of this program.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error";
    /// The store did not answer. The same request may succeed later.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, "Store unavailable";
    /// The answer took too long. Whether the request took effect is unknown.
    DeadlineExceeded = "deadline_exceeded", SERVICE_UNAVAILABLE, "Deadline exceeded";
}

/// Seconds after which a client that was refused for there being too much of something may ask
/// again. Nobody knows when there is room: this keeps clients from asking all the time.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An answer to a request that is not fulfilled.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    members: Map<String, Value>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            members: Map::new(),
        }
    }

    /// Adds a member that programs read.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// A failure of ours: the cause is logged, the client learns the code.
    pub(crate) fn failure(code: Code, detail: impl Into<String>, cause: &dyn Error) -> Self {
        tracing::error!(code = code.as_str(), "request failed: {}", chain(cause));
        Self::new(code, detail)
    }

    /// What went wrong, for programs.
    pub fn code(&self) -> Code {
        self.code
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let mut body = json!({
            "type": format!("urn:jobs:problem:{}", self.code.as_str()),
            "title": self.code.title(),
            "status": status.as_u16(),
            "code": self.code.as_str(),
            "detail": self.detail,
        });
        if let Value::Object(body) = &mut body {
            body.extend(self.members);
        }
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::TOO_MANY_REQUESTS {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::http::Code;

    #[test]
    fn codes_are_distinct() {
        for (n, code) in Code::ALL.iter().enumerate() {
            let others = &Code::ALL[n + 1..];
            assert!(others.iter().all(|other| other.as_str() != code.as_str()));
        }
    }
}
