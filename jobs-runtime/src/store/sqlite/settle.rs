//! Ending attempts, and noting their progress.

use std::collections::HashSet;

use jobs::ExecutionStatus;
use serde::ser::{Serialize, SerializeSeq, Serializer};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::conn::error::Fault;
use super::conn::json;
use super::conn::json::Rare;
use super::conn::script::rows_named;
use super::limits::permits::{Alike, Tally};
use super::read::logs;
use crate::store::{AttemptEnd, Fence, Next, ProgressReport, Settlement, StoreEvent, WriteAnswer};
use crate::time::Timestamp;

/// Limits whose permits are written one by one whoever waits: a note costs as much.
const FEW_LIMITS: usize = 8;

/// What a transaction writes and how it answers: the answers of each caller.
#[derive(Default)]
pub(super) struct SettlePlan {
    /// Attempts that their executions end with, as JSON, and how many.
    pub(super) finals: Option<String>,
    pub(super) ended: usize,
    /// The numbers of the leases that those held.
    pub(super) final_leases: Option<String>,
    /// Attempts that others follow, as JSON, and how many.
    pub(super) others: Option<String>,
    pub(super) followed: usize,
    /// How many permits of which limits come back, and what else is to be said of some, as JSON.
    pub(super) returned: Option<String>,
    /// Those limits as JSON, each as often as permits come back, if they are so many that a note of them does as long
    /// as nobody waits.
    pub(super) noted: Option<String>,
    pub(super) permits: Option<String>,
    /// Log lines, as JSON.
    pub(super) logs: Option<String>,
    pub(super) answers: Vec<Vec<WriteAnswer>>,
    pub(super) events: Vec<StoreEvent>,
}

impl SettlePlan {
    /// Takes every lease for held, no cancellation for requested, and what settlements say of limits for true:
    /// no permit comes back but by these words, and a lease with other limits is not met.
    pub(super) fn optimistic(batches: &[&[Settlement]]) -> Result<Self, Fault> {
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

    /// Decides row by row. `known` is in the order of all rows.
    pub(super) fn careful(batches: &[&[Settlement]], known: &[KnownFence]) -> Result<Self, Fault> {
        let mut known = known.iter();
        let mut seen = HashSet::new();
        let mut endings = Vec::new();
        let mut logging = Vec::new();
        let mut ended_before = Vec::new();
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut answer = Vec::with_capacity(batch.len());
            for (settlement, known) in batch.iter().zip(known.by_ref()) {
                if known.answer() != WriteAnswer::Stale {
                    logging.push(settlement);
                }
                answer.push(if known.held && seen.insert(settlement.fence) {
                    endings.push(Ending {
                        settlement,
                        status: settlement.final_status(known.cancel_requested),
                        limits: known.limits.as_deref(),
                    });
                    WriteAnswer::Settled
                } else if known.held {
                    WriteAnswer::AlreadyMine
                } else {
                    if known.recorded {
                        ended_before.push(settlement.execution_id);
                    }
                    known.answer()
                });
            }
            answers.push(answer);
        }
        let mut plan = Self::new(endings, answers)?.with_logs(logging)?;
        if !ended_before.is_empty() {
            // By a handler's own transaction, perhaps: then nobody has been told.
            plan.events.push(StoreEvent::Finished(ended_before.into()));
        }
        Ok(plan)
    }

    /// Adds the last lines of attempts that are this session's to end, or that it has ended.
    fn with_logs<'s>(
        mut self,
        settlements: impl IntoIterator<Item = &'s Settlement>,
    ) -> Result<Self, Fault> {
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
    ) -> Result<Self, Fault> {
        let endings: Vec<_> = endings.into_iter().collect();
        let mut plan = Self {
            answers,
            ..Self::default()
        };
        plan.give_back(&endings)?;
        let mut finals = Vec::new();
        let mut others = Vec::new();
        for ending in endings {
            match ending.status {
                Some(status) => finals.push((ending, status)),
                None => others.push(OtherRow(ending)),
            }
        }
        (plan.ended, plan.followed) = (finals.len(), others.len());
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
        if !others.is_empty() {
            plan.others = Some(json::array(&others)?);
            plan.events.extend(next_events(&others));
        }
        Ok(plan)
    }

    /// What becomes of the permits of these.
    fn give_back(&mut self, endings: &[Ending<'_>]) -> Result<(), Fault> {
        let mut returned = Tally::default();
        let mut more = Vec::new();
        for ending in endings {
            let Settlement { fence, permits, .. } = ending.settlement;
            let kept = permits.as_ref().is_some_and(|permits| permits.retained);
            let paused_until = permits.as_ref().and_then(|permits| permits.paused_until);
            if kept || paused_until.is_some() {
                let until = paused_until.map(Timestamp::as_millis);
                more.push((fence.row, u8::from(kept), until));
            }
            if let Some(limits) = ending.limits.filter(|_| !kept) {
                returned.add(limits, ());
            }
        }
        if !more.is_empty() {
            self.permits = Some(json::array(more)?);
        }
        let returned = returned.by_limit();
        if !returned.is_empty() {
            if returned.len() > FEW_LIMITS {
                let often = |alike: &Alike<()>| {
                    let limit = alike.limit;
                    (0..alike.count).map(move |_| limit)
                };
                self.noted = Some(json::array(returned.iter().flat_map(often))?);
            }
            let rows = returned.iter().map(|alike| (alike.limit, alike.count));
            self.returned = Some(json::array(rows)?);
        }
        Ok(())
    }

    /// Whether it ends anything.
    pub(super) fn writes(&self) -> bool {
        self.ended + self.followed > 0
    }

    /// Whether the statements met as many leases as they were to.
    pub(super) fn check(&self, rows: &[SqliteRow]) -> Result<(), Fault> {
        let met = |name| -> Result<i64, Fault> {
            match rows_named(rows, name).next() {
                Some(row) => Ok(row.try_get(1)?),
                None => Ok(0),
            }
        };
        let as_planned = usize::try_from(met("ended")?) == Ok(self.ended)
            && usize::try_from(met("followed")?) == Ok(self.followed);
        as_planned.then_some(()).ok_or(Fault::Unexpected)
    }
}

