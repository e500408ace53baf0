//! Claims: ready executions are leased to a session.
//!
//! A claim takes three round trips: lock the session, move the rows, note the claim's number and
//! commit. A claim that may find nothing looks first (`claim/look.rs`). Because of the lock, a
//! claim, the closing and the take-over of a session wait for each other.
//!
//! This module imports the connections and `postpone`. It must not import `enqueue`, `settle`,
//! `limits`, `operator` or `read`.

pub(in crate::store::postgres) mod capped;
pub(in crate::store::postgres) mod look;
pub(in crate::store::postgres) mod scan;

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Decode, Row, SqlStr};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::pool::{ConnectionTask, Request};
use super::conn::text;
use super::conn::text::encode_all;
use super::conn::tx::Tx;
use super::conn::vacuum::Vacuum;
use super::postpone::PostponeLeases;
use super::{PostgresStore, number, uuid_of};
use crate::store::rules::poison_rows::without_rejected;
use crate::store::rules::retry_text::RetryText;
use crate::store::{
    Claim, Claimed, ExecutionPolicy, Fence, PermitToken, SessionId, StoreError, StoreEvent,
};
use crate::time::Timestamp;
use scan::{Scan, ScanHistory, ScanStrategy};

/// Claims. Postpones executions whose leases the database rejects.
pub(super) async fn claim(store: &PostgresStore, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
    let request = |reply| ClaimRequest {
        looks: store.busy_claims.should_look(&claim),
        operation: ClaimReady {
            claim: claim.clone(),
            scans: store.scans.clone(),
            vacuum: store.vacuum.clone(),
        },
        reply,
    };
    let claimed = without_rejected(
        || store.claim.request_with(|reply| Box::new(request(reply))),
        || store.claim.run(PostponeLeases(claim.clone())),
    )
    .await?;
    store.busy_claims.note(&claim, claimed.len());
    Ok(claimed)
}

/// A claim as a request: the look and the claim follow each other on their connection. A claim of
/// a higher number in between would make this one look like a repetition.
struct ClaimRequest {
    looks: bool,
    operation: ClaimReady,
    reply: oneshot::Sender<Result<Vec<Claimed>, StoreError>>,
}

#[async_trait]
impl Request for ClaimRequest {
    async fn run(self: Box<Self>, task: &mut ConnectionTask) {
        if self.reply.is_closed() {
            return;
        }
        let claimed = self.operation.run_on(task, self.looks).await;
        // A caller that has stopped waiting needs no reply: it sends the same claim again.
        let _ = self
            .reply
            .send(claimed.map_err(|error| error.at(task.location())));
    }
}

/// Leases up to `limit` executions to the session of a claim.
struct ClaimReady {
    claim: Claim,
    scans: ScanHistory,
    vacuum: Vacuum,
}

impl ClaimReady {
    async fn run_on(
        &self,
        task: &mut ConnectionTask,
        looks: bool,
    ) -> Result<Vec<Claimed>, DbError> {
        if looks {
            let look = look::LookForWork(self.claim.clone());
            if !task.run_operation(&look).await? {
                return Ok(Vec::new());
            }
        }
        task.run_operation(self).await
    }
}

#[async_trait]
impl Operation for ClaimReady {
    type Output = Vec<Claimed>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self {
            claim,
            scans,
            vacuum,
        } = self;
        let session = SessionState::lock_one(tx, claim.session).await?;
        let session = session.filter(|session| session.open);
        let session = session.ok_or(StoreError::SessionLost)?;
        if session.last_claim >= claim.number {
            return Ok(without_events(leases_of_claim(tx, claim).await?));
        }
        let rows = if claim.caps.has_slot_caps() {
            capped::take(tx, claim).await?
        } else {
            take_ready(tx, claim, scans, session.pauses).await?
        };
        if !rows.is_empty() {
            claim.note_leased(tx);
            vacuum.note_deleted(rows.len());
        }
        let (claimed, flags) = read(&rows, claim)?;
        let mut events = Vec::new();
        if flags & flag::MAY_ADMIT != 0 {
            // Starts of a rate were counted, so the time of its next start may be known now.
            events.push(StoreEvent::Scheduled(Timestamp::default()));
        }
        Ok((claimed, events))
    }
}

