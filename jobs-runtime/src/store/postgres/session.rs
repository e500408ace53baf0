//! Sessions: opened, renewed, closed, taken over.
//!
//! A session is open while its beat is there. What changes the leases of a session locks its row
//! first (claims, closing, taking over), several in the order of their ids: so none is given to a
//! session that is just being closed. Renewals touch the beat alone and wait for none of these.

use async_trait::async_trait;
use sqlx::Row;

use super::claim::{Standing, held};
use super::conn::error::{Fault, corrupt};
use super::conn::operation::{Done, Shape, Transition, quietly};
use super::conn::text;
use super::conn::text::{all_stored, stored};
use super::conn::tx::Db;
use crate::store::{
    CapScope, Claim, Claimed, Fence, ProcessRecord, Renewal, SessionBeat, SessionId, SessionInfo,
    SlotCap, StoreError, StoreEvent,
};
use crate::time::Timestamp;

pub(super) struct Open(pub(super) SessionInfo);

#[async_trait]
impl Transition for Open {
    type Answer = SessionId;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<SessionId>, Fault> {
        let Self(info) = self;
        let query = db
            .query(&db.sql.session_open)
            .bind(stored(&info.worker))
            .bind(info.opened_at.as_millis())
            .bind(all_stored(&info.job_ids))
            .bind(all_stored(&info.queues))
            .bind(all_stored(&info.labels))
            .bind(shares_text(&info.slot_caps)?);
        let rows = db.fetch(query).await?;
        let row = rows.first().ok_or(Fault::Raced)?;
        Ok(quietly(SessionId(row.try_get(0)?)))
    }
}

pub(super) struct Renew(pub(super) SessionId, pub(super) Timestamp);

#[async_trait]
impl Transition for Renew {
    type Answer = Renewal;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Renewal>, Fault> {
        let query = db
            .query(&db.sql.session_renew)
            .bind(self.0.0)
            .bind(self.1.as_millis());
        Ok(quietly(match db.execute(query).await? {
            0 => Renewal::Lost,
            _ => Renewal::Renewed,
        }))
    }
}

pub(super) struct Close(pub(super) SessionId);

#[async_trait]
impl Transition for Close {
    type Answer = ();
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<()>, Fault> {
        Standing::lock(db, [self.0, self.0]).await?;
        close(db, self.0).await?;
        Ok(((), stuck_of(db, self.0).await?))
    }
}

/// Tells those who let in that permits come back with the end of a session.
async fn stuck_of(db: &mut Db<'_>, session: SessionId) -> Result<Vec<StoreEvent>, Fault> {
    let rows = db
        .fetch(db.query(&db.sql.limits_has_retained_permits).bind(session.0))
        .await?;
    let wanted = rows.first().map_or(Ok(false), |row| row.try_get(0))?;
    let event = wanted.then(|| StoreEvent::Scheduled(Timestamp::default()));
    Ok(event.into_iter().collect())
}

/// Closes a session that is locked, if it holds nothing.
async fn close(db: &mut Db<'_>, session: SessionId) -> Result<(), Fault> {
    let query = db.query(&db.sql.session_close).bind(session.0);
    db.execute(query).await?;
    Ok(())
}

pub(super) struct List;

#[async_trait]
impl Transition for List {
    type Answer = Vec<SessionBeat>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let rows = db.fetch(db.query(&db.sql.session_list)).await?;
        let beats = rows.iter().map(|row| {
            Ok(SessionBeat {
                session: SessionId(row.try_get(0)?),
                beat: row.try_get(1)?,
                worker: text::read(row.try_get(2)?),
                opened_at: Timestamp::from_millis(row.try_get(3)?),
                renewed_at: Timestamp::from_millis(row.try_get(4)?),
            })
        });
        Ok(quietly(beats.collect::<Result<_, Fault>>()?))
    }
}

/// Moves leases of `dead` to the claim, unless the claim was made before or `dead` has stirred.
pub(super) struct TakeOver {
    pub(super) dead: SessionBeat,
    pub(super) claim: Claim,
    /// How many leases are passed over.
    pub(super) skip: usize,
}

