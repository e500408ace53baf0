//! Sessions: open, renew, close, take over, list.
//!
//! A session is open while it has a row in `beats`. Operations that change its leases (claim,
//! close, take over) lock its row in `sessions` first, several in the order of their ids. So no
//! lease is given to a session that is being closed. A renewal only updates the beat and waits for
//! none of these.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;

use super::PostgresStore;
use super::claim::{SessionState, leases_of_claim};
use super::conn::error::{DbError, corrupt};
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::text;
use super::conn::text::{encode, encode_all};
use super::conn::tx::Tx;
use crate::store::decode::records;
use crate::store::rules::poison_rows::{is_rejection, log_skipped};
use crate::store::{
    CapScope, Claim, Claimed, Fence, ProcessRecord, PublishedJob, Renewal, SessionBeat, SessionId,
    SessionInfo, SlotCap, StoreError, StoreEvent,
};
use crate::time::Timestamp;

/// Opens a session.
pub(super) struct OpenSession {
    pub(super) info: SessionInfo,
    pub(super) nonce: u32,
}

#[async_trait]
impl Operation for OpenSession {
    type Output = SessionId;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<SessionId>, DbError> {
        let info = &self.info;
        let query = tx
            .query(&tx.sql.session_open)
            .bind(encode(&info.worker))
            .bind(info.opened_at.as_millis())
            .bind(encode_all(&info.job_ids))
            .bind(encode_all(&info.queues))
            .bind(encode_all(&info.labels))
            .bind(slot_caps_text(&info.slot_caps)?)
            .bind(i64::try_from(info.lease.as_millis()).unwrap_or(i64::MAX))
            .bind(i64::from(self.nonce))
            .bind(encode_all(&info.fingerprints));
        let rows = tx.fetch(query).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        Ok(without_events(SessionId(row.try_get(0)?)))
    }
}

/// Renews a session; its beat changes.
pub(super) struct RenewSession(pub(super) SessionId, pub(super) Timestamp);

#[async_trait]
impl Operation for RenewSession {
    type Output = Renewal;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Renewal>, DbError> {
        let query = tx
            .query(&tx.sql.session_renew)
            .bind(self.0.0)
            .bind(self.1.as_millis());
        Ok(without_events(match tx.execute(query).await? {
            0 => Renewal::Lost,
            _ => Renewal::Renewed,
        }))
    }
}

/// Closes a session, if it holds no lease.
pub(super) struct CloseSession(pub(super) SessionId);

#[async_trait]
impl Operation for CloseSession {
    type Output = ();
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        SessionState::lock(tx, [self.0, self.0]).await?;
        close(tx, self.0).await?;
        Ok(((), retained_permit_events(tx, self.0).await?))
    }
}

/// Returns an event for the allocator if the session has retained permits, which its end releases.
async fn retained_permit_events(
    tx: &mut Tx<'_>,
    session: SessionId,
) -> Result<Vec<StoreEvent>, DbError> {
    let rows = tx
        .fetch(
            tx.query(&tx.sql.limits_has_retained_permits)
                .bind(session.0),
        )
        .await?;
    let wanted = rows.first().map_or(Ok(false), |row| row.try_get(0))?;
    let event = wanted.then(|| StoreEvent::Scheduled(Timestamp::default()));
    Ok(event.into_iter().collect())
}

/// Closes a locked session, if it holds no lease.
async fn close(tx: &mut Tx<'_>, session: SessionId) -> Result<(), DbError> {
    let query = tx.query(&tx.sql.session_close).bind(session.0);
    tx.execute(query).await?;
    Ok(())
}

/// Lists the sessions that a rescuer watches.
pub(super) struct ListSessions;

#[async_trait]
impl Operation for ListSessions {
    type Output = Vec<SessionBeat>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.session_list)).await?;
        let mut beats = Vec::with_capacity(rows.len());
        for row in &rows {
            if !row.try_get::<bool, _>(6)? {
                // The last leases of a session that was half taken over were settled.
                let query = tx.query(&tx.sql.session_take_over_end);
                tx.execute(query.bind(row.try_get::<i64, _>(0)?)).await?;
                continue;
            }
            beats.push(SessionBeat {
                session: SessionId(row.try_get(0)?),
                beat: row.try_get(1)?,
                worker: text::decode(row.try_get(2)?),
                opened_at: Timestamp::from_millis(row.try_get(3)?),
                renewed_at: Timestamp::from_millis(row.try_get(4)?),
                lease: Duration::from_millis(super::number("a lease", row.try_get::<i64, _>(5)?)?),
                is_dead: false,
            });
        }
        Ok(without_events(beats))
    }
}

/// Takes leases over. If the database rejects one, moves them one by one and skips it.
pub(super) async fn take_over(
    store: &PostgresStore,
    dead: SessionBeat,
    claim: Claim,
) -> Result<Vec<Claimed>, StoreError> {
    let take = |one_by_one| {
        store.claim.run(TakeOver {
            dead: dead.clone(),
            claim: claim.clone(),
            one_by_one,
        })
    };
    match take(false).await {
        Err(error) if is_rejection(&error) => take(true).await,
        taken => taken,
    }
}

/// Moves leases of `dead` to a claim, unless the claim was made before or `dead` has renewed since.
struct TakeOver {
    dead: SessionBeat,
    claim: Claim,
    /// Moves leases one by one, and skips those that the database rejects.
    one_by_one: bool,
}

