//! The times for which final executions are kept, and the order of their sources.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jobs::{ExecutionStatus, JobDescriptor, JobRetention};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{Cutoffs, PublishedJob};
use crate::time::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);

/// The times for which final executions are kept, counted from their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// The time for succeeded executions. Default: 30 days.
    #[serde(rename = "succeededMs", with = "millis")]
    #[schemars(with = "u64")]
    pub succeeded: Duration,
    /// The time for failed executions. Default: 90 days.
    #[serde(rename = "failedMs", with = "millis")]
    #[schemars(with = "u64")]
    pub failed: Duration,
    /// The time for cancelled executions. Default: 30 days.
    #[serde(rename = "cancelledMs", with = "millis")]
    #[schemars(with = "u64")]
    pub cancelled: Duration,
}

/// A time as a number of milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            succeeded: 30 * DAY,
            failed: 90 * DAY,
            cancelled: 30 * DAY,
        }
    }
}

impl Retention {
    /// Replaces the times that a job or a setting gives.
    fn overridden_by(self, times: JobRetention) -> Self {
        let time = |millis: Option<u64>, default| millis.map_or(default, Duration::from_millis);
        Self {
            succeeded: time(times.succeeded_ms, self.succeeded),
            failed: time(times.failed_ms, self.failed),
            cancelled: time(times.cancelled_ms, self.cancelled),
        }
    }

    fn all(self) -> [Duration; 3] {
        [self.succeeded, self.failed, self.cancelled]
    }

    /// Returns the times of the end before which executions have expired at `now`.
    pub(super) fn cutoffs(self, now: Timestamp) -> Cutoffs {
        Cutoffs {
            succeeded: now.before(self.succeeded),
            failed: now.before(self.failed),
            cancelled: now.before(self.cancelled),
        }
    }
}

/// The retention of the settings: a default, and times for single jobs.
///
/// A time of the settings for a job goes before the time that the job declares, and that before
/// the default of the settings. Every process of a fleet has the same settings, because any of them
/// may prune.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionSettings {
    /// The times for jobs without times of their own.
    pub default: Retention,
    /// The time for entries of the audit log. Default: a year.
    pub audit: Duration,
    jobs: BTreeMap<String, JobRetention>,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            default: Retention::default(),
            audit: 365 * DAY,
            jobs: BTreeMap::new(),
        }
    }
}

impl RetentionSettings {
    /// Sets the time for executions in this final status, for jobs without a time of their own; for
    /// every final status with `None`. A status that is not final has no effect.
    #[must_use]
    pub fn default_of(mut self, status: Option<ExecutionStatus>, time: Duration) -> Self {
        self.default = self.default.overridden_by(times_of(status, time));
        self
    }

    /// Sets the time for the executions of a job in this final status; for every final status with
    /// `None`. A status that is not final has no effect.
    #[must_use]
    pub fn job(
        mut self,
        job_id: impl Into<String>,
        status: Option<ExecutionStatus>,
        time: Duration,
    ) -> Self {
        let given = times_of(status, time);
        let times = self.jobs.entry(job_id.into()).or_default();
        times.succeeded_ms = given.succeeded_ms.or(times.succeeded_ms);
        times.failed_ms = given.failed_ms.or(times.failed_ms);
        times.cancelled_ms = given.cancelled_ms.or(times.cancelled_ms);
        self
    }

    /// Returns the times that hold for a job.
    pub fn of(&self, job: &JobDescriptor) -> Retention {
        let declared = self.default.overridden_by(job.retention);
        match self.jobs.get(&job.id) {
            Some(times) => declared.overridden_by(*times),
            None => declared,
        }
    }

    /// Returns the rules for the executions of a store with this catalogue.
    pub(super) fn rules(&self, catalogue: &[PublishedJob]) -> Rules {
        let mut jobs: BTreeMap<String, Retention> = self
            .jobs
            .iter()
            .map(|(job_id, times)| (job_id.clone(), self.default.overridden_by(*times)))
            .collect();
        let published = catalogue.iter().map(|published| &published.descriptor);
        let aliases: BTreeSet<_> = published.clone().flat_map(|job| &job.aliases).collect();
        // The last publication under an earlier id says what held before the job was renamed.
        for job in published.filter(|job| !aliases.contains(&job.id)) {
            let declared = self.default.overridden_by(job.retention);
            for id in job.aliases.iter().chain([&job.id]) {
                let times = self.jobs.get(id).or_else(|| self.jobs.get(&job.id));
                let retention = times.map_or(declared, |times| declared.overridden_by(*times));
                if retention != self.default || times.is_some() {
                    jobs.insert(id.clone(), retention);
                }
            }
        }
        Rules {
            default: self.default,
            jobs,
        }
    }

