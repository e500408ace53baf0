//! Writing executions down as they were elsewhere.

use std::collections::{HashMap, HashSet};

use jobs::ExecutionError;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Executor, Row};

use crate::store::policy::RetryText;
use crate::store::sqlite::enqueue::ExecutionRow;
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::json::{self, Hex};
use crate::store::sqlite::logs;
use crate::store::{
    ArchivedAttempt, ArchivedExecution, ArchivedOutcome, Fence, Place, SessionId, StoreError,
};

/// Writes those that do not exist yet and says which those were.
pub(super) async fn write_in_txn(
    conn: &mut SqliteConnection,
    batch: &[ArchivedExecution],
) -> Result<Vec<bool>, Fault> {
    let known = known_on_conn(conn, batch).await?;
    let is_new =
        |archived: &ArchivedExecution| !known.contains(archived.request.id.as_bytes().as_slice());
    let answers: Vec<_> = batch.iter().map(is_new).collect();
    let new: Vec<_> = batch.iter().filter(|archived| is_new(archived)).collect();
    if new.iter().any(|archived| archived.place == Place::Running) {
        return Err(Fault::Store(StoreError::Transaction(
            "an execution is running: leases cannot be moved".to_owned(),
        )));
    }
    if new.is_empty() {
        return Ok(answers);
    }
    let mut sessions = Sessions::default();
    for archived in &new {
        sessions.learn(conn, archived).await?;
    }
    let first = write_requests(conn, &new).await?;
    let mut rows = Rows::default();
    for (seq, archived) in (first..).zip(&new) {
        rows.add(seq, archived, &sessions);
    }
    rows.write(conn, first, &new).await?;
    Ok(answers)
}

async fn known_on_conn(
    conn: &mut SqliteConnection,
    batch: &[ArchivedExecution],
) -> Result<HashSet<Vec<u8>>, Fault> {
    let ids = batch.iter().map(|archived| Hex(archived.request.id));
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(include_str!("../sql/import_known.sql"))
        .bind(json::array(ids)?)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Writes what was asked for and says the number of the first.
async fn write_requests(
    conn: &mut SqliteConnection,
    new: &[&ArchivedExecution],
) -> Result<i64, Fault> {
    let mut retries = RetryText::default();
    let mut rows = Vec::with_capacity(new.len());
    for archived in new {
        let request = &archived.request;
        rows.push(ExecutionRow(request, retries.write(&request.policy)?));
    }
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    let row = sqlx::query(include_str!("../sql/import.sql"))
        .bind(json::array(rows)?)
        .bind(count)
        .fetch_one(conn)
        .await?;
    let last: i64 = row.try_get(0)?;
    Ok(last - count + 1)
}

/// The closed sessions that stand for the workers of another store.
#[derive(Default)]
struct Sessions<'a>(HashMap<&'a str, i64>);

impl<'a> Sessions<'a> {
    async fn learn(
        &mut self,
        conn: &mut SqliteConnection,
        archived: &'a ArchivedExecution,
    ) -> Result<(), Fault> {
        let mut workers: Vec<_> = archived
            .attempts
            .iter()
            .map(|a| a.worker.as_str())
            .collect();
        if let Place::Final(outcome) = &archived.place {
            workers.extend(outcome.worker.as_deref());
        }
        for worker in workers {
            if self.0.contains_key(worker) {
                continue;
            }
            let row = (&mut *conn)
                .fetch_one(
                    sqlx::query(include_str!("../sql/import_session.sql"))
                        .bind(worker)
                        .bind(archived.request.created_at.as_millis()),
                )
                .await?;
            self.0.insert(worker, row.try_get(0)?);
        }
        Ok(())
    }

    fn of(&self, worker: Option<&str>) -> Option<i64> {
        self.0.get(worker?).copied()
    }
}

type Text<'a> = Option<&'a str>;
/// seq, status, finished, attempt, outcome, session, started, error, progress, result
type OutcomeRow<'a> = (
    i64,
    &'static str,
    i64,
    u32,
    Text<'static>,
    Option<i64>,
    Option<i64>,
    Text<'static>,
    Text<'a>,
    u8,
    Text<'a>,
    Text<'a>,
);
/// seq, attempt, outcome, session, started, finished, next, error, progress, result
type AttemptRow<'a> = (
    i64,
    u32,
    &'static str,
    Option<i64>,
    i64,
    i64,
    Option<i64>,
    Text<'static>,
    Text<'a>,
    u8,
    Text<'a>,
    Text<'a>,
);

