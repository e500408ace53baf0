//! From what the service and the store say to what clients are told.

use jobs::{EnqueueError, Violation};
use serde_json::{Value, json};

use super::problem::{Code, Problem};
use crate::service::{InvalidPayload, ServiceError};
use crate::store::StoreError;

/// How a request came: alone, or with others whose places have to be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    Batch,
}

impl Problem {
    /// Why the service stored nothing.
    pub(crate) fn refused(refusal: ServiceError, shape: Shape) -> Self {
        match refusal {
            ServiceError::Request { index, error } => {
                let problem = enqueue_problem(error, shape, index);
                located(problem, shape, index)
            }
            ServiceError::Malformed { index, reason, .. } => {
                let problem = Self::new(
                    Code::MalformedJson,
                    format!("the payload is not valid JSON: {reason}"),
                );
                located(problem, shape, Some(index))
            }
            ServiceError::Payloads(payloads) => invalid_payloads(&payloads, shape),
        }
    }

    /// Fields of a body or parameters of a query that are not what they should be.
    pub(crate) fn violations(code: Code, violations: &[Violation]) -> Self {
        let detail = jobs::Violations(violations.to_vec()).to_string();
        Self::new(code, detail).with("violations", json!(violations))
    }
}

const NO_ANSWER: &str = "the store does not answer; try again later";

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // A layout that does not fit is an operator's to mend: the client can only come back.
        match error {
            // Said for people: which store, why, and the way out.
            StoreError::Unavailable { .. } => {
                Self::failure(Code::StoreUnavailable, error.to_string(), &error)
            }
            StoreError::Layout(_) => Self::failure(Code::StoreUnavailable, NO_ANSWER, &error),
            _ if error.is_transient() => Self::failure(Code::StoreUnavailable, NO_ANSWER, &error),
            _ => internal(&error),
        }
    }
}

impl From<EnqueueError> for Problem {
    fn from(error: EnqueueError) -> Self {
        enqueue_problem(error, Shape::One, None)
    }
}

fn enqueue_problem(error: EnqueueError, shape: Shape, index: Option<usize>) -> Problem {
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
            let place = match (shape, index) {
                (Shape::Batch, Some(index)) => format!("/executions/{index}"),
                _ => String::new(),
            };
            let violation = Violation {
                pointer: format!("{place}/{}", field_name(field)),
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

fn internal(error: &dyn std::error::Error) -> Problem {
    Problem::failure(Code::Internal, "the reason is in the log", error)
}

fn located(problem: Problem, shape: Shape, index: Option<usize>) -> Problem {
    match (shape, index) {
        (Shape::Batch, Some(index)) => problem.with("index", index),
        _ => problem,
    }
}

fn invalid_payloads(payloads: &[InvalidPayload], shape: Shape) -> Problem {
    let count: usize = payloads.iter().map(|one| one.violations.len()).sum();
    let job_id = payloads.first().map_or("", |first| first.job_id.as_str());
    let violations: Vec<Value> = payloads
        .iter()
        .flat_map(|payload| {
            payload.violations.iter().map(|violation| match shape {
                Shape::One => json!(violation),
                Shape::Batch => json!({
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

/// The service's name for an option as the body's field.
fn field_name(option: &str) -> &str {
    match option {
        "idempotency key" => "idempotencyKey",
        "correlation id" => "correlationId",
        "item id" => "itemId",
        "created by" => "createdBy",
        "delay" => "delayMs",
        "run at" => "runAt",
        "batch" => "executions",
        other => other,
    }
}
