//! A job that can be enqueued here.

use std::fmt;
use std::sync::OnceLock;

use jobs::{HandlerKind, JobDescriptor};

use super::payload::check::PayloadCheck;
use crate::fingerprint::job_fingerprint;
use crate::store::{ExecutionPolicy, PublishedJob};
use crate::time::Timestamp;

/// A job and what its payloads must be.
pub struct KnownJob {
    descriptor: JobDescriptor,
    fingerprint: String,
    // Compiled at the first payload: a program that lists a thousand published jobs needs none.
    check: OnceLock<Result<PayloadCheck, String>>,
}

/// A payload schema that cannot be checked against.
#[derive(Debug, thiserror::Error)]
#[error("the payload schema of job `{job_id}` cannot be used: {reason}")]
pub struct SchemaError {
    /// The job.
    pub job_id: String,
    /// What is wrong with its schema.
    pub reason: String,
}

impl KnownJob {
    /// A job linked into this program.
    pub(crate) fn linked(descriptor: JobDescriptor) -> Result<Self, SchemaError> {
        let fingerprint = job_fingerprint(&descriptor).map_err(|error| SchemaError {
            job_id: descriptor.id.clone(),
            reason: error.to_string(),
        })?;
        let job = Self {
            descriptor,
            fingerprint,
            check: OnceLock::new(),
        };
        // A start that fails says more than every enqueue that does.
        job.payload_check()?;
        Ok(job)
    }

    /// A job that only other programs have linked.
    pub(crate) fn published(job: PublishedJob) -> Self {
        let mut descriptor = job.descriptor;
        if descriptor.handler == HandlerKind::Linked {
            descriptor.handler = HandlerKind::Absent;
        }
        Self {
            descriptor,
            fingerprint: job.fingerprint,
            check: OnceLock::new(),
        }
    }

    /// Its stable id.
    pub fn id(&self) -> &str {
        &self.descriptor.id
    }

    /// Everything that is shown of it; the handler as seen from this program.
    pub fn descriptor(&self) -> &JobDescriptor {
        &self.descriptor
    }

    /// Tells its publications apart.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// How its executions are attempted.
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

    pub(crate) fn payload_check(&self) -> Result<&PayloadCheck, SchemaError> {
        self.check
            .get_or_init(|| PayloadCheck::new(&self.descriptor.payload_schema))
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
