//! Connections with a purpose: an actor each, which owns its connection and makes it again.
//!
//! What must not wait for each other goes through lanes of its own: a renewal never queues behind a
//! big settlement. A lane connects when it first has something to do and hangs up when it has had
//! nothing for a while. It lives on the store's own threads: no handler that blocks the
//! application's can stop it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Executor;
use sqlx::postgres::PgConnection;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

use super::connect::Connector;
use super::error::Fault;
use super::notifier::Herald;
use super::operation::{Done, Shape, Transition};
use super::statements::Statements;
use super::tx::Db;
use crate::store::StoreError;
use crate::store::postgres::DEADLINE;

/// Calls that may wait before callers are held back.
const QUEUE: usize = 1_024;

/// After this long without a call, a connection is closed.
const IDLE: Duration = Duration::from_secs(300);

/// How long a connection that keeps a session alive may be silent: one that was lost without a word is
/// left while the lease still holds.
pub(in crate::store::postgres) const SILENCE: Duration = Duration::from_secs(5);

/// How often a transition that others were in the way of is run.
const TRIES: u32 = 10;

/// The pause between two attempts to connect: the first, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What the lanes of a store share.
pub(in crate::store::postgres) struct Shared {
    pub(in crate::store::postgres) connector: Connector,
    pub(in crate::store::postgres) sql: Statements,
    pub(in crate::store::postgres) herald: Herald,
    pub(in crate::store::postgres) location: Arc<str>,
}

/// How long the connections of a lane wait.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) struct Manners {
    /// Whoever makes one of them wait for longer loses it, and is asked again on another if the call
    /// allows it.
    pub(in crate::store::postgres) patience: Duration,
    /// For a lock, if not as long as usual.
    pub(in crate::store::postgres) waits_for_locks: Option<Duration>,
    /// Whether the server keeps its warnings to itself.
    pub(in crate::store::postgres) is_quiet: bool,
}

impl Manners {
    /// For what a role may do or may not, and no matter which.
    pub(in crate::store::postgres) fn quiet() -> Self {
        Self {
            is_quiet: true,
            ..Self::default()
        }
    }

    fn connector(self, usual: &Connector) -> Connector {
        let connector = match self.waits_for_locks {
            Some(patience) => usual.hurried(patience),
            None => usual.clone(),
        };
        match self.is_quiet {
            true => connector.quiet(),
            false => connector,
        }
    }
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            patience: DEADLINE,
            waits_for_locks: None,
            is_quiet: false,
        }
    }
}

/// The way to one or several connections of one purpose. The actors end when it is dropped.
#[derive(Debug)]
pub(in crate::store::postgres) struct Lane {
    queue: mpsc::Sender<Box<dyn Errand>>,
    location: Arc<str>,
}

impl Lane {
    /// Starts `width` actors that share the work.
    pub(in crate::store::postgres) fn start(
        runtime: &Handle,
        shared: &Arc<Shared>,
        width: usize,
        manners: Manners,
    ) -> Self {
        let (queue, errands) = mpsc::channel(QUEUE);
        let errands = Arc::new(Mutex::new(errands));
        for _ in 0..width {
            let desk = Desk {
                connector: manners.connector(&shared.connector),
                shared: Arc::clone(shared),
                connection: None,
                backoff: None,
                patience: manners.patience,
            };
            runtime.spawn(desk.work(Arc::clone(&errands)));
        }
        Self {
            queue,
            location: Arc::clone(&shared.location),
        }
    }

    /// Has a transition run and waits for its answer.
    pub(in crate::store::postgres) async fn run<T: Transition>(
        &self,
        transition: T,
    ) -> Result<T::Answer, StoreError> {
        self.ask(|answer| Box::new(Ask { transition, answer }))
            .await
    }

    /// Sends an errand and waits for its answer, no longer than [`DEADLINE`].
    pub(in crate::store::postgres) async fn ask<T>(
        &self,
        errand: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Box<dyn Errand>,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let asking = async {
            self.send(errand(answer)).await?;
            answered.await.unwrap_or_else(|_| Err(self.stopped()))
        };
        tokio::time::timeout(DEADLINE, asking)
            .await
            .unwrap_or(Err(StoreError::Timeout(DEADLINE)))
    }

    /// Sends an errand that answers by itself.
    pub(in crate::store::postgres) async fn send(
        &self,
        errand: Box<dyn Errand>,
    ) -> Result<(), StoreError> {
        self.queue.send(errand).await.map_err(|_| self.stopped())
    }

    fn stopped(&self) -> StoreError {
        StoreError::Unavailable {
            location: self.location.to_string(),
            reason: "its connections have stopped: restart the program".to_owned(),
        }
    }
}

/// Something for an actor to do and to answer.
#[async_trait]
pub(in crate::store::postgres) trait Errand: Send {
    /// Does it and answers.
    async fn run(self: Box<Self>, desk: &mut Desk);
}

/// A transition with its type hidden.
struct Ask<T: Transition> {
    transition: T,
    answer: oneshot::Sender<Result<T::Answer, StoreError>>,
}

#[async_trait]
impl<T: Transition> Errand for Ask<T> {
    async fn run(self: Box<Self>, desk: &mut Desk) {
        if self.answer.is_closed() {
            return;
        }
        let result = desk.perform(&self.transition).await;
        // The caller may have left; it is done all the same.
        let _ = self
            .answer
            .send(result.map_err(|fault| fault.at(desk.location())));
    }
}

/// When to connect again after a failure, and why not before.
struct Backoff {
    pause: Duration,
    until: Instant,
    reason: String,
}

