//! The contract of a store: the trait [`Store`], the traits that it is made of, and the types
//! that their methods take and return.
//!
//! The folder may import `time` and `fingerprint`. It must never import a store, `rules` or
//! `decode`. Both stores, the engine and the service import its types from [`crate::store`].

pub(in crate::store) mod audit;
pub(in crate::store) mod bulk;
pub(in crate::store) mod dispatch;
pub(in crate::store) mod enqueue;
pub(in crate::store) mod enqueue_rules;
pub(in crate::store) mod error;
pub(in crate::store) mod execution;
pub(in crate::store) mod external;
pub(in crate::store) mod inbox;
pub(in crate::store) mod lease;
pub(in crate::store) mod limit;
pub(in crate::store) mod list;
pub(in crate::store) mod logs;
pub(in crate::store) mod operator;
pub(in crate::store) mod publish;
pub(in crate::store) mod read;
pub(in crate::store) mod retention;
pub(in crate::store) mod schedule;
pub(in crate::store) mod session;
pub(in crate::store) mod settlement;
pub(in crate::store) mod setup;
pub(in crate::store) mod telemetry;
pub(in crate::store) mod token;
pub(in crate::store) mod url;
pub(in crate::store) mod worker;

use std::sync::Arc;

use jobs::ExecutionId;

use audit::AuditStore;
use bulk::OperationStore;
use dispatch::DispatchStore;
use enqueue::EnqueueStore;
use external::ExternalStore;
use limit::LimitStore;
use operator::OperatorStore;
use read::ReadStore;
use retention::RetentionStore;
use schedule::ScheduleStore;
use setup::SetupStore;
use telemetry::TelemetryStore;
use token::TokenStore;
use worker::WorkerStore;

use crate::time::Timestamp;

/// The operations of a store: every transition of an execution's life, in batches.
///
/// The trait is made of a trait for each audience. A type that implements all of them is a store.
///
/// All parts of a process share one implementation. A write is durable when its method returns
/// `Ok`; [`durability`](crate::store::StoreDescription::durability) names the failures that it
/// survives.
///
/// # Errors
/// Every asynchronous method can fail with:
///
/// * [`StoreError::Unavailable`](crate::store::StoreError::Unavailable): the store cannot be
///   reached, opened or written;
/// * [`StoreError::Timeout`](crate::store::StoreError::Timeout): the call exceeded its own
///   deadline. No method waits for another process to finish its work;
/// * [`StoreError::Database`](crate::store::StoreError::Database): the database rejected a
///   statement;
/// * [`StoreError::Corrupt`](crate::store::StoreError::Corrupt): a row holds a value that this
///   program cannot read.
///
/// After an error, a write may or may not have taken effect. A method that is documented as
/// repeatable can then be called again with the same arguments. The second call finds the effects
/// of the first. Each method lists its further errors.
pub trait Store:
    SetupStore
    + EnqueueStore
    + WorkerStore
    + ExternalStore
    + LimitStore
    + ScheduleStore
    + OperatorStore
    + OperationStore
    + RetentionStore
    + TokenStore
    + AuditStore
    + DispatchStore
    + ReadStore
    + TelemetryStore
    + 'static
{
}

impl<S> Store for S where
    S: SetupStore
        + EnqueueStore
        + WorkerStore
        + ExternalStore
        + LimitStore
        + ScheduleStore
        + OperatorStore
        + OperationStore
        + RetentionStore
        + TokenStore
        + AuditStore
        + DispatchStore
        + ReadStore
        + TelemetryStore
        + 'static
{
}

/// A change in a store, announced to the subscribers of [`SetupStore::events`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreEvent {
    /// Executions became ready.
    Ready,
    /// Executions of these jobs became ready. A worker without these jobs need not look.
    JobsReady(Arc<[String]>),
    /// Executions were scheduled, or blocked executions may be admitted: promote at this time, the
    /// earliest of them.
    Scheduled(Timestamp),
    /// These executions became final.
    Finished(Arc<[ExecutionId]>),
    /// The cancellation of a running execution was requested.
    CancelRequested,
    /// Schedules were added, changed or deleted: the scheduler has to look at the next time again.
    SchedulesChanged,
    /// Requests by SQL arrived in the inbox.
    Received,
    /// Another process wrote: any of the other events may have happened.
    Elsewhere,
}

impl StoreEvent {
    /// Merges the events of a batch: each kind once, with all ids and the earliest time.
    pub(in crate::store) fn merged(events: Vec<Self>) -> Vec<Self> {
        let mut finished = Vec::new();
        let mut scheduled: Option<Timestamp> = None;
        let (mut ready, mut cancel_requested) = (false, false);
        let mut merged = Vec::new();
        for event in events {
            match event {
                Self::Finished(ids) => finished.extend_from_slice(&ids),
                Self::Scheduled(at) => {
                    scheduled = Some(scheduled.map_or(at, |earliest| earliest.min(at)));
                }
                Self::Ready => ready = true,
                Self::CancelRequested => cancel_requested = true,
                event => merged.push(event),
            }
        }
        if !finished.is_empty() {
            merged.push(Self::Finished(finished.into()));
        }
        merged.extend(scheduled.map(Self::Scheduled));
        merged.extend(ready.then_some(Self::Ready));
        merged.extend(cancel_requested.then_some(Self::CancelRequested));
        merged
    }

    /// True if the event says that executions became ready.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready | Self::JobsReady(_))
    }
}
