//! What is written together: enqueues, settlements and a claim in one transaction.
//!
//! A group is first written **optimistically**: everything in one query, as if every id was new, every
//! lease held, and what settlements say of limits true, which nearly always is so. When a statement says
//! otherwise, all of it is rolled back and written **carefully**: look at what is there, decide per row,
//! write the rest. What a new execution may meet by its own words is looked at before either: the limits
//! that it names, and whatever makes it the same as another ([`Looks`]).

use sqlx::Executor;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::error::Fault;
use super::json;
use super::lookups::{Known, Looks};
use super::script::Script;
use crate::store::sqlite::claim::ClaimAnswer;
use crate::store::sqlite::enqueue::EnqueuePlan;
use crate::store::sqlite::limits::permits::Tally;
use crate::store::sqlite::limits::wanted;
use crate::store::sqlite::settle::{KnownFence, SettlePlan};
use crate::store::{
    Claim, Claimed, EnqueueAnswer, NewExecution, Next, Settlement, StoreError, StoreEvent,
    WriteAnswer,
};

/// Rows after which a group takes no more callers, and bytes of payloads and results.
const ROWS: usize = 10_000;
const BYTES: usize = 32 << 20;

/// A caller of the group commit.
pub(in crate::store::sqlite) enum Call {
    /// Executions to create.
    Enqueue(Vec<NewExecution>, Reply<Vec<EnqueueAnswer>>),
    /// Attempts to end.
    Settle(Vec<Settlement>, Reply<Vec<WriteAnswer>>),
    /// Leases wanted.
    Claim(Box<Claim>, Reply<Vec<Claimed>>),
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::sqlite) enum Way {
    /// Taking for in_use that ids are new and leases held as they are said to be.
    Optimistic,
    /// After a look at those, too.
    Careful,
}

/// Callers that share a transaction.
#[derive(Default)]
pub(in crate::store::sqlite) struct Group {
    calls: Vec<Call>,
    rows: usize,
    bytes: usize,
}

/// What became of them, in their order.
pub(in crate::store::sqlite) struct Outcome {
    enqueued: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
    settled: Vec<Vec<WriteAnswer>>,
    claimed: Option<Result<Vec<Claimed>, StoreError>>,
    events: Vec<StoreEvent>,
}

impl Outcome {
    /// What to tell those who listen.
    pub(in crate::store::sqlite) fn take_events(&mut self) -> Vec<StoreEvent> {
        std::mem::take(&mut self.events)
    }
}

impl Group {
    /// Takes a caller in, or gives it back when the group is full. One claim is enough: each
    /// process has one claimer.
    pub(in crate::store::sqlite) fn take(&mut self, call: Call) -> Result<(), Call> {
        let (rows, bytes) = call.size();
        let full = self.rows + rows > ROWS || self.bytes + bytes > BYTES;
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

    /// Leaves out those who do not wait any more: they were told that it timed out.
    pub(in crate::store::sqlite) fn drop_abandoned(&mut self) {
        self.calls.retain(|call| !call.is_abandoned());
    }

    /// Keeps the first half of the callers and returns the second.
    pub(in crate::store::sqlite) fn split(&mut self) -> Self {
        Self {
            calls: self.calls.split_off(self.calls.len() / 2),
            ..Self::default()
        }
    }

    /// Writes everything in one transaction. A failure may leave it open: roll back.
    pub(in crate::store::sqlite) async fn write(
        &self,
        conn: &mut SqliteConnection,
        way: Way,
    ) -> Result<Outcome, Fault> {
        let enqueues: Vec<_> = self.enqueues().collect();
        let settles: Vec<_> = self.settles().collect();
        let looks = Looks::of(&enqueues, way);

        let mut script = Script::default();
        let known = if looks.none() {
            script.add("BEGIN IMMEDIATE;");
            Known::default()
        } else {
            conn.execute("BEGIN IMMEDIATE").await?;
            looks.look(conn, &enqueues, &settles).await?
        };
        let enqueue = match looks.executions {
            true => EnqueuePlan::careful(&enqueues, known.executions, &known.limits)?,
            false => EnqueuePlan::optimistic(&enqueues, &known.limits)?,
        };
        let settle = match looks.fences {
            true => SettlePlan::careful(&settles, &known.fences)?,
            false => SettlePlan::optimistic(&settles)?,
        };
        let claim = self.claim();
        script.add_enqueue(&enqueue);
        script.add_settle(&settle);
        script.add_claim(claim);
        // What was settled and leased is read before it is committed: leases that are not met, and rows of a
        // claim that cannot be read, are a reason to roll back. An enqueue that meets something unexpected
        // fails by itself.
        let is_read_first = claim.is_some() || settle.writes();
        if !is_read_first {
            script.add("COMMIT;");
        }
        let rows = script.run(conn, &enqueue, &settle, claim).await?;
        settle.check(&rows)?;
        let leased = claim.map(|claim| ClaimAnswer::from_rows(claim, &rows));
        let leased = leased.transpose()?;
        let mut events = enqueue.events;
        events.extend(settle.events);
        if is_read_first {
            let leased = leased.as_ref().map_or(&[][..], ClaimAnswer::leased);
            events.extend(commit(conn, leased).await?);
        }
        let claimed = match (leased, claim) {
            (Some(leased), Some(claim)) => Some(leased.resolve(conn, claim).await?),
            _ => None,
        };
        Ok(Outcome {
            enqueued: enqueue.answers,
            settled: settle.answers,
            claimed,
            events,
        })
    }

    /// Answers every caller.
    pub(in crate::store::sqlite) fn answer(self, outcome: Outcome) {
        let mut enqueued = outcome.enqueued.into_iter();
        let mut settled = outcome.settled.into_iter();
        let mut claimed = outcome.claimed;
        for call in self.calls {
            // A caller that has left does not want its answer.
            match call {
                Call::Enqueue(_, reply) => {
                    let _ = enqueued.next().map(|answer| reply.send(answer));
                }
                Call::Settle(_, reply) => {
                    let _ = settled.next().map(|answer| reply.send(Ok(answer)));
                }
                Call::Claim(_, reply) => {
                    let _ = claimed.take().map(|answer| reply.send(answer));
                }
            }
        }
    }

    /// Answers every caller with the same failure.
    pub(in crate::store::sqlite) fn fail(self, error: StoreError) {
        for call in self.calls {
            let this = error.for_each_caller();
            match call {
                Call::Enqueue(_, reply) => drop(reply.send(Err(this))),
                Call::Settle(_, reply) => drop(reply.send(Err(this))),
                Call::Claim(_, reply) => drop(reply.send(Err(this))),
            }
        }
    }

    fn enqueues(&self) -> impl Iterator<Item = &[NewExecution]> {
        self.calls.iter().filter_map(|call| match call {
            Call::Enqueue(batch, _) => Some(batch.as_slice()),
            _ => None,
        })
    }

    fn settles(&self) -> impl Iterator<Item = &[Settlement]> {
        self.calls.iter().filter_map(|call| match call {
            Call::Settle(batch, _) => Some(batch.as_slice()),
            _ => None,
        })
    }

    fn claim(&self) -> Option<&Claim> {
        self.calls.iter().find_map(Call::claim)
    }
}

impl Call {
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

