//! The handler table: the linked jobs that this worker can execute, by id.
//!
//! An execution carries the id that it was enqueued under, which may be a former id of its job.

use std::collections::HashMap;
use std::sync::Arc;

use jobs::CataloguedJob;
use jobs::runtime::Handler;

use super::slots::SlotKind;
use crate::telemetry::metrics::{JobMetrics, Metrics};

/// Jobs with a handler, by every id that their executions may carry.
#[derive(Debug)]
pub(crate) struct HandlerTable {
    jobs: HashMap<String, HandledJob>,
}

/// A job that this worker can execute.
#[derive(Clone, Debug)]
pub(crate) struct HandledJob {
    /// The current id of the job.
    pub(crate) id: &'static str,
    pub(crate) handler: Handler,
    pub(crate) slot_kind: SlotKind,
    pub(crate) metrics: Arc<JobMetrics>,
    /// The sensitive fields of its payloads.
    pub(crate) sensitive: Arc<[String]>,
}

impl HandlerTable {
    /// Builds the table. External jobs are left out.
    pub(crate) fn new(executable: &[CataloguedJob], metrics: &Metrics) -> Arc<Self> {
        let mut jobs = HashMap::new();
        for job in executable {
            let slot_kind = match job.handler() {
                Handler::Async(_) => SlotKind::Async,
                Handler::Blocking(_) => SlotKind::Blocking,
                // External jobs, and kinds of a newer `jobs` crate.
                _ => continue,
            };
            let handled = HandledJob {
                id: job.id(),
                handler: job.handler(),
                slot_kind,
                metrics: metrics.job(job.id()),
                sensitive: job.descriptor().sensitive.as_slice().into(),
            };
            jobs.extend(job.names().map(|name| (name.to_owned(), handled.clone())));
        }
        Arc::new(Self { jobs })
    }

    /// The job that executes executions enqueued under `id`.
    pub(crate) fn job(&self, id: &str) -> Option<HandledJob> {
        self.jobs.get(id).cloned()
    }

    /// The current and former ids of a job, sorted.
    pub(crate) fn names(&self, id: &str) -> Vec<String> {
        let named = self.jobs.iter().filter(|(_, job)| job.id == id);
        let mut names: Vec<_> = named.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// The ids whose handlers use slots of this kind, sorted.
    pub(crate) fn ids(&self, slot_kind: SlotKind) -> Vec<String> {
        let mut ids: Vec<_> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.slot_kind == slot_kind)
            .map(|(id, _)| id.clone())
            .collect();
        ids.sort();
        ids
    }
}
