//! The builder behind `client.enqueue(..)`.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use super::backend::{Due, EnqueueRequest, TriggeredBy};
use crate::{BoxFuture, Client, Execution, ExecutionId, Job, Priority};

/// An enqueue under construction: add options, then `.await` it.
#[must_use = "nothing is enqueued until it is awaited"]
pub struct Enqueue<Kind> {
    client: Client,
    // The first payload that could not be written as JSON is reported by the await.
    requests: Result<Vec<EnqueueRequest>, EnqueueError>,
    kind: PhantomData<fn() -> Kind>,
}

/// Marks the enqueue of one execution whose result is a `T`.
pub struct One<T>(PhantomData<T>);

/// Marks the enqueue of a batch of executions whose results are `T`s.
pub struct Many<T>(PhantomData<T>);

impl<Kind> Enqueue<Kind> {
    pub(crate) fn new<J: Job>(client: Client, jobs: impl IntoIterator<Item = J>) -> Self {
        let requests = jobs
            .into_iter()
            .map(|job| {
                serde_json::to_string(&job)
                    .map(|payload| EnqueueRequest::new(J::ID, payload))
                    .map_err(|error| EnqueueError::Unserialisable {
                        job_id: J::ID,
                        source: error,
                    })
            })
            .collect();
        Self {
            client,
            requests,
            kind: PhantomData,
        }
    }

    /// Before or after others of its queue; the job's own priority unless given.
    pub fn priority(self, priority: Priority) -> Self {
        self.each(|request| request.priority = Some(priority))
    }

    /// Not before `delay` has passed.
    pub fn delay(self, delay: Duration) -> Self {
        self.each(|request| request.due = Due::After(delay))
    }

    /// Not before this time.
    pub fn run_at(self, time: SystemTime) -> Self {
        self.each(|request| request.due = Due::At(time))
    }

    /// Links it to a thing of the application, to find its executions by.
    pub fn item(self, item_id: impl Into<String>) -> Self {
        let item_id = item_id.into();
        self.each(|request| request.item_id = Some(item_id.clone()))
    }

    /// Says who wanted it.
    pub fn created_by(self, who: impl Into<String>) -> Self {
        let who = who.into();
        self.each(|request| request.created_by = Some(who.clone()))
    }

    /// Says what it belongs to: children inherit it.
    pub fn correlation_id(self, correlation_id: impl Into<String>) -> Self {
        let correlation_id = correlation_id.into();
        self.each(|request| request.correlation_id = Some(correlation_id.clone()))
    }

    /// Adds a word to find it by.
    pub fn tag(self, tag: impl Into<String>) -> Self {
        let tag = tag.into();
        self.each(|request| request.tags.push(tag.clone()))
    }

    pub(crate) fn child_of(self, parent: ExecutionId, correlation_id: Option<&str>) -> Self {
        self.each(|request| {
            request.parent_id = Some(parent);
            request.triggered_by = TriggeredBy::Parent;
            request.correlation_id = correlation_id.map(str::to_owned);
        })
    }

    fn each(mut self, mut change: impl FnMut(&mut EnqueueRequest)) -> Self {
        if let Ok(requests) = &mut self.requests {
            requests.iter_mut().for_each(&mut change);
        }
        self
    }
}

impl<T> Enqueue<One<T>> {
    /// Enqueues once however often it is asked: the same key of the same job answers with the
    /// execution that the first call created, for 24 hours.
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.each(|request| request.idempotency_key = Some(key.clone()))
    }
}

impl<T: 'static> IntoFuture for Enqueue<One<T>> {
    type Output = Result<Execution<T>, EnqueueError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut executions = send(self.client, self.requests).await?;
            executions.pop().ok_or_else(|| {
                EnqueueError::Store("the runtime answered a request with nothing".into())
            })
        })
    }
}

