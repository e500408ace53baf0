//! The loop that talks to the store.
//!
//! Everything that happens to a worker is an [`Event`]. The dispatcher never waits for one thing:
//! a call to the store is a future that yields an event when it is answered, and while it is under
//! way the loop goes on. What is due next is decided in [`Dispatcher::advance`], after every batch
//! of events.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jobs::{BoxFuture, Clock};
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc, watch};

use super::completer::{Outbox, Parcel};
use super::executor::attempt::{Report, Workshop};
use super::handlers::Plan;
use super::hook_notifier::News;
use super::maintenance::rescue::Watch;
use super::retained_permits::RetainedPermits;
use super::running::Running;
use super::session::Session;
use super::slot_caps::Shares;
use super::slots::{Lane, LaneKind, What};
use super::timers::Timers;
use super::{EngineConfig, EngineParts, Stop};
use crate::Entropy;
use crate::clock::timestamp;
use crate::health::WorkerHealth;
use crate::store::{
    Claim, Claimed, Fence, LogBatch, Promotion, Renewal, SessionBeat, SessionId, Store, StoreError,
    StoreEvent, WriteAnswer,
};

/// How long a call that failed waits before it is repeated.
pub(super) const BACKOFF: Duration = Duration::from_millis(250);

/// How many reports of attempts are handled before the store is talked to again.
const REPORTS_AT_ONCE: usize = 1_024;

/// Everything that happens to a worker.
#[derive(Debug)]
pub(super) enum Event {
    Opened(Result<SessionId, StoreError>, Duration),
    Renewed(SessionId, Result<Renewal, StoreError>, Duration),
    Claimed(
        (LaneKind, What),
        Claim,
        Result<Vec<Claimed>, StoreError>,
        Duration,
    ),
    Settled(Parcel, Result<Vec<WriteAnswer>, StoreError>),
    Reported(Result<Vec<WriteAnswer>, StoreError>),
    Logged(Vec<LogBatch>, Result<Vec<WriteAnswer>, StoreError>),
    CancelRequests(Result<Vec<Fence>, StoreError>),
    Promoted(Result<Promotion, StoreError>),
    Sessions(Result<Vec<SessionBeat>, StoreError>),
    TakenOver(SessionBeat, Claim, Result<Vec<Claimed>, StoreError>),
    Unstuck(Vec<Fence>, Result<(), StoreError>),
    Aged(Result<(), StoreError>),
    Closed,
    /// A moment has come that was waited for.
    Timer,
}

/// See the module's documentation.
pub(super) struct Dispatcher {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<Entropy>,
    pub(super) config: EngineConfig,
    pub(super) health: WorkerHealth,
    pub(super) plan: Arc<Plan>,
    pub(super) executors: Handle,
    pub(super) workshop: Arc<Workshop>,

    reports: mpsc::UnboundedReceiver<Report>,
    store_events: broadcast::Receiver<StoreEvent>,
    /// Whether the store has no more events to tell.
    deaf: bool,
    stop_seen: watch::Receiver<Stop>,
    calls: FuturesUnordered<BoxFuture<'static, Event>>,

    pub(super) session: Option<Session>,
    /// Whether opening or renewing is under way.
    pub(super) contacting: bool,
    pub(super) claim_number: i64,
    pub(super) lanes: [Lane; 2],
    pub(super) running: HashMap<Fence, Running>,
    /// Attempts that were settled while their handlers still run.
    pub(super) stuck: HashSet<Fence>,
    /// Of those, the ones whose permits are kept.
    pub(super) kept: RetainedPermits,
    /// What single queues and jobs have of this worker.
    pub(super) shares: Shares,
    pub(super) outbox: Outbox,
    pub(super) news: News,
    pub(super) timers: Timers,
    pub(super) watch: Watch,
    pub(super) promoting: bool,
    /// Whether it is being looked for what has waited for long.
    pub(super) ageing: bool,
    /// Whether a promotion has been answered: before that nothing is known of what is due.
    pub(super) promoted: bool,
    idle: watch::Sender<bool>,
    pub(super) attending: usize,
    /// Whether log lines are on their way.
    pub(super) logging: bool,
    pub(super) stop: Stop,
    pub(super) drain_until: Option<Duration>,
    /// Take-overs under way.
    pub(super) taking_over: usize,
    /// Whether running attempts have been asked to let go.
    pub(super) gave_back: bool,
    pub(super) closing: bool,
    pub(super) closed: bool,
}

