//! What is written together: enqueues, settlements and a claim in one transaction.
//!
//! A group is first written **optimistically**: everything in one query, as if every id was new
//! and every lease held, which nearly always is so. When a statement says otherwise, all of it is
//! rolled back and written **carefully**: look at what is there, decide per row, write the rest.
//! Limits are looked at before either, and whatever makes an execution the same as another.

use sqlx::Executor;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tokio::sync::oneshot;

use super::claim::{self, ClaimAnswer};
use super::enqueue::{self, EnqueuePlan};
use super::fault::Fault;
use super::limits::{self, KnownLimits};
use super::script::{Script, rows_named};
use super::settle::{KnownFence, SettlePlan};
use crate::store::admission::{KnownExecutions, needs_admission};
use crate::store::{
    Answer, Claim, Claimed, EnqueueAnswer, NewExecution, Next, Settlement, StoreError, StoreEvent,
};
use crate::time::Timestamp;

/// Rows after which a group takes no more callers, and bytes of payloads and results.
const ROWS: usize = 10_000;
const BYTES: usize = 32 << 20;

/// A caller of the group commit.
pub(super) enum Call {
    /// Executions to create.
    Enqueue(Vec<NewExecution>, Reply<Vec<EnqueueAnswer>>),
    /// Attempts to end.
    Settle(Vec<Settlement>, Reply<Vec<Answer>>),
    /// Leases wanted.
    Claim(Box<Claim>, Reply<Vec<Claimed>>),
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// At once, taking for granted that nothing is in the way.
    Optimistic,
    /// After a look.
    Careful,
}

/// Callers that share a transaction.
#[derive(Default)]
pub(super) struct Group {
    calls: Vec<Call>,
    rows: usize,
    bytes: usize,
}

/// What became of them, in their order.
pub(super) struct Outcome {
    enqueued: Vec<Result<Vec<EnqueueAnswer>, StoreError>>,
    settled: Vec<Vec<Answer>>,
    claimed: Option<Result<Vec<Claimed>, StoreError>>,
    events: Vec<StoreEvent>,
}

impl Outcome {
    /// What to tell those who listen.
    pub(super) fn take_events(&mut self) -> Vec<StoreEvent> {
        std::mem::take(&mut self.events)
    }
}

