//! The dispatcher: the event loop of a worker, and the only part that changes its state.
//!
//! The loop waits for five sources at once: answers of the store ([`CallEvent`]), events of
//! attempts, events of the store, shutdown requests, and a timer. It never awaits a call to the
//! store: the call is a future in `calls` that yields its answer as an event. After every event,
//! [`Dispatcher::advance`] starts all work that is due.
//!
//! The methods of [`Dispatcher`] are divided among the modules of the engine by task. Each task
//! keeps its state in a field of the dispatcher, and a flag or a count of its calls in flight.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jobs::{BoxFuture, Clock};
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc, watch};

use super::completer::{Completer, SettleBatch};
use super::executor::attempt::{AttemptEvent, ExecutorDeps};
use super::handlers::HandlerTable;
use super::hook_notifier::HookNotifier;
use super::maintenance::rescue::LivenessMonitor;
use super::retained_permits::RetainedPermits;
use super::running::Running;
use super::session::Session;
use super::slot_caps::SlotCaps;
use super::slots::{ClaimPurpose, SlotKind, SlotPool};
use super::timers::Timers;
use super::{EngineConfig, EngineParts, Stop};
use crate::Entropy;
use crate::clock::timestamp;
use crate::health::WorkerHealth;
use crate::store::{
    Claim, Claimed, Fence, LogBatch, Promotion, Renewal, SessionBeat, SessionId, Store, StoreError,
    StoreEvent, WriteAnswer,
};

/// The pause before a failed call is repeated.
pub(super) const BACKOFF: Duration = Duration::from_millis(250);

/// The most events of attempts that are handled between two rounds of store calls.
const ATTEMPT_EVENTS_AT_ONCE: usize = 1_024;

/// The answer of a call to the store. Durations are the times at which calls were sent.
#[derive(Debug)]
pub(super) enum CallEvent {
    SessionOpened(Result<SessionId, StoreError>, Duration),
    SessionRenewed(SessionId, Result<Renewal, StoreError>, Duration),
    Claimed(
        (SlotKind, ClaimPurpose),
        Claim,
        Result<Vec<Claimed>, StoreError>,
        Duration,
    ),
    Settled(SettleBatch, Result<Vec<WriteAnswer>, StoreError>),
    ProgressWritten(Result<Vec<WriteAnswer>, StoreError>),
    LogsWritten(Vec<LogBatch>, Result<Vec<WriteAnswer>, StoreError>),
    CancelRequests(Result<Vec<Fence>, StoreError>),
    Promoted(Result<Promotion, StoreError>),
    SessionBeats(Result<Vec<SessionBeat>, StoreError>),
    TakenOver(SessionBeat, Claim, Result<Vec<Claimed>, StoreError>),
    PermitsReleased(Vec<Fence>, Result<(), StoreError>),
    Aged(Result<(), StoreError>),
    SessionClosed,
}

/// The state of a worker. See the module's documentation.
pub(super) struct Dispatcher {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<Entropy>,
    pub(super) config: EngineConfig,
    pub(super) health: WorkerHealth,
    pub(super) handlers: Arc<HandlerTable>,
    /// The application's runtime, on which attempts run.
    pub(super) attempt_runtime: Handle,
    pub(super) executor_deps: Arc<ExecutorDeps>,

    attempt_events: mpsc::UnboundedReceiver<AttemptEvent>,
    store_events: broadcast::Receiver<StoreEvent>,
    /// The store sends no more events.
    store_events_closed: bool,
    stop_requests: watch::Receiver<Stop>,
    calls: FuturesUnordered<BoxFuture<'static, CallEvent>>,

    pub(super) session: Option<Session>,
    /// A session is being opened or renewed.
    pub(super) session_call_in_flight: bool,
    /// The number of the last claim or take-over of this session.
    pub(super) claim_number: i64,
    pub(super) slots: [SlotPool; 2],
    pub(super) running: HashMap<Fence, Running>,
    /// Attempts that were settled, and whose slot was freed, while their handler still runs.
    pub(super) stuck: HashSet<Fence>,
    pub(super) retained_permits: RetainedPermits,
    pub(super) slot_caps: SlotCaps,
    pub(super) completer: Completer,
    pub(super) hook_notifier: HookNotifier,
    pub(super) timers: Timers,
    pub(super) liveness: LivenessMonitor,
    pub(super) promotion_in_flight: bool,
    pub(super) ageing_in_flight: bool,
    /// A promotion has been answered. Until then, due executions may be unknown.
    pub(super) has_promoted: bool,
    idle: watch::Sender<bool>,
    pub(super) progress_in_flight: bool,
    pub(super) cancel_poll_in_flight: bool,
    pub(super) logs_in_flight: bool,
    pub(super) stop: Stop,
    /// The end of the drain; later the end of the final flush.
    pub(super) drain_until: Option<Duration>,
    pub(super) take_overs_in_flight: usize,
    /// Running attempts have been interrupted for the shutdown.
    pub(super) has_interrupted: bool,
    pub(super) is_closing: bool,
    pub(super) is_closed: bool,
}

