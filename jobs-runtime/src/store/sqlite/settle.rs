//! Settlements: how attempts end, and the progress that running attempts report.
//!
//! A [`SettlePlan`] decides what each settlement writes and answers.
//! [`Script`](super::conn::script::Script) runs the statements for it. A settlement ends an attempt
//! only if its fence (execution, session, claim, attempt) matches a lease.

use std::collections::HashSet;

use jobs::ExecutionStatus;
use serde::ser::{Serialize, SerializeSeq, Serializer};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::conn::error::DbError;
use super::conn::json;
use super::conn::json::Rare;
use super::conn::script::rows_named;
use super::limits::permits::PermitCounts;
use super::read::logs;
use crate::store::{AttemptEnd, Fence, Next, ProgressReport, Settlement, StoreEvent, WriteAnswer};
use crate::time::Timestamp;

/// The rows that a group of batches writes, the answers to each batch, and the events to publish.
///
/// Texts are JSON parameters; `None` means that the statement for it is left out.
#[derive(Default)]
pub(super) struct SettlePlan {
    /// Attempts that end their executions, in [runs](json::runs).
    pub(super) finals: Option<String>,
    /// The number of `finals`.
    pub(super) ended: usize,
    /// The `seq` of each of their leases.
    pub(super) final_leases: Option<String>,
    /// Attempts that another attempt follows.
    pub(super) requeues: Option<String>,
    /// The number of `requeues`.
    pub(super) requeued: usize,
    /// Limits with the number of permits that are released.
    pub(super) released_counts: Option<String>,
    /// Attempts whose permits are retained or whose rates are paused.
    pub(super) retained_or_paused: Option<String>,
    /// Log lines.
    pub(super) logs: Option<String>,
    pub(super) answers: Vec<Vec<WriteAnswer>>,
    pub(super) events: Vec<StoreEvent>,
}

impl SettlePlan {
    /// Assumes that all leases are valid, that no cancellation is requested, and that each
    /// settlement names the limits of its lease. A mismatch changes fewer rows than planned, see
    /// [`check`](Self::check). Permits are released by the limits that settlements name.
    pub(super) fn optimistic(batches: &[&[Settlement]]) -> Result<Self, DbError> {
        let answers = batches
            .iter()
            .map(|batch| vec![WriteAnswer::Settled; batch.len()])
            .collect();
        let all = || batches.iter().flat_map(|batch| batch.iter());
        let endings = all().map(|settlement| Ending {
            settlement,
            status: settlement.final_status(false),
            limits: settlement
                .permits
                .as_ref()
                .map(|permits| permits.token.as_str()),
        });
        Self::new(endings, answers)?.with_logs(all())
    }

