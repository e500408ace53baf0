//! Pools of connections, one pool per purpose.
//!
//! Calls that must not wait for each other use different pools: a renewal never queues behind a
//! large settlement. A pool is a queue of requests and one or several *connection tasks*, each of
//! which owns a connection. A task connects at its first request and disconnects after five minutes
//! without one. The tasks run on the store's own threads, which a handler that blocks its thread
//! cannot stop.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Executor;
use sqlx::postgres::PgConnection;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

use super::connect::Connector;
use super::error::DbError;
use super::notifier::Notifier;
use super::operation::{Operation, Outcome, TxMode};
use super::statements::Statements;
use super::tx::Tx;
use crate::clock::real;
use crate::store::StoreError;
use crate::store::postgres::DEADLINE;

/// Requests that a pool queues; further callers wait until there is space.
const QUEUE_LENGTH: usize = 1_024;

/// Time without a request after which a task closes its connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Time limit of a call on an established connection of the `sessions` pool. A dead connection is
/// thus replaced while the session's leases are still valid.
const SESSION_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs of an operation that fails by contention with other transactions.
const MAX_TRIES: u32 = 10;

/// First and longest pause between two attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Parts of a store that its pools share.
pub(in crate::store::postgres) struct Shared {
    pub(in crate::store::postgres) connector: Connector,
    pub(in crate::store::postgres) sql: Statements,
    pub(in crate::store::postgres) notifier: Notifier,
    pub(in crate::store::postgres) location: Arc<str>,
}

/// Timeouts and settings of a pool's connections.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) struct PoolOptions {
    /// Time limit of a call on an established connection. On expiry the connection is closed, and
    /// a repeatable operation runs once more on a new one.
    pub(in crate::store::postgres) call_timeout: Duration,
    /// Time limit of a wait for a lock; `None`: that of `conn/connect.rs`.
    pub(in crate::store::postgres) lock_timeout: Option<Duration>,
    /// True if the server sends no notices and warnings.
    pub(in crate::store::postgres) hides_warnings: bool,
}

impl PoolOptions {
    /// For sessions: a dead connection is given up early.
    pub(in crate::store::postgres) fn for_sessions() -> Self {
        Self {
            call_timeout: SESSION_TIMEOUT,
            ..Self::default()
        }
    }

    /// For statements that the role may lack privileges for: the server's warnings are suppressed.
    pub(in crate::store::postgres) fn without_warnings() -> Self {
        Self {
            hides_warnings: true,
            ..Self::default()
        }
    }

    fn connector(self, default: &Connector) -> Connector {
        let connector = match self.lock_timeout {
            Some(timeout) => default.with_lock_timeout(timeout),
            None => default.clone(),
        };
        if self.hides_warnings {
            connector.without_warnings()
        } else {
            connector
        }
    }
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            call_timeout: DEADLINE,
            lock_timeout: None,
            hides_warnings: false,
        }
    }
}

/// Queue of requests for one or several connections. Its tasks end when its last clone is dropped.
#[derive(Clone, Debug)]
pub(in crate::store::postgres) struct Pool {
    queue: mpsc::Sender<Box<dyn Request>>,
    location: Arc<str>,
}

