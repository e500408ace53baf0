//! A past for a store: executions that ended long ago.

use jobs::{AttemptOutcome, ErrorKind, ExecutionError, ExecutionStatus, Job};

use super::error::BenchError;
use super::load::subject;
use super::work::Plain;
use crate::Entropy;
use crate::SystemClock;
use crate::clock::timestamp;
use crate::store::{
    EnqueueRules, ExecutionPolicy, ExecutionQuery, NewExecution, Store, TransferredExecution,
    TransferredOutcome, TransferredState,
};
use crate::time::Timestamp;

/// Executions written at a time.
const BATCH: u64 = 2_000;

/// Of so many, one has failed.
const FAILED: u64 = 100;

/// Of so many, one has a tag, an item, a correlation and an author that are rare.
const RARE: u64 = 10_000;

/// The word that rare ones are found by.
const WORD: &str = "rare";

/// Writes so many finished executions into a store.
pub(crate) async fn fill(store: &dyn Store, executions: u64) -> Result<(), BenchError> {
    let Some(archive) = store.transfer() else {
        return Err(BenchError::Senseless("this store has no history to write"));
    };
    let (clock, entropy) = (SystemClock::new(), Entropy::new());
    let now = timestamp(&clock);
    let mut numbers = (0..executions).peekable();
    while numbers.peek().is_some() {
        let some = numbers.by_ref().take(usize::try_from(BATCH).unwrap_or(1));
        let batch = some.map(|number| finished(number, now, entropy.execution_id(&clock)));
        archive.import(batch.collect()).await?;
    }
    Ok(())
}

fn finished(number: u64, now: Timestamp, id: jobs::ExecutionId) -> TransferredExecution {
    let rare = || number.is_multiple_of(RARE).then(|| WORD.to_owned());
    let failed = number.is_multiple_of(FAILED);
    let fields = format!("{{\"number\":{number},\"subject\":\"{}\"}}", subject(1));
    let error = failed.then(|| ExecutionError {
        kind: ErrorKind::Failed,
        message: "out of luck".to_owned(),
    });
    let (status, outcome) = match failed {
        true => (ExecutionStatus::Failed, AttemptOutcome::Failed),
        false => (ExecutionStatus::Succeeded, AttemptOutcome::Succeeded),
    };
    TransferredExecution {
        request: NewExecution {
            id,
            job_id: Plain::ID.to_owned(),
            queue: jobs::DEFAULT_QUEUE.to_owned(),
            priority: 50,
            payload: fields.clone(),
            policy: ExecutionPolicy {
                timeout_ms: Some(300_000),
                max_attempts: 4,
                retry_delays_ms: vec![30_000, 60_000, 120_000],
                retry_jitter: 0.0,
            },
            created_at: now,
            run_at: None,
            idempotency_key: None,
            correlation_id: rare(),
            item_id: rare(),
            created_by: rare(),
            tags: rare().into_iter().collect(),
            parent_id: None,
            triggered_by: "api".to_owned(),
            trace_parent: None,
            rules: EnqueueRules::default(),
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

/// Pages that people ask for: with each filter, with several, with one that nearly nothing fits.
pub(crate) fn pages() -> Vec<ExecutionQuery> {
    let page = || ExecutionQuery::newest(50);
    let word = || Some(WORD.to_owned());
    vec![
        page(),
        ExecutionQuery {
            job_id: Some(Plain::ID.to_owned()),
            ..page()
        },
        ExecutionQuery {
            job_id: Some("nobody".to_owned()),
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
            item_id: word(),
            ..page()
        },
        ExecutionQuery {
            correlation_id: word(),
            ..page()
        },
        ExecutionQuery {
            created_by: word(),
            ..page()
        },
        ExecutionQuery {
            tag: word(),
            ..page()
        },
        ExecutionQuery {
            until: Some(Timestamp::from_millis(0)),
            ..page()
        },
        ExecutionQuery {
            status: Some(ExecutionStatus::Failed),
            tag: word(),
            ..page()
        },
        ExecutionQuery {
            status: Some(ExecutionStatus::Cancelled),
            created_by: word(),
            ..page()
        },
    ]
}
