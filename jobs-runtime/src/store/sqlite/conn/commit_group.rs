//! Group commit: enqueues, settlements and a claim of several callers in one transaction.
//!
//! A group is first written in the **optimistic** mode: one script of writes. With a settlement or
//! a claim, a second one commits, after the rows of the first were checked. This mode assumes that
//! every id is new, that every lease is valid, and that each settlement names the limits of its
//! lease. If an assumption fails, a statement fails or changes fewer rows than planned. The
//! transaction is then rolled back and the group written again in the **careful** mode: it reads
//! the existing rows, decides row by row, and writes the rest.
//!
//! Both modes first read the limits that new executions name, and the executions with the same
//! deduplication keys ([`Lookup`]). A group without limits and such keys reads nothing before it
//! writes.

use sqlx::Executor;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::error::DbError;
use super::json;
use super::lookup::{Lookup, LookupResult};
use super::operation::Outcome;
use super::script::Script;
use crate::store::sqlite::claim::ClaimAnswer;
use crate::store::sqlite::enqueue::EnqueuePlan;
use crate::store::sqlite::limits::allocator_wanted;
use crate::store::sqlite::limits::permits::PermitCounts;
use crate::store::sqlite::settle::{FenceState, SettlePlan};
use crate::store::{
    Claim, Claimed, EnqueueAnswer, NewExecution, Next, Settlement, StoreError, StoreEvent,
    WriteAnswer,
};

/// Most rows of a group. A single call may exceed it.
const MAX_ROWS: usize = 10_000;

/// Most bytes of payloads, results and log messages of a group. A single call may exceed it.
const MAX_BYTES: usize = 32 << 20;

/// A call that shares its transaction with other calls.
pub(in crate::store::sqlite) enum WriteCall {
    /// Creates executions.
    Enqueue(Vec<NewExecution>, Reply<Vec<EnqueueAnswer>>),
    /// Ends attempts.
    Settle(Vec<Settlement>, Reply<Vec<WriteAnswer>>),
    /// Leases ready executions.
    Claim(Box<Claim>, Reply<Vec<Claimed>>),
}

/// The channel on which a call is answered.
type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// The mode in which a group is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::sqlite) enum WriteMode {
    /// Assumes that ids are new, and that leases and their limits are as settlements name them.
    Optimistic,
    /// Reads the existing ids and leases first.
    Careful,
}

/// Calls that share a transaction.
#[derive(Default)]
pub(in crate::store::sqlite) struct CommitGroup {
    calls: Vec<WriteCall>,
    rows: usize,
    bytes: usize,
}

/// The answers of a group, in the order of its calls, and the events to publish.
pub(in crate::store::sqlite) struct GroupOutcome {
    enqueued: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
    settled: Vec<Vec<WriteAnswer>>,
    claimed: Option<Result<Vec<Claimed>, StoreError>>,
    events: Vec<StoreEvent>,
}

impl GroupOutcome {
    /// Takes the events to publish.
    pub(in crate::store::sqlite) fn take_events(&mut self) -> Vec<StoreEvent> {
        std::mem::take(&mut self.events)
    }
}

impl CommitGroup {
    /// Adds a call, or returns it if the group is full. A group has room for one claim. A second
    /// one, from another runtime on this store, opens the next group.
    pub(in crate::store::sqlite) fn add(&mut self, call: WriteCall) -> Result<(), WriteCall> {
        let (rows, bytes) = call.size();
        let full = self.rows + rows > MAX_ROWS || self.bytes + bytes > MAX_BYTES;
        if !self.calls.is_empty() && (full || call.claim().is_some() && self.claim().is_some()) {
            return Err(call);
        }
        self.rows += rows;
        self.bytes += bytes;
        self.calls.push(call);
        Ok(())
    }

    pub(in crate::store::sqlite) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(in crate::store::sqlite) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Removes calls whose callers have stopped waiting, after a timeout for example.
    pub(in crate::store::sqlite) fn drop_abandoned(&mut self) {
        self.calls.retain(|call| !call.is_abandoned());
    }

    /// Returns a group for each call.
    pub(in crate::store::sqlite) fn into_single_calls(self) -> impl Iterator<Item = Self> {
        self.calls.into_iter().map(|call| Self {
            calls: vec![call],
            ..Self::default()
        })
    }

