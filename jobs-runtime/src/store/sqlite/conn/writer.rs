//! The writer: a thread that owns the only connection that writes.
//!
//! Callers send requests and wait for the answers. The thread takes all requests that have queued
//! up. Those that can share a transaction are written as one [`CommitGroup`] and share the cost of
//! a durable commit. Each other request gets a transaction of its own. The thread runs its own
//! Tokio runtime: a handler that blocks the application's runtime does not stop it.
//!
//! One turn of the thread:
//!
//! ```text
//! wait for a request ─▶ urgent operations ─▶ linger ─▶ group ─▶ other operations ─▶ change
//!                                                               (urgent ones first) detector
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

use super::change_detector::ChangeDetector;
use super::commit_group::{CommitGroup, GroupOutcome, WriteCall, WriteMode};
use super::error::DbError;
use super::file_identity::FileIdentity;
use super::lock_owner::LockOwner;
use super::open::{Opener, WRITER_BUSY_TIMEOUT};
use super::operation::{Operation, Outcome, QueuedOperation, QueuedRead, QueuedWrite};
use crate::clock::real;
use crate::store::sqlite::CALL_TIMEOUT;
use crate::store::{StoreError, StoreEvent};
use crate::threads;

/// Requests in the queue; further callers wait until one is taken.
const QUEUE_CAPACITY: usize = 4_096;

/// Time for which the writer tries to get the write lock from another process. Shorter than
/// [`CALL_TIMEOUT`], so that callers receive the reason instead of a timeout.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// The same while a connection of this process holds the lock. Shorter, because the code that holds
/// it may be waiting for this write.
const OWN_LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for which a group waits for the callers that the previous group answered.
const LINGER: Duration = Duration::from_micros(60);

/// The handle of the writer thread. The thread ends when the last handle is dropped.
#[derive(Debug)]
pub(in crate::store::sqlite) struct Writer {
    queue: mpsc::Sender<Request>,
    /// A second queue, which the thread empties first.
    urgent: mpsc::Sender<Box<dyn QueuedOperation>>,
    location: Arc<str>,
}

/// A request to the writer thread.
pub(in crate::store::sqlite) enum Request {
    /// A call that can share a transaction with others.
    Grouped(WriteCall),
    /// An operation that runs by itself.
    Single(Box<dyn QueuedOperation>),
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the system starts no thread.
    pub(in crate::store::sqlite) fn start(
        opener: Opener,
        connection: SqliteConnection,
        change_detector: Option<ChangeDetector>,
        events: broadcast::Sender<StoreEvent>,
        location: Arc<str>,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(QUEUE_CAPACITY);
        let (urgent, urgent_receiver) = mpsc::channel(QUEUE_CAPACITY);
        let no_thread = |error: std::io::Error| StoreError::Unavailable {
            location: location.to_string(),
            reason: format!("its writer thread cannot be started: {error}"),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(no_thread)?;
        let thread = WriterThread {
            lock_owner: opener.lock_owner(),
            file: opener.file_identity(),
            blocked_since: None,
            change_detector,
            opener,
            urgent: urgent_receiver,
            connection: Some(connection),
            events,
            location: Arc::clone(&location),
        };
        threads::spawn("jobs-sqlite", runtime, move || thread.run(receiver)).map_err(no_thread)?;
        Ok(Self {
            queue: sender,
            urgent,
            location,
        })
    }

    /// Adds a call to the group commit and waits for its answer.
    pub(in crate::store::sqlite) async fn call<T>(
        &self,
        call: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> WriteCall,
    ) -> Result<T, StoreError> {
        self.request(|reply| Request::Grouped(call(reply))).await
    }

    /// Runs `operation` in a transaction of its own, and publishes its events after the commit.
    pub(in crate::store::sqlite) async fn write<T: Send + 'static>(
        &self,
        operation: Operation<Outcome<T>>,
    ) -> Result<T, StoreError> {
        self.request(|reply| Request::Single(Box::new(QueuedWrite { operation, reply })))
            .await
    }

