//! Errors of the service, with the index of the request that caused them.

use jobs::{EnqueueError, Violation, Violations};

use crate::store::StoreError;

/// The error of a batch, of which nothing was stored.
///
/// The HTTP interface converts it to a problem response (422 for [`Payloads`](Self::Payloads)). The
/// typed client receives it as an [`EnqueueError`].
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "only the HTTP interface reads all fields")
)]
#[derive(Debug)]
pub(crate) enum ServiceError {
    /// An error of one request, or of the whole batch if there is no index.
    Request {
        index: Option<usize>,
        error: EnqueueError,
    },
    /// A payload that is not valid JSON.
    Malformed {
        index: usize,
        job_id: String,
        reason: String,
    },
    /// All payloads of the batch that do not match their schemas.
    Payloads(Vec<InvalidPayload>),
}

/// The violations of one payload.
#[derive(Debug)]
pub(crate) struct InvalidPayload {
    pub(crate) index: usize,
    pub(crate) job_id: String,
    pub(crate) violations: Vec<Violation>,
}

impl ServiceError {
    /// The kind of the error, for the span of the enqueue. Mostly it is the code of the problem.
    pub(crate) fn kind(&self) -> &'static str {
        let error = match self {
            Self::Payloads(_) => return "invalid_payload",
            Self::Malformed { .. } => return "malformed_payload",
            Self::Request { error, .. } => error,
        };
        match error {
            EnqueueError::UnknownJob { .. } => "unknown_job",
            EnqueueError::Disabled { .. } => "job_disabled",
            EnqueueError::InvalidPayload { .. } => "invalid_payload",
            EnqueueError::PayloadTooLarge { .. } => "payload_too_large",
            EnqueueError::InvalidOption { .. } => "invalid_option",
            EnqueueError::IdempotencyConflict { .. } => "idempotency_conflict",
            EnqueueError::UniqueConflict { .. } => "unique_conflict",
            EnqueueError::QueueFull { .. } => "queue_full",
            EnqueueError::WrongDatabase { .. } => "wrong_database",
            EnqueueError::Transaction(_) => "transaction",
            _ => "store",
        }
    }

    /// Creates the error of the request with this index.
    pub(super) fn at(index: usize, error: EnqueueError) -> Self {
        Self::Request {
            index: Some(index),
            error,
        }
    }

    /// Converts to the error type of the typed client. In a batch, pointers begin with the index of
    /// the request.
    pub(crate) fn into_enqueue_error(self, batch: bool) -> EnqueueError {
        match self {
            Self::Request { error, .. } => error,
            Self::Malformed {
                index,
                job_id,
                reason,
            } => invalid_payload(
                job_id,
                [Violation {
                    pointer: pointer(batch, index, ""),
                    message: format!("is not valid JSON: {reason}"),
                }],
            ),
            Self::Payloads(payloads) => {
                let job_id = payloads
                    .first()
                    .map(|first| first.job_id.clone())
                    .unwrap_or_default();
                let violations = payloads.into_iter().flat_map(|payload| {
                    payload
                        .violations
                        .into_iter()
                        .map(move |violation| Violation {
                            pointer: pointer(batch, payload.index, &violation.pointer),
                            message: violation.message,
                        })
                });
                invalid_payload(job_id, violations)
            }
        }
    }
}

impl From<EnqueueError> for ServiceError {
    fn from(error: EnqueueError) -> Self {
        Self::Request { index: None, error }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        EnqueueError::Store(Box::new(error)).into()
    }
}

fn invalid_payload(
    job_id: String,
    violations: impl IntoIterator<Item = Violation>,
) -> EnqueueError {
    EnqueueError::InvalidPayload {
        job_id,
        violations: Violations(violations.into_iter().collect()),
    }
}

fn pointer(batch: bool, index: usize, within: &str) -> String {
    if batch {
        format!("/{index}{within}")
    } else {
        within.to_owned()
    }
}