    /// Writes the group in one transaction. After an error the caller has to roll back.
    pub(in crate::store::sqlite) async fn write(
        &self,
        conn: &mut SqliteConnection,
        mode: WriteMode,
    ) -> Result<GroupOutcome, DbError> {
        let enqueues: Vec<_> = self.enqueues().collect();
        let settles: Vec<_> = self.settlement_batches().collect();
        let lookup = Lookup::of(&enqueues, mode);

        let mut script = Script::default();
        let existing = if lookup.is_empty() {
            script.add("BEGIN IMMEDIATE;");
            LookupResult::default()
        } else {
            conn.execute("BEGIN IMMEDIATE").await?;
            lookup.run(conn, &enqueues, &settles).await?
        };
        let enqueue = if lookup.executions {
            EnqueuePlan::careful(&enqueues, existing.executions, &existing.limits)?
        } else {
            EnqueuePlan::optimistic(&enqueues, &existing.limits)?
        };
        let settle = if lookup.fences {
            SettlePlan::careful(&settles, &existing.fences)?
        } else {
            SettlePlan::optimistic(&settles)?
        };
        let claim = self.claim();
        script.add_enqueue(&enqueue);
        script.add_settle(&settle);
        script.add_claim(claim);
        // The results of settlements and claims are read before the commit: a lease that is gone
        // and a claimed row that cannot be read both roll the group back. An enqueue needs no such
        // check: an existing id fails its statement.
        let checks_results = claim.is_some() || settle.writes();
        if !checks_results {
            script.add("COMMIT;");
        }
        let rows = script.run(conn, &enqueue, &settle, claim).await?;
        settle.check(&rows)?;
        let leased = claim.map(|claim| ClaimAnswer::from_rows(claim, &rows));
        let leased = leased.transpose()?;
        let mut events = enqueue.events;
        events.extend(settle.events);
        if checks_results {
            let leased = leased.as_ref().map_or(&[][..], ClaimAnswer::leased);
            events.extend(record_starts_and_commit(conn, leased).await?);
        }
        let claimed = match (leased, claim) {
            (Some(leased), Some(claim)) => Some(leased.resolve(conn, claim).await?),
            _ => None,
        };
        Ok(GroupOutcome {
            enqueued: enqueue.answers,
            settled: settle.answers,
            claimed,
            events,
        })
    }

    /// Answers every caller.
    pub(in crate::store::sqlite) fn answer(self, outcome: GroupOutcome) {
        let mut enqueued = outcome.enqueued.into_iter();
        let mut settled = outcome.settled.into_iter();
        let mut claimed = outcome.claimed;
        for call in self.calls {
            // Sending fails if the caller has stopped waiting. Its answer is dropped.
            match call {
                WriteCall::Enqueue(_, reply) => {
                    let _ = enqueued.next().map(|answer| reply.send(answer));
                }
                WriteCall::Settle(_, reply) => {
                    let _ = settled.next().map(|answer| reply.send(Ok(answer)));
                }
                WriteCall::Claim(_, reply) => {
                    let _ = claimed.take().map(|answer| reply.send(answer));
                }
            }
        }
    }

    /// Answers every caller with the same error.
    pub(in crate::store::sqlite) fn fail(self, error: StoreError) {
        for call in self.calls {
            let this = error.for_each_caller();
            match call {
                WriteCall::Enqueue(_, reply) => drop(reply.send(Err(this))),
                WriteCall::Settle(_, reply) => drop(reply.send(Err(this))),
                WriteCall::Claim(_, reply) => drop(reply.send(Err(this))),
            }
        }
    }

    fn enqueues(&self) -> impl Iterator<Item = &[NewExecution]> {
        self.calls.iter().filter_map(|call| match call {
            WriteCall::Enqueue(batch, _) => Some(batch.as_slice()),
            _ => None,
        })
    }

    fn settlement_batches(&self) -> impl Iterator<Item = &[Settlement]> {
        self.calls.iter().filter_map(|call| match call {
            WriteCall::Settle(batch, _) => Some(batch.as_slice()),
            _ => None,
        })
    }

    fn claim(&self) -> Option<&Claim> {
        self.calls.iter().find_map(WriteCall::claim)
    }
}

impl WriteCall {
    fn claim(&self) -> Option<&Claim> {
        match self {
            Self::Claim(claim, _) => Some(claim),
            _ => None,
        }
    }

