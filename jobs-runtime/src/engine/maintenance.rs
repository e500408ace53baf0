//! Periodic tasks of a worker that serve the whole fleet.
//!
//! Each task asks the store on its own timer and shares no state with the others:
//!
//! | task | effect |
//! |---|---|
//! | [`promotion`] | moves executions that are due from `scheduled` to `ready` |
//! | [`rescue`] | takes over the leases of a lost worker |
//! | [`ageing`] | raises the priority of executions that have waited for too long |
//! | [`retention`] | deletes what the store has kept for long enough |
//! | [`scheduler`] | fires the times of schedules, on its own thread and also without a worker |
//!
//! Every worker runs promotion and rescue. Ageing runs in workers whose configuration names queues
//! for it. The store makes concurrent runs harmless. Retention is a loop of its own beside the
//! dispatcher.
//!
//! A task may import the calls and the session of the engine, the store contract, the clock and
//! `background_loop`. It may also import the folder whose work it does (`retention`, `schedule`).
//! It starts no attempt and must never import the executor.
//!
//! # A new task
//!
//! A task is a file here with a struct that owns a [`CallTimer`](super::call::CallTimer), and three
//! methods: `next_wake()`, `start(now)` and `on(answer)`. It gets a field of
//! [`Maintenance`], a variant of [`MaintenanceAnswer`], and a line in `next_wake`, `start` and `on`
//! below. A task that waits for a known time, and not only polls, also gets a line in `next_due`.
//! The dispatcher needs no change.

mod ageing;
mod promotion;
mod rescue;
pub(super) mod retention;
pub(crate) mod scheduler;

use std::sync::Arc;
use std::time::Duration;

use super::call::{Shared, StoreCall};
use super::session::{SessionKeeper, SessionLost};
use crate::store::{Claimed, Promotion as Promoted, StoreError};

pub(super) use promotion::PROMOTION_LIMIT;

use ageing::Ageing;
use promotion::Promotion;
use rescue::{Rescue, RescueAnswer};

/// The answer of the store to a task.
#[derive(Debug)]
pub(super) enum MaintenanceAnswer {
    Promoted(Result<Promoted, StoreError>),
    Rescue(RescueAnswer),
    Aged(Result<(), StoreError>),
}

/// The effect of an answer on the rest of the worker.
#[derive(Debug, Default)]
pub(super) struct MaintenanceEffect {
    /// Executions have become ready.
    pub(super) expects_work: bool,
    /// Leases that were taken over from a lost worker, to be settled.
    pub(super) taken_over: Vec<Claimed>,
}

/// The periodic tasks of a worker. They run while a session is open, until a shutdown.
pub(super) struct Maintenance {
    pub(super) promotion: Promotion,
    pub(super) rescue: Rescue,
    ageing: Ageing,
}

impl Maintenance {
    pub(super) fn new(now: Duration, shared: &Arc<Shared>) -> Self {
        Self {
            promotion: Promotion::new(now, shared),
            rescue: Rescue::new(now, shared),
            ageing: Ageing::new(now, shared),
        }
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        let wakes = [
            self.promotion.next_wake(),
            self.rescue.next_wake(),
            self.ageing.next_wake(),
        ];
        wakes.into_iter().flatten().min()
    }

    /// The time of the next thing that is due, without polls.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let due = [self.promotion.next_due(), self.ageing.next_wake()];
        due.into_iter().flatten().min()
    }

    /// Starts the tasks that are due.
    pub(super) fn start(
        &mut self,
        now: Duration,
        session: &mut SessionKeeper,
    ) -> Vec<StoreCall<MaintenanceAnswer>> {
        let mut calls: Vec<StoreCall<_>> = Vec::new();
        if let Some(call) = self.promotion.start(now) {
            calls.push(Box::pin(async { MaintenanceAnswer::Promoted(call.await) }));
        }
        for call in self.rescue.start(now, session) {
            calls.push(Box::pin(async { MaintenanceAnswer::Rescue(call.await) }));
        }
        if let Some(call) = self.ageing.start(now) {
            calls.push(Box::pin(async { MaintenanceAnswer::Aged(call.await) }));
        }
        calls
    }

    /// # Errors
    /// Another worker has taken the session over.
    pub(super) fn on(
        &mut self,
        answer: MaintenanceAnswer,
        session: &SessionKeeper,
    ) -> Result<MaintenanceEffect, SessionLost> {
        let mut effect = MaintenanceEffect::default();
        match answer {
            MaintenanceAnswer::Promoted(answer) => {
                effect.expects_work = self.promotion.on(&answer);
            }
            MaintenanceAnswer::Rescue(answer) => {
                effect.taken_over = self.rescue.on(answer, session)?;
            }
            MaintenanceAnswer::Aged(answer) => self.ageing.on(&answer),
        }
        Ok(effect)
    }
}
