//! The dispatcher: the event loop of a worker, and the only part that changes its state.
//!
//! The loop waits for six sources at once: answers of the store ([`StoreAnswer`]), events of
//! attempts, events of the store, signals of the broker's consumer, shutdown requests, and a timer.
//! It never awaits a call to the store: the call is a future in `calls` that yields its answer as
//! an event.
//!
//! A worker consists of parts. Each owns its state and its calls in flight, knows none of the
//! others' state, and has up to three methods:
//!
//! * `next_wake()` names the time at which it has something to do;
//! * `start(now, ..)` starts the calls that are due;
//! * `on(answer, ..)` takes the answer of one of its calls.
//!
//! After every event, [`Dispatcher::advance`] asks each part to start what is due. An effect of one
//! part on another is a line in this file.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc, watch};

use super::call::{LONGEST_SKIP, Shared, StoreCall};
use super::claim::{ClaimAnswer, Claims};
use super::completer::{Completer, CompleterAnswer};
use super::deliveries::{BrokerSignal, BrokerSignalReceiver, drain};
use super::executor::attempt::{AttemptEvent, ExecutorDeps};
use super::executor::interrupt::Cause;
use super::handlers::HandlerTable;
use super::heartbeat::{Heartbeat, HeartbeatAnswer};
use super::hook_notifier::HookNotifier;
use super::maintenance::{Maintenance, MaintenanceAnswer};
use super::outage::OutageLog;
use super::outcome::Exit;
use super::parts::EngineParts;
use super::running::Attempts;
use super::session::{SessionAnswer, SessionChange, SessionKeeper, SessionLost};
use super::shutdown::{Interruption, Shutdown, Stop, close_session};
use super::slots::SlotKind;
use crate::store::StoreEvent;

/// The most events of attempts that are handled between two rounds of store calls.
const ATTEMPT_EVENTS_AT_ONCE: usize = 1_024;

/// The answer of the store to a call of a part.
#[derive(Debug)]
enum StoreAnswer {
    Session(SessionAnswer),
    Claim(ClaimAnswer),
    Completer(CompleterAnswer),
    Heartbeat(HeartbeatAnswer),
    Maintenance(MaintenanceAnswer),
    Closed(()),
}

/// What tells the dispatcher of a change outside it.
struct EventSources {
    attempts: mpsc::UnboundedReceiver<AttemptEvent>,
    /// `None` if the store sends no more events: only polls find work.
    store: Option<broadcast::Receiver<StoreEvent>>,
    stops: watch::Receiver<Stop>,
    broker: BrokerSignalReceiver,
}

/// A worker: its parts, and the sources of its events.
pub(super) struct Dispatcher {
    shared: Arc<Shared>,
    session: SessionKeeper,
    claims: Claims,
    attempts: Attempts,
    completer: Completer,
    heartbeat: Heartbeat,
    maintenance: Maintenance,
    shutdown: Shutdown,
    /// The time of the next poll.
    poll_at: Duration,
    /// The loop sleeps to the next thing that is due, without polls and renewals.
    is_skipping: bool,

    calls: FuturesUnordered<StoreCall<StoreAnswer>>,
    events: EventSources,
    /// The consumer receives messages, so events of the store start no claim.
    is_consuming: bool,
    idle: watch::Sender<bool>,
}

