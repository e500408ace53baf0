//! Why a batch is not accepted.

use jobs::{EnqueueError, Violation, Violations};

use crate::store::StoreError;

/// Why nothing was stored, and which request of the batch is to blame.
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "what only the HTTP interface tells its callers")
)]
#[derive(Debug)]
pub(crate) enum ServiceError {
    /// One request, or none in particular.
    Request {
        index: Option<usize>,
        error: EnqueueError,
    },
    /// A payload that is no JSON.
    Malformed {
        index: usize,
        job_id: String,
        reason: String,
    },
    /// Payloads that do not fit their schemas: all of the batch.
    Payloads(Vec<InvalidPayload>),
}

#[derive(Debug)]
pub(crate) struct InvalidPayload {
    pub(crate) index: usize,
    pub(crate) job_id: String,
    pub(crate) violations: Vec<Violation>,
}

impl ServiceError {
    pub(super) fn at(index: usize, error: EnqueueError) -> Self {
        Self::Request {
            index: Some(index),
            error,
        }
    }

    /// The refusal as the client's type says it. In a batch, pointers begin with the place of the
    /// request.
    pub(crate) fn into_error(self, batch: bool) -> EnqueueError {
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
    match batch {
        true => format!("/{index}{within}"),
        false => within.to_owned(),
    }
}
