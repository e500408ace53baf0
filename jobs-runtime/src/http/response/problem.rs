//! Problem responses: `application/problem+json` (RFC 9457) with a stable `code`.
//!
//! Every error response of the interface is a [`Problem`]. The table of [`Code`]s gives each code
//! its status and its title, such as 422 for `invalid_payload`. A response carries only what the
//! client may know; the cause of an internal failure goes to the log.

use std::error::Error;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// Declares the codes: one table for word, status and title.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $word:literal, $status:ident, $title:literal;)*) => {
        /// The kind of a problem, for programs. A code never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// Returns the value of the response's `code`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $word),* }
            }

            /// Returns the HTTP status of the response.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status),* }
            }

            /// Returns the `title`: a phrase for people, the same in every response of this code.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$code => $title),* }
            }
        }
    };
}

codes! {
    /// The body is not valid JSON.
    MalformedJson = "malformed_json", BAD_REQUEST, "Malformed JSON";
    /// Fields of the body, or headers that stand for them, are invalid: see `violations`.
    InvalidRequest = "invalid_request", BAD_REQUEST, "Invalid request";
    /// Query parameters are invalid: see `violations`.
    InvalidQuery = "invalid_query", BAD_REQUEST, "Invalid query";
    /// The request has no token, and the interface asks for one.
    TokenRequired = "token_required", UNAUTHORIZED, "Token required";
    /// The token is unknown, revoked, expired, mistyped or truncated.
    InvalidToken = "invalid_token", UNAUTHORIZED, "Invalid token";
    /// The role of the token does not allow the route: see `role` and `needed`.
    Forbidden = "forbidden", FORBIDDEN, "Forbidden";
    /// The `Origin` header names another site.
    OriginNotAllowed = "origin_not_allowed", FORBIDDEN, "Origin not allowed";
    /// No job has that id: see `near`.
    UnknownJob = "unknown_job", NOT_FOUND, "Unknown job";
    /// No execution has that id.
    UnknownExecution = "unknown_execution", NOT_FOUND, "Unknown execution";
    /// No job uses that queue, and no execution is in it: see `near`.
    UnknownQueue = "unknown_queue", NOT_FOUND, "Unknown queue";
    /// No schedule has that id: see `near`.
    UnknownSchedule = "unknown_schedule", NOT_FOUND, "Unknown schedule";
    /// No bulk operation has that id.
    UnknownOperation = "unknown_operation", NOT_FOUND, "Unknown operation";
    /// No rate limit has that name.
    UnknownLimit = "unknown_limit", NOT_FOUND, "Unknown limit";
    /// No valid access token has that id.
    UnknownToken = "unknown_token", NOT_FOUND, "Unknown token";
    /// No route has that path.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// The route does not support the method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// The idempotency key was used with another payload: see `executionId`.
    IdempotencyConflict = "idempotency_conflict", CONFLICT, "Idempotency conflict";
    /// The job accepts no executions.
    JobDisabled = "job_disabled", CONFLICT, "Job disabled";
    /// Another execution occupies the same unique key: see `executionId`.
    UniqueConflict = "unique_conflict", CONFLICT, "Unique conflict";
    /// The execution runs or has ended: see `executionStatus`.
    NotWaiting = "not_waiting", CONFLICT, "Not waiting";
    /// Executions in this status cannot be retried: see `executionStatus`.
    NotRetryable = "not_retryable", CONFLICT, "Not retryable";
    /// The payload was erased, so the execution cannot be retried.
    Erased = "erased", CONFLICT, "Erased";
    /// The execution is final: see `executionStatus`.
    AlreadyFinal = "already_final", CONFLICT, "Already final";
    /// The execution is not final: see `executionStatus`.
    NotFinal = "not_final", CONFLICT, "Not final";
    /// A schedule with that id exists.
    ScheduleExists = "schedule_exists", CONFLICT, "Schedule exists";
    /// The schedule is declared by its job, so it cannot be deleted.
    ScheduleDeclared = "schedule_declared", CONFLICT, "Schedule declared";
    /// Other requests changed the schedule at the same time.
    ScheduleContended = "schedule_contended", CONFLICT, "Schedule contended";
    /// The job does not accept an execution of the schedule now.
    NotRun = "not_run", CONFLICT, "Not run";
    /// The lease of an external worker does not hold any more: see `reason`. Nothing was changed.
    LeaseLost = "lease_lost", CONFLICT, "Lease lost";
    /// The body did not arrive in time. Nothing was done.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Request timeout";
    /// The body, the payload or the batch is larger than allowed.
    PayloadTooLarge = "payload_too_large", PAYLOAD_TOO_LARGE, "Payload too large";
    /// The `Content-Type` is not JSON.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// The `Host` header does not name this machine.
    HostNotAllowed = "host_not_allowed", MISDIRECTED_REQUEST, "Host not allowed";
    /// The payload does not fit the job's schema: see `violations`.
    InvalidPayload = "invalid_payload", UNPROCESSABLE_ENTITY, "Invalid payload";
    /// Too many wrong tokens were sent: see `Retry-After`.
    TooManyAttempts = "too_many_attempts", TOO_MANY_REQUESTS, "Too many attempts";
    /// The result of an external worker does not fit the job's schema: see `violations`. The lease
    /// stays.
    InvalidResult = "invalid_result", UNPROCESSABLE_ENTITY, "Invalid result";
    /// The limit of external workers, or of their waiting polls, is reached.
    TooManyWorkers = "too_many_workers", TOO_MANY_REQUESTS, "Too many workers";
    /// The limit of event streams is reached.
    TooManySubscribers = "too_many_subscribers", TOO_MANY_REQUESTS, "Too many subscribers";
    /// The job's `max_waiting` is reached: see `maxWaiting` and `Retry-After`.
    QueueFull = "queue_full", TOO_MANY_REQUESTS, "Queue full";
    /// A defect of this program. The log holds the cause.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error";
    /// The store did not answer. The same request may succeed later.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, "Store unavailable";
    /// The response took too long. The request may or may not have taken effect.
    DeadlineExceeded = "deadline_exceeded", SERVICE_UNAVAILABLE, "Deadline exceeded";
}

/// The `Retry-After` of every 429, in seconds. The time at which the limit has room again is
/// unknown; the header keeps clients from retrying in a loop.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An error response.
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

    /// Adds a member for programs to the response.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Logs the cause of an internal failure, and returns a problem without it.
    pub(crate) fn failure(
        code: Code,
        detail: impl Into<String>,
        cause: &(dyn Error + 'static),
    ) -> Self {
        let cause = crate::error::chain(cause);
        tracing::error!(code = code.as_str(), "request failed: {cause}");
        Self::new(code, detail)
    }

    /// Returns the kind of the problem.
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

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_distinct() {
        for (n, code) in Code::ALL.iter().enumerate() {
            let others = &Code::ALL[n + 1..];
            assert!(others.iter().all(|other| other.as_str() != code.as_str()));
        }
    }
}
