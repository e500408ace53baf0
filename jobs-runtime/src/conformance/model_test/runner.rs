//! The runner: makes each call of a sequence on the store and on the model, and compares the
//! answers.
//!
//! It imports the steps and the model, which must not import it.

mod arguments;
mod leases;
mod reads;

use std::fmt::Debug;
use std::time::Duration;

use super::model::Model;
use super::step::Step;
use crate::conformance::fixtures::*;

/// A running sequence.
pub(super) struct Runner {
    handles: [AnyStore; 2],
    model: Model,
    now: Timestamp,
    /// Earlier calls, to be repeated.
    batches: Vec<Vec<NewExecution>>,
    ends: Vec<Vec<Settlement>>,
    claims: Vec<SentClaim>,
    /// Every fence that a claim has returned.
    fences: Vec<(Fence, ExecutionId)>,
    ids: Vec<ExecutionId>,
    sessions: Vec<(SessionId, i64)>,
    /// The observed beats of sessions, with the number of renewals at that time.
    watched: Vec<(SessionBeat, u32)>,
}

/// A claim, or a take-over with the observed beat and number of renewals.
#[derive(Clone)]
enum SentClaim {
    Claim(Claim),
    TakeOver(SessionBeat, u32, Claim),
}

/// The first difference between the store and the model.
type Checked<T = ()> = Result<T, String>;

fn check_equal<T: PartialEq + Debug>(what: &str, answer: &T, expected: &T) -> Checked {
    if answer == expected {
        Ok(())
    } else {
        Err(format!("{what}: {answer:?}, expected {expected:?}"))
    }
}

fn store_error(error: StoreError) -> String {
    format!("the store failed: {error:?}")
}

/// Returns an element counted back from the last, modulo the length.
fn from_newest<T>(all: &[T], ago: u8) -> Option<&T> {
    let last = all.len().checked_sub(1)?;
    all.get(last - usize::from(ago) % all.len())
}

const JOBS: [&str; 3] = ["a", "b", "old.b"];
const QUEUES: [&str; 2] = ["default", "mail"];
const WORKERS: [&str; 2] = ["host/1", "host/2"];

impl Runner {
    /// Opens two sessions.
    pub(super) async fn begin(handles: [AnyStore; 2]) -> Checked<Self> {
        let mut runner = Self {
            handles,
            model: Model::default(),
            now: T0,
            batches: Vec::new(),
            ends: Vec::new(),
            claims: Vec::new(),
            fences: Vec::new(),
            ids: Vec::new(),
            sessions: Vec::new(),
            watched: Vec::new(),
        };
        for name in [0, 1] {
            runner.step(&Step::Open { handle: name, name }).await?;
        }
        Ok(runner)
    }