    /// Like [`write`](Self::write), ahead of all requests in the queue: the renewal of a session
    /// must not wait behind log lines.
    pub(in crate::store::sqlite) async fn write_urgently<T: Send + 'static>(
        &self,
        operation: Operation<Outcome<T>>,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let queued: Box<dyn QueuedOperation> = Box::new(QueuedWrite { operation, reply });
        self.send_and_wait(async { self.urgent.send(queued).await.is_ok() }, answer)
            .await
    }

    /// Runs `operation` on the writer's connection, without a transaction around it.
    pub(in crate::store::sqlite) async fn read<T: Send + 'static>(
        &self,
        operation: Operation<T>,
    ) -> Result<T, StoreError> {
        self.request(|reply| Request::Single(Box::new(QueuedRead { operation, reply })))
            .await
    }

    async fn request<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Request,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let request = request(reply);
        self.send_and_wait(async { self.queue.send(request).await.is_ok() }, answer)
            .await
    }

    /// Sends a request, and waits for its answer up to [`CALL_TIMEOUT`].
    async fn send_and_wait<T>(
        &self,
        send: impl Future<Output = bool>,
        answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let call = async {
            if !send.await {
                return Err(self.stopped());
            }
            answer.await.unwrap_or_else(|_| Err(self.stopped()))
        };
        real::timeout(CALL_TIMEOUT, call)
            .await
            .unwrap_or(Err(StoreError::Timeout(CALL_TIMEOUT)))
    }

    fn stopped(&self) -> StoreError {
        StoreError::Unavailable {
            location: self.location.to_string(),
            reason: "its writer thread has stopped: restart the program".to_owned(),
        }
    }
}

/// The state of the writer thread.
pub(in crate::store::sqlite) struct WriterThread {
    /// `None` after a broken connection was dropped.
    connection: Option<SqliteConnection>,
    /// Operations that run before the next group, and before each operation after it.
    urgent: mpsc::Receiver<Box<dyn QueuedOperation>>,
    opener: Opener,
    events: broadcast::Sender<StoreEvent>,
    /// `None` for a database in memory.
    lock_owner: Option<LockOwner>,
    /// The file that was opened first; `None` for a database in memory.
    file: Option<FileIdentity>,
    /// The time of the first failed attempt to get the write lock since the last success.
    blocked_since: Option<Instant>,
    /// `None` for a database in memory, which no other process can open.
    change_detector: Option<ChangeDetector>,
    pub(in crate::store::sqlite) location: Arc<str>,
}

