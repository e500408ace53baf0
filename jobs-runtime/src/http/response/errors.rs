//! Problem responses for the errors of the service and the store.
//!
//! `invalid_payloads` builds the 422 `invalid_payload` response. Each entry of `violations` has the
//! JSON `pointer` of a mistake and its `message`. In a batch it also has the `index` of the
//! request.
//! The violations come from the payload check of the service (`service/payload`).

use jobs::{EnqueueError, Violation};
use serde_json::{Value, json};

use super::problem::{Code, Problem};
use crate::ScheduleError;
use crate::service::{InvalidPayload, ServiceError};
use crate::store::StoreError;

/// A request for one execution, or for a batch whose entries are told apart by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Single,
    Batch,
}

impl Problem {
    /// Returns the problem for an error of the service, which has stored nothing.
    pub(crate) fn of_service(error: ServiceError, kind: RequestKind) -> Self {
        match error {
            ServiceError::Request { index, error } => {
                let problem = enqueue_problem(error, kind, index);
                with_index(problem, kind, index)
            }
            ServiceError::Malformed { index, reason, .. } => {
                let problem = Self::new(
                    Code::MalformedJson,
                    format!("the payload is not valid JSON: {reason}"),
                );
                with_index(problem, kind, Some(index))
            }
            ServiceError::Payloads(payloads) => invalid_payloads(&payloads, kind),
        }
    }

    /// Returns a problem that lists invalid fields of a body.
    pub(crate) fn violations(code: Code, violations: &[Violation]) -> Self {
        let detail = jobs::Violations(violations.to_vec()).to_string();
        Self::new(code, detail).with("violations", json!(violations))
    }
}

const STORE_UNAVAILABLE: &str = "the store does not respond; try again later";

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // The text is written for people: it names the store, the reason and the way out.
            StoreError::Unavailable { .. }
            | StoreError::Refused { .. }
            | StoreError::Moved { .. } => {
                Self::failure(Code::StoreUnavailable, error.to_string(), &error)
            }
            // An operator has to migrate the store; the client can only retry later.
            StoreError::Layout(_) => {
                Self::failure(Code::StoreUnavailable, STORE_UNAVAILABLE, &error)
            }
            _ if error.is_transient() => {
                Self::failure(Code::StoreUnavailable, STORE_UNAVAILABLE, &error)
            }
            _ => internal(&error),
        }
    }
}

impl From<EnqueueError> for Problem {
    fn from(error: EnqueueError) -> Self {
        enqueue_problem(error, RequestKind::Single, None)
    }
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        let detail = error.to_string();
        match error {
            ScheduleError::Unknown { near, .. } => {
                Self::new(Code::UnknownSchedule, detail).with("near", near)
            }
            ScheduleError::Exists(_) => Self::new(Code::ScheduleExists, detail),
            ScheduleError::Declared(_) => Self::new(Code::ScheduleDeclared, detail),
            ScheduleError::Contended(_) => Self::new(Code::ScheduleContended, detail),
            ScheduleError::Rejected(_) => Self::new(Code::NotRun, detail),
            ScheduleError::Invalid(violations) => {
                Self::violations(Code::InvalidRequest, &violations)
            }
            ScheduleError::Job(error) => error.into(),
            ScheduleError::Store(error) => error.into(),
        }
    }
}

fn enqueue_problem(error: EnqueueError, kind: RequestKind, index: Option<usize>) -> Problem {
    let detail = error.to_string();
    match error {
        EnqueueError::UnknownJob { near, .. } => {
            Problem::new(Code::UnknownJob, detail).with("near", near)
        }
        EnqueueError::Disabled { .. } => Problem::new(Code::JobDisabled, detail),
        EnqueueError::InvalidPayload { violations, .. } => {
            Problem::new(Code::InvalidPayload, detail).with("violations", json!(violations.0))
        }
        EnqueueError::PayloadTooLarge { limit, .. } => {
            Problem::new(Code::PayloadTooLarge, detail).with("limit", limit)
        }
        EnqueueError::InvalidOption { field, reason } => {
            let parent = match (kind, index) {
                (RequestKind::Batch, Some(index)) => format!("/executions/{index}"),
                _ => String::new(),
            };
            let violation = Violation {
                pointer: format!("{parent}/{}", field_name(field)),
                message: reason,
            };
            Problem::violations(Code::InvalidRequest, &[violation])
        }
        EnqueueError::IdempotencyConflict { execution_id, .. } => {
            Problem::new(Code::IdempotencyConflict, detail)
                .with("executionId", execution_id.to_string())
        }
        EnqueueError::UniqueConflict { execution_id, .. } => {
            Problem::new(Code::UniqueConflict, detail).with("executionId", execution_id.to_string())
        }
        EnqueueError::QueueFull { max_waiting, .. } => {
            Problem::new(Code::QueueFull, detail).with("maxWaiting", max_waiting)
        }
        EnqueueError::Store(source) => match source.downcast::<StoreError>() {
            Ok(error) => (*error).into(),
            Err(error) => internal(&*error),
        },
        error => internal(&error),
    }
}

fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::failure(Code::Internal, "the log holds the cause", error)
}

/// Adds the index of the request to the problem of a batch.
fn with_index(problem: Problem, kind: RequestKind, index: Option<usize>) -> Problem {
    match (kind, index) {
        (RequestKind::Batch, Some(index)) => problem.with("index", index),
        _ => problem,
    }
}

/// Builds the 422 response with all violations.
fn invalid_payloads(payloads: &[InvalidPayload], kind: RequestKind) -> Problem {
    let count: usize = payloads.iter().map(|one| one.violations.len()).sum();
    let job_id = payloads.first().map_or("", |first| first.job_id.as_str());
    let violations: Vec<Value> = payloads
        .iter()
        .flat_map(|payload| {
            payload.violations.iter().map(|violation| match kind {
                RequestKind::Single => json!(violation),
                RequestKind::Batch => json!({
                    "index": payload.index,
                    "pointer": violation.pointer,
                    "message": violation.message,
                }),
            })
        })
        .collect();
    let mistakes = match count {
        1 => "1 mistake".to_owned(),
        _ => format!("{count} mistakes"),
    };
    Problem::new(
        Code::InvalidPayload,
        format!("{mistakes} in the payload of job `{job_id}`; nothing was stored"),
    )
    .with("violations", violations)
}

/// Returns the body's field for the service's name of an option.
fn field_name(option: &str) -> &str {
    match option {
        "idempotency key" => "idempotencyKey",
        "correlation id" => "correlationId",
        "item id" => "itemId",
        "created by" => "createdBy",
        "delay" => "delayMs",
        "run at" => "runAt",
        "expires" => "expiresMs",
        "batch" => "executions",
        other => other,
    }
}