    /// Makes the call of a step on the store and on the model.
    pub(super) async fn step(&mut self, step: &Step) -> Checked {
        match step {
            Step::Pass { seconds } => {
                self.now = self.now.after(Duration::from_secs((*seconds).into()));
                Ok(())
            }
            Step::Enqueue { handle, items } => {
                let batch: Vec<_> = items.iter().map(|item| self.new_execution(item)).collect();
                self.batches.push(batch.clone());
                self.enqueue(*handle, batch).await
            }
            Step::EnqueueAgain { handle, which } => {
                match from_newest(&self.batches, *which).cloned() {
                    Some(batch) => self.enqueue(*handle, batch).await,
                    None => Ok(()),
                }
            }
            Step::Open { handle, name } => self.open(*handle, *name).await,
            Step::Renew { handle, session } => {
                let session = self.session(*session);
                let answer = self.at(*handle).renew(session, self.now).await;
                let expected = self.model.renew(session, self.now);
                check_equal("renewal", &answer.map_err(store_error)?, &expected)
            }
            Step::Close { handle, session } => {
                let session = self.session(*session);
                self.model.close(session);
                let answer = self.at(*handle).close_session(session).await;
                answer.map_err(store_error)
            }
            Step::Claim {
                handle,
                session,
                jobs,
                queues,
                limit,
            } => {
                let claim = self.new_claim(*session, *limit, |claim| {
                    claim.job_ids = chosen(&JOBS, *jobs);
                    claim.queues = chosen(&QUEUES, *queues);
                });
                self.claims.push(SentClaim::Claim(claim.clone()));
                self.claim(*handle, claim, false).await
            }
            Step::ClaimAgain { handle, which } => {
                match from_newest(&self.claims, *which).cloned() {
                    Some(SentClaim::Claim(claim)) => self.claim(*handle, claim, true).await,
                    Some(SentClaim::TakeOver(dead, renewals, claim)) => {
                        self.take_over(*handle, dead, renewals, claim).await
                    }
                    None => Ok(()),
                }
            }
            Step::Watch { handle } => self.watch(*handle).await,
            Step::TakeOver {
                handle,
                dead,
                by,
                limit,
            } => {
                let Some((dead, renewals)) = from_newest(&self.watched, *dead).cloned() else {
                    return Ok(());
                };
                if dead.session == self.session(*by) {
                    return Ok(());
                }
                let claim = self.new_claim(*by, *limit, |_| {});
                let sent = SentClaim::TakeOver(dead.clone(), renewals, claim.clone());
                self.claims.push(sent);
                self.take_over(*handle, dead, renewals, claim).await
            }
            Step::Settle { handle, ends } => {
                let batch: Vec<_> = ends.iter().filter_map(|end| self.settlement(end)).collect();
                self.ends.push(batch.clone());
                self.settle(*handle, batch).await
            }
            Step::SettleAgain { handle, which } => match from_newest(&self.ends, *which).cloned() {
                Some(batch) => self.settle(*handle, batch).await,
                None => Ok(()),
            },
            Step::Report {
                handle,
                fence,
                percent,
                message,
            } => {
                let Some((fence, _)) = self.fence(fence) else {
                    return Ok(());
                };
                let progress = Progress {
                    percent: *percent,
                    message: message.then(|| format!("at {percent}")),
                };
                let report = ProgressReport { fence, progress };
                let answer = self.at(*handle).report(vec![report.clone()]).await;
                let expected = vec![self.model.report(&report)];
                check_equal("report", &answer.map_err(store_error)?, &expected)
            }
            Step::Log {
                handle,
                fence,
                first,
                lines,
            } => {
                let Some((fence, _)) = self.fence(fence) else {
                    return Ok(());
                };
                let numbers = (0..*lines).map(|n| u32::from(first + n));
                let batch = LogBatch {
                    fence,
                    lines: numbers.map(|n| line(n, &format!("line {n}"))).collect(),
                };
                let answer = self.at(*handle).append_logs(vec![batch.clone()]).await;
                let expected = vec![self.model.append_logs(&batch)];
                check_equal("append_logs", &answer.map_err(store_error)?, &expected)
            }
            Step::Promote { handle, limit } => {
                let limit = usize::from(*limit);
                let answer = self.at(*handle).promote(self.now, limit).await;
                let expected = self.model.promote(self.now, limit);
                check_equal("promotion", &answer.map_err(store_error)?, &expected)
            }
            Step::Cancel { handle, execution } => {
                let Some(&id) = from_newest(&self.ids, *execution) else {
                    return Ok(());
                };
                let answer = self.at(*handle).cancel(id, self.now).await;
                let expected = self.model.cancel(id, self.now);
                check_equal("cancel", &answer.map_err(store_error)?, &expected)
            }
            Step::Retry {
                handle,
                execution,
                edited,
            } => {
                let Some(&id) = from_newest(&self.ids, *execution) else {
                    return Ok(());
                };
                let payload = edited.then(|| r#"{"edited":true}"#.to_owned());
                let answer = self
                    .at(*handle)
                    .retry(id, payload.clone(), EnqueueRules::default(), self.now)
                    .await;
                let expected = self.model.retry(id, payload);
                check_equal("retry", &answer.map_err(store_error)?, &expected)
            }
            Step::Delete { handle, execution } => {
                let Some(&id) = from_newest(&self.ids, *execution) else {
                    return Ok(());
                };
                let answer = self.at(*handle).delete(id).await;
                let expected = self.model.delete(id);
                check_equal("delete", &answer.map_err(store_error)?, &expected)
            }
            Step::Look { handle, execution } => match from_newest(&self.ids, *execution) {
                Some(&id) => self.read_all(*handle, id).await,
                None => Ok(()),
            },
        }
    }

    fn at(&self, handle: u8) -> &AnyStore {
        &self.handles[usize::from(handle % 2)]
    }

    fn session(&self, ago: u8) -> SessionId {
        from_newest(&self.sessions, ago).map_or(SessionId(0), |(session, _)| *session)
    }

    async fn enqueue(&mut self, handle: u8, batch: Vec<NewExecution>) -> Checked {
        let answer = self.at(handle).enqueue(batch.clone()).await;
        let answer = match answer {
            Ok(answers) => Ok(answers),
            Err(StoreError::IdempotencyConflict {
                index,
                execution_id,
                ..
            }) => Err((index, execution_id)),
            Err(error) => return Err(store_error(error)),
        };
        check_equal("enqueue", &answer, &self.model.enqueue(&batch))
    }

    async fn open(&mut self, handle: u8, name: u8) -> Checked {
        let worker = WORKERS[usize::from(name) % WORKERS.len()];
        let info = SessionInfo {
            worker: worker.to_owned(),
            opened_at: self.now,
            job_ids: Vec::new(),
            queues: Vec::new(),
            labels: Vec::new(),
            slot_caps: Vec::new(),
            fingerprints: Vec::new(),
            lease: Duration::from_secs(30),
        };
        let session = self
            .at(handle)
            .open_session(info)
            .await
            .map_err(store_error)?;
        if self.sessions.iter().any(|(known, _)| *known >= session) {
            return Err(format!("open: session id {session} was used before"));
        }
        self.sessions.push((session, 0));
        self.model.open(session, worker, self.now);
        Ok(())
    }

    async fn settle(&mut self, handle: u8, batch: Vec<Settlement>) -> Checked {
        let answer = self.at(handle).settle(batch.clone()).await;
        let expected = self.model.settle(&batch);
        check_equal("settle", &answer.map_err(store_error)?, &expected)
    }
}

/// Returns the names whose bits are set.
fn chosen(names: &[&str], bits: u8) -> Vec<String> {
    let set = names.iter().enumerate().filter(|(n, _)| bits >> n & 1 == 1);
    set.map(|(_, name)| (*name).to_owned()).collect()
}
