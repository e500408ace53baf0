//! Failed executions, grouped by job and by the fingerprint of their error.
//!
//! A group counts its failures by the version of the job under which they ran: the publication of
//! the session that executed the last attempt.
//!
//! The groups are computed at each request, from the newest [`MAX_EXAMINED`] failed executions. So
//! the cost is the same for a store of any size, and settlements cost nothing for it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jobs::{ErrorKind, ExecutionError, ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobService, Redactor};
use crate::store::{
    BulkFilter, Match, SessionId, SessionPublication, StoreError, error_fingerprint,
};
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

/// Stands for a message whose sensitive values are not known any more: its execution was deleted,
/// erased or retried after the search.
const UNKNOWN_MESSAGE: &str = "not available any more";

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
    /// The message of the newest failure, at most 500 characters. It may be missing if the
    /// execution was deleted meanwhile.
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
    /// The versions of the job under which they ran, the one published last first. Failures of
    /// an unknown version are left out.
    #[serde(default)]
    pub(crate) versions: Vec<FailingVersion>,
}

/// The failures of a group under one version of its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailingVersion {
    /// The fingerprint of the job's definition.
    pub(crate) fingerprint: String,
    /// The time at which a program published this version last.
    pub(crate) published_at: Timestamp,
    /// True if this is the present version of the job.
    pub(crate) current: bool,
    /// The number of failures.
    pub(crate) count: u64,
    /// The time of the last failure.
    pub(crate) last_seen_at: Timestamp,
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
        let (mut failures, ran) = groups.into_failures(cursor.is_none());
        self.add_versions(&mut failures.failures, &ran).await?;
        for group in &mut failures.failures {
            self.hide_secrets(group).await?;
        }
        Ok(failures)
    }

    /// Adds the versions under which the executions of the groups ran.
    async fn add_versions(
        &self,
        groups: &mut [FailureGroup],
        ran: &[BySession],
    ) -> Result<(), StoreError> {
        let mut pairs = HashSet::new();
        let mut current = Vec::with_capacity(groups.len());
        for (group, ran) in groups.iter().zip(ran) {
            // Executions may carry a former id of their job.
            let job = self.job(&group.job_id).await.ok();
            let id = job.as_ref().map_or(&*group.job_id, |job| job.id());
            pairs.extend(ran.keys().map(|session| (*session, id.to_owned())));
            current.push((
                id.to_owned(),
                job.as_ref().map(|job| job.fingerprint().to_owned()),
            ));
        }
        let pairs: Vec<_> = pairs.into_iter().collect();
        if pairs.is_empty() {
            return Ok(());
        }
        let published = self.inner.store.session_publications(pairs).await?;
        for ((group, ran), (id, current)) in groups.iter_mut().zip(ran).zip(&current) {
            let of_job = published.iter().filter(|one| one.job_id == *id);
            group.versions = versions(ran, of_job, current.as_deref());
        }
        Ok(())
    }
}

/// The failures of a group by session: their number, and the time of the last.
type BySession = HashMap<SessionId, (u64, Timestamp)>;

/// Adds up the failures of sessions by the version that their programs published.
fn versions<'p>(
    ran: &BySession,
    published: impl Iterator<Item = &'p SessionPublication>,
    current: Option<&str>,
) -> Vec<FailingVersion> {
    let mut versions = HashMap::<&str, FailingVersion>::new();
    for publication in published {
        let Some((count, last_seen_at)) = ran.get(&publication.session) else {
            continue;
        };
        let version = versions
            .entry(&publication.fingerprint)
            .or_insert_with(|| FailingVersion {
                fingerprint: publication.fingerprint.clone(),
                published_at: publication.published_at,
                current: current == Some(&*publication.fingerprint),
                count: 0,
                last_seen_at: *last_seen_at,
            });
        version.count += count;
        version.last_seen_at = version.last_seen_at.max(*last_seen_at);
    }
    let mut versions: Vec<_> = versions.into_values().collect();
    versions.sort_unstable_by(|one, other| {
        let by_time = other.published_at.cmp(&one.published_at);
        by_time.then_with(|| one.fingerprint.cmp(&other.fingerprint))
    });
    versions
}

impl JobService {
    /// Masks what the message of a group quotes of its execution's sensitive values.
    async fn hide_secrets(&self, group: &mut FailureGroup) -> Result<(), StoreError> {
        let sensitive = self.sensitive_fields(&group.job_id).await;
        if sensitive.is_ok_and(|names| names.is_empty()) {
            return Ok(());
        }
        group.message = match self.inner.store.execution(group.sample_id).await? {
            Some(execution) => {
                let secrets = Redactor::new(self).secrets(&execution).await;
                let mask = |text: &mut String| secrets.hide_in(text);
                masked_message(execution.error, &group.error_fingerprint, mask)
            }
            None => UNKNOWN_MESSAGE.to_owned(),
        };
        Ok(())
    }
}

