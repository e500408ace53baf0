//! Dispatch by a broker: the triggers that write unpublished entries, and the calls of relays and
//! consumers.
//!
//! The triggers exist while dispatch is on. So every process, and every caller's transaction,
//! writes the entries of the executions that it makes ready. A trigger runs once for a statement,
//! however many rows it writes. Without dispatch there is no trigger, and no write costs more.
//!
//! This module imports the connections. It must not import `claim`, `enqueue` or `settle`.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::conn::error::{DbError, corrupt};
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::text::{decode, encode, encode_all};
use super::conn::tx::Tx;
use super::read::execution::id_of;
use super::{PostgresStore, number, uuid_of};
use crate::store::{
    DispatchCursor, DispatchStore, EntryKey, RepublishPage, StoreError, UnpublishedEntry,
    WaitingPlace, WaitingState,
};
use crate::time::Timestamp;

#[async_trait]
impl DispatchStore for PostgresStore {
    async fn start_dispatch(&self) -> Result<(), StoreError> {
        let state = self.read(ReadDispatch).await?;
        if state.is_on {
            return Ok(());
        }
        state.check(&self.schema)?;
        self.operate(SwitchDispatch { on: true }).await
    }

    async fn stop_dispatch(&self) -> Result<(), StoreError> {
        let state = self.read(ReadDispatch).await?;
        if !state.is_on {
            return Ok(());
        }
        state.check(&self.schema)?;
        self.operate(SwitchDispatch { on: false }).await
    }

    async fn is_dispatching(&self) -> Result<bool, StoreError> {
        Ok(self.read(ReadDispatch).await?.is_on)
    }

    async fn unpublished(
        &self,
        except: Vec<String>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<UnpublishedEntry>, StoreError> {
        self.read(ReadUnpublished { except, now, limit }).await
    }

    async fn confirm_published(&self, entries: Vec<EntryKey>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.retention.run(ConfirmPublished(entries)).await
    }

    async fn publish_again(&self, ids: Vec<ExecutionId>, at: Timestamp) -> Result<(), StoreError> {
        if self.is_dispatching().await? {
            self.retention.run(PublishAgain { ids, at }).await?;
        }
        Ok(())
    }

    async fn republish(
        &self,
        jobs: Vec<String>,
        after: Option<DispatchCursor>,
        limit: usize,
    ) -> Result<RepublishPage, StoreError> {
        self.retention.run(Republish { jobs, after, limit }).await
    }

    async fn ready_counts(
        &self,
        jobs: Vec<String>,
        most: usize,
    ) -> Result<Vec<(String, usize)>, StoreError> {
        self.read(CountReady { jobs, most }).await
    }

    async fn waiting_states(&self, ids: Vec<ExecutionId>) -> Result<Vec<WaitingState>, StoreError> {
        self.read(ReadWaitingStates(ids)).await
    }
}

/// The state of dispatch, and the rights of this role.
struct DispatchState {
    is_on: bool,
    may_switch: bool,
}

impl DispatchState {
    fn check(&self, schema: &str) -> Result<(), StoreError> {
        if self.may_switch {
            return Ok(());
        }
        Err(StoreError::Layout(format!(
            "the role of this program may not create triggers on {schema}.ready, which dispatch \
             by a broker needs: run `broker on` once as the owner of the tables"
        )))
    }
}

struct ReadDispatch;

#[async_trait]
impl Operation for ReadDispatch {
    type Output = DispatchState;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<DispatchState>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.dispatch_is_on)).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        Ok(without_events(DispatchState {
            is_on: row.try_get(0)?,
            may_switch: row.try_get(1)?,
        }))
    }
}

struct SwitchDispatch {
    on: bool,
}

#[async_trait]
impl Operation for SwitchDispatch {
    type Output = ();
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let script = if self.on {
            tx.sql.dispatch_start.clone()
        } else {
            tx.sql.dispatch_stop.clone()
        };
        tx.script(script.as_str()).await?;
        Ok(without_events(()))
    }
}

struct ReadUnpublished {
    except: Vec<String>,
    now: Timestamp,
    limit: usize,
}

#[async_trait]
impl Operation for ReadUnpublished {
    type Output = Vec<UnpublishedEntry>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.dispatch_unpublished)
            .bind(encode_all(&self.except))
            .bind(self.now.as_millis())
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let entries = rows.iter().map(entry).collect::<Result<_, DbError>>()?;
        Ok(without_events(entries))
    }
}