/// Takes the first executions by the strategy for this claim. If a queue is paused, scans by group,
/// so as not to scan past everything that waits in it.
async fn take_ready(
    tx: &mut Tx<'_>,
    claim: &Claim,
    scans: &ScanHistory,
    pauses: bool,
) -> Result<Vec<PgRow>, DbError> {
    let remaining = Remaining::of(claim);
    if !claim.only.is_empty() {
        let query = bind_claim(tx, &tx.sql.claim_by_id, claim, remaining);
        let ids: Vec<_> = claim.only.iter().map(uuid_of).collect();
        return tx.fetch(query.bind(ids)).await;
    }
    if pauses {
        return tx
            .fetch(bind_claim(tx, &tx.sql.claim_by_group, claim, remaining))
            .await;
    }
    let strategy = scans.strategy(claim, crate::clock::real_now());
    let (mut rows, left) = run_scan(tx, claim, scans, &strategy, remaining).await?;
    if left.all > 0 && matches!(strategy, ScanStrategy::Resume(_)) {
        // A caller takes a short answer for an empty queue, so the rest is looked for from the
        // head.
        let (rest, _) = run_scan(tx, claim, scans, &ScanStrategy::FromHead, left).await?;
        rows.extend(rest);
    }
    Ok(rows)
}

/// Numbers of executions that a claim may still take.
#[derive(Clone, Copy, Debug)]
struct Remaining {
    all: usize,
    /// Of these, with limits.
    limited: usize,
}

impl Remaining {
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

/// Takes executions by a strategy. Returns their rows and the numbers that remain.
async fn run_scan(
    tx: &mut Tx<'_>,
    claim: &Claim,
    scans: &ScanHistory,
    strategy: &ScanStrategy,
    remaining: Remaining,
) -> Result<(Vec<PgRow>, Remaining), DbError> {
    let query = match strategy {
        ScanStrategy::FromHead => bind_claim(tx, &tx.sql.claim_from_head, claim, remaining),
        ScanStrategy::ByGroup => bind_claim(tx, &tx.sql.claim_by_group, claim, remaining),
        ScanStrategy::Resume(point) => {
            let (ranks, seqs, until) = point.ranges();
            // Executions with limits become ready anywhere in the order. They are scanned apart,
            // from their head, as always when `limited` is less than `all`.
            let limited = remaining.limited.min(remaining.all - 1);
            let remaining = Remaining {
                limited,
                ..remaining
            };
            let query = bind_claim(tx, &tx.sql.claim_resume, claim, remaining);
            query.bind(ranks).bind(seqs).bind(until)
        }
    };
    let began = crate::clock::real_now();
    let rows = tx.fetch(query).await?;
    let took = began.elapsed();
    let mut unlimited = Vec::with_capacity(rows.len());
    for row in &rows {
        if get::<i32>(row, 13)? & flag::LIMITED == 0 {
            unlimited.push((get(row, 0)?, get(row, 1)?));
        }
    }
    let found = rows.len();
    let scan = Scan {
        strategy,
        wanted: remaining.all,
        found,
        taken: &unlimited,
        began,
        took,
    };
    scans.note(claim, &scan);
    Ok((rows, remaining.without(found, found - unlimited.len())))
}

/// Binds the parameters that all claiming statements share: $1 to $8.
fn bind_claim(
    tx: &Tx<'_>,
    statement: &SqlStr,
    claim: &Claim,
    remaining: Remaining,
) -> Query<'static, Postgres, PgArguments> {
    let queues = (!claim.queues.is_empty()).then(|| encode_all(&claim.queues));
    let most = |count| i64::try_from(count).unwrap_or(i64::MAX);
    tx.query(statement)
        .bind(claim.session.0)
        .bind(claim.number)
        .bind(claim.now.as_millis())
        .bind(encode_all(&claim.job_ids))
        .bind(queues)
        .bind(most(remaining.all))
        .bind(encode_all(&claim.except))
        .bind(most(remaining.limited.min(remaining.all)))
}

impl Claim {
    /// Notes in the session, with the commit, that this claim has leased something.
    pub(super) fn note_leased(&self, tx: &mut Tx<'_>) {
        let Self {
            session, number, ..
        } = self;
        let statement = tx.sql.session_note_claim.as_str();
        let statement = statement
            .replace("$1", &session.0.to_string())
            .replace("$2", &number.to_string());
        tx.before_commit(&statement);
    }
}

