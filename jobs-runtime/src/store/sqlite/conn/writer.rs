//! The one who writes: an actor on a thread of its own that owns the connection.
//!
//! Callers send what they want written and wait for the answer. The actor takes everything that
//! has queued up meanwhile and writes it in one transaction ([`group`](super::commit_group)), so that the
//! price of a durable commit is shared by all who wait. Its thread has its own runtime: no handler
//! that blocks the application's threads can stop it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

use super::change_detector::Watch;
use super::commit_group::{Call, Group};
use super::error::Fault;
use super::lock_owner::Holder;
use super::open::Opener;
use super::operation::{Read, Step, Work, Write};
use crate::store::{StoreError, StoreEvent};

/// Requests that may wait before callers are held back.
const QUEUE: usize = 4_096;

/// How long the writer asks for the file's lock while others hold it; shorter than
/// [`DEADLINE`](crate::store::sqlite::DEADLINE), so that callers learn the reason.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it asks while this very process holds the lock by another connection: probably the one
/// who waits for us is the one who holds it.
const PATIENCE_WITH_OURSELVES: Duration = Duration::from_secs(5);

/// How long a group waits for callers who were in the group before and are just coming back.
const GATHERING: Duration = Duration::from_micros(60);

/// The way to the writer. The actor ends when the last one is dropped.
#[derive(Debug)]
pub(in crate::store::sqlite) struct Writer {
    queue: mpsc::Sender<Request>,
    /// The way past everything that waits.
    urgent: mpsc::Sender<Box<dyn Step>>,
    location: Arc<str>,
}

/// Something to write.
pub(in crate::store::sqlite) enum Request {
    /// What may share a transaction.
    Call(Call),
    /// What has one of its own.
    Step(Box<dyn Step>),
}

impl Writer {
    /// Starts the actor.
    pub(in crate::store::sqlite) fn start(
        opener: Opener,
        connection: SqliteConnection,
        watch: Option<Watch>,
        events: broadcast::Sender<StoreEvent>,
        location: Arc<str>,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (urgent, urgent_receiver) = mpsc::channel(QUEUE);
        let no_thread = |error: std::io::Error| StoreError::Unavailable {
            location: location.to_string(),
            reason: format!("its thread cannot be started: {error}"),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(no_thread)?;
        let desk = Desk {
            holder: opener.holder(),
            blocked_since: None,
            watch,
            opener,
            urgent: urgent_receiver,
            connection: Some(connection),
            events,
            location: Arc::clone(&location),
        };
        std::thread::Builder::new()
            .name("jobs-sqlite".to_owned())
            .spawn(move || runtime.block_on(desk.work(receiver)))
            .map_err(no_thread)?;
        Ok(Self {
            queue: sender,
            urgent,
            location,
        })
    }

    /// Hands something to the group commit and waits for its answer.
    pub(in crate::store::sqlite) async fn call<T>(
        &self,
        call: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Call,
    ) -> Result<T, StoreError> {
        self.ask(|answer| Request::Call(call(answer))).await
    }

    /// Runs `work` in a transaction of its own; what it returns beside its value is told to those
    /// who listen once it is committed.
    pub(in crate::store::sqlite) async fn write<T: Send + 'static>(
        &self,
        work: Work<(T, Vec<StoreEvent>)>,
    ) -> Result<T, StoreError> {
        self.ask(|answer| Request::Step(Box::new(Write { work, answer })))
            .await
    }

    /// Like [`write`](Self::write), before everything that waits: a lease does not wait in a queue of
    /// log lines.
    pub(in crate::store::sqlite) async fn write_urgently<T: Send + 'static>(
        &self,
        work: Work<(T, Vec<StoreEvent>)>,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let step: Box<dyn Step> = Box::new(Write { work, answer });
        self.asked(async { self.urgent.send(step).await.is_ok() }, answered)
            .await
    }

    /// Runs `work` on the writer's connection, without a transaction around it.
    pub(in crate::store::sqlite) async fn read<T: Send + 'static>(
        &self,
        work: Work<T>,
    ) -> Result<T, StoreError> {
        self.ask(|answer| Request::Step(Box::new(Read { work, answer })))
            .await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Request,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let request = request(answer);
        self.asked(async { self.queue.send(request).await.is_ok() }, answered)
            .await
    }

    /// Sends, then waits for the answer.
    async fn asked<T>(
        &self,
        send: impl Future<Output = bool>,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let asking = async {
            if !send.await {
                return Err(self.stopped());
            }
            answered.await.unwrap_or_else(|_| Err(self.stopped()))
        };
        tokio::time::timeout(crate::store::sqlite::DEADLINE, asking)
            .await
            .unwrap_or(Err(StoreError::Timeout(crate::store::sqlite::DEADLINE)))
    }

    fn stopped(&self) -> StoreError {
        StoreError::Unavailable {
            location: self.location.to_string(),
            reason: "its writer has stopped: restart the program".to_owned(),
        }
    }
}

