//! A job as HTTP and the command line show it.

use jobs::{JobDescriptor, JobLimits, JobRetention, ScheduleRule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobService, KnownJob};
use crate::Retention;

/// A job, with the values that follow from its declaration and the settings.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobView {
    /// Without the values that stand beside it.
    #[serde(flatten)]
    pub(crate) descriptor: JobDescriptor,
    pub(crate) fingerprint: String,
    // Present also for a job without limits.
    pub(crate) limits: JobLimits,
    // Complete, while the descriptor has only the times that the job declares.
    pub(crate) retention: Retention,
    // Present also for a job without schedules.
    pub(crate) schedule: Vec<ScheduleRule>,
}

impl JobService {
    /// Returns a job as it is shown.
    pub(crate) fn view_of(&self, job: &KnownJob) -> JobView {
        let mut descriptor = job.descriptor().clone();
        descriptor.retention = JobRetention::default();
        JobView {
            retention: self.retention(job),
            limits: std::mem::take(&mut descriptor.limits),
            schedule: std::mem::take(&mut descriptor.schedule),
            descriptor,
            fingerprint: job.fingerprint().to_owned(),
        }
    }
}
