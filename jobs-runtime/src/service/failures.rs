//! Failed executions, grouped by job and by the fingerprint of their error.
//!
//! The groups are computed at each request, from the newest [`MAX_EXAMINED`] failed executions. So
//! the cost is the same for a store of any size, and settlements cost nothing for it.

use std::collections::HashMap;
use std::time::Duration;

use jobs::{ErrorKind, ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobService, Redactor};
use crate::store::{BulkFilter, Match, StoreError, error_fingerprint};
use crate::time::Timestamp;

/// The most failed executions that a call examines.
const MAX_EXAMINED: usize = 10_000;

/// The failed executions that one call of the store examines.
const PAGE: usize = 1_000;

/// The most groups of an answer.
const MAX_GROUPS: usize = 100;

/// The parts of the window in a histogram.
const BUCKETS: u32 = 24;

/// The longest message of a group, in characters.
const MAX_MESSAGE: usize = 500;

/// The window without `since`.
const WINDOW: Duration = Duration::from_secs(86_400);

/// The filters of a request for failures.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailureFilter {
    /// Failures of this job.
    pub(crate) job_id: Option<String>,
    /// Failures of this queue.
    pub(crate) queue: Option<String>,
    /// Failures at this time or later; of the last day if it is absent.
    pub(crate) since: Option<Timestamp>,
}

/// The failures in a window of time.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failures {
    /// The groups, the largest first; at most 100.
    pub(crate) failures: Vec<FailureGroup>,
    /// The beginning of the window.
    pub(crate) since: Timestamp,
    /// The end of the window.
    pub(crate) until: Timestamp,
    /// The failed executions that were examined, newest first.
    pub(crate) examined: u64,
    /// True if every failed execution was examined. Otherwise older ones may be missing.
    pub(crate) complete: bool,
}

/// Failures of one job with equal errors.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureGroup {
    /// The job.
    pub(crate) job_id: String,
    /// The fingerprint: equal for errors that differ only in numbers, ids and quoted texts.
    pub(crate) error_fingerprint: String,
    /// The kind of the errors.
    #[schemars(with = "String")]
    pub(crate) kind: ErrorKind,
    /// The message of the newest failure, at most 500 characters.
    pub(crate) message: String,
    /// The number of failures.
    pub(crate) count: u64,
    /// The time of the first failure.
    pub(crate) first_seen_at: Timestamp,
    /// The time of the last failure.
    pub(crate) last_seen_at: Timestamp,
    /// The newest of the executions.
    pub(crate) sample_id: ExecutionId,
    /// The numbers of failures in 24 equal parts of the window.
    pub(crate) histogram: Vec<u64>,
}

impl JobService {
    /// Groups the failed executions in a window of time.
    pub(crate) async fn failures(&self, filter: FailureFilter) -> Result<Failures, StoreError> {
        let until = self.now();
        let since = filter.since.unwrap_or(until.before(WINDOW));
        let matching = BulkFilter {
            job_id: filter.job_id,
            queue: filter.queue,
            status: Some(ExecutionStatus::Failed),
            ..BulkFilter::default()
        };
        let mut groups = Groups::new(since, until);
        let (mut cursor, mut pages) = (None, 0);
        while pages < MAX_EXAMINED / PAGE {
            let page = self.inner.store.find_matches(matching.query(PAGE, cursor));
            let page = page.await?;
            pages += 1;
            for found in &page.matches {
                groups.add(found);
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut failures = groups.into_failures(cursor.is_none());
        for group in &mut failures.failures {
            self.hide_secrets(group).await?;
        }
        Ok(failures)
    }
}

impl JobService {
    /// Masks what the message of a group quotes of its execution's sensitive values.
    async fn hide_secrets(&self, group: &mut FailureGroup) -> Result<(), StoreError> {
        let job = self.job(&group.job_id).await;
        if job.is_ok_and(|job| job.descriptor().sensitive.is_empty()) {
            return Ok(());
        }
        if let Some(execution) = self.inner.store.execution(group.sample_id).await? {
            let secrets = Redactor::new(self).secrets(&execution).await;
            secrets.hide_in(&mut group.message);
        }
        Ok(())
    }
}

struct Groups {
    since: Timestamp,
    until: Timestamp,
    examined: u64,
    groups: HashMap<(String, String), FailureGroup>,
}

impl Groups {
    fn new(since: Timestamp, until: Timestamp) -> Self {
        Self {
            since,
            until,
            examined: 0,
            groups: HashMap::new(),
        }
    }

    fn add(&mut self, found: &Match) {
        self.examined += 1;
        let (Some(error), Some(at)) = (&found.error, found.finished_at) else {
            return;
        };
        if at < self.since {
            return;
        }
        let fingerprint = error_fingerprint(error);
        let bucket = self.bucket(at);
        let key = (found.job_id.clone(), fingerprint.clone());
        let group = self.groups.entry(key).or_insert_with(|| FailureGroup {
            job_id: found.job_id.clone(),
            error_fingerprint: fingerprint,
            kind: error.kind,
            message: String::new(),
            count: 0,
            first_seen_at: at,
            last_seen_at: Timestamp::default(),
            sample_id: found.id,
            histogram: vec![0; BUCKETS as usize],
        });
        group.count += 1;
        group.first_seen_at = group.first_seen_at.min(at);
        if at > group.last_seen_at {
            group.last_seen_at = at;
            group.sample_id = found.id;
            group.message = error.message.chars().take(MAX_MESSAGE).collect();
        }
        if let Some(count) = group.histogram.get_mut(bucket) {
            *count += 1;
        }
    }

    /// Returns the part of the window with this time. A later time is in the last part.
    fn bucket(&self, at: Timestamp) -> usize {
        let part = self.until.since(self.since) / BUCKETS;
        let past = at.since(self.since).as_nanos();
        let bucket = past / part.as_nanos().max(1);
        usize::try_from(bucket)
            .unwrap_or(usize::MAX)
            .min(BUCKETS as usize - 1)
    }

    fn into_failures(self, complete: bool) -> Failures {
        let mut failures: Vec<_> = self.groups.into_values().collect();
        failures.sort_unstable_by(|one, other| {
            let by_count = other.count.cmp(&one.count);
            by_count.then_with(|| other.last_seen_at.cmp(&one.last_seen_at))
        });
        failures.truncate(MAX_GROUPS);
        Failures {
            failures,
            since: self.since,
            until: self.until,
            examined: self.examined,
            complete,
        }
    }
}