    /// Returns the shortest of all times of the settings.
    pub(crate) fn shortest(&self) -> Duration {
        let jobs = self
            .jobs
            .values()
            .map(|times| self.default.overridden_by(*times));
        let all = jobs.chain([self.default]).flat_map(Retention::all);
        all.min().unwrap_or_default()
    }
}

/// Returns this time for one status, or for every final one.
fn times_of(status: Option<ExecutionStatus>, time: Duration) -> JobRetention {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let holds_for = |one| status.is_none_or(|status| status == one).then_some(millis);
    let mut times = JobRetention::default();
    times.succeeded_ms = holds_for(ExecutionStatus::Succeeded);
    times.failed_ms = holds_for(ExecutionStatus::Failed);
    times.cancelled_ms = holds_for(ExecutionStatus::Cancelled);
    times
}

/// The retention of every execution of a store.
#[derive(Debug)]
pub(super) struct Rules {
    /// The times for executions of jobs that `jobs` does not name.
    pub(super) default: Retention,
    /// The times for executions by their job id, aliases included.
    pub(super) jobs: BTreeMap<String, Retention>,
}

impl Rules {
    /// Returns the longest of all times.
    pub(super) fn longest(&self) -> Duration {
        let all = self.jobs.values().chain([&self.default]);
        all.flat_map(|one| one.all()).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn published(id: &str, failed_ms: Option<u64>) -> PublishedJob {
        let mut descriptor: JobDescriptor = serde_json::from_value(serde_json::json!({
            "id": id, "aliases": [format!("{id}-old")], "label": "", "description": "",
            "queue": "default", "routingKey": "", "priority": 50, "timeoutMs": null,
            "maxAttempts": 1, "retryDelaysMs": [], "tags": [], "enabled": true,
            "handler": "linked", "payloadSchema": {}, "resultSchema": {}, "source": "",
        }))
        .expect("a descriptor");
        descriptor.retention.failed_ms = failed_ms;
        PublishedJob {
            descriptor,
            fingerprint: String::new(),
            published_at: Timestamp::default(),
        }
    }

    #[test]
    fn settings_of_a_job_go_before_its_attribute_and_that_before_the_default() {
        let hours = |hours: u32| u64::try_from((hours * HOUR).as_millis()).ok();
        let settings = RetentionSettings::default()
            .job("both", Some(ExecutionStatus::Failed), 2 * HOUR)
            .job("unknown", None, HOUR);
        let rules = settings.rules(&[
            published("both", hours(9)),
            published("declared", hours(9)),
            published("plain", None),
        ]);
        let failed = |job: &str| rules.jobs.get(job).map(|times| times.failed);
        assert_eq!(failed("both"), Some(2 * HOUR));
        assert_eq!(failed("both-old"), Some(2 * HOUR));
        assert_eq!(failed("declared"), Some(9 * HOUR));
        assert_eq!(failed("unknown"), Some(HOUR));
        assert_eq!(failed("plain"), None);
        assert_eq!(rules.jobs["declared"].succeeded, 30 * DAY);
        assert_eq!(rules.longest(), 90 * DAY);
        assert_eq!(settings.shortest(), HOUR);
    }

    #[test]
    fn executions_of_an_earlier_id_are_kept_as_the_renamed_job_says() {
        let hours = |hours: u32| u64::try_from((hours * HOUR).as_millis()).ok();
        let settings = RetentionSettings::default();
        // The stale publication comes last, by its id.
        let rules = settings.rules(&[published("a", hours(9)), published("a-old", hours(2))]);
        assert_eq!(rules.jobs["a-old"].failed, 9 * HOUR);
        let rules = settings.rules(&[published("a", None), published("a-old", hours(2))]);
        assert!(!rules.jobs.contains_key("a-old"), "the default holds");
        let settings = settings.job("a-old", None, 3 * HOUR);
        let rules = settings.rules(&[published("a", hours(9)), published("a-old", hours(2))]);
        assert_eq!(rules.jobs["a-old"].failed, 3 * HOUR);
    }
}