/// The actor.
pub(in crate::store::sqlite) struct Desk {
    connection: Option<SqliteConnection>,
    /// Done before a group, and between two steps.
    urgent: mpsc::Receiver<Box<dyn Step>>,
    opener: Opener,
    events: broadcast::Sender<StoreEvent>,
    holder: Option<Holder>,
    /// Since when others have held the lock to write, over all calls.
    blocked_since: Option<Instant>,
    /// Looks out for other processes; a database in memory has none.
    watch: Option<Watch>,
    pub(in crate::store::sqlite) location: Arc<str>,
}

impl Desk {
    async fn work(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut waiting = Vec::new();
        let mut group_before = 0;
        loop {
            if waiting.is_empty() {
                let look = self.watch.as_ref().map_or_else(far_off, Watch::next_look);
                let urgent = tokio::select! {
                    biased;
                    Some(step) = self.urgent.recv() => Some(step),
                    taken = queue.recv_many(&mut waiting, QUEUE) => match taken {
                        0 => break,
                        _ => None,
                    },
                    () = tokio::time::sleep_until(look) => None,
                };
                if let Some(step) = urgent {
                    step.run(&mut self).await;
                }
            }
            self.do_urgent().await;
            gather(&mut queue, &mut waiting, group_before);
            if let (Some(watch), false) = (&mut self.watch, waiting.is_empty()) {
                watch.stir();
            }
            let (group, steps, later) = arrange(waiting);
            waiting = later;
            group_before = group.len();
            self.commit(group).await;
            for step in steps {
                self.do_urgent().await;
                step.run(&mut self).await;
            }
            self.look_elsewhere().await;
        }
        if let Some(connection) = self.connection.take() {
            // Errors do not matter: everything acknowledged is in the log already.
            let _ = sqlx::Connection::close(connection).await;
        }
    }

    async fn do_urgent(&mut self) {
        while let Ok(step) = self.urgent.try_recv() {
            step.run(self).await;
        }
    }

    /// Writes a group and answers it. One that is refused is tried in halves, so that a bad call
    /// fails alone; in an outage all fail at once.
    async fn commit(&mut self, group: Group) {
        let mut groups = vec![group];
        while let Some(mut group) = groups.pop() {
            group.drop_abandoned();
            if group.is_empty() {
                continue;
            }
            match self.try_group(&group).await {
                Ok(mut outcome) => {
                    // Before the answers: who has an answer can rely on others having been told.
                    self.publish(outcome.take_events());
                    group.answer(outcome);
                }
                Err(fault) if group.len() > 1 && !fault.is_outage() => {
                    let second = group.split();
                    groups.extend([second, group]);
                }
                Err(fault) => group.fail(fault.at(&self.location)),
            }
        }
    }

    async fn try_group(&mut self, group: &Group) -> Result<super::commit_group::Outcome, Fault> {
        let started = Instant::now();
        let mut way = super::commit_group::Way::Optimistic;
        loop {
            let connection = self.connection().await?;
            let fault = match group.write(connection, way).await {
                Ok(outcome) => {
                    self.blocked_since = None;
                    return Ok(outcome);
                }
                Err(fault) => fault,
            };
            self.roll_back(&fault).await;
            let fault = self.named(fault);
            let surprised = fault.is_unique_violation() || matches!(fault, Fault::Unexpected);
            if fault.is_busy() && started.elapsed() < PATIENCE {
                pause().await;
            } else if surprised && way == super::commit_group::Way::Optimistic {
                way = super::commit_group::Way::Careful;
            } else {
                return Err(fault);
            }
        }
    }

    /// Runs `work` between `BEGIN IMMEDIATE` and `COMMIT`.
    pub(in crate::store::sqlite) async fn in_transaction<T>(
        &mut self,
        work: Work<T>,
    ) -> Result<T, Fault> {
        let result = self.begin_and_run(work).await;
        if let Err(fault) = &result {
            self.roll_back(fault).await;
        }
        result
    }

