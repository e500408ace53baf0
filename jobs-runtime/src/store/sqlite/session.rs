//! Sessions: open, renew, close, list, take over.
//!
//! A session owns the leases of one start of a worker. A take-over closes a session whose beat has
//! not changed and moves its leases to another session.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::claim::{SessionState, leases_of_claim_on_conn};
use super::conn::error::DbError;
use super::conn::json;
use super::conn::operation::{Outcome, operation};
use super::limits::allocator_wanted_in_txn;
use crate::store::decode::records;
use crate::store::rules::poison_rows::{is_rejection, log_skipped};
use crate::store::{
    CapScope, Claim, Claimed, Fence, ProcessRecord, PublishedJob, Renewal, SessionBeat, SessionId,
    SessionInfo, StoreError, session_nonce,
};
use crate::time::Timestamp;

/// Opens a session and takes its lock.
pub(super) async fn open(store: &SqliteStore, info: SessionInfo) -> Result<SessionId, StoreError> {
    let nonce = session_nonce(&store.location)?;
    let session = store
        .write(operation!(|conn| open_in_txn(conn, &info, nonce)))
        .await?;
    if let Some(locks) = &store.session_locks {
        locks.take(session);
    }
    Ok(session)
}

/// Renews a session. The lock of a lost one is released.
pub(super) async fn renew(
    store: &SqliteStore,
    session: SessionId,
    now: Timestamp,
) -> Result<Renewal, StoreError> {
    let renewal = store
        .write_urgently(operation!(|conn| renew_in_txn(conn, session, now)))
        .await?;
    if let (Some(locks), Renewal::Lost) = (&store.session_locks, renewal) {
        locks.remove(session);
    }
    Ok(renewal)
}

/// Closes a session without leases and releases its lock. One with leases stays open with its lock:
/// when the process ends, others see at once that it is dead.
pub(super) async fn close(store: &SqliteStore, session: SessionId) -> Result<(), StoreError> {
    let is_closed = store
        .transition(operation!(|conn| close_in_txn(conn, session)))
        .await?;
    if let Some(locks) = &store.session_locks
        && is_closed
    {
        locks.remove(session);
    }
    Ok(())
}

/// Lists the sessions with their beats. A session whose lock is free is dead.
pub(super) async fn list(store: &SqliteStore) -> Result<Vec<SessionBeat>, StoreError> {
    let mut sessions = store.read(operation!(|conn| list_on_conn(conn))).await?;
    if let Some(locks) = &store.session_locks {
        for beat in &mut sessions {
            beat.is_dead = locks.is_dead(beat.session);
        }
    }
    Ok(sessions)
}

/// Writes the row of a new session.
async fn open_in_txn(
    conn: &mut SqliteConnection,
    info: &SessionInfo,
    nonce: u32,
) -> Result<SessionId, DbError> {
    let id = sqlx::query_scalar(include_str!("sql/session/open.sql"))
        .bind(&info.worker)
        .bind(info.opened_at.as_millis())
        .bind(json::array(&info.job_ids)?)
        .bind(json::array(&info.queues)?)
        .bind(json::array(&info.labels)?)
        .bind(json::array(&info.slot_caps)?)
        .bind(i64::try_from(info.lease.as_millis()).unwrap_or(i64::MAX))
        .bind(nonce)
        .bind(json::array(&info.fingerprints)?)
        .fetch_one(conn)
        .await?;
    Ok(SessionId(id))
}

/// Renews an open session: its beat changes.
async fn renew_in_txn(
    conn: &mut SqliteConnection,
    session: SessionId,
    now: Timestamp,
) -> Result<Renewal, DbError> {
    let done = sqlx::query(include_str!("sql/session/renew.sql"))
        .bind(session.0)
        .bind(now.as_millis())
        .execute(conn)
        .await?;
    Ok(match done.rows_affected() {
        0 => Renewal::Lost,
        _ => Renewal::Renewed,
    })
}

/// Closes a session without leases, and releases the permits that its ended attempts have retained.
/// Returns whether the session is closed.
async fn close_in_txn(
    conn: &mut SqliteConnection,
    session: SessionId,
) -> Result<Outcome<bool>, DbError> {
    sqlx::query(concat!(
        include_str!("sql/session/close.sql"),
        include_str!("sql/limits/release_permits_of_session.sql")
    ))
    .bind(session.0)
    .execute(&mut *conn)
    .await?;
    let is_open: bool = sqlx::query_scalar(include_str!("sql/session/is_open.sql"))
        .bind(session.0)
        .fetch_one(&mut *conn)
        .await?;
    Ok((!is_open, allocator_wanted_in_txn(conn).await?))
}

/// Lists the sessions that are open or have leases, with their beats.
async fn list_on_conn(conn: &mut SqliteConnection) -> Result<Vec<SessionBeat>, DbError> {
    let rows = sqlx::query(include_str!("sql/session/list.sql"))
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(SessionBeat {
                session: SessionId(row.try_get(0)?),
                beat: row.try_get(1)?,
                worker: row.try_get(2)?,
                opened_at: Timestamp::from_millis(row.try_get(3)?),
                renewed_at: Timestamp::from_millis(row.try_get(4)?),
                lease: Duration::from_millis(row.try_get(5)?),
                is_dead: false,
            })
        })
        .collect()
}