impl Dispatcher {
    pub(super) fn new(
        plan: Arc<Plan>,
        parts: EngineParts,
        executors: Handle,
        news: News,
        stop_seen: watch::Receiver<Stop>,
        idle: watch::Sender<bool>,
    ) -> Self {
        let (reports_sent, reports) = mpsc::unbounded_channel();
        let workshop = Workshop {
            store: Arc::clone(&parts.store),
            clock: Arc::clone(&parts.clock),
            client: parts.client,
            resources: parts.resources,
            grace: parts.config.grace,
            reports: reports_sent,
            handlers: parts.handlers,
            hooks: parts.hooks,
            health: parts.health.clone(),
            rates: Arc::new(parts.config.limits.clone()),
        };
        let slots = |kind| match kind {
            LaneKind::Async => parts.config.concurrency,
            LaneKind::Blocking => parts.config.blocking_concurrency,
        };
        Self {
            store_events: parts.store.events(),
            lanes: LaneKind::ALL.map(|kind| Lane::new(kind, slots(kind), plan.ids(kind))),
            timers: Timers::new(parts.clock.elapsed(), &parts.config),
            watch: Watch::default(),
            plan,
            executors,
            workshop: Arc::new(workshop),
            reports,
            deaf: false,
            stop_seen,
            calls: FuturesUnordered::new(),
            session: None,
            contacting: false,
            claim_number: 0,
            running: HashMap::new(),
            stuck: HashSet::new(),
            kept: RetainedPermits::default(),
            shares: Shares::new(
                &parts.config.queue_concurrency,
                &parts.config.job_concurrency,
            ),
            outbox: Outbox::default(),
            news,
            promoting: false,
            promoted: false,
            ageing: false,
            idle,
            attending: 0,
            logging: false,
            stop: Stop::No,
            drain_until: None,
            taking_over: 0,
            gave_back: false,
            closing: false,
            closed: false,
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            config: parts.config,
            health: parts.health,
        }
    }

    /// Works until it has been asked to stop and nothing is left to say.
    pub(super) async fn run(mut self) {
        let mut reports = Vec::with_capacity(REPORTS_AT_ONCE);
        let mut stop_seen = self.stop_seen.clone();
        loop {
            self.advance();
            if self.is_done() {
                self.health.stopped();
                return;
            }
            let now = self.clock.elapsed();
            let wait = self.next_moment().saturating_sub(now);
            tokio::select! {
                _ = self.reports.recv_many(&mut reports, REPORTS_AT_ONCE) => {
                    for report in reports.drain(..) {
                        self.on_report(report);
                    }
                }
                Some(event) = self.calls.next() => self.on_event(event),
                event = self.store_events.recv(), if !self.deaf => self.on_store_event(event),
                changed = stop_seen.changed(), if self.stop < Stop::Now => {
                    // Nobody can ask any more: the runtime was dropped.
                    let asked = changed.map_or(Stop::Now, |()| *stop_seen.borrow_and_update());
                    self.on_stop(asked);
                }
                () = self.clock.sleep(wait) => self.on_event(Event::Timer),
            }
        }
    }

    /// Starts everything that is due and possible.
    fn advance(&mut self) {
        // What is known to have happened is known before anything is decided.
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
        self.keep_stopping(now);
        self.start_backlog(now);
        if self.session.is_some() {
            self.promote(now);
            self.age(now);
            self.claim();
            self.attend(now);
            self.watch_sessions(now);
        }
        self.settle();
        self.give_back_permits();
        self.health.in_flight(self.running.len());
        let idle = self.is_idle();
        self.idle
            .send_if_modified(|was| std::mem::replace(was, idle) != idle);
    }

    /// Whether nothing runs, nothing is left to say and nothing ready is known of.
    fn is_idle(&self) -> bool {
        let looked = self.session.is_some() && self.promoted && !self.promoting;
        let lanes = self.lanes.iter().all(Lane::is_idle);
        looked && lanes && self.running.is_empty() && self.outbox.is_empty()
    }

