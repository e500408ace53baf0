//! The scheduler of a runtime: the service builds the executions of its schedules.

use std::sync::Arc;
use std::time::Duration;

use super::foundation::Foundation;
use crate::StartError;
use crate::engine::{PrepareExecution, Scheduler, SchedulerParts};
use crate::service::JobService;

impl Foundation {
    /// Starts the scheduler. `poll` is the interval between two looks for changed schedules.
    pub(super) fn start_scheduler(&self, poll: Duration) -> Result<Scheduler, StartError> {
        Ok(Scheduler::start(SchedulerParts {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            prepare: prepare_scheduled(self.service.clone()),
            changes: self.service.schedule_changes(),
            poll,
            health: self.health.scheduler(poll),
            metrics: Arc::clone(&self.metrics),
        })?)
    }
}

/// Builds the executions of schedules by the service.
fn prepare_scheduled(service: JobService) -> PrepareExecution {
    Arc::new(move |schedule, time| {
        let service = service.clone();
        Box::pin(async move { service.scheduled_execution(schedule, time).await })
    })
}
