//! A known job: its descriptor, its fingerprint and its payload check.

use std::fmt;
use std::sync::OnceLock;

use jobs::runtime::PayloadReader;
use jobs::{CataloguedJob, HandlerKind, JobDescriptor, Violations};
use serde_json::Value;

use super::payload::check::PayloadCheck;
#[cfg(feature = "cli")]
use super::payload::check::PayloadError;
#[cfg(feature = "http")]
use super::payload::result::ResultCheck;
use crate::fingerprint::{ExactJson, has_sets, job_fingerprint, sort_sets};
use crate::store::{ExecutionPolicy, PublishedJob};
use crate::time::Timestamp;

/// A job that the service can enqueue: linked into this program or published by another one.
pub struct KnownJob {
    descriptor: JobDescriptor,
    /// The deserialiser of a linked job.
    reader: Option<PayloadReader>,
    fingerprint: String,
    has_sets: bool,
    // Compiled at the first payload. A program that only lists published jobs compiles no schema.
    check: OnceLock<Result<PayloadCheck, String>>,
    // Compiled at the first result of an external worker.
    #[cfg(feature = "http")]
    result_check: OnceLock<Result<ResultCheck, String>>,
}

/// An invalid payload schema.
#[derive(Debug, thiserror::Error)]
#[error("the payload schema of job `{job_id}` cannot be used: {reason}")]
pub struct SchemaError {
    /// The id of the job.
    pub job_id: String,
    /// The mistake in its schema.
    pub reason: String,
}

impl KnownJob {
    /// Creates a job that is linked into this program.
    pub(crate) fn linked(job: &CataloguedJob) -> Result<Self, SchemaError> {
        let descriptor = job.descriptor().clone();
        let fingerprint = job_fingerprint(&descriptor).map_err(|error| SchemaError {
            job_id: descriptor.id.clone(),
            reason: error.to_string(),
        })?;
        let job = Self {
            has_sets: has_sets(&descriptor.payload_schema),
            descriptor,
            reader: Some(job.reader()),
            fingerprint,
            check: OnceLock::new(),
            #[cfg(feature = "http")]
            result_check: OnceLock::new(),
        };
        // Compiled now, so that an invalid schema fails the start of the program.
        let invalid = job.payload_check()?.invalid_defaults();
        if invalid.is_empty() {
            return Ok(job);
        }
        let reason = format!(
            "a default breaks a rule of its field: {}",
            Violations(invalid)
        );
        Err(SchemaError {
            job_id: job.descriptor.id,
            reason,
        })
    }

    /// Creates a job that only other programs link.
    pub(crate) fn published(job: PublishedJob) -> Self {
        let mut descriptor = job.descriptor;
        if descriptor.handler == HandlerKind::Linked {
            descriptor.handler = HandlerKind::Absent;
        }
        Self {
            has_sets: has_sets(&descriptor.payload_schema),
            descriptor,
            reader: None,
            fingerprint: job.fingerprint,
            check: OnceLock::new(),
            #[cfg(feature = "http")]
            result_check: OnceLock::new(),
        }
    }

    /// Returns the stable id of the job.
    pub fn id(&self) -> &str {
        &self.descriptor.id
    }

    /// Returns the descriptor. Its handler kind is `Absent` if only another program links the job.
    pub fn descriptor(&self) -> &JobDescriptor {
        &self.descriptor
    }

    /// Returns the fingerprint, which changes with every change of the definition.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the value from which keys and digests of a payload derive: exact numbers, and sets
    /// in a fixed order. `value` was parsed from `text`.
    pub(super) fn exact<'v>(&self, value: &'v Value, text: &'v str) -> ExactJson<'v> {
        let exact = ExactJson::new(value, text);
        if self.has_sets {
            sort_sets(&exact, &self.descriptor.payload_schema)
        } else {
            exact
        }
    }

    /// Returns the timeout and the retry policy of its executions.
    pub fn policy(&self) -> ExecutionPolicy {
        ExecutionPolicy {
            timeout_ms: self.descriptor.timeout_ms,
            max_attempts: self.descriptor.max_attempts,
            retry_delays_ms: self.descriptor.retry_delays_ms.clone(),
            retry_jitter: self.descriptor.retry_jitter,
        }
    }

    pub(crate) fn publication(&self, now: Timestamp) -> PublishedJob {
        PublishedJob {
            descriptor: self.descriptor.clone(),
            fingerprint: self.fingerprint.clone(),
            published_at: now,
        }
    }

    /// Checks the payload of a stored execution. Returns the first violation with its pointer.
    #[cfg(feature = "cli")]
    pub(crate) fn first_violation(&self, payload: &str) -> Result<Option<String>, SchemaError> {
        let checked = self.payload_check()?.check(payload.to_owned());
        Ok(checked.err().map(|error| match error {
            PayloadError::TooLarge(bytes) => format!("has {bytes} bytes"),
            PayloadError::Malformed(reason) => format!("is no JSON: {reason}"),
            PayloadError::Invalid(violations) => match violations.first() {
                Some(one) => format!("{}: {}", one.pointer, one.message),
                None => "is refused".to_owned(),
            },
        }))
    }

    /// Returns the check of results.
    ///
    /// # Errors
    /// The mistake in the result schema.
    #[cfg(feature = "http")]
    pub(crate) fn result_check(&self) -> Result<&ResultCheck, &str> {
        self.result_check
            .get_or_init(|| ResultCheck::new(&self.descriptor.result_schema))
            .as_ref()
            .map_err(String::as_str)
    }

    pub(crate) fn payload_check(&self) -> Result<&PayloadCheck, SchemaError> {
        self.check
            .get_or_init(|| PayloadCheck::new(&self.descriptor.payload_schema, self.reader))
            .as_ref()
            .map_err(|reason| SchemaError {
                job_id: self.descriptor.id.clone(),
                reason: reason.clone(),
            })
    }
}

impl fmt::Debug for KnownJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownJob")
            .field("id", &self.descriptor.id)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