/// Takes leases over. If the database rejects one, moves them one by one and skips it.
pub(super) async fn take_over(
    store: &SqliteStore,
    dead: SessionBeat,
    claim: Claim,
) -> Result<Vec<Claimed>, StoreError> {
    let take = |one_by_one| {
        let (dead, claim) = (dead.clone(), claim.clone());
        store.transition(operation!(|conn| take_over_in_txn(
            conn, &dead, &claim, one_by_one
        )))
    };
    let taken = match take(false).await {
        Err(error) if is_rejection(&error) => take(true).await,
        taken => taken,
    };
    if let Some(locks) = &store.session_locks
        && taken.is_ok()
        && locks.is_dead(dead.session)
    {
        locks.remove(dead.session);
    }
    taken
}

/// Closes the session `dead` and moves its leases to the claim. Moves nothing if the beat of `dead`
/// has changed. A repeated claim returns the leases that it got before. `one_by_one`: moves each
/// lease in a savepoint and skips those that the database rejects.
async fn take_over_in_txn(
    conn: &mut SqliteConnection,
    dead: &SessionBeat,
    claim: &Claim,
    one_by_one: bool,
) -> Result<Outcome<Vec<Claimed>>, DbError> {
    let state = SessionState::on_conn(conn, claim.session).await?;
    if !state.open {
        return Err(DbError::Store(StoreError::SessionLost));
    }
    if state.last_claim < claim.number {
        if one_by_one {
            take_one_by_one(conn, dead, claim).await?;
        } else {
            let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX);
            take_leases(conn, dead, claim, limit, 0).await?;
        }
        sqlx::query(include_str!("sql/limits/release_permits_of_session.sql"))
            .bind(dead.session.0)
            .execute(&mut *conn)
            .await?;
    }
    let claimed = leases_of_claim_on_conn(conn, claim).await?;
    Ok((claimed, allocator_wanted_in_txn(conn).await?))
}

/// Closes the session `dead` and moves up to `limit` of its leases, except the first `skip`.
async fn take_leases(
    conn: &mut SqliteConnection,
    dead: &SessionBeat,
    claim: &Claim,
    limit: i64,
    skip: i64,
) -> Result<(), DbError> {
    sqlx::query(include_str!("sql/session/take_over.sql"))
        .bind(dead.session.0)
        .bind(dead.beat)
        .bind(claim.session.0)
        .bind(claim.number)
        .bind(limit)
        .bind(claim.now.as_millis())
        .bind(skip)
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves each lease in a savepoint.
async fn take_one_by_one(
    conn: &mut SqliteConnection,
    dead: &SessionBeat,
    claim: &Claim,
) -> Result<(), DbError> {
    let mut skipped = 0;
    for _ in 0..claim.limit {
        sqlx::query("SAVEPOINT lease").execute(&mut *conn).await?;
        match take_leases(conn, dead, claim, 1, skipped).await {
            Err(error) if error.is_rejection() => {
                sqlx::query("ROLLBACK TO lease").execute(&mut *conn).await?;
                log_skipped(dead.session, &error.into_store_error(""));
                skipped += 1;
            }
            taken => taken?,
        }
        sqlx::query("RELEASE lease").execute(&mut *conn).await?;
    }
    Ok(())
}

/// Lists the open sessions as records for operators.
pub(super) async fn processes_on_conn(
    conn: &mut SqliteConnection,
) -> Result<Vec<ProcessRecord>, DbError> {
    let rows = sqlx::query(include_str!("sql/session/processes.sql"))
        .fetch_all(conn)
        .await?;
    records::processes(&rows)
}

/// Counts the leases of each session for a queue or a job.
pub(super) async fn count_leases_on_conn(
    conn: &mut SqliteConnection,
    scope: &CapScope,
) -> Result<Vec<(SessionId, u64)>, DbError> {
    let (queue, job_ids) = match scope {
        CapScope::Queue(queue) => (Some(queue), None),
        CapScope::JobIds(ids) => (None, Some(json::array(ids)?)),
    };
    let rows = sqlx::query(include_str!("sql/read/count_leases.sql"))
        .bind(queue)
        .bind(job_ids)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| Ok((SessionId(row.try_get(0)?), row.try_get(1)?)))
        .collect()
}

/// Lists the publications by which other programs may read the payload of an attempt.
pub(super) async fn other_readers_on_conn(
    conn: &mut SqliteConnection,
    fence: Fence,
    job_ids: &[String],
) -> Result<Vec<PublishedJob>, DbError> {
    let rows = sqlx::query(include_str!("sql/session/other_readers.sql"))
        .bind(fence.row)
        .bind(fence.session.0)
        .bind(json::array(job_ids)?)
        .fetch_all(conn)
        .await?;
    records::jobs(&rows)
}

/// Lists the attempts of a session whose cancellation is requested.
pub(super) async fn cancel_requests_on_conn(
    conn: &mut SqliteConnection,
    session: SessionId,
) -> Result<Vec<Fence>, DbError> {
    let rows = sqlx::query(include_str!("sql/session/cancel_requests.sql"))
        .bind(session.0)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Fence {
                session,
                claim: row.try_get(0)?,
                row: row.try_get(1)?,
                attempt: row.try_get(2)?,
            })
        })
        .collect()
}