impl Dispatcher {
    pub(super) fn new(
        handlers: Arc<HandlerTable>,
        parts: EngineParts,
        attempt_runtime: Handle,
        hook_notifier: HookNotifier,
        stop_requests: watch::Receiver<Stop>,
        idle: watch::Sender<bool>,
    ) -> Self {
        let (events, attempt_events) = mpsc::unbounded_channel();
        let executor_deps = ExecutorDeps {
            store: Arc::clone(&parts.store),
            clock: Arc::clone(&parts.clock),
            client: parts.client,
            resources: parts.resources,
            grace: parts.config.grace,
            events,
            handlers: parts.handlers,
            hooks: parts.hooks,
            health: parts.health.clone(),
            rates: Arc::new(parts.config.limits.clone()),
        };
        let size = |kind| match kind {
            SlotKind::Async => parts.config.concurrency,
            SlotKind::Blocking => parts.config.blocking_concurrency,
        };
        Self {
            store_events: parts.store.events(),
            slots: SlotKind::ALL.map(|kind| SlotPool::new(kind, size(kind), handlers.ids(kind))),
            timers: Timers::new(parts.clock.elapsed(), &parts.config),
            liveness: LivenessMonitor::default(),
            handlers,
            attempt_runtime,
            executor_deps: Arc::new(executor_deps),
            attempt_events,
            store_events_closed: false,
            stop_requests,
            calls: FuturesUnordered::new(),
            session: None,
            session_call_in_flight: false,
            claim_number: 0,
            running: HashMap::new(),
            stuck: HashSet::new(),
            retained_permits: RetainedPermits::default(),
            slot_caps: SlotCaps::new(
                &parts.config.queue_concurrency,
                &parts.config.job_concurrency,
            ),
            completer: Completer::default(),
            hook_notifier,
            promotion_in_flight: false,
            has_promoted: false,
            ageing_in_flight: false,
            idle,
            progress_in_flight: false,
            cancel_poll_in_flight: false,
            logs_in_flight: false,
            stop: Stop::No,
            drain_until: None,
            take_overs_in_flight: 0,
            has_interrupted: false,
            is_closing: false,
            is_closed: false,
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            config: parts.config,
            health: parts.health,
        }
    }

    /// The values of the application that attempts use. Dropping them runs the application's code.
    pub(super) fn application_code(&self) -> Arc<ExecutorDeps> {
        Arc::clone(&self.executor_deps)
    }

    /// Runs until a shutdown is requested and complete.
    pub(super) async fn run(mut self) {
        let mut attempt_events = Vec::with_capacity(ATTEMPT_EVENTS_AT_ONCE);
        let mut stop_requests = self.stop_requests.clone();
        loop {
            self.advance();
            if self.is_done() {
                self.health.stopped();
                return;
            }
            let now = self.clock.elapsed();
            let wait = self.next_wake().saturating_sub(now);
            tokio::select! {
                _ = self.attempt_events.recv_many(&mut attempt_events, ATTEMPT_EVENTS_AT_ONCE) => {
                    for event in attempt_events.drain(..) {
                        self.on_attempt_event(event);
                    }
                }
                Some(event) = self.calls.next() => self.on_call_event(event),
                event = self.store_events.recv(), if !self.store_events_closed => {
                    self.on_store_event(event);
                }
                changed = stop_requests.changed(), if self.stop < Stop::Now => {
                    // An error means that the runtime was dropped: no request can follow.
                    let asked = changed.map_or(Stop::Now, |()| *stop_requests.borrow_and_update());
                    self.on_stop(asked);
                }
                () = self.clock.sleep(wait) => self.on_timer(),
            }
        }
    }