impl WriterThread {
    async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut requests = Vec::new();
        let mut previous_calls = 0;
        loop {
            if requests.is_empty() {
                let check_at = self.change_detector.as_ref();
                let check_at = check_at.map_or_else(far_off, ChangeDetector::next_check);
                let urgent = tokio::select! {
                    biased;
                    Some(operation) = self.urgent.recv() => Some(operation),
                    received = queue.recv_many(&mut requests, QUEUE_CAPACITY) => match received {
                        0 => break,
                        _ => None,
                    },
                    () = tokio::time::sleep_until(check_at) => None,
                };
                if let Some(operation) = urgent {
                    operation.run(&mut self).await;
                }
            }
            self.run_urgent().await;
            linger(&mut queue, &mut requests, previous_calls);
            if let (Some(detector), false) = (&mut self.change_detector, requests.is_empty()) {
                detector.expect_changes();
            }
            let (group, operations, later) = divide(requests);
            requests = later;
            previous_calls = group.len();
            self.commit(group).await;
            for operation in operations {
                self.run_urgent().await;
                operation.run(&mut self).await;
            }
            self.detect_changes().await;
        }
        if let Some(connection) = self.connection.take() {
            // An error does no harm: every acknowledged write is in the WAL.
            let _ = sqlx::Connection::close(connection).await;
        }
    }

    async fn run_urgent(&mut self) {
        while let Ok(operation) = self.urgent.try_recv() {
            operation.run(self).await;
        }
    }

    /// Writes a group and answers its callers. If the database rejects the group, its calls are
    /// written one by one, so that a bad call fails alone. In an outage all calls fail at once.
    async fn commit(&mut self, group: CommitGroup) {
        let mut groups = VecDeque::from([group]);
        while let Some(mut group) = groups.pop_front() {
            group.drop_abandoned();
            if group.is_empty() {
                continue;
            }
            match self.try_group(&group).await {
                Ok(mut outcome) => {
                    // Events go out before the answers: a caller with an answer may rely on that.
                    self.publish(outcome.take_events());
                    group.answer(outcome);
                }
                Err(error) if group.len() > 1 && !error.is_outage() => {
                    groups.extend(group.into_single_calls());
                }
                Err(error) => group.fail(error.into_store_error(&self.location)),
            }
        }
    }

    /// Writes a group: in the optimistic mode, and in the careful one if an assumption fails.
    async fn try_group(&mut self, group: &CommitGroup) -> Result<GroupOutcome, DbError> {
        let started = Instant::now();
        let mut mode = WriteMode::Optimistic;
        loop {
            let connection = self.connection().await?;
            let error = match group.write(connection, mode).await {
                Ok(outcome) => {
                    self.blocked_since = None;
                    return Ok(outcome);
                }
                Err(error) => error,
            };
            self.roll_back(&error).await;
            let error = self.detect_own_lock(error);
            let assumption_failed =
                error.is_unique_violation() || matches!(error, DbError::AssumptionFailed);
            if error.is_busy() && started.elapsed() < LOCK_TIMEOUT {
                back_off().await;
            } else if assumption_failed && mode == WriteMode::Optimistic {
                mode = WriteMode::Careful;
            } else {
                return Err(error);
            }
        }
    }

    /// Runs `operation` between `BEGIN IMMEDIATE` and `COMMIT`.
    pub(in crate::store::sqlite) async fn in_transaction<T>(
        &mut self,
        operation: Operation<T>,
    ) -> Result<T, DbError> {
        let result = self.begin_and_run(operation).await;
        if let Err(error) = &result {
            self.roll_back(error).await;
        }
        result
    }

    async fn begin_and_run<T>(&mut self, operation: Operation<T>) -> Result<T, DbError> {
        let started = Instant::now();
        while let Err(error) = sqlx::query("BEGIN IMMEDIATE")
            .execute(self.connection().await?)
            .await
        {
            let error = self.detect_own_lock(DbError::from(error));
            if !error.is_busy() || started.elapsed() >= LOCK_TIMEOUT {
                return Err(error);
            }
            back_off().await;
        }
        self.blocked_since = None;
        let connection = self.connection().await?;
        let value = operation(&mut *connection).await?;
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(value)
    }

    /// Turns a busy error into [`DbError::OwnLock`] if this process holds the write lock and the
    /// writer has waited for [`OWN_LOCK_TIMEOUT`]. Returns every other error as it is.
    fn detect_own_lock(&mut self, error: DbError) -> DbError {
        if !error.is_busy() {
            return error;
        }
        let since = *self.blocked_since.get_or_insert_with(Instant::now);
        // SQLite had already waited for WRITER_BUSY_TIMEOUT before the first error.
        let too_long = since.elapsed() + WRITER_BUSY_TIMEOUT >= OWN_LOCK_TIMEOUT;
        let owner = self.lock_owner.as_ref().filter(|_| too_long);
        match owner.and_then(LockOwner::process_id) {
            Some(process) if process == std::process::id() => DbError::OwnLock,
            _ => error,
        }
    }

    /// Rolls back after an error, or drops a connection that is broken.
    async fn roll_back(&mut self, error: &DbError) {
        if error.is_disconnected() {
            self.connection = None;
        } else if let Some(connection) = &mut self.connection {
            // Fails if no transaction is open, which is the state to reach.
            let _ = sqlx::query("ROLLBACK").execute(connection).await;
        }
    }

    /// The connection, opened again if it was lost. A database in memory is lost with its
    /// connection. Fails if the file was removed or replaced: what SQLite writes into a file
    /// without a name is lost when the program ends.
    pub(in crate::store::sqlite) async fn connection(
        &mut self,
    ) -> Result<&mut SqliteConnection, DbError> {
        if let Some(file) = &self.file {
            file.check().map_err(DbError::Unusable)?;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None if self.opener.is_shared() => {
                let mut connection = self.opener.writer().await?;
                self.change_detector = Some(ChangeDetector::start(&mut connection).await);
                // Commits of other processes went undetected while there was no connection.
                self.publish([StoreEvent::Elsewhere]);
                connection
            }
            None => return Err(DbError::Sql(sqlx::Error::WorkerCrashed)),
        };
        Ok(self.connection.insert(connection))
    }

    /// Sends events to all receivers. There may be none.
    pub(in crate::store::sqlite) fn publish(
        &mut self,
        events: impl IntoIterator<Item = StoreEvent>,
    ) {
        for event in events {
            let _ = self.events.send(event);
        }
    }

    /// Publishes an event if another process has committed. Checks only when the detector is due.
    async fn detect_changes(&mut self) {
        let Some(detector) = &mut self.change_detector else {
            return;
        };
        if !detector.is_due() {
            return;
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        if detector.check(connection).await {
            self.publish([StoreEvent::Elsewhere]);
        }
    }
}

