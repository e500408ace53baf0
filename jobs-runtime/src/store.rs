//! Stores: the single source of truth about executions.
//!
//! A [`Store`] offers the transitions of an execution's life, in batches. Brokers, notifications
//! and queues in memory are hints beside it: they may be lost, repeated or late.
//!
//! ```text
//!            enqueue              claim                settle
//!   ────────────────▶ ready ─────────────▶ leases ─────────────▶ outcomes (final)
//!            │        ▲   ▲                │    ▲
//!            │        │   │ promote        │    │ renew: one row per session
//!            ├──▶ scheduled │ ◀────────────┤
//!            │        │     │              │ settle: retry, snooze, release
//!            │        ▼     │              │
//!            └──▶ blocked ──┘ ◀────────────┘
//! ```
//!
//! **Limits.** An execution with [`Limit`]s is *blocked* until it holds the permits of all of them.
//! Then it is ready.
//!
//! **Fencing.** A worker opens a *session* and renews it. The executions that it claims are leased
//! to the session. Every write of a worker carries the [`Fence`] of its lease and takes effect only
//! while the lease exists. If the renewals of a session stop, another worker *takes it over*
//! ([`WorkerStore::take_over`]): the session is closed and its leases move. Later writes of the old
//! worker about these attempts are [`WriteAnswer::Stale`].
//!
//! **Repeatable calls.** A caller that has received no answer calls again with the same arguments.
//! The caller chooses the ids of executions, a claim carries a number, and a settlement names its
//! attempt. So the second call finds what the first has written.
//!
//! The module has these layers, from the bottom to the top:
//!
//! * `contract`: the trait and its types;
//! * `rules`: decisions that both stores share, without SQL;
//! * `decode`: rows of both stores as values of the contract;
//! * `transfer`, `delegating`, `clocked` and `live`: functions and stores that are made of store
//!   calls;
//! * [`sqlite`] and `postgres`: the stores. Neither may import the other.
//!
//! The folder may import `time`, `threads`, the clock and `fingerprint`. It must never import the
//! service, the engine or `http`.

mod clocked;
mod contract;
mod decode;
mod delegating;
mod live;
#[cfg(feature = "postgres")]
pub mod postgres;
mod rules;
pub mod sqlite;
pub(crate) mod transfer;

use std::sync::Arc;

pub(crate) use clocked::ClockedStore;
pub use delegating::DelegatingStore;
pub(crate) use live::LiveStore;
pub use live::{LiveChange, LiveEvent, LiveEvents, LiveExecution};

pub use contract::audit::{AuditEntry, AuditPage, AuditQuery, AuditStore};
pub use contract::bulk::{
    BulkAct, BulkBatch, BulkEdit, BulkFilter, BulkItem, BulkOperation, BulkRequest, ItemAct, Match,
    MatchPage, NewOperation, OperationStatus, OperationStore, SkipReason,
};
pub use contract::dispatch::{
    DispatchCursor, DispatchStore, EntryKey, RepublishPage, UnpublishedEntry, WaitingPlace,
    WaitingState,
};
pub use contract::enqueue::EnqueueStore;
pub use contract::enqueue_rules::{DebounceKey, EnqueueRules, UniqueKey};
pub use contract::error::StoreError;
pub use contract::execution::{
    AttemptRecord, EnqueueAnswer, EnqueuePreview, ExecutionPolicy, ExecutionRecord, ExecutionState,
    IdempotencyKey, NewExecution,
};
pub(in crate::store) use contract::external::claim_of;
pub use contract::external::{ExternalProgram, ExternalStore, ExternalWorker, LeaseBeat};
pub use contract::inbox::{InboxStore, Received, Resolution, ResolveReceived, TakenIn};
pub use contract::lease::{Caps, Claim, Claimed, Fence, Promotion};
pub(crate) use contract::limit::limit_name;
pub use contract::limit::{
    BlockingLimit, Limit, LimitRecord, LimitRule, LimitStore, ParseRateError, PermitHolder,
    PermitToken, Permits, Rate, Reservation,
};
pub use contract::list::{Cursor, ExecutionPage, ExecutionQuery, ExecutionSort, ParseCursorError};
pub use contract::logs::{
    LogBatch, LogLevel, LogLine, LogPage, LogPlace, LogQuery, LogRecord, ParseLogLevelError,
    ParseLogPlaceError,
};
pub use contract::operator::{
    CancelAnswer, DeleteAnswer, EditAnswer, ExecutionEdit, OperatorStore, QueuePause, QueueRecord,
    RetryAnswer,
};
use contract::publish::PublishedRule;
pub use contract::publish::{MigrationStatus, PublishedJob, SessionPublication, StoreDescription};
pub use contract::read::{ReadStore, RecentOutcome};
pub use contract::retention::{
    Cutoffs, EraseAnswer, Erasure, Expired, ExpiryPage, ExpiryScan, Leftover, RetentionStore,
    Sweep, Turn,
};
pub use contract::schedule::{
    Absence, DueSchedules, FireAnswer, Firing, MAX_SCHEDULE_RUNS, NewRun, ScheduleRecord,
    ScheduleRun, ScheduleStore, ScheduledTime, Skip,
};
pub(in crate::store) use contract::session::session_nonce;
pub use contract::session::{
    CapScope, ProcessRecord, Renewal, SessionBeat, SessionId, SessionInfo, SlotCap,
};
pub use contract::settlement::{AttemptEnd, Next, ProgressReport, Settlement, WriteAnswer};
pub use contract::setup::SetupStore;
pub use contract::telemetry::{
    PermitGauge, QueueGauges, SeriesPoint, SeriesQuery, StoreGauges, StoreSizes, TableSize,
    TelemetryStore,
};
pub use contract::token::{ParseRoleError, Role, TokenRecord, TokenStore};
pub(crate) use contract::url::without_password;
pub use contract::url::{DatabaseUrl, ParseDatabaseUrlError, PostgresUrl, Synchronous};
pub use contract::worker::WorkerStore;
pub use contract::{Store, StoreEvent};
pub use rules::dedup::DedupKind;
#[cfg(feature = "http")]
pub(crate) use rules::dedup::needs_dedup;
pub use rules::error_fingerprint::error_fingerprint;
pub use transfer::{
    Export, PausedRate, RowCounts, Transferable, TransferredAttempt, TransferredExecution,
    TransferredOutcome, TransferredState,
};

/// Opens the store at a URL. Reads and writes no table: call [`SetupStore::migrate`] before other
/// methods.
///
/// # Errors
/// [`StoreError::Unavailable`] with the reason and, if there is one, the remedy.
pub async fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => Ok(Arc::new(postgres::PostgresStore::open(url).await?)),
        url => Ok(Arc::new(sqlite::SqliteStore::open(url).await?)),
    }
}