fn entry(row: &PgRow) -> Result<UnpublishedEntry, DbError> {
    let rank: i16 = row.try_get(2)?;
    Ok(UnpublishedEntry {
        key: EntryKey {
            queue: decode(row.try_get(0)?),
            job_id: decode(row.try_get(1)?),
            rank,
            row: row.try_get(3)?,
            attempt: number("an attempt's number", row.try_get::<i32, _>(4)?)?,
            version: row.try_get(5)?,
        },
        execution_id: id_of(row.try_get(6)?),
        priority: u8::try_from(100 - rank).unwrap_or(0),
    })
}

struct ConfirmPublished(Vec<EntryKey>);

#[async_trait]
impl Operation for ConfirmPublished {
    type Output = ();
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let keys = || self.0.iter();
        let attempt = |key: &EntryKey| i32::try_from(key.attempt).unwrap_or(i32::MAX);
        let query = tx
            .query(&tx.sql.dispatch_confirm_published)
            .bind(keys().map(|key| encode(&key.queue)).collect::<Vec<_>>())
            .bind(keys().map(|key| encode(&key.job_id)).collect::<Vec<_>>())
            .bind(keys().map(|key| key.rank).collect::<Vec<_>>())
            .bind(keys().map(|key| key.row).collect::<Vec<_>>())
            .bind(keys().map(attempt).collect::<Vec<_>>())
            .bind(keys().map(|key| key.version).collect::<Vec<_>>());
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

struct PublishAgain {
    ids: Vec<ExecutionId>,
    at: Timestamp,
}

#[async_trait]
impl Operation for PublishAgain {
    type Output = ();
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let query = tx
            .query(&tx.sql.dispatch_publish_again)
            .bind(self.ids.iter().map(uuid_of).collect::<Vec<_>>())
            .bind(self.at.as_millis());
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

struct Republish {
    jobs: Vec<String>,
    after: Option<DispatchCursor>,
    limit: usize,
}

#[async_trait]
impl Operation for Republish {
    type Output = RepublishPage;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<RepublishPage>, DbError> {
        let (rank, row) = match &self.after {
            Some(after) => (after.rank, after.row),
            None => (i16::MIN, 0),
        };
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let query = tx
            .query(&tx.sql.dispatch_republish)
            .bind(encode_all(&self.jobs))
            .bind(rank)
            .bind(row)
            .bind(limit);
        let rows = tx.fetch(query).await?;
        let Some(page) = rows.first() else {
            return Ok(without_events(RepublishPage {
                written: 0,
                next: None,
            }));
        };
        let last = DispatchCursor {
            queue: String::new(),
            rank: page.try_get(2)?,
            row: page.try_get(3)?,
        };
        Ok(without_events(RepublishPage {
            written: number("a count", page.try_get::<i64, _>(0)?)?,
            next: (page.try_get::<i64, _>(1)? >= limit).then_some(last),
        }))
    }
}

struct CountReady {
    jobs: Vec<String>,
    most: usize,
}

#[async_trait]
impl Operation for CountReady {
    type Output = Vec<(String, usize)>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.dispatch_ready_counts)
            .bind(encode_all(&self.jobs))
            .bind(i64::try_from(self.most).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let counts = rows.iter().map(|row| {
            let count = number("a count", row.try_get::<i64, _>(1)?)?;
            Ok((decode(row.try_get(0)?), count))
        });
        Ok(without_events(counts.collect::<Result<_, DbError>>()?))
    }
}

struct ReadWaitingStates(Vec<ExecutionId>);

#[async_trait]
impl Operation for ReadWaitingStates {
    type Output = Vec<WaitingState>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.dispatch_waiting_states)
            .bind(self.0.iter().map(uuid_of).collect::<Vec<_>>());
        let rows = tx.fetch(query).await?;
        let states = rows.iter().map(|row| {
            Ok(WaitingState {
                execution_id: id_of(row.try_get(0)?),
                job_id: decode(row.try_get(1)?),
                queue: decode(row.try_get(2)?),
                place: WaitingPlace::from_word(row.try_get(3)?)
                    .ok_or_else(|| corrupt("an execution's place", "the word is unknown"))?,
            })
        });
        Ok(without_events(states.collect::<Result<_, DbError>>()?))
    }
}