    /// Decides row by row. `fences` has a state for each settlement, in their order.
    pub(super) fn careful(
        batches: &[&[Settlement]],
        fences: &[FenceState],
    ) -> Result<Self, DbError> {
        let mut fences = fences.iter();
        let mut seen = HashSet::new();
        let mut endings = Vec::new();
        let mut logging = Vec::new();
        let mut ended_before = Vec::new();
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut answer = Vec::with_capacity(batch.len());
            for (settlement, fence) in batch.iter().zip(fences.by_ref()) {
                if fence.answer() != WriteAnswer::Stale {
                    logging.push(settlement);
                }
                answer.push(if fence.is_leased && seen.insert(settlement.fence) {
                    endings.push(Ending {
                        settlement,
                        status: settlement.final_status(fence.cancel_requested),
                        limits: fence.limits.as_deref(),
                    });
                    WriteAnswer::Settled
                } else if fence.is_leased {
                    WriteAnswer::AlreadyMine
                } else {
                    if fence.is_recorded {
                        ended_before.push(settlement.execution_id);
                    }
                    fence.answer()
                });
            }
            answers.push(answer);
        }
        let mut plan = Self::new(endings, answers)?.with_logs(logging)?;
        if !ended_before.is_empty() {
            // A handler's transaction may have ended them, which publishes no event.
            plan.events.push(StoreEvent::Finished(ended_before.into()));
        }
        Ok(plan)
    }

    /// Adds the last log lines of these settlements.
    fn with_logs<'s>(
        mut self,
        settlements: impl IntoIterator<Item = &'s Settlement>,
    ) -> Result<Self, DbError> {
        let mut rows = settlements
            .into_iter()
            .flat_map(|settlement| {
                let lines = settlement.end.logs.iter();
                lines.map(|line| logs::row(settlement.fence, line))
            })
            .peekable();
        if rows.peek().is_some() {
            self.logs = Some(json::array(rows)?);
        }
        Ok(self)
    }

    fn new<'s>(
        endings: impl IntoIterator<Item = Ending<'s>>,
        answers: Vec<Vec<WriteAnswer>>,
    ) -> Result<Self, DbError> {
        let endings: Vec<_> = endings.into_iter().collect();
        let mut plan = Self {
            answers,
            ..Self::default()
        };
        plan.release_permits(&endings)?;
        let mut finals = Vec::new();
        let mut requeues = Vec::new();
        for ending in endings {
            match ending.status {
                Some(status) => finals.push((ending, status)),
                None => requeues.push(RequeueRow(ending)),
            }
        }
        (plan.ended, plan.requeued) = (finals.len(), requeues.len());
        if !finals.is_empty() {
            let ended = || finals.iter().map(|(ending, _)| ending.settlement);
            let shared = shared_limits(&finals);
            plan.finals = Some(json::runs(
                &finals,
                |ending| common(ending, shared),
                |ending| OwnFields(ending, shared),
            )?);
            plan.final_leases = Some(json::array(ended().map(|end| end.fence.row))?);
            let finished = ended().map(|end| end.execution_id);
            plan.events.push(StoreEvent::Finished(finished.collect()));
        }
        if !requeues.is_empty() {
            plan.requeues = Some(json::array(&requeues)?);
            plan.events.extend(next_events(&requeues));
        }
        Ok(plan)
    }

    /// Divides the permits of these attempts into released and retained ones. Adds the pauses of
    /// rates.
    fn release_permits(&mut self, endings: &[Ending<'_>]) -> Result<(), DbError> {
        let mut released = PermitCounts::default();
        let mut retained_or_paused = Vec::new();
        for ending in endings {
            let Settlement { fence, permits, .. } = ending.settlement;
            let retained = permits.as_ref().is_some_and(|permits| permits.retained);
            let paused_until = permits.as_ref().and_then(|permits| permits.paused_until);
            if retained || paused_until.is_some() {
                let until = paused_until.map(Timestamp::as_millis);
                retained_or_paused.push((fence.row, u8::from(retained), until));
            }
            if let Some(limits) = ending.limits.filter(|_| !retained) {
                released.add(limits, ());
            }
        }
        if !retained_or_paused.is_empty() {
            self.retained_or_paused = Some(json::array(retained_or_paused)?);
        }
        let released = released.by_limit();
        if !released.is_empty() {
            let counts = released
                .iter()
                .map(|permits| (permits.limit, permits.count));
            self.released_counts = Some(json::array(counts)?);
        }
        Ok(())
    }

    /// True if the plan ends any attempt.
    pub(super) fn writes(&self) -> bool {
        self.ended + self.requeued > 0
    }

    /// Checks that the statements ended as many attempts as planned. `rows` are those of the
    /// script.
    ///
    /// # Errors
    /// [`DbError::AssumptionFailed`] if they ended fewer.
    pub(super) fn check(&self, rows: &[SqliteRow]) -> Result<(), DbError> {
        let count = |name| -> Result<i64, DbError> {
            match rows_named(rows, name).next() {
                Some(row) => Ok(row.try_get(1)?),
                None => Ok(0),
            }
        };
        let as_planned = usize::try_from(count("ended")?) == Ok(self.ended)
            && usize::try_from(count("requeued")?) == Ok(self.requeued);
        as_planned.then_some(()).ok_or(DbError::AssumptionFailed)
    }
}