/// An attempt that ends.
#[derive(Clone, Copy)]
struct Ending<'s> {
    settlement: &'s Settlement,
    /// What its execution ends as; `None` if another attempt follows.
    status: Option<ExecutionStatus>,
    /// What its lease has for limits.
    limits: Option<&'s str>,
}

/// An attempt and what its execution ends as, for `settle_final.sql`.
type Final<'s> = (Ending<'s>, ExecutionStatus);

/// The limits that all of these have, as far as they have any.
fn shared_limits<'s>(finals: &[Final<'s>]) -> Option<&'s str> {
    let mut limited = finals.iter().filter_map(|(ending, _)| ending.limits);
    let first = limited.next()?;
    limited.all(|limits| limits == first).then_some(first)
}

/// What most attempts of a session have in common.
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

/// What an attempt has for itself.
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

/// Who waits may hear of the next attempts of these: at once, or at the first of their times. What has limits
/// stands at the door, and is to be let in.
fn next_events(others: &[OtherRow<'_>]) -> impl Iterator<Item = StoreEvent> {
    let at = |OtherRow(ending): &OtherRow<'_>| match ending.settlement.next {
        Next::RetryAt(at) => Some(at),
        _ => ending.limits.map(|_| Timestamp::default()),
    };
    let ready = others.iter().any(|other| at(other).is_none());
    let first = others.iter().filter_map(at).min();
    let ready = ready.then_some(StoreEvent::Ready);
    ready.into_iter().chain(first.map(StoreEvent::Scheduled))
}

/// A row of `settle_again.sql`.
struct OtherRow<'s>(Ending<'s>);

impl Serialize for OtherRow<'_> {
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

/// Places 0 to 3 of a row.
fn write_fence<S: SerializeSeq>(row: &mut S, fence: Fence) -> Result<(), S::Error> {
    row.serialize_element(&fence.row)?;
    row.serialize_element(&fence.session)?;
    row.serialize_element(&fence.claim)?;
    row.serialize_element(&fence.attempt)
}

/// Places 5 to 11 of a row.
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

/// What is there before a careful write.
pub(super) struct KnownFence {
    held: bool,
    cancel_requested: bool,
    recorded: bool,
    limits: Option<String>,
}

impl KnownFence {
    /// What a write that needs no more than the right to write is answered.
    pub(super) fn answer(&self) -> WriteAnswer {
        match (self.held, self.recorded) {
            (true, _) => WriteAnswer::Settled,
            (false, true) => WriteAnswer::AlreadyMine,
            (false, false) => WriteAnswer::Stale,
        }
    }

    /// Looks up these fences, in their order.
    pub(super) async fn look(
        conn: &mut SqliteConnection,
        fences: impl Iterator<Item = Fence>,
    ) -> Result<Vec<Self>, Fault> {
        let fences = fences.map(|fence| (fence.row, fence.session, fence.claim, fence.attempt));
        let rows = sqlx::query(include_str!("sql/settle/known.sql"))
            .bind(json::array(fences)?)
            .fetch_all(conn)
            .await?;
        let mut known = Vec::with_capacity(rows.len());
        for row in rows_named(&rows, "fence") {
            known.push(Self {
                held: row.try_get(1)?,
                cancel_requested: row.try_get(2)?,
                recorded: row.try_get(3)?,
                limits: row.try_get(4)?,
            });
        }
        Ok(known)
    }
}

/// Notes the progress of those attempts whose lease holds.
pub(super) async fn report_in_txn(
    conn: &mut SqliteConnection,
    batch: &[ProgressReport],
) -> Result<Vec<WriteAnswer>, Fault> {
    let known = KnownFence::look(conn, batch.iter().map(|report| report.fence)).await?;
    let held = batch.iter().zip(&known).filter(|(_, known)| known.held);
    let rows = held.map(|(report, _)| {
        (
            report.fence.row,
            report.progress.percent,
            report.progress.message.as_deref(),
        )
    });
    sqlx::query(include_str!("sql/settle/report.sql"))
        .bind(json::array(rows)?)
        .execute(conn)
        .await?;
    let answer = |known: &KnownFence| {
        if known.held {
            WriteAnswer::Settled
        } else {
            WriteAnswer::Stale
        }
    };
    Ok(known.iter().map(answer).collect())
}