impl Group {
    /// Takes a caller in, or gives it back when the group is full. One claim is enough: each
    /// process has one claimer.
    pub(super) fn take(&mut self, call: Call) -> Result<(), Call> {
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

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Leaves out those who do not wait any more: they were told that it timed out.
    pub(super) fn drop_abandoned(&mut self) {
        self.calls.retain(|call| !call.is_abandoned());
    }

    /// Keeps the first half of the callers and returns the second.
    pub(super) fn split(&mut self) -> Self {
        Self {
            calls: self.calls.split_off(self.calls.len() / 2),
            ..Self::default()
        }
    }

    /// Writes everything in one transaction. A failure may leave it open: roll back.
    pub(super) async fn write(
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
        if let Some(claim) = claim {
            script.add(include_str!("sql/claim.sql"));
            if claim.caps.has_shares() {
                script.add(include_str!("sql/claim_caps.sql"));
            }
            if !claim.caps.is_empty() {
                script.add(include_str!("sql/claim_trim.sql"));
            }
            script.add(include_str!("sql/claim_lease.sql"));
        }
        if claim.is_some() || settle.writes() {
            script.add(include_str!("sql/settle_wanted.sql"));
        }
        // What was settled and leased is looked at before it is committed; an enqueue that meets
        // something unexpected fails by itself.
        let checked = claim.is_some() || settle.writes();
        if !checked {
            script.add("COMMIT;");
        }
        let rows = script.run(conn, &enqueue, &settle, claim).await?;
        settle.check(&rows)?;
        let answer = claim.map(|claim| ClaimAnswer::from_rows(claim, &rows));
        let answer = answer.transpose()?;
        let started = match &answer {
            Some(answer) => claim::count_starts(conn, answer.leased()).await?,
            None => Vec::new(),
        };
        if checked {
            conn.execute("COMMIT").await?;
        }
        let claimed = match (answer, claim) {
            (Some(answer), Some(claim)) => Some(answer.resolve(conn, claim).await?),
            _ => None,
        };
        let mut events = enqueue.events;
        events.extend(settle.events);
        events.extend(wanted(&rows).or_else(|| wanted(&started)));
        Ok(Outcome {
            enqueued: enqueue.answers,
            settled: settle.answers,
            claimed,
            events,
        })
    }

    /// Answers every caller.
    pub(super) fn answer(self, outcome: Outcome) {
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
    pub(super) fn fail(self, error: StoreError) {
        for call in self.calls {
            let this = again(&error);
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

/// The same failure for another of several callers: of the same kind, so that each of them does
/// with it what that kind asks for.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable { location, reason } => StoreError::Unavailable {
            location: location.clone(),
            reason: reason.clone(),
        },
        StoreError::Timeout(after) => StoreError::Timeout(*after),
        StoreError::Layout(what) => StoreError::Layout(what.clone()),
        StoreError::SessionLost => StoreError::SessionLost,
        StoreError::Corrupt { what, reason } => StoreError::Corrupt {
            what: what.clone(),
            reason: reason.clone(),
        },
        StoreError::Transaction(reason) => StoreError::Transaction(reason.clone()),
        StoreError::WrongDatabase { found, expected } => StoreError::WrongDatabase {
            found: found.clone(),
            expected: expected.clone(),
        },
        StoreError::IdempotencyConflict {
            index,
            key,
            execution_id,
        } => StoreError::IdempotencyConflict {
            index: *index,
            key: key.clone(),
            execution_id: *execution_id,
        },
        StoreError::UniqueConflict {
            index,
            execution_id,
        } => StoreError::UniqueConflict {
            index: *index,
            execution_id: *execution_id,
        },
        StoreError::QueueFull {
            index,
            job_id,
            max_waiting,
        } => StoreError::QueueFull {
            index: *index,
            job_id: job_id.clone(),
            max_waiting: *max_waiting,
        },
        StoreError::Database(source) => {
            StoreError::Database(crate::error::chain(&**source).to_string().into())
        }
    }
}

/// Creates a caller's executions within a transaction that is under way.
pub(super) async fn enqueue_in_txn(
    conn: &mut SqliteConnection,
    batch: &[NewExecution],
) -> Result<Vec<EnqueueAnswer>, Fault> {
    let known = enqueue::look(conn, &[batch]).await?;
    let all = batch.iter().map(|new| &*new.rules.limits);
    let limits = limits::known_in_txn(conn, all).await?;
    let mut plan = EnqueuePlan::careful(&[batch], known, &limits)?;
    let answers = plan.answers.pop().unwrap_or(Ok(Vec::new()))?;
    let mut script = Script::default();
    script.add_enqueue(&plan);
    script
        .run(conn, &plan, &SettlePlan::default(), None)
        .await?;
    Ok(answers)
}

/// Ends an attempt within a transaction that is under way.
pub(super) async fn settle_in_txn(
    conn: &mut SqliteConnection,
    settlement: &Settlement,
) -> Result<Answer, Fault> {
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

/// What is there before a careful write.
#[derive(Default)]
struct Known {
    executions: KnownExecutions,
    limits: KnownLimits,
    fences: Vec<KnownFence>,
}

/// What has to be looked at before a group is written.
#[derive(Clone, Copy, Debug)]
struct Looks {
    executions: bool,
    limits: bool,
    fences: bool,
}

impl Looks {
    fn of(enqueues: &[&[NewExecution]], way: Way) -> Self {
        let careful = way == Way::Careful;
        let any =
            |what: fn(&NewExecution) -> bool| enqueues.iter().any(|batch| batch.iter().any(what));
        Self {
            executions: careful || any(needs_admission),
            limits: any(|new| !new.rules.limits.is_empty()),
            fences: careful,
        }
    }

    fn none(self) -> bool {
        !(self.executions || self.limits || self.fences)
    }

    async fn look(
        self,
        conn: &mut SqliteConnection,
        enqueues: &[&[NewExecution]],
        settles: &[&[Settlement]],
    ) -> Result<Known, Fault> {
        let mut known = Known::default();
        if self.executions && !enqueues.is_empty() {
            known.executions = enqueue::look(conn, enqueues).await?;
        }
        if self.limits {
            let all = enqueues.iter().flat_map(|batch| batch.iter());
            let all = all.map(|new| &*new.rules.limits);
            known.limits = limits::known_in_txn(conn, all).await?;
        }
        if self.fences && !settles.is_empty() {
            let fences = settles.iter().flat_map(|batch| batch.iter());
            let fences = fences.map(|settlement| settlement.fence);
            known.fences = KnownFence::look(conn, fences).await?;
        }
        Ok(known)
    }
}

/// Whether somebody waits for permits that have come back: then they are to be let in at once.
fn wanted(rows: &[SqliteRow]) -> Option<StoreEvent> {
    let wanted = rows_named(rows, "wanted").next();
    wanted.map(|_| StoreEvent::Scheduled(Timestamp::default()))
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
