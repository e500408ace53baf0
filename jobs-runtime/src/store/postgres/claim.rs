//! Leasing ready executions to a session.
//!
//! A claim is three trips: lock the session, move the rows, note the number and commit. The lock
//! makes a claim, the closing of its session and its being taken over wait for each other.

pub(in crate::store::postgres) mod scan;
pub(in crate::store::postgres) mod strategy;

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Decode, Row, SqlStr};
use uuid::Uuid;

use super::conn::error::Fault;
use super::conn::operation::{Done, Shape, Transition, quietly};
use super::conn::text;
use super::conn::text::all_stored;
use super::conn::tx::Db;
use super::conn::vacuum::Broom;
use super::{number, uuid_of};
use crate::store::rules::retry_text::RetryText;
use crate::store::{
    Claim, Claimed, ExecutionPolicy, Fence, PermitToken, SessionId, StoreError, StoreEvent,
};
use crate::time::Timestamp;
use scan::{Walked, Walks, Way};

pub(super) struct Take {
    pub(super) claim: Claim,
    pub(super) walks: Walks,
    pub(super) broom: Broom,
}

#[async_trait]
impl Transition for Take {
    type Answer = Vec<Claimed>;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let Self {
            claim,
            walks,
            broom,
        } = self;
        let standing = Standing::lock_one(db, claim.session).await?;
        let standing = standing.filter(|standing| standing.open);
        let standing = standing.ok_or(StoreError::SessionLost)?;
        if standing.last_claim >= claim.number {
            return Ok(quietly(held(db, claim).await?));
        }
        let rows = match claim.caps.has_slot_caps() {
            true => strategy::take(db, claim).await?,
            false => take(db, claim, walks, standing.pauses).await?,
        };
        if !rows.is_empty() {
            claim.note_taken(db);
            broom.left_behind(rows.len());
        }
        let (claimed, flags) = read(&rows, claim)?;
        let mut events = Vec::new();
        if flags & flag::WANTED != 0 {
            // A rate has counted starts: it may tell now when the next one is due.
            events.push(StoreEvent::Scheduled(Timestamp::default()));
        }
        Ok((claimed, events))
    }
}

/// Takes what is to be taken first. Where queues are paused, nobody walks past all that waits in them.
async fn take(
    db: &mut Db<'_>,
    claim: &Claim,
    walks: &Walks,
    pauses: bool,
) -> Result<Vec<PgRow>, Fault> {
    let room = Room::of(claim);
    if !claim.only.is_empty() {
        let query = asked(db, &db.sql.claim_only, claim, room);
        let ids: Vec<_> = claim.only.iter().map(uuid_of).collect();
        return db.fetch(query.bind(ids)).await;
    }
    if pauses {
        return db.fetch(asked(db, &db.sql.claim_groups, claim, room)).await;
    }
    let way = walks.way(claim, crate::clock::real_now());
    let (mut rows, left) = walk(db, claim, walks, &way, room).await?;
    if left.all > 0 && matches!(way, Way::Ahead(_)) {
        // Whoever finds less than it wanted is told that there is nothing more.
        let (others, _) = walk(db, claim, walks, &Way::Head, left).await?;
        rows.extend(others);
    }
    Ok(rows)
}

/// How many may be taken.
#[derive(Clone, Copy, Debug)]
struct Room {
    all: usize,
    /// Of those with limits.
    limited: usize,
}

impl Room {
    fn of(claim: &Claim) -> Self {
        Self {
            all: claim.limit,
            limited: claim.caps.limited.unwrap_or(claim.limit),
        }
    }

    fn without(self, all: usize, limited: usize) -> Self {
        Self {
            all: self.all.saturating_sub(all),
            limited: self.limited.saturating_sub(limited),
        }
    }
}

/// Takes what lies on this way, and says for how many there is room yet.
async fn walk(
    db: &mut Db<'_>,
    claim: &Claim,
    walks: &Walks,
    way: &Way,
    room: Room,
) -> Result<(Vec<PgRow>, Room), Fault> {
    let query = match way {
        Way::Head => asked(db, &db.sql.claim_head, claim, room),
        Way::Groups => asked(db, &db.sql.claim_groups, claim, room),
        Way::Ahead(marks) => {
            let (ranks, numbers, until) = marks.ranges();
            // Those with limits come in wherever they stood, and are walked from their head: apart, as always
            // when not all may be taken of them.
            let limited = room.limited.min(room.all - 1);
            let room = Room { limited, ..room };
            let query = asked(db, &db.sql.claim_ahead, claim, room);
            query.bind(ranks).bind(numbers).bind(until)
        }
    };
    let began = crate::clock::real_now();
    let rows = db.fetch(query).await?;
    let took = began.elapsed();
    let mut free = Vec::with_capacity(rows.len());
    for row in &rows {
        if get::<i32>(row, 13)? & flag::LIMITED == 0 {
            free.push((get(row, 0)?, get(row, 1)?));
        }
    }
    let found = rows.len();
    let walked = Walked {
        way,
        wanted: room.all,
        found,
        taken: &free,
        began,
        took,
    };
    walks.note(claim, &walked);
    Ok((rows, room.without(found, found - free.len())))
}