impl<T: 'static> IntoFuture for Enqueue<Many<T>> {
    type Output = Result<Vec<Execution<T>>, EnqueueError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(send(self.client, self.requests))
    }
}

#[cfg(feature = "_sqlx")]
impl<Kind> Enqueue<Kind> {
    pub(crate) fn into_parts(self) -> (Client, Result<Vec<EnqueueRequest>, EnqueueError>) {
        (self.client, self.requests)
    }
}

async fn send<T>(
    client: Client,
    requests: Result<Vec<EnqueueRequest>, EnqueueError>,
) -> Result<Vec<Execution<T>>, EnqueueError> {
    let answers = client.backend().enqueue(requests?).await?;
    Ok(answers
        .into_iter()
        .map(|answer| Execution::new(client.clone(), answer))
        .collect())
}

impl<Kind> fmt::Debug for Enqueue<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enqueue")
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}

/// Why nothing was enqueued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnqueueError {
    /// No such job in the catalogue.
    #[error("no job `{job_id}`{}", did_you_mean(near))]
    UnknownJob {
        /// The id that was asked for.
        job_id: String,
        /// Ids that look like it.
        near: Vec<String>,
    },
    /// The job is declared with `enabled = false`.
    #[error("job `{job_id}` is disabled")]
    Disabled {
        /// The job.
        job_id: String,
    },
    /// A payload does not fit its job's schema.
    #[error("invalid payload for job `{job_id}`: {violations}")]
    InvalidPayload {
        /// The job.
        job_id: String,
        /// Every violation, with its place.
        violations: Violations,
    },
    /// A payload is larger than a store accepts.
    #[error("the payload has {size} bytes, {limit} are allowed")]
    PayloadTooLarge {
        /// Its size.
        size: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A field beside the payload is not what it should be.
    #[error("invalid {field}: {reason}")]
    InvalidOption {
        /// The option's name.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The idempotency key was used for another payload.
    #[error("idempotency key `{key}` of job `{job_id}` was used with another payload")]
    IdempotencyConflict {
        /// The job.
        job_id: String,
        /// The key.
        key: String,
        /// The execution that the first use created.
        execution_id: ExecutionId,
    },
    /// Another execution of the job lives under the same unique key, and the job says
    /// `on_conflict = "reject"`.
    #[error("execution {execution_id} of job `{job_id}` lives under the same unique key")]
    UniqueConflict {
        /// The job.
        job_id: String,
        /// The execution that lives.
        execution_id: ExecutionId,
    },
    /// As many executions of the job wait as its `max_waiting` allows.
    #[error("queue_full: as many executions of job `{job_id}` wait as may: {max_waiting}")]
    QueueFull {
        /// The job.
        job_id: String,
        /// What is allowed.
        max_waiting: u32,
    },
    /// A payload could not be written as JSON.
    #[error("the payload of job `{job_id}` cannot be written as JSON")]
    Unserialisable {
        /// The job.
        job_id: &'static str,
        /// What JSON cannot express.
        source: serde_json::Error,
    },
    /// The transaction given to `.tx` belongs to another database than the jobs.
    #[error("wrong_database: the transaction is on {found}, the jobs are in {expected}")]
    WrongDatabase {
        /// Where the transaction writes.
        found: String,
        /// Where the jobs are.
        expected: String,
    },
    /// The transaction given to `.tx` cannot be joined as it is.
    #[error("the transaction cannot be joined: {0}")]
    Transaction(String),
    /// The store did not take it.
    #[error("the store did not take it")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!(", did you mean `{}`?", near.join("` or `")),
    }
}

/// Everything that is wrong with a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

/// One thing that is wrong with a payload.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901) into the payload; empty for the payload itself.
    pub pointer: String,
    /// What.
    pub message: String,
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, violation) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            let place = match violation.pointer.as_str() {
                "" => "the payload",
                pointer => pointer,
            };
            write!(f, "{separator}{place}: {}", violation.message)?;
        }
        Ok(())
    }
}