/// Returns the message of an execution, if it still has the error of its group. The mask comes
/// before the cut: the beginning of a value that is cut would not be recognised.
fn masked_message(
    error: Option<ExecutionError>,
    fingerprint: &str,
    mask: impl FnOnce(&mut String),
) -> String {
    match error {
        Some(mut error) if error_fingerprint(&error) == fingerprint => {
            mask(&mut error.message);
            cut(&error.message)
        }
        _ => UNKNOWN_MESSAGE.to_owned(),
    }
}

fn cut(message: &str) -> String {
    message.chars().take(MAX_MESSAGE).collect()
}

struct Groups {
    since: Timestamp,
    until: Timestamp,
    examined: u64,
    groups: HashMap<(String, String), (FailureGroup, BySession)>,
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
        let (group, ran) = self.groups.entry(key).or_insert_with(|| {
            let group = FailureGroup {
                job_id: found.job_id.clone(),
                error_fingerprint: fingerprint,
                kind: error.kind,
                message: String::new(),
                count: 0,
                first_seen_at: at,
                last_seen_at: Timestamp::default(),
                sample_id: found.id,
                histogram: vec![0; BUCKETS as usize],
                versions: Vec::new(),
            };
            (group, BySession::new())
        });
        if let Some(session) = found.session {
            count_session(ran, session, at);
        }
        group.count += 1;
        group.first_seen_at = group.first_seen_at.min(at);
        if at > group.last_seen_at {
            group.last_seen_at = at;
            group.sample_id = found.id;
            group.message = cut(&error.message);
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

    /// Returns the largest groups, and the sessions of each.
    fn into_failures(self, complete: bool) -> (Failures, Vec<BySession>) {
        let mut groups: Vec<_> = self.groups.into_values().collect();
        groups.sort_unstable_by(|(one, _), (other, _)| {
            let by_count = other.count.cmp(&one.count);
            by_count.then_with(|| other.last_seen_at.cmp(&one.last_seen_at))
        });
        let complete = complete && groups.len() <= MAX_GROUPS;
        groups.truncate(MAX_GROUPS);
        let (failures, ran) = groups.into_iter().unzip();
        let failures = Failures {
            failures,
            since: self.since,
            until: self.until,
            examined: self.examined,
            complete,
        };
        (failures, ran)
    }
}

fn count_session(ran: &mut BySession, session: SessionId, at: Timestamp) {
    let (count, last_seen_at) = ran.entry(session).or_insert((0, at));
    *count += 1;
    *last_seen_at = at.max(*last_seen_at);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_after_the_mask_and_shown_only_with_its_execution() {
        let error = |message: &str| ExecutionError {
            kind: ErrorKind::Failed,
            message: message.to_owned(),
        };
        let before = "x".repeat(MAX_MESSAGE - 2);
        let failed = error(&format!("{before}hunter22"));
        let fingerprint = error_fingerprint(&failed);
        let mask = |text: &mut String| *text = text.replace("hunter22", "•••");
        let shown = |error| masked_message(error, &fingerprint, mask);
        assert_eq!(shown(Some(failed)), format!("{before}••"));
        assert_eq!(shown(None), UNKNOWN_MESSAGE);
        assert_eq!(shown(Some(error("erased"))), UNKNOWN_MESSAGE);
    }

    #[test]
    fn failures_are_added_up_by_the_version_of_their_sessions() {
        let at = Timestamp::from_millis;
        let mut ran = BySession::new();
        for (session, time) in [(1, 5), (2, 7), (1, 9), (3, 6), (4, 8)] {
            count_session(&mut ran, SessionId(session), at(time));
        }
        let publication = |session, fingerprint: &str, published| SessionPublication {
            session: SessionId(session),
            job_id: "j".to_owned(),
            fingerprint: fingerprint.to_owned(),
            published_at: at(published),
        };
        let published = [
            publication(1, "old", 1),
            publication(2, "new", 2),
            publication(3, "old", 1),
        ];
        let versions = versions(&ran, published.iter(), Some("new"));
        let shown: Vec<_> = versions
            .iter()
            .map(|one| (&*one.fingerprint, one.current, one.count, one.last_seen_at))
            .collect();
        assert_eq!(shown, [("new", true, 1, at(7)), ("old", false, 3, at(9))]);
    }
}
