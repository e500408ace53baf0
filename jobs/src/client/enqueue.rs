//! The builder behind `client.enqueue(..)`.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::backend::{ChildNumber, Due, EnqueueRequest, TriggeredBy};
use crate::context::ContextParts;
use crate::{BoxFuture, Client, Execution, ExecutionId, Job, Priority};

/// A builder of an enqueue: set options, then `.await` it.
#[must_use = "nothing is enqueued until it is awaited"]
pub struct Enqueue<Kind> {
    client: Client,
    // The error of the first payload that is not serialisable is returned by the `.await`.
    requests: Result<Vec<EnqueueRequest>, EnqueueError>,
    kind: PhantomData<fn() -> Kind>,
}

/// Marker for an enqueue of one execution with a result of type `T`.
pub struct One<T>(PhantomData<T>);

/// Marker for an enqueue of a batch of executions with results of type `T`.
pub struct Many<T>(PhantomData<T>);

impl<Kind> Enqueue<Kind> {
    pub(crate) fn new(
        client: Client,
        requests: impl Iterator<Item = Result<EnqueueRequest, EnqueueError>>,
    ) -> Self {
        Self {
            client,
            requests: requests.collect(),
            kind: PhantomData,
        }
    }

    /// Sets the priority within the queue; by default the job's own.
    pub fn priority(self, priority: Priority) -> Self {
        self.edit_each(|request| request.priority = Some(priority))
    }

    /// Makes the execution available once `delay` has passed.
    pub fn delay(self, delay: Duration) -> Self {
        self.edit_each(|request| request.due = Due::After(delay))
    }

    /// Makes the execution available at this time.
    pub fn run_at(self, time: SystemTime) -> Self {
        self.edit_each(|request| request.due = Due::At(time))
    }

    /// Cancels the execution, with the error kind `expired`, if its first attempt has not started
    /// within this time after it is due; by default the job's own `expires`.
    pub fn expires(self, after: Duration) -> Self {
        self.edit_each(|request| request.expires = Some(after))
    }

    /// Sets the item: the application's id for the thing that the execution works on.
    ///
    /// Lists of executions can be filtered by item.
    pub fn item(self, item_id: impl Into<String>) -> Self {
        let item_id = item_id.into();
        self.edit_each(|request| request.item_id = Some(item_id.clone()))
    }

    /// Sets the user or program that asked for the execution.
    pub fn created_by(self, creator: impl Into<String>) -> Self {
        let creator = creator.into();
        self.edit_each(|request| request.created_by = Some(creator.clone()))
    }

    /// Sets the id of a group of related executions. Children inherit it.
    pub fn correlation_id(self, correlation_id: impl Into<String>) -> Self {
        let correlation_id = correlation_id.into();
        self.edit_each(|request| request.correlation_id = Some(correlation_id.clone()))
    }

    /// Adds a tag to find the execution by.
    pub fn tag(self, tag: impl Into<String>) -> Self {
        let tag = tag.into();
        self.edit_each(|request| request.tags.push(tag.clone()))
    }

    /// Creates a new child, although an earlier attempt of the parent has enqueued an equal one.
    ///
    /// No effect outside of handlers: see [`JobContext::enqueue`](crate::JobContext::enqueue).
    pub fn again(self) -> Self {
        self.edit_each(|request| request.child = None)
    }

    pub(crate) fn child_of(
        self,
        parent: &ContextParts,
        mut number: impl FnMut(&EnqueueRequest) -> ChildNumber,
    ) -> Self {
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        self.edit_each(|request| {
            // The builders of a batch's items may be children already.
            if request.parent_id.is_some() {
                return;
            }
            request.parent_id = Some(parent.execution_id);
            request.child = Some(number(request));
            request.triggered_by = TriggeredBy::Parent;
            request.trace_parent = text(&parent.trace_parent);
            if request.correlation_id.is_none() {
                request.correlation_id = text(&parent.correlation_id);
            }
        })
    }

    fn edit_each(mut self, mut edit: impl FnMut(&mut EnqueueRequest)) -> Self {
        if let Ok(requests) = &mut self.requests {
            requests.iter_mut().for_each(&mut edit);
        }
        self
    }
}

