//! Leasing ready executions to a session.

pub(in crate::store::sqlite) mod rows;

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::conn::error::{Fault, corrupt};
use super::conn::json;
use super::conn::script::rows_named;
use crate::store::{Caps, Claim, Claimed, SessionId, StoreError};
use rows::read;

impl Claim {
    pub(super) fn job_ids_json(&self) -> Result<String, Fault> {
        json::array(&self.job_ids)
    }

    pub(super) fn except_json(&self) -> Result<String, Fault> {
        json::array(&self.except)
    }

    /// `None` stands for every queue.
    pub(super) fn queues_json(&self) -> Result<Option<String>, Fault> {
        let named = !self.queues.is_empty();
        named.then(|| json::array(&self.queues)).transpose()
    }

    /// `None` stands for every execution.
    pub(super) fn only_json(&self) -> Result<Option<String>, Fault> {
        let ids: Vec<_> = self.only.iter().copied().map(json::Hex).collect();
        let named = !ids.is_empty();
        named.then(|| json::array(&ids)).transpose()
    }
}

impl Caps {
    /// An object that says how many of each, for the kinds that are not counted together.
    pub(super) fn json(kinds: &[(String, usize)]) -> Result<String, Fault> {
        let kinds: BTreeMap<_, _> = kinds.iter().map(|(kind, most)| (kind, most)).collect();
        serde_json::to_string(&kinds).map_err(|error| corrupt("the caps of a claim", error))
    }
}

/// What `claim.sql` said.
pub(super) enum ClaimAnswer {
    /// Leased by this call.
    Leased(Vec<Claimed>),
    /// The number was used before: what it holds has to be looked up.
    Repeated,
    /// The session is closed, or never was.
    Lost,
}

impl ClaimAnswer {
    /// Reads the rows of a script that `claim.sql` was part of.
    pub(super) fn from_rows(claim: &Claim, rows: &[SqliteRow]) -> Result<Self, Fault> {
        let standing = match rows_named(rows, "session").next() {
            Some(row) => Standing::from_columns(row, 1)?,
            None => Standing::CLOSED,
        };
        Ok(match standing {
            Standing { open: false, .. } => Self::Lost,
            Standing { last_claim, .. } if last_claim >= claim.number => Self::Repeated,
            _ => Self::Leased(read(rows, claim)?),
        })
    }

    /// What was leased by this call.
    pub(super) fn leased(&self) -> &[Claimed] {
        match self {
            Self::Leased(claimed) => claimed,
            Self::Repeated | Self::Lost => &[],
        }
    }

    /// The answer for the caller.
    pub(super) async fn resolve(
        self,
        conn: &mut SqliteConnection,
        claim: &Claim,
    ) -> Result<Result<Vec<Claimed>, StoreError>, Fault> {
        match self {
            Self::Leased(claimed) => Ok(Ok(claimed)),
            Self::Repeated => held_on_conn(conn, claim).await.map(Ok),
            Self::Lost => Ok(Err(StoreError::SessionLost)),
        }
    }
}

/// Where a session stands.
pub(super) struct Standing {
    pub(super) open: bool,
    pub(super) last_claim: i64,
}

impl Standing {
    const CLOSED: Self = Self {
        open: false,
        last_claim: 0,
    };

    fn from_columns(row: &SqliteRow, first: usize) -> Result<Self, Fault> {
        Ok(Self {
            open: row.try_get(first)?,
            last_claim: row.try_get(first + 1)?,
        })
    }

    /// Looks a session up.
    pub(super) async fn on_conn(
        conn: &mut SqliteConnection,
        session: SessionId,
    ) -> Result<Self, Fault> {
        let row = sqlx::query(include_str!("sql/session/standing.sql"))
            .bind(session.0)
            .fetch_optional(conn)
            .await?;
        row.map_or(Ok(Self::CLOSED), |row| Self::from_columns(&row, 0))
    }
}

/// What a claim that was made before holds by now.
pub(super) async fn held_on_conn(
    conn: &mut SqliteConnection,
    claim: &Claim,
) -> Result<Vec<Claimed>, Fault> {
    let rows = sqlx::query(include_str!("sql/claim/leased.sql"))
        .bind(claim.session.0)
        .bind(claim.number)
        .fetch_all(conn)
        .await?;
    read(&rows, claim)
}