/// State of a locked session.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionState {
    pub(super) session: SessionId,
    pub(super) open: bool,
    pub(super) last_claim: i64,
    /// True if any queue is paused.
    pauses: bool,
}

impl SessionState {
    /// Locks two sessions, which may be the same one, until the end of the transaction.
    pub(super) async fn lock(
        tx: &mut Tx<'_>,
        sessions: [SessionId; 2],
    ) -> Result<Vec<Self>, DbError> {
        // Without parameters, to share the round trip of the BEGIN. Numbers need no quoting.
        let ids = format!("'{{{},{}}}'", sessions[0].0, sessions[1].0);
        let statement = tx.sql.session_lock.as_str().replace("$1", &ids);
        let rows = tx.script(&statement).await?;
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

    async fn lock_one(tx: &mut Tx<'_>, session: SessionId) -> Result<Option<Self>, DbError> {
        let locked = Self::lock(tx, [session, session]).await?;
        Ok(locked.first().copied())
    }
}

/// Reads the leases of a claim that was made before.
pub(super) async fn leases_of_claim(
    tx: &mut Tx<'_>,
    claim: &Claim,
) -> Result<Vec<Claimed>, DbError> {
    let query = tx
        .query(&tx.sql.claim_leases_of_claim)
        .bind(claim.session.0)
        .bind(claim.number);
    let rows = tx.fetch(query).await?;
    Ok(read(&rows, claim)?.0)
}

/// Bits of the column `flags`.
mod flag {
    pub(super) const CANCEL_REQUESTED: i32 = 1;
    pub(super) const LIMITED: i32 = 2;
    /// The claim has counted starts, and executions are blocked: the allocator may admit one.
    pub(super) const MAY_ADMIT: i32 = 4;
    pub(super) const LOST_BEFORE: i32 = 8;
}

/// Reads the rows of a claim, sorted in the order of claims, and the union of their flags.
pub(super) fn read(rows: &[PgRow], claim: &Claim) -> Result<(Vec<Claimed>, i32), DbError> {
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

/// Reads a column without a check of its type, which would take a third of the time of reading.
fn get<'r, T: Decode<'r, Postgres>>(row: &'r PgRow, place: usize) -> Result<T, DbError> {
    Ok(row.try_get_unchecked(place)?)
}

fn read_one(
    row: &PgRow,
    claim: &Claim,
    flags: i32,
    retries: &mut RetryText,
) -> Result<Claimed, DbError> {
    let timeout_ms: Option<i64> = get(row, 7)?;
    let max_attempts: i64 = get(row, 8)?;
    let (policy, unreadable) = match retries.read(
        timeout_ms.and_then(|millis| u64::try_from(millis).ok()),
        u32::try_from(max_attempts).unwrap_or(u32::MAX),
        get(row, 9)?,
    ) {
        Ok(policy) => (policy, None),
        Err(error) => (
            FALLBACK_POLICY,
            Some(crate::error::chain(&error).to_string()),
        ),
    };
    Ok(Claimed {
        fence: Fence {
            session: claim.session,
            claim: claim.number,
            row: get(row, 1)?,
            attempt: number("an attempt's number", get::<i32>(row, 2)?)?,
        },
        execution_id: ExecutionId::from_bytes(*get::<Uuid>(row, 4)?.as_bytes()),
        job_id: text::decode(get(row, 5)?),
        queue: text::decode(get(row, 12)?),
        limits: (flags & flag::LIMITED != 0).then(PermitToken::default),
        payload: get(row, 6)?,
        policy,
        spent: number("a spent budget", get::<i32>(row, 3)?)?,
        correlation_id: get::<Option<_>>(row, 10)?.map(text::decode),
        tags: get::<Option<_>>(row, 16)?.map_or_else(Vec::new, text::decode_all),
        run_at: Timestamp::from_millis(get(row, 14)?),
        trace_parent: get::<Option<_>>(row, 15)?.map(text::decode),
        claimed_at: Timestamp::from_millis(get(row, 11)?),
        cancel_requested: flags & flag::CANCEL_REQUESTED != 0,
        lost_before: flags & flag::LOST_BEFORE != 0,
        unreadable,
    })
}

/// Used for a policy that cannot be read: the attempt fails without a retry.
const FALLBACK_POLICY: ExecutionPolicy = ExecutionPolicy {
    timeout_ms: None,
    max_attempts: 1,
    retry_delays_ms: Vec::new(),
    retry_jitter: 0.0,
};