impl<T> Enqueue<One<T>> {
    /// Forgets the type of the result, so that one batch may contain several jobs.
    ///
    /// The result is then JSON. [`Client::execution`] gives a handle with the type again.
    ///
    /// ```no_run
    /// # use jobs::{Client, JobError, Priority, job};
    /// # #[job(id = "charge")]
    /// # async fn charge(order: u64) -> Result<u64, JobError> { Ok(order) }
    /// # #[job(id = "send-mail")]
    /// # async fn send_mail(to: String) -> Result<(), JobError> { drop(to); Ok(()) }
    /// # async fn demo(jobs: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// jobs.enqueue_all([
    ///     jobs.enqueue(Charge::new(7_u64)).priority(Priority::High).untyped(),
    ///     jobs.enqueue(SendMail::new("alice@example.org")).untyped(),
    /// ])
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn untyped(self) -> Enqueue<One<serde_json::Value>> {
        Enqueue {
            client: self.client,
            requests: self.requests,
            kind: PhantomData,
        }
    }

    /// The request of this builder, which has one.
    pub(super) fn into_only_request(self) -> Result<EnqueueRequest, EnqueueError> {
        let request = self.requests?.pop();
        request.ok_or_else(|| EnqueueError::Store("the builder has no request".into()))
    }

    /// Creates at most one execution per job and key.
    ///
    /// For 24 hours, another enqueue with the same key and payload returns the execution of the
    /// first one. With another payload it fails: [`EnqueueError::IdempotencyConflict`].
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.edit_each(|request| request.idempotency_key = Some(key.clone()))
    }
}

impl<T: 'static> IntoFuture for Enqueue<One<T>> {
    type Output = Result<Execution<T>, EnqueueError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut executions = send(self.client, self.requests).await?;
            executions.pop().ok_or_else(|| {
                EnqueueError::Store("the runtime returned no answer to the request".into())
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

/// The request to enqueue a payload.
pub(super) fn request<J: Job>(job: &J) -> Result<EnqueueRequest, EnqueueError> {
    match serde_json::to_string(job) {
        Ok(payload) => Ok(EnqueueRequest::new(J::ID, payload)),
        Err(source) => Err(EnqueueError::Unserialisable {
            job_id: J::ID,
            source,
        }),
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

/// The error of an enqueue that created nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnqueueError {
    /// The catalogue has no job with this id.
    #[error("no job `{job_id}`{}", did_you_mean(near))]
    UnknownJob {
        /// The requested id.
        job_id: String,
        /// Similar ids in the catalogue.
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
        /// Every violation, with its position.
        violations: Violations,
    },
    /// A payload is larger than the store accepts.
    #[error("the payload has {size} bytes, at most {limit} are allowed")]
    PayloadTooLarge {
        /// The payload's size, in bytes.
        size: usize,
        /// The largest size that is accepted, in bytes.
        limit: usize,
    },
    /// An option of the enqueue is invalid.
    #[error("invalid {field}: {reason}")]
    InvalidOption {
        /// The option's name.
        field: &'static str,
        /// The rule that the option breaks.
        reason: String,
    },
    /// The idempotency key was used with another payload.
    #[error("idempotency key `{key}` of job `{job_id}` was used with another payload")]
    IdempotencyConflict {
        /// The job.
        job_id: String,
        /// The key.
        key: String,
        /// The execution that the first use created.
        execution_id: ExecutionId,
    },
    /// A live execution of the job has the same unique key, and the job declares
    /// `on_conflict = "reject"`.
    #[error("job `{job_id}` has a live execution with the same unique key: {execution_id}")]
    UniqueConflict {
        /// The job.
        job_id: String,
        /// The live execution.
        execution_id: ExecutionId,
    },
    /// The job's `max_waiting` is reached.
    #[error("queue_full: at most {max_waiting} executions of job `{job_id}` may wait")]
    QueueFull {
        /// The job.
        job_id: String,
        /// The number of executions that may wait.
        max_waiting: u32,
    },
    /// A payload cannot be serialised.
    #[error("the payload of job `{job_id}` cannot be written as JSON")]
    Unserialisable {
        /// The job.
        job_id: &'static str,
        /// The error of the serialiser.
        source: serde_json::Error,
    },
    /// The transaction passed to `.tx` is on another database than the store.
    #[error("wrong_database: the transaction is on {found}, the jobs are in {expected}")]
    WrongDatabase {
        /// The database of the transaction.
        found: String,
        /// The database of the store.
        expected: String,
    },
    /// The transaction passed to `.tx` cannot be used in its current state.
    #[error("cannot enqueue in the transaction: {0}")]
    Transaction(String),
    /// The store failed.
    #[error("the store failed to enqueue")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!(", did you mean `{}`?", near.join("` or `")),
    }
}

/// All violations of one payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

/// A rule of a schema that a payload breaks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Violation {
    /// The position: a JSON pointer (RFC 6901) into the payload, empty for the payload itself.
    pub pointer: String,
    /// The rule, as text for people.
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