    /// Starts all work that is due and possible.
    fn advance(&mut self) {
        // Decisions take every event into account that the store has already sent.
        loop {
            match self.store_events.try_recv() {
                Ok(event) => self.on_store_event(Ok(event)),
                Err(TryRecvError::Lagged(missed)) => {
                    self.on_store_event(Err(RecvError::Lagged(missed)));
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let now = self.clock.elapsed();
        self.keep_session(now);
        self.advance_shutdown(now);
        self.start_prefetched(now);
        if self.session.is_some() {
            self.promote(now);
            self.raise_aged(now);
            self.send_claims();
            self.send_heartbeat(now);
            self.monitor_sessions(now);
        }
        self.send_settlements();
        self.release_retained_permits();
        self.health.in_flight(self.running.len());
        let idle = self.is_idle();
        self.idle
            .send_if_modified(|was| std::mem::replace(was, idle) != idle);
    }

    /// True if no attempt runs, no settlement is pending and no ready execution is known.
    fn is_idle(&self) -> bool {
        let has_looked = self.session.is_some() && self.has_promoted && !self.promotion_in_flight;
        let slots = self.slots.iter().all(SlotPool::is_idle);
        has_looked && slots && self.running.is_empty() && self.completer.is_empty()
    }

    /// The next time to wake up without an event. A call in flight wakes the loop by its answer.
    fn next_wake(&self) -> Duration {
        let timers = &self.timers;
        let mut wakes = vec![timers.poll_at];
        if let Some(session) = &self.session {
            wakes.push(session.drops_at(self.config.drop_after()));
            if !self.session_call_in_flight {
                wakes.push(timers.renew_at);
            }
            if self.holds_leases() {
                wakes.push(timers.heartbeat_at);
            }
            let now = self.clock.elapsed();
            wakes.extend(self.slots.iter().filter_map(|slots| slots.resumes_at(now)));
            if self.stop == Stop::No && !self.promotion_in_flight {
                wakes.push(timers.promote_at);
            }
            if self.has_ageing() && !self.ageing_in_flight {
                wakes.push(timers.age_at);
            }
            if self.stop == Stop::No && !self.liveness.is_call_in_flight() {
                wakes.push(timers.liveness_at);
            }
        }
        wakes.extend(self.completer.retry_at());
        wakes.extend(self.drain_until);
        wakes.into_iter().min().unwrap_or(timers.poll_at)
    }

    /// Starts a call to the store. Its event comes back to the loop.
    pub(super) fn spawn_call(&self, call: impl Future<Output = CallEvent> + Send + 'static) {
        self.calls.push(Box::pin(call));
    }

    fn on_call_event(&mut self, event: CallEvent) {
        match event {
            CallEvent::SessionOpened(answer, sent_at) => self.on_session_opened(answer, sent_at),
            CallEvent::SessionRenewed(session, answer, sent_at) => {
                self.on_session_renewed(session, answer, sent_at);
            }
            CallEvent::Claimed(target, claim, answer, sent_at) => {
                self.on_claimed(target, claim, answer, sent_at);
            }
            CallEvent::Settled(batch, answer) => self.on_settled(batch, answer),
            CallEvent::ProgressWritten(answer) => self.on_progress_written(answer),
            CallEvent::LogsWritten(batch, answer) => self.on_logs_written(batch, answer),
            CallEvent::CancelRequests(answer) => {
                self.cancel_poll_in_flight = false;
                if let Some(fences) = self.record_answer(&answer) {
                    fences.iter().for_each(|fence| self.cancel(*fence));
                }
            }
            CallEvent::Promoted(answer) => self.on_promoted(&answer),
            CallEvent::SessionBeats(answer) => self.on_session_beats(answer),
            CallEvent::TakenOver(dead, claim, answer) => self.on_taken_over(dead, claim, answer),
            CallEvent::PermitsReleased(fences, answer) => self.on_permits_released(fences, answer),
            CallEvent::Aged(answer) => self.on_aged(&answer),
            CallEvent::SessionClosed => self.is_closed = true,
        }
    }

    /// The next wake-up time has come. `advance` starts what is due; only a poll begins here.
    fn on_timer(&mut self) {
        let now = self.clock.elapsed();
        if now >= self.timers.poll_at {
            let chance = self.entropy.fraction();
            self.timers.polled(now, chance);
            self.poll(now);
        }
    }

    fn on_store_event(&mut self, event: Result<StoreEvent, RecvError>) {
        let now = self.clock.elapsed();
        match event {
            Ok(StoreEvent::Ready) => self.expect_work(),
            Ok(StoreEvent::Scheduled(due)) => {
                self.timers.due_by(now, timestamp(&*self.clock), due);
            }
            Ok(StoreEvent::CancelRequested) => self.timers.heartbeat_at = now,
            Ok(StoreEvent::Finished(_)) => {}
            // Another process has written, or this loop has missed events.
            Ok(StoreEvent::Elsewhere) | Err(RecvError::Lagged(_)) => self.poll(now),
            // A store without events: only the poll finds work.
            Err(RecvError::Closed) => self.store_events_closed = true,
        }
    }

    /// Makes claims, a promotion and a heartbeat due, in case an event was missed.
    fn poll(&mut self, now: Duration) {
        self.expect_work();
        self.timers.promote_now(now);
        self.timers.heartbeat_at = self.timers.heartbeat_at.min(now);
    }

    /// Marks the store as possibly having work for every kind of slot.
    pub(super) fn expect_work(&mut self) {
        for slots in &mut self.slots {
            slots.expect_work();
        }
    }

    pub(super) fn slots_of(&mut self, kind: SlotKind) -> &mut SlotPool {
        match kind {
            SlotKind::Async => &mut self.slots[0],
            SlotKind::Blocking => &mut self.slots[1],
        }
    }

    /// Records for health reports whether the store answered, and returns the answer.
    pub(super) fn record_answer<'a, T>(&self, answer: &'a Result<T, StoreError>) -> Option<&'a T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                let error = crate::error::chain(error);
                self.health.failed(&error);
                tracing::warn!(%error, "a call to the store failed");
                None
            }
        }
    }
}
