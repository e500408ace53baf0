//! Where executions live: the only truth.
//!
//! A [`Store`] speaks in the transitions of an execution's life, in batches. Brokers,
//! notifications and queues in memory are hints beside it, which may be lost, repeated or late.
//!
//! ```text
//!            enqueue                claim                 settle
//!   ─────────────────▶ ready ──────────────▶ leases ──────────────▶ outcomes (final)
//!            │           ▲  ▲                 │  ▲
//!            │           │  │ promote         │  │ renew: one row per session
//!            └─────▶ scheduled ◀──────────────┘
//!            └─────▶ held ──┘    settle: retry, snooze
//! ```
//!
//! **Limits.** What a job's limits hold back is *held* instead of ready: see [`limit`].
//!
//! **Fencing.** A worker opens a *session* and renews it; what it claims is leased to that session.
//! Every write by a worker names its [`Fence`] and holds only while that lease does. A session
//! whose renewals stand still is *taken over* by another ([`Store::take_over`]): it is closed, its
//! leases change hands, and whatever its worker still says about them is [`WriteAnswer::Stale`].
//!
//! **Ambiguity.** A caller that did not get an answer asks again with the same words: ids of
//! executions come from the caller, a claim carries the claimer's number for it, a settlement
//! names its attempt. The second call finds what the first did.

mod clocked;
mod contract;
mod poison;
#[cfg(feature = "postgres")]
pub mod postgres;
mod rules;
pub mod sqlite;
pub(crate) mod transfer;

use std::sync::Arc;

pub(crate) use clocked::ClockedStore;

pub use contract::error::StoreError;
pub use contract::execution::{
    AttemptRecord, EnqueueAnswer, ExecutionPolicy, ExecutionRecord, ExecutionState, IdempotencyKey,
    NewExecution,
};
pub use contract::lease::{
    AttemptEnd, CancelAnswer, CapScope, Caps, Claim, Claimed, DeleteAnswer, Fence, Next,
    ProcessRecord, ProgressReport, Promotion, Renewal, RetryAnswer, SessionBeat, SessionId,
    SessionInfo, Settlement, SlotCap, WriteAnswer,
};
pub(crate) use contract::limit::limit_name;
pub use contract::limit::{
    BlockingLimit, DebounceKey, EditAnswer, EnqueueRules, ExecutionEdit, Limit, LimitRule,
    ParseRateError, PermitHolder, PermitToken, Permits, QueueRecord, Rate, Reservation, UniqueKey,
};
pub use contract::list::{Cursor, ExecutionPage, ExecutionQuery, ParseCursorError};
pub use contract::logs::{
    LogBatch, LogLevel, LogLine, LogPage, LogPlace, LogQuery, LogRecord, ParseLogLevelError,
    ParseLogPlaceError,
};
use contract::publish::PublishedRule;
pub use contract::publish::{MigrationStatus, PublishedJob, StoreDescription};
pub(crate) use contract::url::without_password;
pub use contract::url::{DatabaseUrl, ParseDatabaseUrlError, PostgresUrl, Synchronous};
pub use contract::{Store, StoreEvent};
pub use rules::dedup::DedupKind;
pub use transfer::{
    Export, RowCounts, Transferable, TransferredAttempt, TransferredExecution, TransferredOutcome,
    TransferredState,
};

/// Opens the store that a URL names, without touching its layout.
///
/// # Errors
/// [`StoreError::Unavailable`] with the way out, where there is one.
pub async fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => Ok(Arc::new(postgres::PostgresStore::open(url).await?)),
        url => Ok(Arc::new(sqlite::SqliteStore::open(url).await?)),
    }
}
