//! Dispatch by a broker: ready executions whose message is not published yet.

use async_trait::async_trait;
use jobs::ExecutionId;

use crate::store::StoreError;
use crate::time::Timestamp;

/// The part of a store that a relay and a consumer of broker messages use. Errors: see
/// [`Store`](crate::store::Store).
///
/// With dispatch on, every transaction that makes an execution ready also writes an *unpublished
/// entry*, in every process and also in a caller's transaction. An entry exists only while its
/// execution is ready. Workers may claim the execution with or without its entry.
#[async_trait]
pub trait DispatchStore: Send + Sync {
    /// Turns dispatch on: from now on, executions that become ready get an unpublished entry.
    /// Executions that are ready already get none; [`republish`](Self::republish) adds them.
    /// Repeatable.
    ///
    /// # Errors
    /// [`StoreError::Layout`] with the remedy, if the role of this program may not create triggers.
    async fn start_dispatch(&self) -> Result<(), StoreError>;

    /// Turns dispatch off and deletes the unpublished entries. Repeatable.
    ///
    /// # Errors
    /// Those of [`start_dispatch`](Self::start_dispatch).
    async fn stop_dispatch(&self) -> Result<(), StoreError>;

    /// Returns whether dispatch is on.
    async fn is_dispatching(&self) -> Result<bool, StoreError>;

    /// Returns up to `limit` unpublished entries, the most urgent first, the oldest first among
    /// equals. Leaves out paused queues, the jobs of `except`, and entries before their time.
    /// Changes nothing. Skips what it leaves out, however much it is.
    async fn unpublished(
        &self,
        except: Vec<String>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<UnpublishedEntry>, StoreError>;

    /// Deletes entries that the broker has confirmed. An entry that was written again since it was
    /// read stays. Repeatable.
    async fn confirm_published(&self, entries: Vec<EntryKey>) -> Result<(), StoreError>;

    /// Writes an entry for each of these executions that is ready. A relay publishes it from
    /// `at` on. Has no effect while dispatch is off. Repeatable.
    async fn publish_again(&self, ids: Vec<ExecutionId>, at: Timestamp) -> Result<(), StoreError>;

    /// Examines up to `limit` ready executions in the order of a cursor, and writes an entry for
    /// those of `jobs`, except in paused queues. Finds executions whose message was lost.
    async fn republish(
        &self,
        jobs: Vec<String>,
        after: Option<DispatchCursor>,
        limit: usize,
    ) -> Result<RepublishPage, StoreError>;

    /// Counts the ready executions of each of these jobs, up to `most`, except in paused queues.
    /// Leaves out jobs without any. Examines a bounded number of rows, so a count may be too low.
    async fn ready_counts(
        &self,
        jobs: Vec<String>,
        most: usize,
    ) -> Result<Vec<(String, usize)>, StoreError>;

    /// Returns what a consumer has to know of the executions that messages name. An execution
    /// that is running, final or unknown is left out.
    async fn waiting_states(&self, ids: Vec<ExecutionId>) -> Result<Vec<WaitingState>, StoreError>;
}

/// A ready execution whose message is not published, or not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpublishedEntry {
    /// The key, for [`DispatchStore::confirm_published`].
    pub key: EntryKey,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The priority, 0–100.
    pub priority: u8,
}

/// The key of an unpublished entry, with the version that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryKey {
    /// The queue.
    pub queue: String,
    /// The job id under which the execution was enqueued.
    pub job_id: String,
    /// 100 minus the priority.
    pub rank: i16,
    /// The store's row number of the execution.
    pub row: i64,
    /// The number of the next attempt.
    pub attempt: u32,
    /// The number of times that the entry was written again.
    pub version: i64,
}

/// The place in a search for lost messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchCursor {
    pub(in crate::store) queue: String,
    pub(in crate::store) rank: i16,
    pub(in crate::store) row: i64,
}

/// A page of [`DispatchStore::republish`].
#[derive(Clone, Debug)]
pub struct RepublishPage {
    /// The number of entries that were written.
    pub written: usize,
    /// The cursor of the next page; `None` if no ready execution follows.
    pub next: Option<DispatchCursor>,
}

/// A pending or queued execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingState {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The job id under which it was enqueued.
    pub job_id: String,
    /// The queue.
    pub queue: String,
    /// The reason why it waits.
    pub place: WaitingPlace,
}

/// The reason why an execution waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingPlace {
    /// A worker can claim it.
    Ready,
    /// A worker could claim it if its queue were not paused.
    Paused,
    /// It waits for its time or for a permit. It gets an entry when it becomes ready.
    NotReady,
}

impl WaitingPlace {
    /// Reads the word of `waiting_states.sql`.
    pub(in crate::store) fn from_word(word: &str) -> Option<Self> {
        match word {
            "ready" => Some(Self::Ready),
            "paused" => Some(Self::Paused),
            "not ready" => Some(Self::NotReady),
            _ => None,
        }
    }
}
