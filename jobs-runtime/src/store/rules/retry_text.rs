//! The stored text of a retry policy: a JSON array of the delays and the jitter.
//!
//! Executions of a batch mostly share a policy. The last policy and its text are therefore cached,
//! for writing and for reading.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::store::{ExecutionPolicy, StoreError};

#[derive(Serialize)]
struct RetryRef<'a>(&'a [u64], f32);

#[derive(Clone, Deserialize)]
struct Retry(Vec<u64>, f32);

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Corrupt {
        what: "a retry policy".to_owned(),
        reason: error.to_string(),
    }
}

/// Writes and reads the texts of many retry policies.
#[derive(Default)]
pub(in crate::store) struct RetryText {
    last: Option<(Retry, Arc<str>)>,
}

impl RetryText {
    /// Returns the text of the retries of `policy`.
    pub(in crate::store) fn write(
        &mut self,
        policy: &ExecutionPolicy,
    ) -> Result<Arc<str>, StoreError> {
        let ExecutionPolicy {
            retry_delays_ms,
            retry_jitter,
            ..
        } = policy;
        match &self.last {
            Some((Retry(delays, jitter), text))
                if delays == retry_delays_ms && jitter.to_bits() == retry_jitter.to_bits() =>
            {
                Ok(Arc::clone(text))
            }
            _ => {
                let text: Arc<str> =
                    serde_json::to_string(&RetryRef(retry_delays_ms, *retry_jitter))
                        .map_err(unreadable)?
                        .into();
                let retry = Retry(retry_delays_ms.clone(), *retry_jitter);
                self.last = Some((retry, Arc::clone(&text)));
                Ok(text)
            }
        }
    }

    /// Returns the policy of these columns.
    pub(in crate::store) fn read(
        &mut self,
        timeout_ms: Option<u64>,
        max_attempts: u32,
        retry: &str,
    ) -> Result<ExecutionPolicy, StoreError> {
        let Retry(retry_delays_ms, retry_jitter) = match &self.last {
            Some((last, text)) if **text == *retry => last.clone(),
            _ => {
                let read: Retry = serde_json::from_str(retry).map_err(unreadable)?;
                self.last = Some((read.clone(), retry.into()));
                read
            }
        };
        Ok(ExecutionPolicy {
            timeout_ms,
            max_attempts,
            retry_delays_ms,
            retry_jitter,
        })
    }
}
