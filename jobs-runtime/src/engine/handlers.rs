//! What this worker can execute.

use std::collections::HashMap;
use std::sync::Arc;

use jobs::CataloguedJob;
use jobs::runtime::Handler;

use super::slots::LaneKind;

/// The linked jobs by every id that their executions may carry.
#[derive(Debug)]
pub(crate) struct Plan {
    jobs: HashMap<String, PlannedJob>,
}

/// A job that can be executed here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedJob {
    /// The current id.
    pub(crate) id: &'static str,
    pub(crate) handler: Handler,
    pub(crate) lane: LaneKind,
}

impl Plan {
    /// Plans for these jobs.
    pub(crate) fn new(executable: &[CataloguedJob]) -> Arc<Self> {
        let mut jobs = HashMap::new();
        for job in executable {
            let lane = match job.handler() {
                Handler::Async(_) => LaneKind::Async,
                Handler::Blocking(_) => LaneKind::Blocking,
                // External ones, and kinds that this version does not know.
                _ => continue,
            };
            let planned = PlannedJob {
                id: job.id(),
                handler: job.handler(),
                lane,
            };
            jobs.extend(job.names().map(|name| (name.to_owned(), planned)));
        }
        Arc::new(Self { jobs })
    }

    /// The job that executes what was enqueued under `id`.
    pub(crate) fn job(&self, id: &str) -> Option<PlannedJob> {
        self.jobs.get(id).copied()
    }

    /// Every id of a job, sorted.
    pub(crate) fn names(&self, id: &str) -> Vec<String> {
        let named = self.jobs.iter().filter(|(_, job)| job.id == id);
        let mut names: Vec<_> = named.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// The ids of a lane, sorted.
    pub(crate) fn ids(&self, lane: LaneKind) -> Vec<String> {
        let mut ids: Vec<_> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.lane == lane)
            .map(|(id, _)| id.clone())
            .collect();
        ids.sort();
        ids
    }
}
