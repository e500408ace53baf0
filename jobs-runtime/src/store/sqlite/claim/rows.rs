//! Claimed rows: JSON from `lease.sql` and `leases_of_claim.sql`, read into [`Claimed`].
//!
//! A value that cannot be read does not fail the claim. The attempt is returned with the reason in
//! `unreadable`, and the worker ends it.

use jobs::ExecutionId;
use serde::Deserialize;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::store::rules::retry_text::RetryText;
use crate::store::sqlite::conn::error::{DbError, corrupt};
use crate::store::sqlite::conn::json;
use crate::store::sqlite::conn::script::rows_named;
use crate::store::sqlite::limits::permits;
use crate::store::{Claim, Claimed, ExecutionPolicy, Fence, PermitToken, StoreError};
use crate::time::Timestamp;

/// A row: a JSON array with these values in this order.
#[derive(Deserialize)]
struct ClaimedRow {
    seq: i64,
    attempt: u32,
    spent: u32,
    /// Hexadecimal.
    id: String,
    job_id: String,
    payload: String,
    timeout_ms: Option<u64>,
    max_attempts: u32,
    retry: String,
    correlation_id: Option<String>,
    claimed_at: i64,
    flags: u8,
    queue: String,
    limits: Option<String>,
    run_at: i64,
    trace_parent: Option<String>,
    /// A JSON array.
    tags: Option<String>,
}

/// Texts of the last row, already read. Consecutive rows mostly have the same ones.
#[derive(Default)]
struct Texts {
    retries: RetryText,
    /// The last limits that were read without an error.
    limits: Option<PermitToken>,
}

impl Texts {
    fn limits(&mut self, text: &str) -> Result<PermitToken, StoreError> {
        match &self.limits {
            Some(last) if last.as_str() == text => Ok(last.clone()),
            _ => {
                permits::check(text)?;
                let read = PermitToken::from(text);
                self.limits = Some(read.clone());
                Ok(read)
            }
        }
    }
}

/// Reads the leased executions among the rows of a script. A row is a JSON array of several.
pub(in crate::store::sqlite) fn read(
    rows: &[SqliteRow],
    claim: &Claim,
) -> Result<Vec<Claimed>, DbError> {
    let mut texts = Texts::default();
    let mut claimed = Vec::new();
    for row in rows_named(rows, "claimed") {
        let text: &str = row.try_get(1)?;
        match serde_json::from_str::<Vec<ClaimedRow>>(text) {
            Ok(some) => {
                claimed.reserve(some.len());
                for row in some {
                    claimed.push(read_one(row, claim, &mut texts));
                }
            }
            // One of them cannot be read: each is then read by itself.
            Err(_) => {
                let some: Vec<Value> =
                    serde_json::from_str(text).map_err(|error| corrupt("a claim", error))?;
                for row in some {
                    claimed.push(read_value(row, claim, &mut texts)?);
                }
            }
        }
    }
    Ok(claimed)
}

/// Reads a row that may have a field of the wrong type.
///
/// # Errors
/// Without `seq` and `attempt` the lease cannot be ended, so the claim has to be rolled back.
fn read_value(row: Value, claim: &Claim, texts: &mut Texts) -> Result<Claimed, DbError> {
    let error = match ClaimedRow::deserialize(&row) {
        Ok(row) => return Ok(read_one(row, claim, texts)),
        Err(error) => error,
    };
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
        execution_id: json::id_from_hex(&id).unwrap_or_else(|_| unknown_id()),
        job_id: text(4),
        queue: text(12),
        limits: column(13).as_str().map(PermitToken::from),
        payload: text(5),
        policy: fallback_policy(),
        spent: 0,
        correlation_id: None,
        tags: Vec::new(),
        run_at: number(14).map_or(claim.now, Timestamp::from_millis),
        trace_parent: None,
        claimed_at: number(10).map_or(claim.now, Timestamp::from_millis),
        cancel_requested: false,
        lost_before: false,
        unreadable,
    })
}

fn read_one(row: ClaimedRow, claim: &Claim, texts: &mut Texts) -> Claimed {
    let mut unreadable = None;
    let mut note = |error: StoreError| unreadable = Some(error.to_string());
    let execution_id = json::id_from_hex(&row.id).unwrap_or_else(|error| {
        note(error.into_store_error(""));
        unknown_id()
    });
    let policy = texts
        .retries
        .read(row.timeout_ms, row.max_attempts, &row.retry)
        .unwrap_or_else(|error| {
            note(error);
            fallback_policy()
        });
    let limits = row.limits.map(|text| {
        texts.limits(&text).unwrap_or_else(|error| {
            note(error);
            PermitToken::from(&*text)
        })
    });
    let tags = row.tags.map_or_else(Vec::new, |text| {
        serde_json::from_str(&text).unwrap_or_else(|error| {
            note(corrupt("the tags", error).into_store_error(""));
            Vec::new()
        })
    });
    Claimed {
        fence: Fence {
            session: claim.session,
            claim: claim.number,
            row: row.seq,
            attempt: row.attempt,
        },
        execution_id,
        job_id: row.job_id,
        queue: row.queue,
        limits,
        payload: row.payload,
        policy,
        spent: row.spent,
        correlation_id: row.correlation_id,
        tags,
        run_at: Timestamp::from_millis(row.run_at),
        trace_parent: row.trace_parent,
        claimed_at: Timestamp::from_millis(row.claimed_at),
        cancel_requested: row.flags & 1 != 0,
        lost_before: row.flags & 2 != 0,
        unreadable,
    }
}

/// Replaces a policy that cannot be read. No attempt follows this one.
fn fallback_policy() -> ExecutionPolicy {
    ExecutionPolicy {
        timeout_ms: None,
        max_attempts: 1,
        retry_delays_ms: Vec::new(),
        retry_jitter: 0.0,
    }
}

/// Replaces an id that cannot be read. Writes about the attempt use its lease, not the id.
fn unknown_id() -> ExecutionId {
    ExecutionId::from_bytes([0; 16])
}