/// An attempt that ends.
#[derive(Clone, Copy)]
struct Ending<'s> {
    settlement: &'s Settlement,
    /// The final status of its execution; `None` if another attempt follows.
    status: Option<ExecutionStatus>,
    /// The limits of its lease.
    limits: Option<&'s str>,
}

/// An attempt with the final status of its execution, a row for `end_executions.sql`.
type Final<'s> = (Ending<'s>, ExecutionStatus);

/// The limits of all attempts that have limits, if they are the same.
fn shared_limits<'s>(finals: &[Final<'s>]) -> Option<&'s str> {
    let mut limited = finals.iter().filter_map(|(ending, _)| ending.limits);
    let first = limited.next()?;
    limited.all(|limits| limits == first).then_some(first)
}

/// The fields that consecutive attempts mostly share.
fn common<'s>(
    (ending, status): &Final<'s>,
    shared: Option<&'s str>,
) -> impl PartialEq + Serialize + use<'s> {
    let Settlement {
        fence, end, next, ..
    } = ending.settlement;
    let percent = end.progress.as_ref().map_or(0, |progress| progress.percent);
    let floor = match next {
        Next::Succeed(_) => 100,
        _ => 0,
    };
    (
        fence.session,
        fence.attempt,
        status.as_str(),
        end.outcome.as_str(),
        percent.max(floor),
        end.error.as_ref().map(|error| error.kind.as_str()),
        error_message(end).is_some() || message(end).is_some(),
        ending.limits.and(shared),
        ending.limits.is_some() && shared.is_none(),
    )
}

fn error_message(end: &AttemptEnd) -> Option<&str> {
    end.error.as_ref().map(|error| &*error.message)
}

fn message(end: &AttemptEnd) -> Option<&str> {
    end.progress.as_ref()?.message.as_deref()
}

/// The fields of an attempt that differ from row to row.
struct OwnFields<'f, 's>(&'f Final<'s>, Option<&'s str>);

impl Serialize for OwnFields<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self((ending, _), shared) = self;
        let Settlement {
            fence, end, next, ..
        } = ending.settlement;
        let result = match next {
            Next::Succeed(result) => Some(&**result),
            _ => None,
        };
        let mut row = serializer.serialize_seq(None)?;
        row.serialize_element(&fence.row)?;
        row.serialize_element(&fence.claim)?;
        row.serialize_element(&end.started_at.as_millis())?;
        row.serialize_element(&end.finished_at.as_millis())?;
        let rare = [
            result.map(Rare::Text),
            ending.limits.filter(|_| shared.is_none()).map(Rare::Text),
            error_message(end).map(Rare::Text),
            message(end).map(Rare::Text),
        ];
        json::write_rare(&mut row, &rare)?;
        row.end()
    }
}

/// The events for the next attempts of these executions: ready now, or due at the earliest of their
/// times. An execution with limits is due at once, because the allocator has to admit it.
fn next_events(requeues: &[RequeueRow<'_>]) -> impl Iterator<Item = StoreEvent> {
    let at = |RequeueRow(ending): &RequeueRow<'_>| match ending.settlement.next {
        Next::RetryAt(at) => Some(at),
        _ => ending.limits.map(|_| Timestamp::default()),
    };
    let ready = requeues.iter().any(|row| at(row).is_none());
    let first = requeues.iter().filter_map(at).min();
    let ready = ready.then_some(StoreEvent::Ready);
    ready.into_iter().chain(first.map(StoreEvent::Scheduled))
}

/// A row for `requeue.sql`.
struct RequeueRow<'s>(Ending<'s>);