/// An actor.
pub(in crate::store::postgres) struct Desk {
    shared: Arc<Shared>,
    connector: Connector,
    connection: Option<PgConnection>,
    backoff: Option<Backoff>,
    /// What one attempt at a call may take on a connection that was there before.
    patience: Duration,
}

impl Desk {
    async fn work(mut self, errands: Arc<Mutex<mpsc::Receiver<Box<dyn Errand>>>>) {
        loop {
            let next = async { errands.lock().await.recv().await };
            let errand = match &self.connection {
                None => next.await,
                Some(_) => match tokio::time::timeout(IDLE, next).await {
                    Ok(errand) => errand,
                    Err(_) => {
                        self.hang_up().await;
                        continue;
                    }
                },
            };
            match errand {
                Some(errand) => errand.run(&mut self).await,
                None => break,
            }
        }
        self.hang_up().await;
    }

    /// Says goodbye, so that the server does not wonder. Failing at that is no failure.
    async fn hang_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            let goodbye = sqlx::Connection::close(connection);
            let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
        }
    }

    pub(in crate::store::postgres) fn location(&self) -> &str {
        &self.shared.location
    }

    /// Runs a transition until it is done, refused or out of time, and tells those who listen.
    ///
    /// A connection that turns out to be lost is made again once: a server that was restarted in a
    /// quiet moment costs nobody an error.
    pub(in crate::store::postgres) async fn perform<T: Transition>(
        &mut self,
        transition: &T,
    ) -> Result<T::Answer, Fault> {
        let deadline = Instant::now() + DEADLINE;
        let mut tries = 0;
        let mut lost_before = false;
        if !T::REPEATABLE {
            self.look_alive().await;
        }
        loop {
            tries += 1;
            let fresh = self.connection.is_none();
            // What a new connection does not answer either, it does not answer because of what was
            // asked: that may take its time.
            let until = match fresh {
                true => deadline,
                false => deadline.min(Instant::now() + self.patience),
            };
            let attempt = tokio::time::timeout_at(until, self.attempt(transition)).await;
            let fault = match attempt {
                Ok(Ok((answer, events))) => {
                    // Before the answer: who has an answer can rely on others having been told.
                    self.shared.herald.tell(events);
                    return Ok(answer);
                }
                Ok(Err(fault)) => fault,
                // Whatever is still under way on it: nobody uses this connection again.
                Err(_) => Fault::Store(StoreError::Timeout(DEADLINE)),
            };
            if fault.is_disconnected() {
                self.connection = None;
                if T::REPEATABLE && !fresh && !lost_before && Instant::now() < deadline {
                    lost_before = true;
                    continue;
                }
                return Err(fault);
            }
            if self.keeps_open::<T>() && self.roll_back().await.is_err() {
                self.connection = None;
            }
            if !fault.is_contention() || tries >= TRIES {
                return Err(fault);
            }
            tokio::time::sleep(pause(tries)).await;
        }
    }

    async fn attempt<T: Transition>(&mut self, transition: &T) -> Result<Done<T::Answer>, Fault> {
        self.connect().await?;
        let Some(conn) = &mut self.connection else {
            return Err(Fault::Unreachable("it is not connected".to_owned()));
        };
        let sql = &self.shared.sql;
        let prologue = self.connector.prologue();
        let mut db = match (T::SHAPE, prologue) {
            (Shape::Statement, None) => Db::plain(conn, sql, true),
            _ => Db::in_transaction(conn, sql, prologue),
        };
        let done = transition.run(&mut db).await?;
        if T::SHAPE == Shape::Transaction || prologue.is_some() {
            db.commit().await?;
        }
        Ok(done)
    }

    /// Makes the connection, unless that failed only a moment ago.
    async fn connect(&mut self) -> Result<(), Fault> {
        if self.connection.is_some() {
            return Ok(());
        }
        if let Some(backoff) = &self.backoff
            && Instant::now() < backoff.until
        {
            return Err(Fault::Unreachable(backoff.reason.clone()));
        }
        match self.connector.connect().await {
            Ok(connection) => {
                self.connection = Some(connection);
                self.backoff = None;
                Ok(())
            }
            Err(fault) => {
                let (first, longest) = BACKOFF;
                let pause = match &self.backoff {
                    Some(before) => (before.pause * 2).min(longest),
                    None => first,
                };
                let error = fault.at(self.location());
                let reason = match &error {
                    StoreError::Unavailable { reason, .. } => reason.clone(),
                    other => other.to_string(),
                };
                self.backoff = Some(Backoff {
                    pause,
                    until: Instant::now() + pause,
                    reason: reason.clone(),
                });
                Err(Fault::Unreachable(reason))
            }
        }
    }

    /// Hangs up if the connection was lost while nobody looked: what cannot be repeated shall not be
    /// the one to find out.
    async fn look_alive(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let asking = tokio::time::timeout(Duration::from_secs(5), connection.execute(""));
        if !matches!(asking.await, Ok(Ok(_))) {
            self.connection = None;
        }
    }

    /// Whether a failure of this transition may leave a transaction open.
    fn keeps_open<T: Transition>(&self) -> bool {
        T::SHAPE == Shape::Transaction || self.connector.prologue().is_some()
    }

    /// Leaves no transaction open behind a failure.
    async fn roll_back(&mut self) -> Result<(), Fault> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let rolling_back = connection.execute("ROLLBACK");
        match tokio::time::timeout(Duration::from_secs(5), rolling_back).await {
            Ok(result) => result.map(drop).map_err(Fault::from),
            Err(_) => Err(Fault::Store(StoreError::Timeout(DEADLINE))),
        }
    }
}

/// Longer with every try, and never the same, so that two who were in each other's way part.
fn pause(tries: u32) -> Duration {
    Duration::from_micros(fastrand::u64(200..2_000) * u64::from(tries))
}