impl Dispatcher {
    pub(super) fn new(
        parts: EngineParts,
        attempt_runtime: Handle,
        hook_notifier: HookNotifier,
        stop_requests: watch::Receiver<Stop>,
        idle: watch::Sender<bool>,
    ) -> Self {
        let (events, attempt_events) = mpsc::unbounded_channel();
        let handlers = HandlerTable::new(&parts.jobs, &parts.metrics);
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
            jobs: Arc::clone(&handlers),
            accepts_payload: parts.accepts_payload,
            hide_secrets: parts.hide_secrets,
            spans: parts.spans,
        };
        let is_time_virtual = parts.clock.hold().is_needed();
        let shared = Arc::new(Shared {
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            config: parts.config,
            fingerprints: parts.fingerprints,
            health: parts.health,
            outage_log: OutageLog::default(),
            is_time_virtual,
            metrics: parts.metrics,
        });
        let now = shared.now();
        Self {
            session: SessionKeeper::new(now, &shared),
            claims: Claims::new(handlers, &shared),
            attempts: Attempts::new(executor_deps, attempt_runtime, &shared),
            completer: Completer::new(now, hook_notifier, &shared),
            heartbeat: Heartbeat::new(now, &shared),
            maintenance: Maintenance::new(now, &shared),
            shutdown: Shutdown::new(&shared.config),
            poll_at: now + shared.config.poll,
            is_skipping: false,
            calls: FuturesUnordered::new(),
            events: EventSources {
                attempts: attempt_events,
                store: Some(shared.store.events()),
                stops: stop_requests,
                broker: parts.broker_signals,
            },
            is_consuming: false,
            idle,
            shared,
        }
    }

    /// The values of the application that attempts use. Dropping them runs the application's code.
    pub(super) fn application_code(&self) -> Arc<ExecutorDeps> {
        self.attempts.application_code()
    }

    /// Runs until a shutdown is requested and complete. Returns the time at which the stop must be
    /// over, on the monotonic clock.
    pub(super) async fn run(mut self) -> Duration {
        let mut attempt_events = Vec::with_capacity(ATTEMPT_EVENTS_AT_ONCE);
        let mut stop_requests = self.events.stops.clone();
        loop {
            self.advance();
            if self.shutdown.is_closed() {
                self.shared.health.stopped();
                return self.shutdown.ends_at();
            }
            let wait = self.next_wake().saturating_sub(self.shared.now());
            tokio::select! {
                _ = self.events.attempts.recv_many(&mut attempt_events, ATTEMPT_EVENTS_AT_ONCE) => {
                    for event in attempt_events.drain(..) {
                        self.on_attempt_event(event);
                    }
                }
                Some(answer) = self.calls.next() => self.on_answer(answer),
                event = next_event(&mut self.events.store) => self.on_store_event(event),
                Some(signal) = self.events.broker.recv() => self.on_broker_signals(signal),
                changed = stop_requests.changed(), if self.shutdown.may_be_asked() => {
                    // An error means that the runtime was dropped: no request can follow.
                    let asked = changed.map_or(Stop::Now, |()| *stop_requests.borrow_and_update());
                    self.shutdown.ask(asked, self.shared.now());
                }
                () = self.shared.clock.sleep(wait) => self.on_timer(),
            }
        }
    }

    /// Starts all work that is due and possible.
    fn advance(&mut self) {
        let now = self.shared.now();
        if std::mem::take(&mut self.is_skipping) {
            self.session.skip_to(now);
        }
        self.take_store_events();
        self.advance_session(now);
        self.advance_shutdown(now);
        self.attempts.start(
            now,
            &self.session.lease_deadline(),
            &mut self.claims,
            &mut self.completer,
        );
        let takes_work = self.takes_work();
        let may_claim = takes_work && !self.completer.is_backed_up();
        let session = &mut self.session;
        if takes_work {
            let calls = self.maintenance.start(now, session);
            send(&self.calls, calls, StoreAnswer::Maintenance);
        }
        let calls = self.claims.start(now, may_claim, session);
        send(&self.calls, calls, StoreAnswer::Claim);
        self.send_heartbeat(now);
        let calls = self.completer.start(now);
        send(&self.calls, calls, StoreAnswer::Completer);
        self.shared.health.in_flight(self.attempts.running.len());
        let idle = self.is_idle();
        self.idle
            .send_if_modified(|was| std::mem::replace(was, idle) != idle);
    }

    /// True while the worker claims executions and serves the fleet.
    fn takes_work(&self) -> bool {
        self.shutdown.is_running() && self.session.id().is_some()
    }

    /// True if attempts run or leased executions wait for a slot.
    fn holds_leases(&self) -> bool {
        !self.attempts.running.is_empty() || self.claims.has_prefetched()
    }

    /// True if no attempt runs, no settlement is pending and no ready execution is known.
    fn is_idle(&self) -> bool {
        let has_looked = self.session.id().is_some() && self.maintenance.promotion.is_settled();
        let is_busy = !self.attempts.running.is_empty() || !self.completer.is_empty();
        has_looked && self.claims.is_idle() && !is_busy
    }

    /// True if the virtual clock may skip polls and renewals: this worker is idle, and no other
    /// worker shares the store.
    fn may_skip(&self) -> bool {
        let is_idle = self.takes_work() && self.calls.is_empty() && self.is_idle();
        is_idle && self.maintenance.rescue.is_alone()
    }

    /// The next time to wake up without an event.
    fn next_wake(&mut self) -> Duration {
        let now = self.shared.now();
        if self.shared.is_time_virtual {
            self.is_skipping = self.may_skip();
            self.shared.health.may_be_silent(self.is_skipping);
        }
        if self.is_skipping {
            let due = [self.maintenance.next_due(), self.completer.next_wake()];
            let due = due.into_iter().flatten();
            return due.fold(now + LONGEST_SKIP, Duration::min);
        }
        let heartbeat = self.session.id().is_some() && self.holds_leases();
        let heartbeat = heartbeat.then(|| self.heartbeat.next_wake());
        let maintenance = self.takes_work().then(|| self.maintenance.next_wake());
        let wakes = [
            self.session.next_wake(self.shutdown.is_running()),
            self.claims.next_wake(now),
            self.completer.next_wake(),
            heartbeat.flatten(),
            maintenance.flatten(),
            self.shutdown.next_wake(),
        ];
        wakes
            .into_iter()
            .flatten()
            .fold(self.poll_at, Duration::min)
    }

    fn on_answer(&mut self, answer: StoreAnswer) {
        match answer {
            StoreAnswer::Session(answer) => self.on_session_answer(answer),
            StoreAnswer::Claim(answer) => {
                let current = self.session.id();
                let taken = self.claims.on(answer, current, &mut self.completer);
                if let Err(SessionLost) = taken {
                    self.on_session_lost();
                }
            }
            StoreAnswer::Completer(answer) => self.completer.on(answer),
            StoreAnswer::Heartbeat(answer) => {
                for fence in self.heartbeat.on(answer, &self.attempts) {
                    if !self.attempts.cancel(fence, self.shared.now()) {
                        self.claims.cancel(fence, &mut self.completer);
                    }
                }
            }
            StoreAnswer::Maintenance(answer) => self.on_maintenance_answer(answer),
            StoreAnswer::Closed(()) => self.shutdown.closed(),
        }
    }

    fn on_attempt_event(&mut self, event: AttemptEvent) {
        let (claims, completer) = (&mut self.claims, &mut self.completer);
        self.attempts.on(event, claims, completer);
    }

    fn on_maintenance_answer(&mut self, answer: MaintenanceAnswer) {
        match self.maintenance.on(answer, &self.session) {
            Ok(effect) => {
                if effect.expects_work && !self.is_consuming {
                    self.claims.expect_work();
                }
                for mut lease in effect.taken_over {
                    let reason = lease.unreadable.take();
                    let again = lease.lost_before;
                    let exit = reason.map_or(Exit::Lost { again }, Exit::Unreadable);
                    let completer = &mut self.completer;
                    self.claims.settle(&lease, exit, completer);
                }
            }
            Err(SessionLost) => self.on_session_lost(),
        }
    }

    /// Opens or renews the session, and gives it up if no renewal has succeeded for too long.
    fn advance_session(&mut self, now: Duration) {
        if self.session.has_expired(now) {
            tracing::warn!("could not renew the session: dropping running attempts");
            self.lose_session();
        }
        let may_open = self.shutdown.is_running();
        let info = || self.claims.session_info();
        let call = self.session.start(now, may_open, info);
        send(&self.calls, call, StoreAnswer::Session);
    }

    fn on_session_answer(&mut self, answer: SessionAnswer) {
        match self.session.on(answer) {
            SessionChange::None => {}
            SessionChange::Opened => {
                self.maintenance.promotion.hurry(self.shared.now());
                self.claims.restart();
            }
            // While the store rejects writes, no worker can renew: a beat that stands still says
            // nothing about the other workers.
            SessionChange::NotRenewed => self.maintenance.rescue.reset(),
            SessionChange::Lost => self.on_session_lost(),
        }
    }

    /// The store has answered that another worker has taken the session over.
    fn on_session_lost(&mut self) {
        tracing::warn!("lost the session: another worker has taken it over");
        self.shared.health.refused(|refused| refused.sessions += 1);
        self.lose_session();
    }

    /// Gives the session up, releases the prefetched executions and interrupts all running
    /// attempts: another worker may run them by now.
    fn lose_session(&mut self) {
        self.session.lose(self.shared.now());
        self.shared.health.session_lost();
        self.shared.metrics.lease_losses.increment();
        self.maintenance.rescue.reset();
        // If the leases still hold, the release makes a take-over unnecessary; if not, the store
        // rejects it.
        self.claims.release_prefetched(&mut self.completer);
        self.attempts.interrupt(Cause::LeaseLost);
    }

    /// Releases what waits for a slot, after the drain also the running attempts, and closes the
    /// session after the last settlement.
    fn advance_shutdown(&mut self, now: Duration) {
        if self.shutdown.is_running() {
            return;
        }
        self.claims.release_prefetched(&mut self.completer);
        self.claims.deliveries.give_up();
        match self.shutdown.advance(now) {
            None => {}
            Some(Interruption::Ask) => self.attempts.interrupt(Cause::GiveBack),
            Some(Interruption::ReleaseAsync) => {
                self.attempts.interrupt(Cause::GiveBack);
                self.attempts.release(SlotKind::Async);
            }
            Some(Interruption::ReleaseAll) => {
                for kind in SlotKind::ALL {
                    self.attempts.release(kind);
                }
            }
        }
        let all_settled = self.attempts.running.is_empty() && self.completer.is_empty();
        // A session that is being opened is awaited and closed too: otherwise it would stay open
        // until another worker takes it over.
        let may_lease = self.claims.is_claiming()
            || self.session.is_opening()
            || self.maintenance.rescue.is_taking_over();
        if all_settled && !may_lease && self.shutdown.close() {
            match self.session.stop() {
                Some(session) => {
                    let call = close_session(session, &self.shared);
                    send(&self.calls, [call], StoreAnswer::Closed);
                }
                None => self.shutdown.closed(),
            }
        }
    }

    /// Sends a heartbeat if one is due, and ends what has waited or run for too long.
    fn send_heartbeat(&mut self, now: Duration) {
        let Some(session) = self.session.id() else {
            return;
        };
        if !self.holds_leases() || !self.heartbeat.is_due(now) {
            return;
        }
        let (claims, completer) = (&mut self.claims, &mut self.completer);
        self.attempts.settle_stuck(now, claims, completer);
        claims.release_stale(now, completer);
        let calls = self.heartbeat.start(now, session, &self.attempts);
        send(&self.calls, calls, StoreAnswer::Heartbeat);
    }

    /// The next wake-up time has come. `advance` starts what is due; only a poll begins here.
    fn on_timer(&mut self) {
        let now = self.shared.now();
        if now >= self.poll_at {
            // The jitter keeps the workers of a fleet from polling at the same time.
            let jitter = 0.75 + self.shared.entropy.fraction() / 2.0;
            self.poll_at = now + self.shared.config.poll.mul_f64(jitter);
            self.claims.expect_work();
            self.poll(now);
        }
    }

    fn on_broker_signals(&mut self, first: BrokerSignal) {
        let now = self.shared.now();
        for signal in drain(&mut self.events.broker, first) {
            match signal {
                BrokerSignal::Delivery(delivery) => self.claims.deliver(delivery, now),
                BrokerSignal::Consuming(is_consuming) => {
                    self.is_consuming = is_consuming;
                    // An execution that became ready meanwhile may have no message, or a lost one.
                    self.claims.expect_work();
                }
            }
        }
    }

    /// Makes a promotion, a heartbeat and, without a consumer, claims due: an event was missed.
    fn poll(&mut self, now: Duration) {
        if !self.is_consuming {
            self.claims.expect_work();
        }
        self.maintenance.promotion.hurry(now);
        self.heartbeat.hurry(now);
    }

    /// Takes every event that the store has already sent, so that decisions know of it.
    fn take_store_events(&mut self) {
        while let Some(events) = &mut self.events.store {
            let event = match events.try_recv() {
                Ok(event) => Ok(event),
                Err(TryRecvError::Lagged(missed)) => Err(RecvError::Lagged(missed)),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            };
            self.on_store_event(event);
        }
    }

    fn on_store_event(&mut self, event: Result<StoreEvent, RecvError>) {
        let now = self.shared.now();
        if !matches!(event, Ok(StoreEvent::Finished(_))) {
            self.maintenance.rescue.store_changed();
        }
        match event {
            Ok(StoreEvent::Ready | StoreEvent::JobsReady(_)) if self.is_consuming => {}
            Ok(StoreEvent::Ready) => self.claims.expect_work(),
            Ok(StoreEvent::JobsReady(jobs)) => self.claims.expect_work_of(&jobs),
            Ok(StoreEvent::Scheduled(due)) => self.maintenance.promotion.due_by(due),
            Ok(StoreEvent::CancelRequested) => self.heartbeat.hurry(now),
            Ok(StoreEvent::Finished(_) | StoreEvent::SchedulesChanged | StoreEvent::Received) => {}
            // Another process has written, or this loop has missed events.
            Ok(StoreEvent::Elsewhere) | Err(RecvError::Lagged(_)) => self.poll(now),
            Err(RecvError::Closed) => self.events.store = None,
        }
    }
}

/// Adds calls of a part to the calls in flight.
fn send<T: 'static>(
    in_flight: &FuturesUnordered<StoreCall<StoreAnswer>>,
    calls: impl IntoIterator<Item = StoreCall<T>>,
    answer: fn(T) -> StoreAnswer,
) {
    for call in calls {
        in_flight.push(Box::pin(async move { answer(call.await) }));
    }
}

async fn next_event(
    events: &mut Option<broadcast::Receiver<StoreEvent>>,
) -> Result<StoreEvent, RecvError> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}
