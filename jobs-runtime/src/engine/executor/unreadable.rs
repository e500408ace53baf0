//! Payloads that this program cannot read, although another program in the fleet can.
//!
//! Workers of several versions share a store during a deployment. A payload of a newer version, or
//! of an older one, may not fit the handler here. Such an attempt is released without spending any
//! of the budget while a live worker's program accepts the payload by its published schema, or
//! converts older shapes. A program that has already failed to read it does not count, so this
//! ends. Without such a program the attempt fails.

use std::time::Duration;

use jobs::ExecutionId;
use jobs::runtime::{ErrorReport, Verdict};

use super::attempt::ExecutorDeps;
use crate::engine::outcome::Exit;
use crate::store::{Claimed, Fence, StoreError};

/// The delay after the first release of an execution. It doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// The longest delay between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The identity of an attempt whose payload this program may be unable to read.
pub(super) struct UnreadPayload {
    fence: Fence,
    execution_id: ExecutionId,
    job_id: &'static str,
    /// The number of earlier attempts that spent nothing.
    unspent: u32,
}

impl UnreadPayload {
    pub(super) fn of(claimed: &Claimed, job_id: &'static str) -> Self {
        Self {
            fence: claimed.fence,
            execution_id: claimed.execution_id,
            job_id,
            unspent: claimed.fence.attempt.saturating_sub(claimed.spent + 1),
        }
    }

    /// Replaces the exit of an attempt whose payload was not readable, if another program can read
    /// it. Returns every other exit as it is.
    pub(super) async fn look_for_reader(&self, exit: Exit, deps: &ExecutorDeps) -> Exit {
        let Exit::Returned(Err(ErrorReport {
            verdict: Verdict::InvalidPayload,
            message,
        })) = exit
        else {
            return exit;
        };
        let reason = match self.find_reader(deps).await {
            Ok(Some(fingerprint)) => {
                format!("left to the program that publishes the fingerprint {fingerprint}")
            }
            // The next attempt looks again.
            Err(error) if error.is_transient() => format!("no look for another program: {error}"),
            Ok(None) | Err(_) => {
                return Exit::Returned(Err(ErrorReport {
                    verdict: Verdict::InvalidPayload,
                    message,
                }));
            }
        };
        let doubled = FIRST_DELAY.saturating_mul(1 << self.unspent.min(10));
        Exit::ReadElsewhere {
            message: format!("{message}; {reason}"),
            delay: doubled.min(LONGEST_DELAY),
        }
    }

    /// The fingerprint of another live program whose schema accepts the payload.
    async fn find_reader(&self, deps: &ExecutorDeps) -> Result<Option<String>, StoreError> {
        let names = deps.jobs.names(self.job_id);
        let readers = deps.store.other_readers(self.fence, names).await?;
        if readers.is_empty() {
            return Ok(None);
        }
        let Some(record) = deps.store.execution(self.execution_id).await? else {
            return Ok(None);
        };
        let reader = readers.into_iter().find(|reader| {
            let schema = &reader.descriptor.payload_schema;
            reader.descriptor.upcasts || (deps.accepts_payload)(schema, record.payload.get())
        });
        Ok(reader.map(|reader| reader.fingerprint))
    }
}
