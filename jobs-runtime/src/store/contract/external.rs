//! External workers: their sessions, and the beats of their leases.
//!
//! An external worker speaks HTTP and has no connection to the store. A server opens a session for
//! it and renews the session while it hears from the worker. Any server may serve its leases: the
//! session keeps a digest of the secret in their tokens.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{Caps, Claim, Claimed, Fence, SessionId, SessionInfo, StoreError, WriteAnswer};
use crate::time::Timestamp;

/// An external worker, as its session keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalWorker {
    /// The program, for people.
    pub program: ExternalProgram,
    /// The SHA-256 digest of the secret in the tokens of the session's leases, in hexadecimal.
    pub token_digest: String,
}

/// The program of an external worker, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalProgram {
    /// The id that the worker chose for this start.
    pub worker_id: String,
    /// The language that the worker is written in: `python`.
    pub language: Option<String>,
    /// The version of the worker's program.
    pub version: Option<String>,
}

/// A lease of an external worker and its beat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseBeat {
    /// The fence of the attempt.
    pub fence: Fence,
    /// A counter that changes with every heartbeat of the lease.
    pub beat: i64,
    /// The time at which the lease was given.
    pub claimed_at: Timestamp,
    /// The longest time that the attempt may run.
    pub timeout_ms: Option<u64>,
}

/// The part of a store that serves external workers. Errors: see [`Store`](crate::store::Store).
#[async_trait]
pub trait ExternalStore: Send + Sync {
    /// Opens a session for an external worker. The session outlives the process that opens it: its
    /// beat alone shows whether the worker lives.
    ///
    /// Not repeatable, like [`open_session`](crate::store::WorkerStore::open_session).
    async fn open_external_session(
        &self,
        info: SessionInfo,
        worker: ExternalWorker,
    ) -> Result<SessionId, StoreError>;

    /// Returns the external worker of a session, open or closed; `None` if there is none.
    async fn external_worker(
        &self,
        session: SessionId,
    ) -> Result<Option<ExternalWorker>, StoreError>;

    /// Renews sessions of external workers in one statement. Returns the open ones; the others are
    /// lost. Repeatable.
    async fn renew_external_sessions(
        &self,
        sessions: Vec<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// Changes the beats of leases. Returns one answer per fence, in order: `Settled` or `Stale`.
    /// Repeatable.
    async fn beat_leases(&self, fences: Vec<Fence>) -> Result<Vec<WriteAnswer>, StoreError>;

    /// Returns the attempt of a lease of an external worker; `None` if the lease has ended.
    async fn external_lease(&self, fence: Fence) -> Result<Option<Claimed>, StoreError>;

    /// Returns up to `limit` leases of external workers, by the row number of their executions,
    /// from the one after `after`.
    async fn external_leases(&self, after: i64, limit: usize)
    -> Result<Vec<LeaseBeat>, StoreError>;

    /// Returns up to `limit` attempts of external workers whose cancellation was requested.
    async fn external_cancel_requests(&self, limit: usize) -> Result<Vec<Fence>, StoreError>;
}

/// The claim to which the lease of a fence belongs, for reading the lease again.
pub(in crate::store) fn claim_of(fence: Fence) -> Claim {
    Claim {
        session: fence.session,
        number: fence.claim,
        job_ids: Vec::new(),
        queues: Vec::new(),
        except: Vec::new(),
        only: Vec::new(),
        limit: 1,
        caps: Caps::default(),
        now: Timestamp::default(),
    }
}