    async fn begin_and_run<T>(&mut self, work: Work<T>) -> Result<T, Fault> {
        let started = Instant::now();
        while let Err(error) = sqlx::query("BEGIN IMMEDIATE")
            .execute(self.connection().await?)
            .await
        {
            let fault = self.named(Fault::from(error));
            if !fault.is_busy() || started.elapsed() >= PATIENCE {
                return Err(fault);
            }
            pause().await;
        }
        self.blocked_since = None;
        let connection = self.connection().await?;
        let value = work(&mut *connection).await?;
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(value)
    }

    /// A busy lock, by the name of who holds it when that is ourselves for too long.
    fn named(&mut self, fault: Fault) -> Fault {
        if !fault.is_busy() {
            return fault;
        }
        let since = *self.blocked_since.get_or_insert_with(Instant::now);
        // The first look comes after SQLite's own second of asking.
        let too_long =
            since.elapsed() + super::open::WRITER_BUSY_TIMEOUT >= PATIENCE_WITH_OURSELVES;
        let holder = self.holder.as_ref().filter(|_| too_long);
        match holder.and_then(Holder::process) {
            Some(process) if process == std::process::id() => Fault::OwnLock,
            _ => fault,
        }
    }

    /// Leaves no transaction open behind a failure, and no dead connection.
    async fn roll_back(&mut self, fault: &Fault) {
        if fault.is_disconnected() {
            self.connection = None;
        } else if let Some(connection) = &mut self.connection {
            // Fails when there is no transaction, which is what is wanted.
            let _ = sqlx::query("ROLLBACK").execute(connection).await;
        }
    }

    /// The connection, made again if it was lost. A database in memory is lost with it.
    pub(in crate::store::sqlite) async fn connection(
        &mut self,
    ) -> Result<&mut SqliteConnection, Fault> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None if self.opener.is_shared() => {
                let mut connection = self.opener.writer().await?;
                self.watch = Some(Watch::start(&mut connection).await);
                // Nobody watched in between.
                self.publish([StoreEvent::Elsewhere]);
                connection
            }
            None => return Err(Fault::Sql(sqlx::Error::WorkerCrashed)),
        };
        Ok(self.connection.insert(connection))
    }

    /// Tells those who listen. Nobody may.
    pub(in crate::store::sqlite) fn publish(
        &mut self,
        events: impl IntoIterator<Item = StoreEvent>,
    ) {
        for event in events {
            let _ = self.events.send(event);
        }
    }

    async fn look_elsewhere(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        if !watch.is_due() {
            return;
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        if watch.look(connection).await {
            self.publish([StoreEvent::Elsewhere]);
        }
    }
}

/// Lets those come in who were answered by the group before and ask again: their threads need a
/// moment, and a group without them would leave them to wait for a whole commit.
fn gather(queue: &mut mpsc::Receiver<Request>, waiting: &mut Vec<Request>, group_before: usize) {
    let started = crate::clock::real_now();
    loop {
        while let Ok(request) = queue.try_recv() {
            waiting.push(request);
        }
        if waiting.is_empty() || waiting.len() >= group_before || started.elapsed() > GATHERING {
            return;
        }
        std::thread::yield_now();
    }
}

/// What goes together into the next transaction, what gets one of its own, and what has to wait.
fn arrange(waiting: Vec<Request>) -> (Group, Vec<Box<dyn Step>>, Vec<Request>) {
    let mut group = Group::default();
    let mut steps = Vec::new();
    let mut later = Vec::new();
    for request in waiting {
        match request {
            Request::Step(step) => steps.push(step),
            Request::Call(call) => {
                if let Err(call) = group.take(call) {
                    later.push(Request::Call(call));
                }
            }
        }
    }
    (group, steps, later)
}

/// Between two requests for the lock: long enough to let the other one work, and never the same,
/// so that two who wait do not stay in step.
async fn pause() {
    tokio::time::sleep(Duration::from_micros(fastrand::u64(500..3_000))).await;
}

fn far_off() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::super::operation::Work;
    use crate::store::sqlite::SqliteStore;
    use crate::store::{Renewal, SessionInfo, Store};
    use crate::time::Timestamp;

    /// A hundred transactions wait for the writer, and a renewal that comes after them.
    #[tokio::test]
    async fn a_renewal_does_not_queue_behind_what_waits() {
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
        };
        let session = store.open_session(info.clone()).await.unwrap();
        let (open, gate) = oneshot::channel::<()>();
        let slow: Work<_> = Box::new(|_| {
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
                note("another");
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
        // Woken in any order, some of the others may tell of it sooner.
        assert!(place.is_some_and(|place| place < 50), "{place:?}");
    }
}
