//! Claims: the parameters of a claim's statements, and the reading of their results.
//!
//! A claim runs as part of a [commit group](super::conn::commit_group):
//!
//! 1. `choose.sql` copies the rows to claim into the temporary table `jobs_claimed_rows`;
//! 2. `apply_slot_caps.sql` and `apply_limited_cap.sql` remove rows beyond the claim's caps;
//! 3. `lease.sql` leases the rest.
//!
//! This module imports the connections, `postpone` and, for permits, `limits`. It must not import
//! `enqueue`, `settle`, `operator` or `read`.

pub(in crate::store::sqlite) mod rows;

use std::collections::BTreeMap;

use jobs::ExecutionId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::conn::commit_group::WriteCall;
use super::conn::error::{DbError, corrupt};
use super::conn::json;
use super::conn::operation::operation;
use super::conn::script::{Script, rows_named};
use super::{SqliteStore, postpone};
use crate::store::rules::poison_rows::without_rejected;
use crate::store::{Caps, Claim, Claimed, SessionId, StoreError};
use rows::read;

/// Claims. Postpones executions whose leases the database rejects.
pub(super) async fn claim(store: &SqliteStore, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
    without_rejected(
        || {
            let claim = Box::new(claim.clone());
            store.writer.call(|reply| WriteCall::Claim(claim, reply))
        },
        || {
            let claim = claim.clone();
            store.transition(operation!(|conn| postpone::leases_in_txn(conn, &claim)))
        },
    )
    .await
}

impl Claim {
    pub(super) fn job_ids_json(&self) -> Result<String, DbError> {
        json::array(&self.job_ids)
    }

    pub(super) fn except_json(&self) -> Result<String, DbError> {
        json::array(&self.except)
    }

    /// The queues to claim from; `None` for every queue.
    pub(super) fn queues_json(&self) -> Result<Option<String>, DbError> {
        let named = !self.queues.is_empty();
        named.then(|| json::array(&self.queues)).transpose()
    }

    /// The executions to claim; `None` for every execution.
    pub(super) fn only_json(&self) -> Result<Option<String>, DbError> {
        let ids: Vec<_> = self.only.iter().copied().map(json::Hex).collect();
        let named = !ids.is_empty();
        named.then(|| json::array(&ids)).transpose()
    }
}

impl Caps {
    /// A JSON object of caps by queue or by job id.
    pub(super) fn json(caps: &[(String, usize)]) -> Result<String, DbError> {
        let caps: BTreeMap<_, _> = caps.iter().map(|(name, most)| (name, most)).collect();
        serde_json::to_string(&caps).map_err(|error| corrupt("the caps of a claim", error))
    }
}

/// The result of a claim's statements.
pub(super) enum ClaimAnswer {
    /// The claim leased these executions.
    Leased(Vec<Claimed>),
    /// The session has used this claim number before. Its leases have to be looked up.
    Repeated,
    /// The session is closed or unknown.
    Lost,
}

impl ClaimAnswer {
    /// Reads the result from the rows of the script.
    pub(super) fn from_rows(claim: &Claim, rows: &[SqliteRow]) -> Result<Self, DbError> {
        let state = match rows_named(rows, "session").next() {
            Some(row) => SessionState::from_columns(row, 1)?,
            None => SessionState::CLOSED,
        };
        Ok(match state {
            SessionState { open: false, .. } => Self::Lost,
            SessionState { last_claim, .. } if last_claim >= claim.number => Self::Repeated,
            _ => Self::Leased(read(rows, claim)?),
        })
    }

    /// The executions that this call leased.
    pub(super) fn leased(&self) -> &[Claimed] {
        match self {
            Self::Leased(claimed) => claimed,
            Self::Repeated | Self::Lost => &[],
        }
    }

    /// The answer to the caller. Looks up the leases of a repeated claim.
    pub(super) async fn resolve(
        self,
        conn: &mut SqliteConnection,
        claim: &Claim,
    ) -> Result<Result<Vec<Claimed>, StoreError>, DbError> {
        match self {
            Self::Leased(claimed) => Ok(Ok(claimed)),
            Self::Repeated => leases_of_claim_on_conn(conn, claim).await.map(Ok),
            Self::Lost => Ok(Err(StoreError::SessionLost)),
        }
    }
}

/// The state of a session.
pub(super) struct SessionState {
    pub(super) open: bool,
    /// The highest number of a claim that leased something.
    pub(super) last_claim: i64,
}

impl SessionState {
    const CLOSED: Self = Self {
        open: false,
        last_claim: 0,
    };

    fn from_columns(row: &SqliteRow, first: usize) -> Result<Self, DbError> {
        Ok(Self {
            open: row.try_get(first)?,
            last_claim: row.try_get(first + 1)?,
        })
    }

    /// Looks up a session. An unknown one counts as closed.
    pub(super) async fn on_conn(
        conn: &mut SqliteConnection,
        session: SessionId,
    ) -> Result<Self, DbError> {
        let row = sqlx::query(include_str!("sql/session/state.sql"))
            .bind(session.0)
            .fetch_optional(conn)
            .await?;
        row.map_or(Ok(Self::CLOSED), |row| Self::from_columns(&row, 0))
    }
}

/// The leases of an earlier claim that still exist.
pub(super) async fn leases_of_claim_on_conn(
    conn: &mut SqliteConnection,
    claim: &Claim,
) -> Result<Vec<Claimed>, DbError> {
    let rows = sqlx::query(include_str!("sql/claim/leases_of_claim.sql"))
        .bind(claim.session.0)
        .bind(claim.number)
        .fetch_all(conn)
        .await?;
    read(&rows, claim)
}

/// The executions that a claim would lease. Leaves them chosen: the caller rolls back.
pub(super) async fn chosen_in_txn(
    conn: &mut SqliteConnection,
    claim: &Claim,
) -> Result<Vec<ExecutionId>, DbError> {
    let mut script = Script::default();
    script.choose(claim);
    script.add(include_str!("sql/claim/chosen.sql"));
    let rows = script.run_claim(conn, claim).await?;
    rows_named(&rows, "chosen")
        .map(|row| json::id_from_blob(row.try_get(1)?))
        .collect()
}

/// Leases a single execution of a claim.
pub(super) async fn lease_one_in_txn(
    conn: &mut SqliteConnection,
    claim: &Claim,
    id: ExecutionId,
) -> Result<ClaimAnswer, DbError> {
    let claim = Claim {
        only: vec![id],
        limit: 1,
        ..claim.clone()
    };
    let mut script = Script::default();
    script.add_claim(Some(&claim));
    let rows = script.run_claim(conn, &claim).await?;
    ClaimAnswer::from_rows(&claim, &rows)
}