#[async_trait]
impl Operation for TakeOver {
    type Output = Vec<Claimed>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self { dead, claim, .. } = self;
        let sessions = SessionState::lock(tx, [dead.session, claim.session]).await?;
        let of = |session| sessions.iter().find(|state| state.session == session);
        let own = of(claim.session).filter(|state| state.open);
        let own = own.ok_or(StoreError::SessionLost)?;
        let is_open = of(dead.session).is_some_and(|state| state.open);
        let mut events = Vec::new();
        if own.last_claim < claim.number && is_beat_unchanged(tx, dead, is_open).await? {
            if is_open {
                let query = tx
                    .query(&tx.sql.session_take_over_close)
                    .bind(dead.session.0)
                    .bind(dead.beat)
                    .bind(claim.now.as_millis());
                tx.execute(query).await?;
                events = retained_permit_events(tx, dead.session).await?;
            }
            let moved = if self.one_by_one {
                self.move_one_by_one(tx).await?
            } else {
                let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX);
                self.move_leases(tx, limit, 0).await?
            };
            if moved > 0 {
                claim.note_leased(tx);
            }
            let query = tx.query(&tx.sql.session_take_over_end);
            tx.execute(query.bind(dead.session.0)).await?;
        }
        Ok((leases_of_claim(tx, claim).await?, events))
    }
}

impl TakeOver {
    /// Moves up to `limit` leases after the first `skip`, and returns their number.
    async fn move_leases(&self, tx: &mut Tx<'_>, limit: i64, skip: i64) -> Result<u64, DbError> {
        let query = tx
            .query(&tx.sql.session_take_over_leases)
            .bind(self.dead.session.0)
            .bind(self.claim.session.0)
            .bind(self.claim.number)
            .bind(limit)
            .bind(skip);
        tx.execute(query).await
    }

    /// Moves leases, each in a savepoint, and returns their number.
    async fn move_one_by_one(&self, tx: &mut Tx<'_>) -> Result<u64, DbError> {
        let (mut moved, mut skipped) = (0, 0);
        for _ in 0..self.claim.limit {
            tx.script("SAVEPOINT lease").await?;
            match self.move_leases(tx, 1, skipped).await {
                Err(error) if error.is_rejection() => {
                    tx.script("ROLLBACK TO SAVEPOINT lease").await?;
                    log_skipped(self.dead.session, &error.at(""));
                    skipped += 1;
                }
                count => moved += count?,
            }
            tx.script("RELEASE SAVEPOINT lease").await?;
        }
        Ok(moved)
    }
}

/// Returns true if the beat is the one that was observed. The beat of an open session is locked and
/// stays so until the end of the transaction; that of a closed one never changes.
async fn is_beat_unchanged(
    tx: &mut Tx<'_>,
    dead: &SessionBeat,
    is_open: bool,
) -> Result<bool, DbError> {
    let statement = if is_open {
        &tx.sql.session_take_over_check_beat
    } else {
        &tx.sql.session_take_over_check_last_beat
    };
    let query = tx.query(statement).bind(dead.session.0).bind(dead.beat);
    let rows = tx.fetch(query).await?;
    Ok(match rows.first() {
        Some(row) => row.try_get(0)?,
        None => false,
    })
}

/// Lists the processes with an open session.
pub(super) struct ListProcesses;

#[async_trait]
impl Operation for ListProcesses {
    type Output = Vec<ProcessRecord>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.session_processes)).await?;
        Ok(without_events(records::processes(&rows)?))
    }
}

/// Encodes slot caps for their column.
pub(super) fn slot_caps_text(slot_caps: &[SlotCap]) -> Result<String, DbError> {
    let text = serde_json::to_string(slot_caps);
    let text = text.map_err(|error| corrupt("the slot caps of a session", error))?;
    Ok(encode(&text).into_owned())
}

/// Counts the leases of a queue or of jobs, by session.
pub(super) struct CountLeases(pub(super) CapScope);

#[async_trait]
impl Operation for CountLeases {
    type Output = Vec<(SessionId, u64)>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let (queue, job_ids) = match &self.0 {
            CapScope::Queue(queue) => (Some(encode(queue)), None),
            CapScope::JobIds(ids) => (None, Some(encode_all(ids))),
        };
        let query = tx
            .query(&tx.sql.read_count_leases)
            .bind(queue)
            .bind(job_ids);
        let rows = tx.fetch(query).await?;
        let counts = rows.iter().map(|row| {
            let count: i64 = row.try_get(1)?;
            Ok((SessionId(row.try_get(0)?), count.unsigned_abs()))
        });
        Ok(without_events(counts.collect::<Result<_, DbError>>()?))
    }
}

/// Lists the publications by which other programs may read the payload of an attempt.
pub(super) struct OtherReaders(pub(super) Fence, pub(super) Vec<String>);

#[async_trait]
impl Operation for OtherReaders {
    type Output = Vec<PublishedJob>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self(fence, job_ids) = self;
        let query = tx
            .query(&tx.sql.session_other_readers)
            .bind(fence.row)
            .bind(fence.session.0)
            .bind(encode_all(job_ids));
        let rows = tx.fetch(query).await?;
        Ok(without_events(records::jobs(&rows)?))
    }
}

/// Lists the attempts of a session whose cancellation was requested.
pub(super) struct CancelRequests(pub(super) SessionId);

#[async_trait]
impl Operation for CancelRequests {
    type Output = Vec<Fence>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<Fence>>, DbError> {
        let query = tx.query(&tx.sql.session_cancel_requests).bind(self.0.0);
        let rows = tx.fetch(query).await?;
        let fences = rows.iter().map(|row| {
            Ok(Fence {
                session: self.0,
                claim: row.try_get(0)?,
                row: row.try_get(1)?,
                attempt: super::number("an attempt's number", row.try_get::<i32, _>(2)?)?,
            })
        });
        Ok(without_events(fences.collect::<Result<_, DbError>>()?))
    }
}