#[async_trait]
impl Transition for TakeOver {
    type Answer = Vec<Claimed>;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let Self { dead, claim, skip } = self;
        let execution_states = Standing::lock(db, [dead.session, claim.session]).await?;
        let of = |session| {
            execution_states
                .iter()
                .find(|standing| standing.session == session)
        };
        let own = of(claim.session).filter(|standing| standing.open);
        let own = own.ok_or(StoreError::SessionLost)?;
        let is_open = of(dead.session).is_some_and(|standing| standing.open);
        let mut events = Vec::new();
        if own.last_claim < claim.number && stands_still(db, dead, is_open).await? {
            if is_open {
                let query = db
                    .query(&db.sql.session_take_over_close)
                    .bind(dead.session.0)
                    .bind(dead.beat)
                    .bind(claim.now.as_millis());
                db.execute(query).await?;
                events = stuck_of(db, dead.session).await?;
            }
            let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX);
            let query = db
                .query(&db.sql.session_take_over_leases)
                .bind(dead.session.0)
                .bind(claim.session.0)
                .bind(claim.number)
                .bind(limit)
                .bind(i64::try_from(*skip).unwrap_or(i64::MAX));
            if db.execute(query).await? > 0 {
                claim.note_taken(db);
            }
        }
        Ok((held(db, claim).await?, events))
    }
}

/// Whether the beat is still the one that was watched: of an open session it stays so until the end
/// of the transaction, of a closed one for ever.
async fn stands_still(db: &mut Db<'_>, dead: &SessionBeat, is_open: bool) -> Result<bool, Fault> {
    let statement = match is_open {
        true => &db.sql.session_take_over_check_beat,
        false => &db.sql.session_take_over_check_last_beat,
    };
    let query = db.query(statement).bind(dead.session.0).bind(dead.beat);
    let rows = db.fetch(query).await?;
    Ok(match rows.first() {
        Some(row) => row.try_get(0)?,
        None => false,
    })
}

pub(super) struct Processes;

#[async_trait]
impl Transition for Processes {
    type Answer = Vec<ProcessRecord>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let rows = db.fetch(db.query(&db.sql.session_processes)).await?;
        let processes = rows.iter().map(|row| {
            Ok(ProcessRecord {
                session: SessionId(row.try_get("id")?),
                worker: text::read(row.try_get("worker")?),
                opened_at: Timestamp::from_millis(row.try_get("opened_at")?),
                renewed_at: Timestamp::from_millis(row.try_get("renewed_at")?),
                job_ids: row.try_get::<Option<_>, _>("job_ids")?.map(text::all_read),
                queues: row.try_get::<Option<_>, _>("queues")?.map(text::all_read),
                labels: row
                    .try_get::<Option<_>, _>("labels")?
                    .map(text::all_read)
                    .unwrap_or_default(),
                running: u64::try_from(row.try_get::<i64, _>("running")?).unwrap_or(0),
                slot_caps: match row.try_get::<Option<&str>, _>("slot_caps")? {
                    Some(text) => serde_json::from_str(text)
                        .map_err(|error| corrupt("the shares of a session", error))?,
                    None => Vec::new(),
                },
            })
        });
        Ok(quietly(processes.collect::<Result<_, Fault>>()?))
    }
}

/// Shares in their column.
fn shares_text(shares: &[SlotCap]) -> Result<String, Fault> {
    let text = serde_json::to_string(shares);
    let text = text.map_err(|error| corrupt("the shares of a session", error))?;
    Ok(stored(&text).into_owned())
}

/// How many attempts of something each session holds.
pub(super) struct LeasesOf(pub(super) CapScope);

#[async_trait]
impl Transition for LeasesOf {
    type Answer = Vec<(SessionId, u64)>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let (queue, job_ids) = match &self.0 {
            CapScope::Queue(queue) => (Some(stored(queue)), None),
            CapScope::JobIds(ids) => (None, Some(all_stored(ids))),
        };
        let query = db.query(&db.sql.read_count_leases).bind(queue).bind(job_ids);
        let rows = db.fetch(query).await?;
        let counts = rows.iter().map(|row| {
            let count: i64 = row.try_get(1)?;
            Ok((SessionId(row.try_get(0)?), count.unsigned_abs()))
        });
        Ok(quietly(counts.collect::<Result<_, Fault>>()?))
    }
}

pub(super) struct CancelRequests(pub(super) SessionId);

#[async_trait]
impl Transition for CancelRequests {
    type Answer = Vec<Fence>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Vec<Fence>>, Fault> {
        let query = db.query(&db.sql.session_cancel_requests).bind(self.0.0);
        let rows = db.fetch(query).await?;
        let fences = rows.iter().map(|row| {
            Ok(Fence {
                session: self.0,
                claim: row.try_get(0)?,
                row: row.try_get(1)?,
                attempt: super::number("an attempt's number", row.try_get::<i32, _>(2)?)?,
            })
        });
        Ok(quietly(fences.collect::<Result<_, Fault>>()?))
    }
}
