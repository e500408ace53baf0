//! Import: executions that were exported from another store.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use serde::Serialize;
use sqlx::Row;
use uuid::Uuid;

use crate::store::postgres::conn::error::{DbError, corrupt};
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode};
use crate::store::postgres::conn::text::{encode_batch, encode_in_place};
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::limits::{self, RequestedLimits};
use crate::store::postgres::uuid_of;
use crate::store::rules::execution_rows::ExecutionRow;
use crate::store::rules::retry_text::RetryText;
use crate::store::transfer::order::out_of_order;
use crate::store::transfer::rows::{Rows, Sessions, closed_at};
use crate::store::{NewExecution, StoreError, StoreEvent, TransferredExecution, TransferredState};
use crate::time::Timestamp;

/// Writes the executions that do not exist yet. Outputs for each whether it was written.
pub(super) struct ImportBatch(Vec<TransferredExecution>);

impl ImportBatch {
    /// Encodes every text.
    pub(super) fn new(mut batch: Vec<TransferredExecution>) -> Self {
        for transferred in &mut batch {
            encode_request(&mut transferred.request);
            for attempt in &mut transferred.attempts {
                encode_in_place(&mut attempt.worker);
                encode_optional(&mut attempt.progress_message);
                if let Some(error) = &mut attempt.error {
                    encode_in_place(&mut error.message);
                }
            }
            for record in &mut transferred.logs {
                encode_in_place(&mut record.line.target);
                encode_in_place(&mut record.line.message);
            }
            for key in &mut transferred.keys {
                encode_in_place(&mut key.key);
                encode_in_place(&mut key.payload_digest);
            }
            if let Some(erasure) = &mut transferred.erased {
                encode_optional(&mut erasure.by);
            }
            for (_, key) in &mut transferred.names {
                encode_in_place(key);
            }
            if let TransferredState::Final(outcome) = &mut transferred.state {
                encode_optional(&mut outcome.worker);
                encode_optional(&mut outcome.progress_message);
                if let Some(error) = &mut outcome.error {
                    encode_in_place(&mut error.message);
                }
            }
        }
        Self(batch)
    }
}

#[async_trait]
impl Operation for ImportBatch {
    type Output = Vec<bool>;
    const TX_MODE: TxMode = TxMode::Transaction;
    /// A second run would find the executions of the first.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<bool>>, DbError> {
        let Self(batch) = self;
        let existing_ids = existing_ids(tx, batch).await?;
        let is_new = |transferred: &TransferredExecution| {
            !existing_ids.contains(&uuid_of(&transferred.request.id))
        };
        let answers: Vec<_> = batch.iter().map(is_new).collect();
        let new: Vec<_> = batch
            .iter()
            .filter(|transferred| is_new(transferred))
            .collect();
        if new
            .iter()
            .any(|transferred| transferred.state == TransferredState::Running)
        {
            return Err(DbError::Store(StoreError::Transaction(
                "an execution is running: leases cannot be imported".to_owned(),
            )));
        }
        if new.is_empty() {
            return Ok((answers, Vec::new()));
        }
        let mut sessions = Sessions::default();
        for transferred in &new {
            for worker in sessions.missing(transferred) {
                let query = tx
                    .query(&tx.sql.transfer_import_session)
                    .bind(worker)
                    .bind(closed_at(transferred));
                let rows = tx.fetch(query).await?;
                let row = rows.first().ok_or(DbError::Raced)?;
                sessions.insert(worker, row.try_get(0)?);
            }
        }
        let newest = newest_in_order(tx).await?;
        let seqs = write_requests(tx, &new).await?;
        let mut rows = Rows::default();
        let mut times = Vec::with_capacity(new.len());
        for transferred in &new {
            let number = seqs.get(&uuid_of(&transferred.request.id));
            let number = *number.ok_or(DbError::Raced)?;
            rows.add(number, transferred, &sessions);
            times.push((number, transferred.request.created_at));
        }
        write_rows(tx, &rows).await?;
        times.sort_unstable();
        if let Some(range) = out_of_order(newest, times.into_iter()) {
            let query = tx
                .query(&tx.sql.transfer_extend_unordered)
                .bind(*range.start())
                .bind(*range.end());
            tx.execute(query).await?;
        }
        let recheck = StoreEvent::Scheduled(Timestamp::default());
        Ok((answers, vec![StoreEvent::Ready, recheck]))
    }
}