    /// When to wake without an event. What is under way already wakes by its own event.
    fn next_moment(&self) -> Duration {
        let timers = &self.timers;
        let mut moments = vec![timers.poll_at];
        if let Some(session) = &self.session {
            moments.push(session.gives_up_at(self.config.patience()));
            if !self.contacting {
                moments.push(timers.renew_at);
            }
            if self.is_busy() && self.attending == 0 {
                moments.push(timers.attend_at);
            }
            let now = self.clock.elapsed();
            moments.extend(self.lanes.iter().filter_map(|lane| lane.rests_until(now)));
            if self.stop == Stop::No && !self.promoting {
                moments.push(timers.promote_at);
            }
            if self.has_ageing() && !self.ageing {
                moments.push(timers.age_at);
            }
            if self.stop == Stop::No && !self.watch.is_asking() {
                moments.push(timers.watch_at);
            }
        }
        moments.extend(self.outbox.says_again_at());
        moments.extend(self.drain_until);
        moments.into_iter().min().unwrap_or(timers.poll_at)
    }

    /// Sends a call on its way; its event comes back to the loop.
    pub(super) fn call(&self, call: impl Future<Output = Event> + Send + 'static) {
        self.calls.push(Box::pin(call));
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Opened(answer, sent_at) => self.on_opened(answer, sent_at),
            Event::Renewed(session, answer, sent_at) => self.on_renewed(session, answer, sent_at),
            Event::Claimed(lane, claim, answer, sent_at) => {
                self.on_claimed(lane, claim, answer, sent_at);
            }
            Event::Settled(parcel, answer) => self.on_settled(parcel, answer),
            Event::Reported(answer) => {
                self.attending -= 1;
                let answers = self.note(&answer).map_or(&[][..], Vec::as_slice);
                let stale = answers
                    .iter()
                    .filter(|one| **one == WriteAnswer::Stale)
                    .count();
                if stale > 0 {
                    let stale = stale as u64;
                    self.health.refused(|refused| refused.progress += stale);
                    tracing::warn!(
                        stale,
                        "refused the progress of attempts whose lease had ended"
                    );
                }
            }
            Event::Logged(batch, answer) => self.on_logged(batch, answer),
            Event::CancelRequests(answer) => {
                self.attending -= 1;
                if let Some(fences) = self.note(&answer) {
                    fences.iter().for_each(|fence| self.cancel(*fence));
                }
            }
            Event::Promoted(answer) => self.on_promoted(&answer),
            Event::Sessions(answer) => self.on_sessions(answer),
            Event::TakenOver(dead, claim, answer) => self.on_taken_over(dead, claim, answer),
            Event::Unstuck(fences, answer) => self.on_unstuck(fences, answer),
            Event::Aged(answer) => self.on_aged(&answer),
            Event::Closed => self.closed = true,
            Event::Timer => {
                let now = self.clock.elapsed();
                if now >= self.timers.poll_at {
                    let chance = self.entropy.fraction();
                    self.timers.polled(now, chance);
                    self.look_everywhere(now);
                }
            }
        }
    }

    fn on_store_event(&mut self, event: Result<StoreEvent, RecvError>) {
        let now = self.clock.elapsed();
        match event {
            Ok(StoreEvent::Ready) => self.hope(),
            Ok(StoreEvent::Scheduled(due)) => {
                self.timers.due_by(now, timestamp(&*self.clock), due);
            }
            Ok(StoreEvent::CancelRequested) => self.timers.attend_at = now,
            Ok(StoreEvent::Finished(_)) => {}
            // Written elsewhere, or more happened than was listened to.
            Ok(StoreEvent::Elsewhere) | Err(RecvError::Lagged(_)) => self.look_everywhere(now),
            // A store that tells nothing: looking from time to time is all there is.
            Err(RecvError::Closed) => self.deaf = true,
        }
    }

    /// Looks for what a hint may have missed.
    fn look_everywhere(&mut self, now: Duration) {
        self.hope();
        self.timers.promote_now(now);
        self.timers.attend_at = self.timers.attend_at.min(now);
    }

    pub(super) fn hope(&mut self) {
        for lane in &mut self.lanes {
            lane.hope();
        }
    }

    pub(super) fn lane(&mut self, kind: LaneKind) -> &mut Lane {
        match kind {
            LaneKind::Async => &mut self.lanes[0],
            LaneKind::Blocking => &mut self.lanes[1],
        }
    }

    /// Remembers whether the store answers, and unwraps the answer.
    pub(super) fn note<'a, T>(&self, answer: &'a Result<T, StoreError>) -> Option<&'a T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                let error = crate::error::chain(error);
                self.health.failed(&error);
                tracing::warn!(%error, "the store did not answer");
                None
            }
        }
    }
}
