//! External workers: their sessions, and the beats of their leases.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteStore;
use super::claim::rows;
use super::conn::error::{DbError, corrupt};
use super::conn::json;
use super::conn::operation::operation;
use crate::store::{
    Claimed, ExternalStore, ExternalWorker, Fence, LeaseBeat, SessionId, SessionInfo, StoreError,
    WriteAnswer, claim_of, session_nonce,
};
use crate::time::Timestamp;

#[async_trait]
impl ExternalStore for SqliteStore {
    async fn open_external_session(
        &self,
        info: SessionInfo,
        worker: ExternalWorker,
    ) -> Result<SessionId, StoreError> {
        open(self, info, worker).await
    }

    async fn external_worker(
        &self,
        session: SessionId,
    ) -> Result<Option<ExternalWorker>, StoreError> {
        self.read(operation!(|conn| worker_on_conn(conn, session)))
            .await
    }

    async fn renew_external_sessions(
        &self,
        sessions: Vec<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.write_urgently(operation!(|conn| renew_in_txn(conn, &sessions, now)))
            .await
    }

    async fn beat_leases(&self, fences: Vec<Fence>) -> Result<Vec<WriteAnswer>, StoreError> {
        self.write(operation!(|conn| beat_in_txn(conn, &fences)))
            .await
    }

    async fn external_lease(&self, fence: Fence) -> Result<Option<Claimed>, StoreError> {
        self.read(operation!(|conn| lease_on_conn(conn, fence)))
            .await
    }

    async fn external_leases(
        &self,
        after: i64,
        limit: usize,
    ) -> Result<Vec<LeaseBeat>, StoreError> {
        self.read(operation!(|conn| leases_on_conn(conn, after, limit)))
            .await
    }

    async fn external_cancel_requests(&self, limit: usize) -> Result<Vec<Fence>, StoreError> {
        self.read(operation!(|conn| cancel_requests_on_conn(conn, limit)))
            .await
    }
}

/// Opens a session. It has no lock file: the process that opens it is not the worker's.
pub(super) async fn open(
    store: &SqliteStore,
    info: SessionInfo,
    worker: ExternalWorker,
) -> Result<SessionId, StoreError> {
    let nonce = session_nonce(&store.location)?;
    store
        .write(operation!(|conn| open_in_txn(conn, &info, &worker, nonce)))
        .await
}

/// Writes the row of a new session.
async fn open_in_txn(
    conn: &mut SqliteConnection,
    info: &SessionInfo,
    worker: &ExternalWorker,
    nonce: u32,
) -> Result<SessionId, DbError> {
    let program = serde_json::to_string(&worker.program)
        .map_err(|error| corrupt("an external worker", error))?;
    let id = sqlx::query_scalar(include_str!("sql/external/open.sql"))
        .bind(&info.worker)
        .bind(info.opened_at.as_millis())
        .bind(json::array(&info.job_ids)?)
        .bind(json::array(&info.queues)?)
        .bind(json::array(&info.labels)?)
        .bind(json::array(&info.slot_caps)?)
        .bind(i64::try_from(info.lease.as_millis()).unwrap_or(i64::MAX))
        .bind(nonce)
        .bind(program)
        .bind(&worker.token_digest)
        .fetch_one(conn)
        .await?;
    Ok(SessionId(id))
}

/// Reads the external worker of a session.
pub(super) async fn worker_on_conn(
    conn: &mut SqliteConnection,
    session: SessionId,
) -> Result<Option<ExternalWorker>, DbError> {
    let row = sqlx::query(include_str!("sql/external/worker.sql"))
        .bind(session.0)
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let program: &str = row.try_get(0)?;
    Ok(Some(ExternalWorker {
        program: serde_json::from_str(program)
            .map_err(|error| corrupt("an external worker", error))?,
        token_digest: row.try_get(1)?,
    }))
}

/// Renews open sessions and returns them.
pub(super) async fn renew_in_txn(
    conn: &mut SqliteConnection,
    sessions: &[SessionId],
    now: Timestamp,
) -> Result<Vec<SessionId>, DbError> {
    let rows = sqlx::query_scalar(include_str!("sql/external/renew.sql"))
        .bind(json::array(sessions)?)
        .bind(now.as_millis())
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(SessionId).collect())
}

/// Changes the beats of leases.
pub(super) async fn beat_in_txn(
    conn: &mut SqliteConnection,
    fences: &[Fence],
) -> Result<Vec<WriteAnswer>, DbError> {
    let rows = fences
        .iter()
        .map(|fence| (fence.row, fence.session, fence.claim, fence.attempt));
    let leased: Vec<(i64, i64, i64, u32)> =
        sqlx::query_as(include_str!("sql/external/beat_leases.sql"))
            .bind(json::array(rows)?)
            .fetch_all(conn)
            .await?;
    let answer = |fence: &Fence| {
        if leased.contains(&(fence.row, fence.session.0, fence.claim, fence.attempt)) {
            WriteAnswer::Settled
        } else {
            WriteAnswer::Stale
        }
    };
    Ok(fences.iter().map(answer).collect())
}

/// Reads the attempt of a lease.
pub(super) async fn lease_on_conn(
    conn: &mut SqliteConnection,
    fence: Fence,
) -> Result<Option<Claimed>, DbError> {
    let found = sqlx::query(include_str!("sql/external/lease.sql"))
        .bind(fence.session.0)
        .bind(fence.claim)
        .bind(fence.row)
        .bind(fence.attempt)
        .fetch_all(conn)
        .await?;
    Ok(rows::read(&found, &claim_of(fence))?.pop())
}

/// Lists leases with their beats.
pub(super) async fn leases_on_conn(
    conn: &mut SqliteConnection,
    after: i64,
    limit: usize,
) -> Result<Vec<LeaseBeat>, DbError> {
    let rows = sqlx::query(include_str!("sql/external/leases.sql"))
        .bind(after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    let lease = |row: &SqliteRow| {
        Ok(LeaseBeat {
            fence: fence(row)?,
            beat: row.try_get(4)?,
            claimed_at: Timestamp::from_millis(row.try_get(5)?),
            timeout_ms: row.try_get(6)?,
        })
    };
    rows.iter().map(lease).collect()
}

/// Lists attempts whose cancellation is requested.
pub(super) async fn cancel_requests_on_conn(
    conn: &mut SqliteConnection,
    limit: usize,
) -> Result<Vec<Fence>, DbError> {
    let rows = sqlx::query(include_str!("sql/external/cancel_requests.sql"))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    rows.iter().map(fence).collect()
}

/// Reads a fence from the first columns of a row.
fn fence(row: &SqliteRow) -> Result<Fence, DbError> {
    Ok(Fence {
        session: SessionId(row.try_get(0)?),
        claim: row.try_get(1)?,
        row: row.try_get(2)?,
        attempt: row.try_get(3)?,
    })
}