/// What is written beside the requests, as `import_places.sql` reads it.
#[derive(Default)]
struct Rows<'a> {
    ready: Vec<(i64, u32, u32)>,
    scheduled: Vec<(i64, i64, u32, u32)>,
    outcomes: Vec<OutcomeRow<'a>>,
    attempts: Vec<AttemptRow<'a>>,
    keys: Vec<(&'a str, &'a str, Hex, &'a str, i64)>,
}

impl<'a> Rows<'a> {
    fn add(&mut self, seq: i64, archived: &'a ArchivedExecution, sessions: &Sessions<'_>) {
        match &archived.place {
            Place::Queued { attempt, spent } => self.ready.push((seq, *attempt, *spent)),
            Place::Scheduled {
                run_at,
                attempt,
                spent,
            } => self
                .scheduled
                .push((seq, run_at.as_millis(), *attempt, *spent)),
            Place::Final(outcome) => self.outcomes.push(outcome_row(seq, outcome, sessions)),
            Place::Running => {}
        }
        let attempts = archived.attempts.iter();
        self.attempts
            .extend(attempts.map(|attempt| attempt_row(seq, attempt, sessions)));
        let request = &archived.request;
        self.keys.extend(archived.keys.iter().map(|key| {
            (
                request.job_id.as_str(),
                key.key.as_str(),
                Hex(request.id),
                key.payload_digest.as_str(),
                key.expires_at.as_millis(),
            )
        }));
    }

    async fn write(
        self,
        conn: &mut SqliteConnection,
        first: i64,
        new: &[&ArchivedExecution],
    ) -> Result<(), Fault> {
        sqlx::query(include_str!("../sql/import_places.sql"))
            .bind(json::array(self.ready)?)
            .bind(json::array(self.scheduled)?)
            .bind(json::array(self.outcomes)?)
            .bind(json::array(self.attempts)?)
            .bind(json::array(self.keys)?)
            .execute(&mut *conn)
            .await?;
        let lines = (first..).zip(new).flat_map(|(seq, archived)| {
            archived.logs.iter().map(move |record| {
                // No lease is behind a line that was written elsewhere: only its place counts.
                let fence = Fence {
                    session: SessionId(0),
                    claim: 0,
                    row: seq,
                    attempt: record.attempt,
                };
                logs::row(fence, &record.line)
            })
        });
        sqlx::query(include_str!("../sql/logs_append.sql"))
            .bind(json::array(lines)?)
            .execute(conn)
            .await?;
        Ok(())
    }
}

fn outcome_row<'a>(
    seq: i64,
    outcome: &'a ArchivedOutcome,
    sessions: &Sessions<'_>,
) -> OutcomeRow<'a> {
    let (kind, message) = error_columns(outcome.error.as_ref());
    (
        seq,
        outcome.status.as_str(),
        outcome.finished_at.as_millis(),
        outcome.attempt,
        outcome.outcome.map(|outcome| outcome.as_str()),
        sessions.of(outcome.worker.as_deref()),
        outcome.started_at.map(|at| at.as_millis()),
        kind,
        message,
        outcome.progress,
        outcome.progress_message.as_deref(),
        outcome.result.as_deref(),
    )
}

fn attempt_row<'a>(
    seq: i64,
    attempt: &'a ArchivedAttempt,
    sessions: &Sessions<'_>,
) -> AttemptRow<'a> {
    let (kind, message) = error_columns(attempt.error.as_ref());
    (
        seq,
        attempt.number,
        attempt.outcome.as_str(),
        sessions.of(Some(&attempt.worker)),
        attempt.started_at.as_millis(),
        attempt.finished_at.as_millis(),
        attempt.retry_at.map(|at| at.as_millis()),
        kind,
        message,
        attempt.progress,
        attempt.progress_message.as_deref(),
        attempt.result.as_deref(),
    )
}

fn error_columns(error: Option<&ExecutionError>) -> (Text<'static>, Text<'_>) {
    let kind = error.map(|error| error.kind.as_str());
    (kind, error.map(|error| error.message.as_str()))
}
