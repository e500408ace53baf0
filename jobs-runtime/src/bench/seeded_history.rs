//! A seeded history: finished executions, written straight into a store.

use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind, ExecutionError, ExecutionStatus, Job};

use super::error::BenchError;
use super::load::subject;
use super::noop_jobs::Plain;
use crate::Entropy;
use crate::SystemClock;
use crate::clock::timestamp;
use crate::store::{
    ExecutionQuery, NewExecution, Store, TransferredExecution, TransferredOutcome, TransferredState,
};
use crate::time::Timestamp;

/// Executions per import.
const BATCH: usize = 2_000;

/// One execution of this many has the rare tag, item, correlation id and creator.
const RARE_EVERY: u64 = 10_000;

/// The rare tag, item, correlation id and creator.
const RARE: &str = "rare";

/// Finished executions of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeededHistory {
    /// The id of the job.
    pub(crate) job_id: &'static str,
    /// The number of executions.
    pub(crate) executions: u64,
    /// One execution of this many has failed.
    pub(crate) failed_every: u64,
    /// The time since their creation and their end.
    pub(crate) age: Duration,
}

impl SeededHistory {
    /// Writes the executions into a store.
    pub(crate) async fn write_to(self, store: &dyn Store) -> Result<(), BenchError> {
        let Some(transfer) = store.transfer() else {
            return Err(BenchError::Unsupported(
                "this store cannot import finished executions",
            ));
        };
        let (clock, entropy) = (SystemClock::new(), Entropy::new());
        let now = timestamp(&clock).before(self.age);
        let mut numbers = (0..self.executions).peekable();
        while numbers.peek().is_some() {
            let numbers = numbers.by_ref().take(BATCH);
            let batch =
                numbers.map(|number| self.execution(number, now, entropy.execution_id(&clock)));
            transfer.import(batch.collect()).await?;
        }
        Ok(())
    }

    /// The execution with this number, finished at `now`.
    fn execution(self, number: u64, now: Timestamp, id: jobs::ExecutionId) -> TransferredExecution {
        let rare = || number.is_multiple_of(RARE_EVERY).then(|| RARE.to_owned());
        let failed = number.is_multiple_of(self.failed_every);
        let fields = format!("{{\"number\":{number},\"subject\":\"{}\"}}", subject(1));
        let error = failed.then(|| ExecutionError {
            kind: ErrorKind::Failed,
            message: "a seeded failure".to_owned(),
        });
        let (status, outcome) = if failed {
            (ExecutionStatus::Failed, AttemptOutcome::Failed)
        } else {
            (ExecutionStatus::Succeeded, AttemptOutcome::Succeeded)
        };
        TransferredExecution {
            erased: None,
            request: NewExecution {
                payload: fields.clone(),
                correlation_id: rare(),
                item_id: rare(),
                created_by: rare(),
                tags: rare().into_iter().collect(),
                triggered_by: "api".to_owned(),
                ..NewExecution::new(id, self.job_id, now)
            },
            state: TransferredState::Final(Box::new(TransferredOutcome {
                status,
                finished_at: now,
                attempt: 1,
                outcome: Some(outcome),
                worker: Some("bench".to_owned()),
                started_at: Some(now),
                result: error.is_none().then_some(fields),
                error,
                progress: 100,
                progress_message: None,
            })),
            attempts: Vec::new(),
            logs: Vec::new(),
            keys: Vec::new(),
            names: Vec::new(),
        }
    }

    /// Queries as operators make them: each filter, combinations, and filters without a match.
    pub(crate) fn queries() -> Vec<ExecutionQuery> {
        let page = || ExecutionQuery::newest(50);
        let rare = || Some(RARE.to_owned());
        vec![
            page(),
            ExecutionQuery {
                job_id: Some(Plain::ID.to_owned()),
                ..page()
            },
            ExecutionQuery {
                job_id: Some("bench.unknown".to_owned()),
                ..page()
            },
            ExecutionQuery {
                status: Some(ExecutionStatus::Failed),
                ..page()
            },
            ExecutionQuery {
                status: Some(ExecutionStatus::Running),
                ..page()
            },
            ExecutionQuery {
                queue: Some(jobs::DEFAULT_QUEUE.to_owned()),
                ..page()
            },
            ExecutionQuery {
                item_id: rare(),
                ..page()
            },
            ExecutionQuery {
                correlation_id: rare(),
                ..page()
            },
            ExecutionQuery {
                created_by: rare(),
                ..page()
            },
            ExecutionQuery {
                tag: rare(),
                ..page()
            },
            ExecutionQuery {
                until: Some(Timestamp::from_millis(0)),
                ..page()
            },
            ExecutionQuery {
                status: Some(ExecutionStatus::Failed),
                tag: rare(),
                ..page()
            },
            ExecutionQuery {
                status: Some(ExecutionStatus::Cancelled),
                created_by: rare(),
                ..page()
            },
        ]
    }
}