impl Serialize for RequeueRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(Ending {
            settlement, limits, ..
        }) = self;
        let retry_at = match settlement.next {
            Next::RetryAt(at) => Some(at.as_millis()),
            _ => None,
        };
        let mut row = serializer.serialize_seq(None)?;
        write_fence(&mut row, settlement.fence)?;
        row.serialize_element(&retry_at)?;
        write_end(&mut row, &settlement.end)?;
        row.serialize_element(&u8::from(settlement.end.outcome.spends_budget()))?;
        row.serialize_element(limits)?;
        row.end()
    }
}

/// Writes the fields 0 to 3 of a row.
fn write_fence<S: SerializeSeq>(row: &mut S, fence: Fence) -> Result<(), S::Error> {
    row.serialize_element(&fence.row)?;
    row.serialize_element(&fence.session)?;
    row.serialize_element(&fence.claim)?;
    row.serialize_element(&fence.attempt)
}

/// Writes the fields 5 to 11 of a row.
fn write_end<S: SerializeSeq>(row: &mut S, end: &AttemptEnd) -> Result<(), S::Error> {
    let progress = end.progress.as_ref();
    row.serialize_element(end.outcome.as_str())?;
    row.serialize_element(&end.started_at.as_millis())?;
    row.serialize_element(&end.finished_at.as_millis())?;
    row.serialize_element(&progress.map_or(0, |progress| progress.percent))?;
    row.serialize_element(&end.error.as_ref().map(|error| error.kind.as_str()))?;
    row.serialize_element(&error_message(end))?;
    row.serialize_element(&message(end))
}

/// The state of the lease and of the attempt that a fence names.
pub(super) struct FenceState {
    /// The lease exists.
    is_leased: bool,
    cancel_requested: bool,
    /// The fence's session has recorded the end of the attempt.
    is_recorded: bool,
    /// The limits of the lease.
    limits: Option<String>,
}

impl FenceState {
    /// The answer for this fence: settled with a lease, already mine if the same session has
    /// recorded the attempt, else stale.
    pub(super) fn answer(&self) -> WriteAnswer {
        match (self.is_leased, self.is_recorded) {
            (true, _) => WriteAnswer::Settled,
            (false, true) => WriteAnswer::AlreadyMine,
            (false, false) => WriteAnswer::Stale,
        }
    }

    /// Looks up the states of these fences, in their order.
    pub(super) async fn look_up(
        conn: &mut SqliteConnection,
        fences: impl Iterator<Item = Fence>,
    ) -> Result<Vec<Self>, DbError> {
        let fences = fences.map(|fence| (fence.row, fence.session, fence.claim, fence.attempt));
        let rows = sqlx::query(include_str!("sql/settle/fence_states.sql"))
            .bind(json::array(fences)?)
            .fetch_all(conn)
            .await?;
        let mut states = Vec::with_capacity(rows.len());
        for row in rows_named(&rows, "fence") {
            states.push(Self {
                is_leased: row.try_get(1)?,
                cancel_requested: row.try_get(2)?,
                is_recorded: row.try_get(3)?,
                limits: row.try_get(4)?,
            });
        }
        Ok(states)
    }
}

/// Stores the progress of the attempts whose lease exists.
pub(super) async fn report_in_txn(
    conn: &mut SqliteConnection,
    batch: &[ProgressReport],
) -> Result<Vec<WriteAnswer>, DbError> {
    let fences = FenceState::look_up(conn, batch.iter().map(|report| report.fence)).await?;
    let leased = batch
        .iter()
        .zip(&fences)
        .filter(|(_, fence)| fence.is_leased);
    let rows = leased.map(|(report, _)| {
        (
            report.fence.row,
            report.progress.percent,
            report.progress.message.as_deref(),
        )
    });
    sqlx::query(include_str!("sql/settle/report_progress.sql"))
        .bind(json::array(rows)?)
        .execute(conn)
        .await?;
    let answer = |fence: &FenceState| {
        if fence.is_leased {
            WriteAnswer::Settled
        } else {
            WriteAnswer::Stale
        }
    };
    Ok(fences.iter().map(answer).collect())
}