/// Takes further requests until there are as many as the previous group had calls, for at most
/// [`LINGER`]. Callers that were just answered need some microseconds to call again; a group that
/// does not include them makes them wait for a whole commit.
fn linger(queue: &mut mpsc::Receiver<Request>, requests: &mut Vec<Request>, previous_calls: usize) {
    let started = crate::clock::real_now();
    loop {
        while let Ok(request) = queue.try_recv() {
            requests.push(request);
        }
        if requests.is_empty() || requests.len() >= previous_calls || started.elapsed() > LINGER {
            return;
        }
        std::thread::yield_now();
    }
}

/// Divides requests into the next group, the operations after it, and the calls for a later group.
fn divide(requests: Vec<Request>) -> (CommitGroup, Vec<Box<dyn QueuedOperation>>, Vec<Request>) {
    let mut group = CommitGroup::default();
    let mut operations = Vec::new();
    let mut later = Vec::new();
    for request in requests {
        match request {
            Request::Single(operation) => operations.push(operation),
            Request::Grouped(call) => {
                if let Err(call) = group.add(call) {
                    later.push(Request::Grouped(call));
                }
            }
        }
    }
    (group, operations, later)
}

/// Waits before the next attempt to get the write lock. The time is random, so that two processes
/// do not repeat their attempts in step.
async fn back_off() {
    tokio::time::sleep(Duration::from_micros(fastrand::u64(500..3_000))).await;
}

fn far_off() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::super::operation::Operation;
    use crate::store::sqlite::SqliteStore;
    use crate::store::{Renewal, SessionInfo, SetupStore, WorkerStore};
    use crate::time::Timestamp;

    /// A renewal that is sent after a hundred other writes overtakes them.
    #[tokio::test]
    async fn a_renewal_overtakes_queued_writes() {
        let url = "sqlite::memory:".parse().unwrap();
        let store = SqliteStore::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let now = Timestamp::from_millis(1);
        let info = SessionInfo {
            worker: "w".to_owned(),
            opened_at: now,
            job_ids: Vec::new(),
            queues: Vec::new(),
            labels: Vec::new(),
            slot_caps: Vec::new(),
            fingerprints: Vec::new(),
            lease: std::time::Duration::from_secs(30),
        };
        let session = store.open_session(info.clone()).await.unwrap();
        let (open, gate) = oneshot::channel::<()>();
        let slow: Operation<_> = Box::new(|_| {
            Box::pin(async {
                gate.await.unwrap();
                Ok(((), Vec::new()))
            })
        });
        let order = std::sync::Mutex::new(Vec::new());
        let note = |what| order.lock().unwrap().push(what);
        let others = async {
            let opened = (0..100).map(|_| async {
                store.open_session(info.clone()).await.unwrap();
                note("session");
            });
            futures_util::future::join_all(opened).await;
        };
        let renewal = async {
            let answer = store.renew(session, now).await.unwrap();
            assert_eq!(answer, Renewal::Renewed);
            note("renewal");
        };
        let begin = async { open.send(()).unwrap() };
        let slow = store.writer.write(slow);
        let (slow, (), (), ()) = tokio::join!(slow, others, renewal, begin);
        slow.unwrap();
        let order = order.into_inner().unwrap();
        let place = order.iter().position(|what| *what == "renewal");
        // Tasks wake in any order, so some of the other writes may be noted before the renewal.
        assert!(place.is_some_and(|place| place < 50), "{place:?}");
    }
}