    fn is_abandoned(&self) -> bool {
        match self {
            Self::Enqueue(_, reply) => reply.is_closed(),
            Self::Settle(_, reply) => reply.is_closed(),
            Self::Claim(_, reply) => reply.is_closed(),
        }
    }

    /// The rows and the bytes that count against a group's limits.
    fn size(&self) -> (usize, usize) {
        match self {
            Self::Enqueue(batch, _) => {
                (batch.len(), batch.iter().map(|new| new.payload.len()).sum())
            }
            Self::Settle(batch, _) => (batch.len(), batch.iter().map(settlement_bytes).sum()),
            Self::Claim(..) => (0, 0),
        }
    }
}

fn settlement_bytes(settlement: &Settlement) -> usize {
    let result = match &settlement.next {
        Next::Succeed(result) => result.len(),
        _ => 0,
    };
    let logs = settlement.end.logs.iter().map(|line| line.message.len());
    result + logs.sum::<usize>()
}

/// Creates executions in the open transaction of `conn`. An error of the contract leaves the
/// transaction as it was.
pub(in crate::store::sqlite) async fn enqueue_in_txn(
    conn: &mut SqliteConnection,
    batch: &[NewExecution],
) -> Result<Outcome<Vec<EnqueueAnswer>>, DbError> {
    let lookup = Lookup::of(&[batch], WriteMode::Careful);
    let existing = lookup.run(conn, &[batch], &[]).await?;
    let mut plan = EnqueuePlan::careful(&[batch], existing.executions, &existing.limits)?;
    let answers = plan.answers.pop().unwrap_or(Ok(Vec::new()))?;
    let mut script = Script::default();
    script.add_enqueue(&plan);
    script
        .run(conn, &plan, &SettlePlan::default(), None)
        .await?;
    Ok((answers, plan.events))
}

/// Ends an attempt in the open transaction of `conn`.
pub(in crate::store::sqlite) async fn settle_in_txn(
    conn: &mut SqliteConnection,
    settlement: &Settlement,
) -> Result<WriteAnswer, DbError> {
    let batch: &[Settlement] = std::slice::from_ref(settlement);
    let fences = FenceState::look_up(conn, std::iter::once(settlement.fence)).await?;
    let plan = SettlePlan::careful(&[batch], &fences)?;
    let mut script = Script::default();
    script.add_settle(&plan);
    let rows = script
        .run(conn, &EnqueuePlan::default(), &plan, None)
        .await?;
    plan.check(&rows)?;
    let answer = plan.answers.first().and_then(|answers| answers.first());
    answer.copied().ok_or(DbError::AssumptionFailed)
}

/// Records the starts of leased attempts for their rates, and commits. Returns an event if the
/// allocator has to run.
async fn record_starts_and_commit(
    conn: &mut SqliteConnection,
    leased: &[Claimed],
) -> Result<Vec<StoreEvent>, DbError> {
    let statements = concat!(
        include_str!("../sql/claim/record_starts.sql"),
        include_str!("../sql/settle/allocator_wanted.sql"),
        "COMMIT;"
    );
    let starts = PermitCounts::of_starts(leased).by_limit();
    let starts = starts
        .iter()
        .map(|starts| (starts.limit, starts.count, starts.last.as_millis()));
    let rows = sqlx::query(statements)
        .bind(json::array(starts)?)
        .fetch_all(conn)
        .await?;
    Ok(allocator_wanted(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some errors cannot be cloned; each caller gets one of the same kind and text.
    #[tokio::test]
    async fn every_caller_gets_the_same_error() {
        let errors = [
            StoreError::SessionLost,
            StoreError::Layout("old".to_owned()),
            StoreError::Corrupt {
                what: "a row".to_owned(),
                reason: "no JSON".to_owned(),
            },
            StoreError::Database("syntax".into()),
        ];
        for error in errors {
            let expected = format!("{error:?}");
            let mut group = CommitGroup::default();
            let (replies, answers): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
            for reply in replies {
                assert!(group.add(WriteCall::Settle(Vec::new(), reply)).is_ok());
            }
            group.fail(error);
            for answer in answers {
                let answer = answer.await.unwrap().unwrap_err();
                assert_eq!(format!("{answer:?}"), expected);
            }
        }
    }
}
