//! A pass of the pruner: expired executions, job by job, and then rows that nothing needs.
//!
//! A job with times of its own has a search of its own; one more search covers all other jobs. The
//! rows after that are idempotency keys, sessions, publications, audit entries, tokens, bulk
//! operations and limits.
//!
//! A batch takes about [`BATCH_TIME`], and a pause of twice the time that it took follows. While
//! executions are deleted, the pass takes the fleet's turn again before it ends. If another process
//! has got the turn, the pass stops with what it has deleted.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jobs::{Clock, ExecutionStatus};
use serde::Serialize;

use super::archiver::Archiver;
use super::error::PruneError;
use super::settings::{Retention, RetentionSettings, Rules};
use super::turn::{PruneTurn, TURN};
use crate::clock::timestamp;
use crate::store::{Expired, ExpiryScan, Leftover, Store, StoreError, Sweep};
use crate::time::Timestamp;

/// Executions that one search examines.
const EXAMINED_PER_SCAN: usize = 2_000;

/// The time that a deletion may take. The size of the batches follows from it.
const BATCH_TIME: Duration = Duration::from_millis(50);

/// The smallest and the largest batch, in executions.
const BATCH_SIZES: (usize, usize) = (50, 1_000);

/// The pause after a deletion, as a multiple of its time. Claims and settlements have the store to
/// themselves for the rest.
const PAUSE_FACTOR: u32 = 6;

/// Rows that one sweep deletes.
const SWEPT_PER_CALL: usize = 1_000;

/// Limits that one sweep compares with the limits of all executions.
const LIMITS_PER_SWEEP: usize = 100_000;

/// The time for which sessions and publications are kept longer than the longest-kept execution.
const HISTORY_MARGIN: Duration = Duration::from_secs(7 * 86_400);

/// The time for which tokens are listed after their end.
const TOKEN_HISTORY: Duration = Duration::from_secs(30 * 86_400);

/// Numbers of executions by job and final status.
type Counts = BTreeMap<(String, &'static str), u64>;

/// The result of a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PruneReport {
    /// The executions, by job and status.
    pub executions: Vec<PrunedJob>,
    /// The expired idempotency keys.
    pub idempotency_keys: u64,
    /// The sessions of workers that ended long ago.
    pub sessions: u64,
    /// The publications of programs that no longer run.
    pub publications: u64,
    /// The bulk operations that ended long ago.
    pub operations: u64,
    /// The limits that no execution names.
    pub limits: u64,
}

/// The executions of one job in one status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrunedJob {
    /// The job id under which they were enqueued.
    pub job_id: String,
    /// The final status.
    pub status: ExecutionStatus,
    /// The number of executions.
    pub count: u64,
}

/// Prunes one store.
pub(crate) struct Pruner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: RetentionSettings,
    archiver: Option<Archiver>,
    turn: PruneTurn,
}

