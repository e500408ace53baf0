//! External workers: their sessions, and the beats of their leases.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::claim;
use super::conn::error::{DbError, corrupt};
use super::conn::operation::{Operation, Outcome, without_events};
use super::conn::text::{decode, encode, encode_all};
use super::conn::tx::Tx;
use super::session::slot_caps_text;
use super::settle::fence::{Columns, at};
use crate::store::{
    Claimed, ExternalStore, ExternalWorker, Fence, LeaseBeat, SessionId, SessionInfo, StoreError,
    WriteAnswer, claim_of, session_nonce,
};
use crate::time::Timestamp;

#[async_trait]
impl ExternalStore for PostgresStore {
    async fn open_external_session(
        &self,
        info: SessionInfo,
        worker: ExternalWorker,
    ) -> Result<SessionId, StoreError> {
        let nonce = session_nonce(&self.shared.location)?;
        let open = OpenExternalSession {
            info,
            worker,
            nonce,
        };
        self.sessions.run(open).await
    }

    async fn external_worker(
        &self,
        session: SessionId,
    ) -> Result<Option<ExternalWorker>, StoreError> {
        self.read(ReadExternalWorker(session)).await
    }

    async fn renew_external_sessions(
        &self,
        sessions: Vec<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let renew = RenewExternalSessions(sessions, now);
        self.sessions.run(renew).await
    }

    async fn beat_leases(&self, fences: Vec<Fence>) -> Result<Vec<WriteAnswer>, StoreError> {
        self.progress.run(BeatLeases(fences)).await
    }

    async fn external_lease(&self, fence: Fence) -> Result<Option<Claimed>, StoreError> {
        self.read(ReadExternalLease(fence)).await
    }

    async fn external_leases(
        &self,
        after: i64,
        limit: usize,
    ) -> Result<Vec<LeaseBeat>, StoreError> {
        self.read(ListExternalLeases { after, limit }).await
    }

    async fn external_cancel_requests(&self, limit: usize) -> Result<Vec<Fence>, StoreError> {
        let requests = ListExternalCancelRequests(limit);
        self.monitor.run(requests).await
    }
}

/// Opens a session.
pub(super) struct OpenExternalSession {
    pub(super) info: SessionInfo,
    pub(super) worker: ExternalWorker,
    pub(super) nonce: u32,
}

#[async_trait]
impl Operation for OpenExternalSession {
    type Output = SessionId;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<SessionId>, DbError> {
        let info = &self.info;
        let program = serde_json::to_string(&self.worker.program)
            .map_err(|error| corrupt("an external worker", error))?;
        let query = tx
            .query(&tx.sql.external_open)
            .bind(encode(&info.worker))
            .bind(info.opened_at.as_millis())
            .bind(encode_all(&info.job_ids))
            .bind(encode_all(&info.queues))
            .bind(encode_all(&info.labels))
            .bind(slot_caps_text(&info.slot_caps)?)
            .bind(i64::try_from(info.lease.as_millis()).unwrap_or(i64::MAX))
            .bind(i64::from(self.nonce))
            .bind(program)
            .bind(&self.worker.token_digest);
        let rows = tx.fetch(query).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        Ok(without_events(SessionId(row.try_get(0)?)))
    }
}

/// Reads the external worker of a session.
pub(super) struct ReadExternalWorker(pub(super) SessionId);

#[async_trait]
impl Operation for ReadExternalWorker {
    type Output = Option<ExternalWorker>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx.query(&tx.sql.external_worker).bind(self.0.0);
        let rows = tx.fetch(query).await?;
        let Some(row) = rows.first() else {
            return Ok(without_events(None));
        };
        let program: String = row.try_get(0)?;
        Ok(without_events(Some(ExternalWorker {
            program: serde_json::from_str(&program)
                .map_err(|error| corrupt("an external worker", error))?,
            token_digest: decode(row.try_get(1)?),
        })))
    }
}

/// Renews open sessions and returns them.
pub(super) struct RenewExternalSessions(pub(super) Vec<SessionId>, pub(super) Timestamp);

#[async_trait]
impl Operation for RenewExternalSessions {
    type Output = Vec<SessionId>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let ids: Vec<i64> = self.0.iter().map(|session| session.0).collect();
        let query = tx
            .query(&tx.sql.external_renew)
            .bind(ids)
            .bind(self.1.as_millis());
        let rows = tx.fetch(query).await?;
        let renewed = rows.iter().map(|row| Ok(SessionId(row.try_get(0)?)));
        Ok(without_events(renewed.collect::<Result<_, DbError>>()?))
    }
}

/// Changes the beats of leases.
pub(super) struct BeatLeases(pub(super) Vec<Fence>);

#[async_trait]
impl Operation for BeatLeases {
    type Output = Vec<WriteAnswer>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let columns = Columns::of(self.0.iter());
        let query = tx
            .query(&tx.sql.external_beat_leases)
            .bind(columns.seq)
            .bind(columns.session)
            .bind(columns.claim)
            .bind(columns.attempt);
        let mut answers = vec![WriteAnswer::Stale; self.0.len()];
        for row in tx.fetch(query).await? {
            if let Some(answer) = at(&mut answers, row.try_get(0)?) {
                *answer = WriteAnswer::Settled;
            }
        }
        Ok(without_events(answers))
    }
}

/// Reads the attempt of a lease.
pub(super) struct ReadExternalLease(pub(super) Fence);

#[async_trait]
impl Operation for ReadExternalLease {
    type Output = Option<Claimed>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let fence = self.0;
        let query = tx
            .query(&tx.sql.external_lease)
            .bind(fence.session.0)
            .bind(fence.claim)
            .bind(fence.row)
            .bind(i64::from(fence.attempt));
        let rows = tx.fetch(query).await?;
        let (mut claimed, _) = claim::read(&rows, &claim_of(fence))?;
        Ok(without_events(claimed.pop()))
    }
}

/// Lists leases with their beats.
pub(super) struct ListExternalLeases {
    pub(super) after: i64,
    pub(super) limit: usize,
}

#[async_trait]
impl Operation for ListExternalLeases {
    type Output = Vec<LeaseBeat>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.external_leases)
            .bind(self.after)
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let lease = |row: &PgRow| -> Result<LeaseBeat, DbError> {
            let timeout_ms: Option<i64> = row.try_get(6)?;
            Ok(LeaseBeat {
                fence: fence(row)?,
                beat: row.try_get(4)?,
                claimed_at: Timestamp::from_millis(row.try_get(5)?),
                timeout_ms: timeout_ms.and_then(|millis| u64::try_from(millis).ok()),
            })
        };
        Ok(without_events(
            rows.iter().map(lease).collect::<Result<_, _>>()?,
        ))
    }
}

/// Lists attempts whose cancellation is requested.
pub(super) struct ListExternalCancelRequests(pub(super) usize);

#[async_trait]
impl Operation for ListExternalCancelRequests {
    type Output = Vec<Fence>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.external_cancel_requests)
            .bind(i64::try_from(self.0).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        Ok(without_events(
            rows.iter().map(fence).collect::<Result<_, _>>()?,
        ))
    }
}

/// Reads a fence from the first columns of a row.
fn fence(row: &PgRow) -> Result<Fence, DbError> {
    Ok(Fence {
        session: SessionId(row.try_get(0)?),
        claim: row.try_get(1)?,
        row: row.try_get(2)?,
        attempt: super::number("an attempt's number", row.try_get::<i32, _>(3)?)?,
    })
}