    /// Rows and bytes that it brings along.
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

/// Creates a caller's executions within a transaction that is under way.
pub(in crate::store::sqlite) async fn enqueue_in_txn(
    conn: &mut SqliteConnection,
    batch: &[NewExecution],
) -> Result<Vec<EnqueueAnswer>, Fault> {
    let looks = Looks::of(&[batch], Way::Careful);
    let known = looks.look(conn, &[batch], &[]).await?;
    let mut plan = EnqueuePlan::careful(&[batch], known.executions, &known.limits)?;
    let answers = plan.answers.pop().unwrap_or(Ok(Vec::new()))?;
    let mut script = Script::default();
    script.add_enqueue(&plan);
    script
        .run(conn, &plan, &SettlePlan::default(), None)
        .await?;
    Ok(answers)
}

/// Ends an attempt within a transaction that is under way.
pub(in crate::store::sqlite) async fn settle_in_txn(
    conn: &mut SqliteConnection,
    settlement: &Settlement,
) -> Result<WriteAnswer, Fault> {
    let batch: &[Settlement] = std::slice::from_ref(settlement);
    let known = KnownFence::look(conn, std::iter::once(settlement.fence)).await?;
    let plan = SettlePlan::careful(&[batch], &known)?;
    let mut script = Script::default();
    script.add_settle(&plan);
    let rows = script
        .run(conn, &EnqueuePlan::default(), &plan, None)
        .await?;
    plan.check(&rows)?;
    let answer = plan.answers.first().and_then(|answers| answers.first());
    answer.copied().ok_or(Fault::Unexpected)
}

/// Counts what starts and commits. Whether somebody is to be let in.
async fn commit(conn: &mut SqliteConnection, leased: &[Claimed]) -> Result<Vec<StoreEvent>, Fault> {
    let statements = concat!(
        include_str!("../sql/claim/started.sql"),
        include_str!("../sql/settle/allocator_wanted.sql"),
        "COMMIT;"
    );
    let started = Tally::of_starts(leased).by_limit();
    let started = started
        .iter()
        .map(|alike| (alike.limit, alike.count, alike.last.as_millis()));
    let rows = sqlx::query(statements)
        .bind(json::array(started)?)
        .fetch_all(conn)
        .await?;
    Ok(wanted(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lost session told to several callers is a lost session to each of them.
    #[tokio::test]
    async fn every_caller_is_told_the_same_kind_of_failure() {
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
            let said = format!("{error:?}");
            let mut group = Group::default();
            let (replies, answers): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
            for reply in replies {
                assert!(group.take(Call::Settle(Vec::new(), reply)).is_ok());
            }
            group.fail(error);
            for answer in answers {
                let answer = answer.await.unwrap().unwrap_err();
                assert_eq!(format!("{answer:?}"), said);
            }
        }
    }
}
