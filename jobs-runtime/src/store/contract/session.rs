//! Sessions of workers: opening, renewal, the beat that a liveness monitor watches.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{ExternalProgram, StoreError};
use crate::time::Timestamp;

/// The id of a session: one start of one worker. An id is never used twice.
///
/// Ids grow. Their low 32 bits are a nonce from the operating system: a store that has lost its
/// last commits, or was restored from a backup, gives no id to two live workers. The beat, the
/// claims and the leases of a session carry the nonce with its id.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct SessionId(pub i64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A session to open.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// Host and process of the worker, for people.
    pub worker: String,
    /// The time at which the session is opened.
    pub opened_at: Timestamp,
    /// The job ids that the worker claims, aliases included. Used only to explain why an execution
    /// waits.
    pub job_ids: Vec<String>,
    /// The fingerprints of these jobs, under which the worker's program has published them.
    pub fingerprints: Vec<String>,
    /// The queues that the worker takes from; every queue if empty.
    pub queues: Vec<String>,
    /// The operator's labels for the worker, for people: `gpu`, `eu-west`.
    pub labels: Vec<String>,
    /// The worker's slot caps. Used only to explain why an execution waits.
    pub slot_caps: Vec<SlotCap>,
    /// The time without a renewal after which other workers take over the leases of this session.
    pub lease: Duration,
}

/// Draws the nonce of a session id.
///
/// # Errors
/// [`StoreError::Unavailable`] if the operating system has no random numbers.
pub(in crate::store) fn session_nonce(location: &str) -> Result<u32, StoreError> {
    getrandom::u32().map_err(|error| StoreError::Unavailable {
        location: location.to_owned(),
        reason: format!("the operating system gives no random numbers: {error}"),
    })
}

/// The number of a worker's slots that one queue, or one job, may use at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlotCap {
    /// The attempts that count against the cap.
    #[serde(flatten)]
    pub of: CapScope,
    /// The largest number of them at a time.
    pub most: u64,
}

/// The attempts that a [`SlotCap`] counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CapScope {
    /// The attempts of this queue.
    Queue(String),
    /// The attempts of one job, under each of its ids.
    JobIds(Vec<String>),
}

/// An open session, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessRecord {
    /// The session.
    pub session: SessionId,
    /// Host and process of the worker.
    pub worker: String,
    /// The time at which the session was opened.
    pub opened_at: Timestamp,
    /// The worker's time at its last renewal.
    pub renewed_at: Timestamp,
    /// The number of leases that the session holds.
    pub running: u64,
    /// The job ids that the worker claims; `None` if its program does not publish them.
    pub job_ids: Option<Vec<String>>,
    /// The queues that the worker takes from, every queue if empty; `None` if its program does not
    /// publish them.
    pub queues: Option<Vec<String>>,
    /// The operator's labels for the worker.
    pub labels: Vec<String>,
    /// The worker's slot caps, as far as its program publishes them.
    pub slot_caps: Vec<SlotCap>,
    /// The program of an external worker; `None` for a process with a runtime.
    pub external: Option<ExternalProgram>,
}

/// A session and its beat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionBeat {
    /// The session.
    pub session: SessionId,
    /// A counter that changes with every renewal. A beat that stands still shows a dead worker.
    pub beat: i64,
    /// Host and process of the worker, for people.
    pub worker: String,
    /// The time at which the session was opened.
    pub opened_at: Timestamp,
    /// The worker's time at its last renewal. For people: clocks of two workers are never
    /// compared.
    pub renewed_at: Timestamp,
    /// The lease of the session: its worker is dead if the beat has stood still for this time.
    pub lease: Duration,
    /// `true` if the store knows that the worker's process has ended. A store that cannot know says
    /// `false`.
    pub is_dead: bool,
}

/// The answer to a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The session is open and its beat has changed.
    Renewed,
    /// The session is closed: it was taken over, or closed by its worker.
    Lost,
}