impl Pool {
    /// Starts connection tasks that take requests from one queue.
    pub(in crate::store::postgres) fn start(
        runtime: &Handle,
        shared: &Arc<Shared>,
        connections: usize,
        options: PoolOptions,
    ) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE_LENGTH);
        let requests = Arc::new(Mutex::new(requests));
        for _ in 0..connections {
            let task = ConnectionTask {
                connector: options.connector(&shared.connector),
                shared: Arc::clone(shared),
                connection: None,
                backoff: None,
                call_timeout: options.call_timeout,
            };
            runtime.spawn(task.serve(Arc::clone(&requests)));
        }
        Self {
            queue,
            location: Arc::clone(&shared.location),
        }
    }

    /// Runs an operation and waits for its output, no longer than [`DEADLINE`].
    pub(in crate::store::postgres) async fn run<T: Operation>(
        &self,
        operation: T,
    ) -> Result<T::Output, StoreError> {
        self.request_with(|reply| Box::new(OperationRequest { operation, reply }))
            .await
    }

    /// Sends the request made from a reply channel and waits for the reply, no longer than
    /// [`DEADLINE`].
    pub(in crate::store::postgres) async fn request_with<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Box<dyn Request>,
    ) -> Result<T, StoreError> {
        let (reply, replied) = oneshot::channel();
        let waiting = async {
            self.send(request(reply)).await?;
            replied.await.unwrap_or_else(|_| Err(self.stopped()))
        };
        real::timeout(DEADLINE, waiting)
            .await
            .unwrap_or(Err(StoreError::Timeout(DEADLINE)))
    }

    /// Queues a request, unless the queue is full.
    pub(in crate::store::postgres) fn try_send(&self, request: Box<dyn Request>) {
        let _ = self.queue.try_send(request);
    }

    async fn send(&self, request: Box<dyn Request>) -> Result<(), StoreError> {
        self.queue.send(request).await.map_err(|_| self.stopped())
    }

    fn stopped(&self) -> StoreError {
        StoreError::Unavailable {
            location: self.location.to_string(),
            reason: "its connections have stopped: restart the program".to_owned(),
        }
    }
}

/// Work for a connection task, with its reply channel.
#[async_trait]
pub(in crate::store::postgres) trait Request: Send {
    /// Does the work and replies.
    async fn run(self: Box<Self>, task: &mut ConnectionTask);
}

/// An operation as a request: hides the operation's type.
struct OperationRequest<T: Operation> {
    operation: T,
    reply: oneshot::Sender<Result<T::Output, StoreError>>,
}

#[async_trait]
impl<T: Operation> Request for OperationRequest<T> {
    async fn run(self: Box<Self>, task: &mut ConnectionTask) {
        if self.reply.is_closed() {
            return;
        }
        let result = task.run_operation(&self.operation).await;
        // A caller that has stopped waiting needs no reply; the operation took effect.
        let _ = self
            .reply
            .send(result.map_err(|error| error.at(task.location())));
    }
}

/// Pause after a failed attempt to connect, and the reason of the failure.
struct Backoff {
    pause: Duration,
    until: Instant,
    reason: String,
    /// The server refused the user.
    is_refused: bool,
}

impl Backoff {
    fn error(&self) -> DbError {
        let reason = self.reason.clone();
        if self.is_refused {
            DbError::Refused(reason)
        } else {
            DbError::Unreachable(reason)
        }
    }
}

/// Owner of one connection: executes requests, reconnects, retries.
pub(in crate::store::postgres) struct ConnectionTask {
    shared: Arc<Shared>,
    connector: Connector,
    connection: Option<PgConnection>,
    backoff: Option<Backoff>,
    /// See [`PoolOptions::call_timeout`].
    call_timeout: Duration,
}

impl ConnectionTask {
    async fn serve(mut self, requests: Arc<Mutex<mpsc::Receiver<Box<dyn Request>>>>) {
        loop {
            let next = async { requests.lock().await.recv().await };
            let request = match &self.connection {
                None => next.await,
                Some(_) => match tokio::time::timeout(IDLE_TIMEOUT, next).await {
                    Ok(request) => request,
                    Err(_) => {
                        self.disconnect().await;
                        continue;
                    }
                },
            };
            match request {
                Some(request) => request.run(&mut self).await,
                None => break,
            }
        }
        self.disconnect().await;
    }