impl Pruner {
    /// Creates a pruner. `holder` is a name that no other pruner of the fleet has. With an
    /// archiver, it deletes only what the archiver has written.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        settings: RetentionSettings,
        archiver: Option<Archiver>,
        holder: String,
    ) -> Self {
        Self {
            turn: PruneTurn::new(Arc::clone(&store), Arc::clone(&clock), holder),
            store,
            clock,
            settings,
            archiver,
        }
    }

    /// Makes a pass, unless another process prunes, or has done so within its rest. After the pass,
    /// every process rests for `rest`. `None` if it was not this process's turn.
    pub(crate) async fn prune_in_turn(
        &self,
        rest: Duration,
        with_limits: bool,
    ) -> Result<Option<PruneReport>, PruneError> {
        if !self.turn.take(false).await? {
            return Ok(None);
        }
        match self.pass(with_limits).await {
            Ok(report) => {
                self.turn.end(rest).await?;
                Ok(Some(report))
            }
            Err(error) => {
                if matches!(error, PruneError::Archive(_)) {
                    self.turn.end(Duration::ZERO).await?;
                }
                Err(error)
            }
        }
    }

    /// Makes a pass now. `None` if another process prunes at the moment.
    pub(crate) async fn prune_now(&self) -> Result<Option<PruneReport>, PruneError> {
        if !self.turn.take(true).await? {
            return Ok(None);
        }
        let report = self.pass(true).await;
        self.turn.end(Duration::ZERO).await?;
        report.map(Some)
    }

    /// Counts the executions that a pass would delete. Changes nothing.
    pub(crate) async fn preview(&self) -> Result<Vec<PrunedJob>, StoreError> {
        let rules = self.rules().await?;
        let mut counts = Counts::new();
        for mut scan in self.scans(&rules) {
            loop {
                let page = self.store.find_expired(scan.clone()).await?;
                count(&mut counts, &page.expired);
                match page.next {
                    Some(next) => scan.after = Some(next),
                    None => break,
                }
            }
        }
        Ok(pruned_jobs(counts))
    }

    async fn rules(&self) -> Result<Rules, StoreError> {
        Ok(self.settings.rules(&self.store.catalogue().await?))
    }

    /// Returns the first page of each search: one per job with times of its own, and one for all
    /// other jobs.
    fn scans(&self, rules: &Rules) -> Vec<ExpiryScan> {
        let now = timestamp(&*self.clock);
        let scan = |job_id: Option<&String>, retention: Retention| ExpiryScan {
            job_id: job_id.cloned(),
            except: match job_id {
                None => rules.jobs.keys().cloned().collect(),
                Some(_) => Vec::new(),
            },
            cutoffs: retention.cutoffs(now),
            now,
            after: None,
            limit: EXAMINED_PER_SCAN,
        };
        let jobs = rules.jobs.iter();
        let mut scans: Vec<_> = jobs.map(|(job, times)| scan(Some(job), *times)).collect();
        scans.push(scan(None, rules.default));
        scans
    }

    /// Deletes everything that has expired. Ends early if another process has got the turn.
    /// If the archive fails, no execution is deleted from then on, but the other rows are.
    async fn pass(&self, with_limits: bool) -> Result<PruneReport, PruneError> {
        let rules = self.rules().await?;
        let mut progress = Progress::new(&*self.clock);
        let mut failure = None;
        match self.delete_all(&rules, &mut progress).await {
            Ok(true) => {}
            Ok(false) => return Ok(progress.into_report()),
            Err(PruneError::Archive(error)) => failure = Some(error),
            Err(error) => return Err(error),
        }
        let mut report = progress.into_report();
        // Executions that wait for the archive need their sessions and publications.
        let with_history = failure.is_none();
        self.sweep_all(&rules, with_history, with_limits, &mut report)
            .await?;
        match failure {
            None => Ok(report),
            Some(error) => Err(PruneError::Archive(error)),
        }
    }

    /// Deletes all executions that have expired. Returns whether this process still has the turn.
    async fn delete_all(&self, rules: &Rules, progress: &mut Progress) -> Result<bool, PruneError> {
        for mut scan in self.scans(rules) {
            loop {
                let page = self.store.find_expired(scan.clone()).await?;
                if !self.delete(&page.expired, progress).await? {
                    return Ok(false);
                }
                match page.next {
                    Some(next) => scan.after = Some(next),
                    None => break,
                }
            }
        }
        Ok(true)
    }

    /// Deletes executions in batches. Returns whether this process still has the turn.
    async fn delete(
        &self,
        mut expired: &[Expired],
        progress: &mut Progress,
    ) -> Result<bool, PruneError> {
        while !expired.is_empty() {
            let (mut batch, _) = expired.split_at(expired.len().min(progress.batch));
            let began = self.clock.elapsed();
            let deletable = match &self.archiver {
                None => batch.to_vec(),
                Some(archiver) => {
                    let archived = archiver.archive(&*self.store, batch).await?;
                    batch = &batch[..archived.examined];
                    archived.written
                }
            };
            let started = self.clock.elapsed();
            let deleted = self.store.delete_expired(deletable).await?;
            let now = self.clock.elapsed();
            let deleted: HashSet<_> = deleted.into_iter().collect();
            let is_deleted = |one: &&Expired| deleted.contains(&one.execution_id);
            count(&mut progress.counts, batch.iter().filter(is_deleted));
            progress.adapt(now.saturating_sub(started));
            self.pause(now.saturating_sub(began)).await;
            expired = &expired[batch.len()..];
            // A slow archive must not outlast the turn in the middle of a page.
            if !self.keep_turn(progress).await? {
                return Ok(false);
            }
        }
        Ok(self.keep_turn(progress).await?)
    }

    /// Takes the turn again before it is over. Returns whether this process still has it.
    async fn keep_turn(&self, progress: &mut Progress) -> Result<bool, StoreError> {
        let now = self.clock.elapsed();
        if now.saturating_sub(progress.turn_taken_at) < TURN / 3 {
            return Ok(true);
        }
        progress.turn_taken_at = now;
        self.turn.take(true).await
    }

    /// Deletes rows that nothing needs any more.
    async fn sweep_all(
        &self,
        rules: &Rules,
        with_history: bool,
        with_limits: bool,
        report: &mut PruneReport,
    ) -> Result<(), StoreError> {
        let now = timestamp(&*self.clock);
        let history = now.before(rules.longest().saturating_add(HISTORY_MARGIN));
        report.idempotency_keys = self.sweep(Leftover::IdempotencyKeys, now).await?;
        if with_history {
            report.sessions = self.sweep(Leftover::Sessions, history).await?;
            report.publications = self.sweep(Leftover::Publications, history).await?;
        }
        let audit = now.before(self.settings.audit);
        self.sweep(Leftover::Audit, audit).await?;
        self.sweep(Leftover::Tokens, now.before(TOKEN_HISTORY))
            .await?;
        self.sweep(Leftover::Series, now).await?;
        report.operations = self.sweep(Leftover::Operations, history).await?;
        if with_limits {
            report.limits = self.sweep(Leftover::Limits, now).await?;
        }
        Ok(())
    }

    /// Deletes rows of one kind until none is left. Returns their number.
    async fn sweep(&self, rows: Leftover, before: Timestamp) -> Result<u64, StoreError> {
        let limit = match rows {
            Leftover::Limits => LIMITS_PER_SWEEP,
            _ => SWEPT_PER_CALL,
        };
        let sweep = Sweep {
            rows,
            before,
            limit,
        };
        let mut total = 0;
        loop {
            let started = self.clock.elapsed();
            let deleted = self.store.sweep(sweep).await?;
            if deleted == 0 {
                return Ok(total);
            }
            total += deleted;
            let took = self.clock.elapsed().saturating_sub(started);
            self.pause(took).await;
        }
    }

    /// Leaves the store to other calls after a deletion that took this long.
    async fn pause(&self, took: Duration) {
        if !took.is_zero() {
            self.clock.sleep(took * PAUSE_FACTOR).await;
        }
    }
}

