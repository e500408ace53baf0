//! Leasing ready executions to a session.

use std::collections::BTreeMap;

use jobs::ExecutionId;
use serde::Deserialize;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::fault::{Fault, corrupt};
use super::json;
use super::script::rows_named;
use crate::store::policy::RetryText;
use crate::store::{
    Caps, Claim, Claimed, ExecutionPolicy, Fence, HeldLimits, SessionId, StoreError,
};
use crate::time::Timestamp;

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

/// Counts the starts of what was leased against the rates; answers whether somebody is wanted who lets in.
pub(super) async fn count_starts(
    conn: &mut SqliteConnection,
    claimed: &[Claimed],
) -> Result<Vec<SqliteRow>, Fault> {
    let mut starts: BTreeMap<&str, (u64, i64)> = BTreeMap::new();
    for claimed in claimed {
        let Some(limits) = &claimed.limits else {
            continue;
        };
        let at = claimed.claimed_at.as_millis();
        let (count, last) = starts.entry(limits.as_str()).or_insert((0, at));
        *count += 1;
        *last = at.max(*last);
    }
    if starts.is_empty() {
        return Ok(Vec::new());
    }
    let starts = starts
        .iter()
        .map(|(limits, (count, at))| (limits, count, at));
    let statements = concat!(
        include_str!("sql/claim_started.sql"),
        include_str!("sql/settle_wanted.sql")
    );
    let rows = sqlx::query(statements)
        .bind(json::array(starts)?)
        .fetch_all(conn)
        .await?;
    Ok(rows)
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
        let row = sqlx::query(include_str!("sql/session_standing.sql"))
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
    let rows = sqlx::query(include_str!("sql/claim_held.sql"))
        .bind(claim.session.0)
        .bind(claim.number)
        .fetch_all(conn)
        .await?;
    read(&rows, claim)
}

/// seq, attempt, spent, id, job, payload, timeout, attempts, retry, correlation, claimed, cancel, queue,
/// limits
type ClaimedRow = (
    i64,
    u32,
    u32,
    String,
    String,
    String,
    Option<u64>,
    u32,
    String,
    Option<String>,
    i64,
    u8,
    String,
    Option<String>,
);

/// The leased rows among those of a script. They come as JSON, several to a row.
fn read(rows: &[SqliteRow], claim: &Claim) -> Result<Vec<Claimed>, Fault> {
    let mut retries = RetryText::default();
    let mut claimed = Vec::new();
    for row in rows_named(rows, "claimed") {
        let text: &str = row.try_get(1)?;
        match serde_json::from_str::<Vec<ClaimedRow>>(text) {
            Ok(some) => {
                claimed.reserve(some.len());
                for row in some {
                    claimed.push(read_one(row, claim, &mut retries));
                }
            }
            // One of them is unreadable: the others are leased all the same.
            Err(_) => {
                let some: Vec<Value> =
                    serde_json::from_str(text).map_err(|error| corrupt("a claim", error))?;
                for row in some {
                    claimed.push(read_apart(row, claim, &mut retries)?);
                }
            }
        }
    }
    Ok(claimed)
}

/// A row among which one cannot be read.
fn read_apart(row: Value, claim: &Claim, retries: &mut RetryText) -> Result<Claimed, Fault> {
    let error = match ClaimedRow::deserialize(&row) {
        Ok(row) => return Ok(read_one(row, claim, retries)),
        Err(error) => error,
    };
    // Whose lease it is has to be known, to end it.
    let column = |place: usize| row.get(place).unwrap_or(&Value::Null);
    let number = |place| column(place).as_i64();
    let attempt = number(1).and_then(|attempt| u32::try_from(attempt).ok());
    let (Some(seq), Some(attempt)) = (number(0), attempt) else {
        return Err(corrupt("a lease", error));
    };
    let text = |place| column(place).as_str().unwrap_or_default().to_owned();
    let (id, unreadable) = (text(3), Some(error.to_string()));
    Ok(Claimed {
        fence: Fence {
            session: claim.session,
            claim: claim.number,
            row: seq,
            attempt,
        },
        execution_id: json::id_from_hex(&id).unwrap_or_else(|_| no_id()),
        job_id: text(4),
        queue: text(12),
        limits: column(13).as_str().map(HeldLimits::from),
        payload: text(5),
        policy: stand_in(),
        spent: 0,
        correlation_id: None,
        claimed_at: claim.now,
        cancel_requested: false,
        unreadable,
    })
}

fn read_one(row: ClaimedRow, claim: &Claim, retries: &mut RetryText) -> Claimed {
    let (
        seq,
        attempt,
        spent,
        id,
        job_id,
        payload,
        timeout_ms,
        max_attempts,
        retry,
        correlation_id,
        claimed_at,
        cancel_requested,
        queue,
        limits,
    ) = row;
    let mut unreadable = None;
    let mut note = |error: StoreError| unreadable = Some(error.to_string());
    let execution_id = json::id_from_hex(&id).unwrap_or_else(|fault| {
        note(fault.at(""));
        no_id()
    });
    let policy = retries
        .read(timeout_ms, max_attempts, &retry)
        .unwrap_or_else(|error| {
            note(error);
            stand_in()
        });
    Claimed {
        fence: Fence {
            session: claim.session,
            claim: claim.number,
            row: seq,
            attempt,
        },
        execution_id,
        job_id,
        queue,
        limits: limits.as_deref().map(HeldLimits::from),
        payload,
        policy,
        spent,
        correlation_id,
        claimed_at: Timestamp::from_millis(claimed_at),
        cancel_requested: cancel_requested != 0,
        unreadable,
    }
}

/// In place of a policy that cannot be read: nothing follows this attempt.
fn stand_in() -> ExecutionPolicy {
    ExecutionPolicy {
        timeout_ms: None,
        max_attempts: 1,
        retry_delays_ms: Vec::new(),
        retry_jitter: 0.0,
    }
}

/// In place of an id that cannot be read; what is written about the attempt goes by its lease.
fn no_id() -> ExecutionId {
    ExecutionId::from_bytes([0; 16])
}