/// A statement that takes what a claim asks for, as far as there is room: $1 to $8.
fn asked(
    db: &Db<'_>,
    statement: &SqlStr,
    claim: &Claim,
    room: Room,
) -> Query<'static, Postgres, PgArguments> {
    let queues = (!claim.queues.is_empty()).then(|| all_stored(&claim.queues));
    let most = |count| i64::try_from(count).unwrap_or(i64::MAX);
    db.query(statement)
        .bind(claim.session.0)
        .bind(claim.number)
        .bind(claim.now.as_millis())
        .bind(all_stored(&claim.job_ids))
        .bind(queues)
        .bind(most(room.all))
        .bind(all_stored(&claim.except))
        .bind(most(room.limited.min(room.all)))
}

impl Claim {
    /// Notes, with the commit, that this claim has taken something.
    pub(super) fn note_taken(&self, db: &mut Db<'_>) {
        let Self {
            session, number, ..
        } = self;
        let statement = db.sql.session_claimed.as_str();
        let statement = statement
            .replace("$1", &session.0.to_string())
            .replace("$2", &number.to_string());
        db.at_last(&statement);
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) session: SessionId,
    pub(super) open: bool,
    pub(super) last_claim: i64,
    /// Whether a queue is paused.
    pauses: bool,
}

impl Standing {
    /// Locks two sessions, which may be the same, until the end of the transaction.
    pub(super) async fn lock(
        db: &mut Db<'_>,
        sessions: [SessionId; 2],
    ) -> Result<Vec<Self>, Fault> {
        // Without parameters, to share the trip of the BEGIN: numbers need no quotes.
        let ids = format!("'{{{},{}}}'", sessions[0].0, sessions[1].0);
        let statement = db.sql.session_lock.as_str().replace("$1", &ids);
        let rows = db.script(&statement).await?;
        rows.iter()
            .map(|row| {
                Ok(Self {
                    session: SessionId(row.try_get(0)?),
                    open: row.try_get(1)?,
                    last_claim: row.try_get(2)?,
                    pauses: row.try_get(3)?,
                })
            })
            .collect()
    }

    async fn lock_one(db: &mut Db<'_>, session: SessionId) -> Result<Option<Self>, Fault> {
        let locked = Self::lock(db, [session, session]).await?;
        Ok(locked.first().copied())
    }
}

/// What a claim that was made before holds by now.
pub(super) async fn held(db: &mut Db<'_>, claim: &Claim) -> Result<Vec<Claimed>, Fault> {
    let query = db
        .query(&db.sql.claim_leased)
        .bind(claim.session.0)
        .bind(claim.number);
    let rows = db.fetch(query).await?;
    Ok(read(&rows, claim)?.0)
}

/// What the last column says.
mod flag {
    pub(super) const CANCEL_REQUESTED: i32 = 1;
    pub(super) const LIMITED: i32 = 2;
    /// Somebody may be let in by what was claimed.
    pub(super) const WANTED: i32 = 4;
}

/// Reads the rows of a claim into its order, with the flags of all of them.
fn read(rows: &[PgRow], claim: &Claim) -> Result<(Vec<Claimed>, i32), Fault> {
    let mut retries = RetryText::default();
    let mut claimed = Vec::with_capacity(rows.len());
    let mut all = 0;
    for row in rows {
        let (rank, flags): (i16, i32) = (get(row, 0)?, get(row, 13)?);
        claimed.push((rank, read_one(row, claim, flags, &mut retries)?));
        all |= flags;
    }
    claimed.sort_unstable_by_key(|(rank, claimed)| (*rank, claimed.fence.row));
    Ok((claimed.into_iter().map(|(_, it)| it).collect(), all))
}

/// A column of the type that the statement gives it: asking again for each value of each row is a third of
/// what reading them costs.
fn get<'r, T: Decode<'r, Postgres>>(row: &'r PgRow, place: usize) -> Result<T, Fault> {
    Ok(row.try_get_unchecked(place)?)
}

fn read_one(
    row: &PgRow,
    claim: &Claim,
    flags: i32,
    retries: &mut RetryText,
) -> Result<Claimed, Fault> {
    let timeout_ms: Option<i64> = get(row, 7)?;
    let max_attempts: i64 = get(row, 8)?;
    let (policy, unreadable) = match retries.read(
        timeout_ms.and_then(|millis| u64::try_from(millis).ok()),
        u32::try_from(max_attempts).unwrap_or(u32::MAX),
        get(row, 9)?,
    ) {
        Ok(policy) => (policy, None),
        Err(error) => (STAND_IN, Some(crate::error::chain(&error).to_string())),
    };
    Ok(Claimed {
        fence: Fence {
            session: claim.session,
            claim: claim.number,
            row: get(row, 1)?,
            attempt: number("an attempt's number", get::<i32>(row, 2)?)?,
        },
        execution_id: ExecutionId::from_bytes(*get::<Uuid>(row, 4)?.as_bytes()),
        job_id: text::read(get(row, 5)?),
        queue: text::read(get(row, 12)?),
        limits: (flags & flag::LIMITED != 0).then(PermitToken::default),
        payload: get(row, 6)?,
        policy,
        spent: number("a spent budget", get::<i32>(row, 3)?)?,
        correlation_id: get::<Option<_>>(row, 10)?.map(text::read),
        claimed_at: Timestamp::from_millis(get(row, 11)?),
        cancel_requested: flags & flag::CANCEL_REQUESTED != 0,
        unreadable,
    })
}

/// Stands for a policy that cannot be read: the attempt fails, and no other follows.
const STAND_IN: ExecutionPolicy = ExecutionPolicy {
    timeout_ms: None,
    max_attempts: 1,
    retry_delays_ms: Vec::new(),
    retry_jitter: 0.0,
};