async fn existing_ids(
    tx: &mut Tx<'_>,
    batch: &[TransferredExecution],
) -> Result<HashSet<Uuid>, DbError> {
    let ids: Vec<_> = batch
        .iter()
        .map(|transferred| uuid_of(&transferred.request.id))
        .collect();
    let query = tx.query(&tx.sql.enqueue_existing_ids).bind(ids);
    let rows = tx.fetch(query).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Reads the newest time of creation among the executions that are in order.
async fn newest_in_order(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, DbError> {
    let rows = tx.fetch(tx.query(&tx.sql.transfer_newest_in_order)).await?;
    let newest: Option<i64> = rows.first().ok_or(DbError::Raced)?.try_get(0)?;
    Ok(newest.map(Timestamp::from_millis))
}

/// Writes the rows of `executions` and returns the seq of each.
async fn write_requests(
    tx: &mut Tx<'_>,
    new: &[&TransferredExecution],
) -> Result<HashMap<Uuid, i64>, DbError> {
    let mut retries = RetryText::default();
    let mut rows = Vec::with_capacity(new.len());
    for transferred in new {
        let request = &transferred.request;
        rows.push(ExecutionRow(request, retries.write(&request.policy)?));
    }
    let query = tx
        .query(&tx.sql.transfer_import_executions)
        .bind(json(&rows)?);
    let rows = tx.fetch(query).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

async fn write_rows(tx: &mut Tx<'_>, rows: &Rows<'_>) -> Result<(), DbError> {
    let query = tx
        .query(&tx.sql.transfer_import_rows)
        .bind(json(&rows.ready)?)
        .bind(json(&rows.scheduled)?)
        .bind(json(&rows.outcomes)?)
        .bind(json(&rows.attempts)?)
        .bind(json(&rows.keys)?)
        .bind(json(&rows.logs)?);
    tx.execute(query).await?;
    if !rows.expirations.is_empty() {
        let query = tx
            .query(&tx.sql.transfer_import_expirations)
            .bind(json(&rows.expirations)?);
        tx.execute(query).await?;
    }
    if !rows.erasures.is_empty() {
        let query = tx
            .query(&tx.sql.transfer_import_erasures)
            .bind(json(&rows.erasures)?);
        tx.execute(query).await?;
    }
    if !rows.limited.is_empty() || !rows.names.is_empty() {
        write_limited(tx, rows).await?;
    }
    Ok(())
}

/// Writes the rows of executions with limits or `max_waiting`, and the dedup keys.
async fn write_limited(tx: &mut Tx<'_>, rows: &Rows<'_>) -> Result<(), DbError> {
    let requested = RequestedLimits::of(rows.limited.iter().map(|(_, limits, _)| *limits));
    let seqs = limits::ensure(tx, &requested).await?;
    let limited = rows.limited.iter().map(|(seq, limits, capped)| {
        let of_this: Vec<_> = limits.iter().filter_map(|it| seqs.get(&it.key)).collect();
        (seq, (!of_this.is_empty()).then_some(of_this), capped)
    });
    let query = tx
        .query(&tx.sql.transfer_import_limited)
        .bind(json(&limited.collect::<Vec<_>>())?)
        .bind(json(&rows.blocked)?)
        .bind(json(&rows.waiting)?)
        .bind(json(&rows.names)?);
    tx.execute(query).await?;
    Ok(())
}

fn json<T: Serialize>(rows: &[T]) -> Result<String, DbError> {
    serde_json::to_string(rows).map_err(|error| corrupt("a batch", error))
}

fn encode_optional(text: &mut Option<String>) {
    if let Some(text) = text {
        encode_in_place(text);
    }
}

fn encode_request(request: &mut NewExecution) {
    if let Some(stored) = encode_batch(vec![request.clone()]).pop() {
        *request = stored;
    }
}