/// The state of a pass: the size of the next batch, and the deletions so far.
struct Progress {
    batch: usize,
    counts: Counts,
    /// The time at which the turn was taken last, on the monotonic clock.
    turn_taken_at: Duration,
}

impl Progress {
    fn new(clock: &dyn Clock) -> Self {
        Self {
            batch: BATCH_SIZES.0,
            counts: Counts::new(),
            turn_taken_at: clock.elapsed(),
        }
    }

    /// Doubles or halves the batch, so that a deletion takes about [`BATCH_TIME`].
    fn adapt(&mut self, took: Duration) {
        let (smallest, largest) = BATCH_SIZES;
        if took > BATCH_TIME {
            self.batch = (self.batch / 2).max(smallest);
        } else if took < BATCH_TIME / 2 {
            self.batch = (self.batch * 2).min(largest);
        }
    }

    fn into_report(self) -> PruneReport {
        PruneReport {
            executions: pruned_jobs(self.counts),
            ..PruneReport::default()
        }
    }
}

fn count<'e>(counts: &mut Counts, expired: impl IntoIterator<Item = &'e Expired>) {
    for one in expired {
        *counts
            .entry((one.job_id.clone(), one.status.as_str()))
            .or_default() += 1;
    }
}

fn pruned_jobs(counts: Counts) -> Vec<PrunedJob> {
    let jobs = counts.into_iter().filter_map(|((job_id, status), count)| {
        let status = status.parse().ok()?;
        Some(PrunedJob {
            job_id,
            status,
            count,
        })
    });
    jobs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;

    #[test]
    fn the_size_of_batches_follows_their_time() {
        let mut progress = Progress::new(&SystemClock::new());
        let mut sizes = Vec::new();
        for millis in [1, 1, 20, 30, 1_000, 1_000, 1_000] {
            progress.adapt(Duration::from_millis(millis));
            sizes.push(progress.batch);
        }
        assert_eq!(sizes, [100, 200, 400, 400, 200, 100, 50]);
        for _ in 0..20 {
            progress.adapt(Duration::ZERO);
        }
        assert_eq!(progress.batch, 1_000);
    }
}
