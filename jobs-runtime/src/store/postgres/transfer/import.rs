//! Writing executions down as they were elsewhere.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use serde::Serialize;
use sqlx::Row;
use uuid::Uuid;

use crate::store::postgres::conn::error::{Fault, corrupt};
use crate::store::postgres::conn::operation::{Done, Shape, Transition};
use crate::store::postgres::conn::text::{as_stored, stored};
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::limits::{self, Wanted};
use crate::store::postgres::uuid_of;
use crate::store::rules::execution_rows::ExecutionRow;
use crate::store::rules::retry_text::RetryText;
use crate::store::transfer::rows::{Rows, Sessions};
use crate::store::{NewExecution, StoreError, StoreEvent, TransferredExecution, TransferredState};
use crate::time::Timestamp;

/// Writes those that do not exist yet and says which those were.
pub(super) struct Write(Vec<TransferredExecution>);

impl Write {
    /// With every text as it is stored.
    pub(super) fn new(mut batch: Vec<TransferredExecution>) -> Self {
        for archived in &mut batch {
            store_request(&mut archived.request);
            for attempt in &mut archived.attempts {
                store(&mut attempt.worker);
                store_optional(&mut attempt.progress_message);
                if let Some(error) = &mut attempt.error {
                    store(&mut error.message);
                }
            }
            for record in &mut archived.logs {
                store(&mut record.line.target);
                store(&mut record.line.message);
            }
            for key in &mut archived.keys {
                store(&mut key.key);
                store(&mut key.payload_digest);
            }
            for (_, key) in &mut archived.names {
                store(key);
            }
            if let TransferredState::Final(outcome) = &mut archived.state {
                store_optional(&mut outcome.worker);
                store_optional(&mut outcome.progress_message);
                if let Some(error) = &mut outcome.error {
                    store(&mut error.message);
                }
            }
        }
        Self(batch)
    }
}

#[async_trait]
impl Transition for Write {
    type Answer = Vec<bool>;
    const SHAPE: Shape = Shape::Transaction;
    // A second run finds everything there.
    const REPEATABLE: bool = false;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Vec<bool>>, Fault> {
        let Self(batch) = self;
        let known = known(db, batch).await?;
        let is_new =
            |archived: &TransferredExecution| !known.contains(&uuid_of(&archived.request.id));
        let answers: Vec<_> = batch.iter().map(is_new).collect();
        let new: Vec<_> = batch.iter().filter(|archived| is_new(archived)).collect();
        if new
            .iter()
            .any(|archived| archived.state == TransferredState::Running)
        {
            return Err(Fault::Store(StoreError::Transaction(
                "an execution is running: leases cannot be moved".to_owned(),
            )));
        }
        if new.is_empty() {
            return Ok((answers, Vec::new()));
        }
        let mut sessions = Sessions::default();
        for archived in &new {
            for worker in sessions.missing(archived) {
                let query = db
                    .query(&db.sql.import_session)
                    .bind(worker)
                    .bind(archived.request.created_at.as_millis());
                let rows = db.fetch(query).await?;
                let row = rows.first().ok_or(Fault::Raced)?;
                sessions.insert(worker, row.try_get(0)?);
            }
        }
        let numbers = write_requests(db, &new).await?;
        let mut rows = Rows::default();
        for archived in &new {
            let number = numbers.get(&uuid_of(&archived.request.id));
            rows.add(*number.ok_or(Fault::Raced)?, archived, &sessions);
        }
        write_rows(db, &rows).await?;
        let look = StoreEvent::Scheduled(Timestamp::default());
        Ok((answers, vec![StoreEvent::Ready, look]))
    }
}

async fn known(db: &mut Db<'_>, batch: &[TransferredExecution]) -> Result<HashSet<Uuid>, Fault> {
    let ids: Vec<_> = batch
        .iter()
        .map(|archived| uuid_of(&archived.request.id))
        .collect();
    let query = db.query(&db.sql.enqueue_ids).bind(ids);
    let rows = db.fetch(query).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Writes what was asked for and says the number of each.
async fn write_requests(
    db: &mut Db<'_>,
    new: &[&TransferredExecution],
) -> Result<HashMap<Uuid, i64>, Fault> {
    let mut retries = RetryText::default();
    let mut rows = Vec::with_capacity(new.len());
    for archived in new {
        let request = &archived.request;
        rows.push(ExecutionRow(request, retries.write(&request.policy)?));
    }
    let query = db.query(&db.sql.import).bind(json(&rows)?);
    let rows = db.fetch(query).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

async fn write_rows(db: &mut Db<'_>, rows: &Rows<'_>) -> Result<(), Fault> {
    let query = db
        .query(&db.sql.import_places)
        .bind(json(&rows.ready)?)
        .bind(json(&rows.scheduled)?)
        .bind(json(&rows.outcomes)?)
        .bind(json(&rows.attempts)?)
        .bind(json(&rows.keys)?)
        .bind(json(&rows.logs)?);
    db.execute(query).await?;
    if !rows.limited.is_empty() || !rows.names.is_empty() {
        write_limited(db, rows).await?;
    }
    Ok(())
}

/// Writes what limits hold, and the keys by which executions are the same.
async fn write_limited(db: &mut Db<'_>, rows: &Rows<'_>) -> Result<(), Fault> {
    let wanted = Wanted::of(rows.limited.iter().map(|(_, limits, _)| *limits));
    let numbers = limits::known(db, &wanted).await?;
    let limited = rows.limited.iter().map(|(seq, limits, capped)| {
        let of_this: Vec<_> = limits
            .iter()
            .filter_map(|it| numbers.get(&it.key))
            .collect();
        (seq, (!of_this.is_empty()).then_some(of_this), capped)
    });
    let query = db
        .query(&db.sql.import_limited)
        .bind(json(&limited.collect::<Vec<_>>())?)
        .bind(json(&rows.blocked)?)
        .bind(json(&rows.waiting)?)
        .bind(json(&rows.names)?);
    db.execute(query).await?;
    Ok(())
}

fn json<T: Serialize>(rows: &[T]) -> Result<String, Fault> {
    serde_json::to_string(rows).map_err(|error| corrupt("a batch", error))
}

fn store(text: &mut String) {
    if let std::borrow::Cow::Owned(owned) = stored(text) {
        *text = owned;
    }
}

fn store_optional(text: &mut Option<String>) {
    if let Some(text) = text {
        store(text);
    }
}

fn store_request(request: &mut NewExecution) {
    if let Some(stored) = as_stored(vec![request.clone()]).pop() {
        *request = stored;
    }
}