    /// Closes the connection in the way of the protocol. A failure of that is ignored.
    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            let closing = sqlx::Connection::close(connection);
            let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
        }
    }

    pub(in crate::store::postgres) fn location(&self) -> &str {
        &self.shared.location
    }

    /// Runs an operation until it succeeds, fails or is out of time, and publishes its events.
    ///
    /// A repeatable operation whose connection turns out to be lost runs once more on a new one:
    /// after a restart of the server, the first call on an idle connection does not fail.
    pub(in crate::store::postgres) async fn run_operation<T: Operation>(
        &mut self,
        operation: &T,
    ) -> Result<T::Output, DbError> {
        let deadline = Instant::now() + DEADLINE;
        let mut tries = 0;
        let mut lost_before = false;
        if !T::REPEATABLE {
            self.check_connection().await;
        }
        loop {
            tries += 1;
            let fresh = self.connection.is_none();
            // On a new connection a slow answer is due to the operation, which may use its full
            // time.
            let until = if fresh {
                deadline
            } else {
                deadline.min(Instant::now() + self.call_timeout)
            };
            let attempt = tokio::time::timeout_at(until, self.try_once(operation)).await;
            let error = match attempt {
                Ok(Ok((output, events))) => {
                    // Before the reply: a caller that has one can rely on the events.
                    self.shared.notifier.publish(events);
                    return Ok(output);
                }
                Ok(Err(error)) => error,
                // A statement may still run on the connection, which is not used again.
                Err(_) => DbError::Store(StoreError::Timeout(DEADLINE)),
            };
            if error.is_disconnected() {
                self.connection = None;
                if T::REPEATABLE && !fresh && !lost_before && Instant::now() < deadline {
                    lost_before = true;
                    continue;
                }
                return Err(error);
            }
            if self.may_leave_transaction_open::<T>() && self.roll_back().await.is_err() {
                self.connection = None;
            }
            if !error.is_contention() || tries >= MAX_TRIES {
                return Err(error);
            }
            tokio::time::sleep(pause(tries)).await;
        }
    }

    async fn try_once<T: Operation>(
        &mut self,
        operation: &T,
    ) -> Result<Outcome<T::Output>, DbError> {
        self.connect().await?;
        let Some(conn) = &mut self.connection else {
            return Err(DbError::Unreachable("it is not connected".to_owned()));
        };
        let sql = &self.shared.sql;
        let prologue = self.connector.prologue();
        let mut tx = match (T::TX_MODE, prologue) {
            (TxMode::Statement, None) => Tx::plain(conn, sql, true),
            _ => Tx::in_transaction(conn, sql, prologue),
        };
        let outcome = operation.run(&mut tx).await?;
        if T::TX_MODE == TxMode::Transaction || prologue.is_some() {
            tx.commit().await?;
        }
        Ok(outcome)
    }

    /// Connects, unless an attempt has failed and its pause is not over.
    async fn connect(&mut self) -> Result<(), DbError> {
        if self.connection.is_some() {
            return Ok(());
        }
        if let Some(backoff) = &self.backoff
            && Instant::now() < backoff.until
        {
            return Err(backoff.error());
        }
        match self.connector.connect().await {
            Ok(connection) => {
                self.connection = Some(connection);
                self.backoff = None;
                Ok(())
            }
            Err(error) => {
                let (first, longest) = BACKOFF;
                let pause = match &self.backoff {
                    Some(before) => (before.pause * 2).min(longest),
                    None => first,
                };
                let (reason, is_refused) = match error.at(self.location()) {
                    StoreError::Unavailable { reason, .. } => (reason, false),
                    StoreError::Refused { reason, .. } => (reason, true),
                    other => (other.to_string(), false),
                };
                let backoff = Backoff {
                    pause,
                    until: Instant::now() + pause,
                    reason,
                    is_refused,
                };
                let error = backoff.error();
                self.backoff = Some(backoff);
                Err(error)
            }
        }
    }

    /// Drops the connection if it was lost while it was idle, so that an operation that cannot be
    /// repeated does not fail by that.
    async fn check_connection(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let probe = tokio::time::timeout(Duration::from_secs(5), connection.execute(""));
        if !matches!(probe.await, Ok(Ok(_))) {
            self.connection = None;
        }
    }

    /// Returns true if a failure of the operation may leave a transaction open.
    fn may_leave_transaction_open<T: Operation>(&self) -> bool {
        T::TX_MODE == TxMode::Transaction || self.connector.prologue().is_some()
    }

    /// Ends the transaction that a failure has left open.
    async fn roll_back(&mut self) -> Result<(), DbError> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let rolling_back = connection.execute("ROLLBACK");
        match tokio::time::timeout(Duration::from_secs(5), rolling_back).await {
            Ok(result) => result.map(drop).map_err(DbError::from),
            Err(_) => Err(DbError::Store(StoreError::Timeout(DEADLINE))),
        }
    }
}

/// Pause before the next try: random and longer each time, so that two transactions do not collide
/// again.
fn pause(tries: u32) -> Duration {
    Duration::from_micros(fastrand::u64(200..2_000) * u64::from(tries))
}
