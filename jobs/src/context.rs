//! The context of a running attempt.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
#[cfg(feature = "_sqlx")]
use std::sync::OnceLock;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::client::{ChildNumber, Client, Enqueue, EnqueueItem, EnqueueRequest, Many, One};
use crate::resource::{Resource, Resources};
use crate::{Clock, ExecutionId, Job, JobError, ProgressCell};

/// A handler's view of its running attempt. Cheap to clone.
///
/// ```
/// # use jobs::{JobContext, JobError};
/// async fn resize_all(ctx: &JobContext, images: Vec<String>) -> Result<(), JobError> {
///     for (done, image) in (0..).zip(&images) {
///         ctx.check()?; // returns early when the execution is cancelled
///         ctx.progress_of(done, images.len() as u64, "images");
///         // … resize `image` …
/// #       let _ = image;
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct JobContext(Arc<Inner>);

struct Inner {
    parts: ContextParts,
    /// The number of children that the attempt has enqueued, by a hash of job and payload.
    children: Mutex<HashMap<u64, u32>>,
    #[cfg(feature = "_sqlx")]
    success: Option<Box<dyn SucceedIn>>,
    /// The check of a result by the job's type; set by the expansion before the handler runs.
    #[cfg(feature = "_sqlx")]
    result_check: OnceLock<ResultCheck>,
}

/// Refuses a result, a JSON text, that its own type cannot read.
#[cfg(feature = "_sqlx")]
type ResultCheck = fn(&str) -> Result<(), JobError>;

impl std::ops::Deref for Inner {
    type Target = ContextParts;

    fn deref(&self) -> &ContextParts {
        &self.parts
    }
}

/// The parts of a [`JobContext`], supplied by a runtime.
pub struct ContextParts {
    /// The id of the execution.
    pub execution_id: ExecutionId,
    /// The job's current id, even if the execution was enqueued under a former one.
    pub job_id: &'static str,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// `true` if the execution fails for good when this attempt fails.
    pub last_attempt: bool,
    /// The time at which the attempt times out; `None` for no timeout.
    pub deadline: Option<SystemTime>,
    /// The time at which the attempt is asked to end, before its deadline; `None` for no timeout.
    pub asked_to_end_at: Option<SystemTime>,
    /// The execution's correlation id, which its children inherit.
    pub correlation_id: Option<Arc<str>>,
    /// The trace context of the attempt, which its children inherit: a W3C `traceparent`, followed
    /// by a space and the `tracestate` if there is one.
    pub trace_parent: Option<Arc<str>>,
    /// The runtime's clock.
    pub clock: Arc<dyn Clock>,
    /// The client that enqueues children.
    pub client: Client,
    /// The resources for the handler's by-reference arguments.
    pub resources: Resources,
    /// A token that is cancelled when the attempt should end early.
    pub cancelled: CancellationToken,
    /// The cell for progress reports.
    pub progress: Arc<ProgressCell>,
    /// The named rate limits of [`JobContext::limit`]. With `None`, every call passes at once.
    pub limiter: Option<Arc<dyn Limiter>>,
}

impl ContextParts {
    /// Ends the waits of the client with the attempt.
    fn for_handler(mut self) -> Self {
        self.client = self.client.of_attempt(self.cancelled.clone());
        self
    }
}

/// Named rate limits, for [`JobContext::limit`].
pub trait Limiter: Send + Sync + 'static {
    /// Reserves `cost` permits of the limit `name`, unless they are only free after `latest`.
    ///
    /// # Errors
    /// A retryable error if no limit has this name, or if the store fails.
    fn reserve<'a>(
        &'a self,
        name: &'a str,
        cost: u32,
        latest: SystemTime,
    ) -> crate::BoxFuture<'a, Result<Reserved, JobError>>;
}

/// The answer of a [`Limiter`] to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The permits are reserved. The handler may go on at this time, which may be now.
    At(SystemTime),
    /// Nothing is reserved. The permits are free at this time, which is after `latest`.
    TooLate(SystemTime),
}

/// The longest wait of [`JobContext::limit`]. A waiting attempt occupies a slot of its worker.
const MAX_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// Writes the success of one attempt into the handler's transaction.
#[cfg(feature = "_sqlx")]
pub trait SucceedIn: Send + Sync + 'static {
    /// Writes the success with this result (JSON text) if the attempt's lease is still valid.
    fn succeed_in<'a>(
        &'a self,
        tx: crate::TransactionRef<'a>,
        result: String,
    ) -> crate::BoxFuture<'a, Result<(), JobError>>;
}

/// A fencing token: identifies one attempt to outside systems.
///
/// A token of a later attempt of the same execution compares greater. An outside system that keeps
/// the greatest token it has seen can reject writes of a superseded attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The attempt.
    pub attempt: u32,
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.execution_id, self.attempt)
    }
}

impl JobContext {
    /// Creates a context of these parts; for runtimes and test kits.
    pub fn new(parts: ContextParts) -> Self {
        Self(Arc::new(Inner {
            parts: parts.for_handler(),
            children: Mutex::default(),
            #[cfg(feature = "_sqlx")]
            success: None,
            #[cfg(feature = "_sqlx")]
            result_check: OnceLock::new(),
        }))
    }

    /// Creates a context that supports [`succeed_in`](Self::succeed_in); for runtimes.
    #[cfg(feature = "_sqlx")]
    pub fn with_success(parts: ContextParts, success: impl SucceedIn) -> Self {
        Self(Arc::new(Inner {
            parts: parts.for_handler(),
            children: Mutex::default(),
            success: Some(Box::new(success)),
            result_check: OnceLock::new(),
        }))
    }

    /// Has [`succeed_in`](Self::succeed_in) check its results.
    #[cfg(feature = "_sqlx")]
    pub(crate) fn check_results(&self, check: ResultCheck) {
        // Only the first call counts; each attempt makes one.
        let _ = self.0.result_check.set(check);
    }

    /// The execution's id, which is the same in every attempt.
    ///
    /// Pass it to outside systems as the idempotency key.
    pub fn execution_id(&self) -> ExecutionId {
        self.0.execution_id
    }

    /// The fencing token of this attempt. It grows with every attempt of the execution.
    pub fn fencing_token(&self) -> FencingToken {
        FencingToken {
            execution_id: self.0.execution_id,
            attempt: self.0.attempt,
        }
    }

    /// The job's id.
    pub fn job_id(&self) -> &'static str {
        self.0.job_id
    }

    /// The attempt's number, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// Returns `true` if the execution fails for good when this attempt fails.
    pub fn is_last_attempt(&self) -> bool {
        self.0.last_attempt
    }

    /// The time at which this attempt times out; `None` for no timeout.
    pub fn deadline(&self) -> Option<SystemTime> {
        self.0.deadline
    }

    /// The current time, by the runtime's clock.
    pub fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    /// Waits on the runtime's clock.
    ///
    /// # Errors
    /// A cancellation if the attempt should end before the wait is over. Return it with `?`: a
    /// handler that ignores it and returns `Ok` has succeeded.
    pub async fn sleep(&self, duration: Duration) -> Result<(), JobError> {
        let slept = self.0.clock.sleep(duration);
        match self.0.cancelled.run_until_cancelled(slept).await {
            Some(()) => Ok(()),
            None => Err(ended_early()),
        }
    }

    /// Reports the progress in percent, and the current step.
    ///
    /// Never waits. The percentage is clamped to 0–100 and never decreases. The worker stores the
    /// latest report only.
    pub fn progress(&self, percent: impl Into<f64>, message: impl Into<String>) {
        self.0.progress.report(percent.into(), Some(message.into()));
    }

    /// Reports `done` of `total` items, shown as "3 of 10 images".
    #[expect(clippy::cast_precision_loss, reason = "a percentage needs no more")]
    pub fn progress_of(&self, done: u64, total: u64, unit: &str) {
        let percent = match total {
            0 => 100.0,
            _ => done as f64 * 100.0 / total as f64,
        };
        let message = format!("{done} of {total} {unit}");
        self.0.progress.report(percent, Some(message));
    }

    /// Returns `true` if the attempt should end early.
    ///
    /// The reason is a cancellation, a timeout that comes close, a lost lease, or the shutdown
    /// of the worker.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.is_cancelled()
    }

    /// Completes when the attempt should end early.
    pub async fn cancelled(&self) {
        self.0.cancelled.cancelled().await;
    }

    /// Returns an error when the attempt should end early. Call `ctx.check()?` in every loop.
    ///
    /// # Errors
    /// A cancellation, once [`is_cancelled`](Self::is_cancelled) is `true`.
    pub fn check(&self) -> Result<(), JobError> {
        if self.is_cancelled() {
            return Err(ended_early());
        }
        Ok(())
    }

    /// Waits for `cost` permits of a named rate limit, which the whole fleet shares.
    ///
    /// Use it to respect the rate limit of an outside system: call it before each request.
    ///
    /// ```
    /// # use jobs::{JobContext, JobError};
    /// async fn feed(ctx: &JobContext, animals: Vec<String>) -> Result<(), JobError> {
    ///     for animal in animals {
    ///         ctx.limit("zoo-api", 1).await?;
    ///         // … send a request to the zoo …
    /// #       let _ = animal;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// The rate is part of the configuration: `limits` in `jobs.toml`, or
    /// `Runtime::builder().limit("zoo-api", 60, MINUTE)`. Permits are spread evenly over time.
    ///
    /// The call never waits for more than a minute, nor until the attempt is asked to end, shortly
    /// before its timeout. If the permits are free only later, it returns a snooze until that time.
    /// Return it with `?`: the attempt ends without spending the retry budget.
    ///
    /// If the outside system asks to slow down, return [`JobError::rate_limited`]. It pauses every
    /// named limit that this attempt has used, for the whole fleet.
    ///
    /// # Errors
    /// A snooze if the wait would be too long. A cancellation if the attempt should end early. A
    /// retryable error if no limit has this name.
    pub async fn limit(&self, name: &str, cost: u32) -> Result<(), JobError> {
        let Some(limiter) = &self.0.limiter else {
            return Ok(());
        };
        let now = self.now();
        let latest = now + MAX_LIMIT_WAIT;
        // Permits of a later start could not be used.
        let asked = self.0.asked_to_end_at;
        let latest = asked.map_or(latest, |asked| asked.min(latest));
        let (at, taken) = match limiter.reserve(name, cost, latest).await? {
            Reserved::At(at) => (at, true),
            Reserved::TooLate(at) => (at, false),
        };
        let wait = at.duration_since(self.now()).unwrap_or_default();
        if !taken {
            return Err(JobError::snooze(wait));
        }
        if !wait.is_zero() {
            self.sleep(wait).await?;
        }
        self.check()
    }

    /// Enqueues a child execution.
    ///
    /// The child inherits the correlation id and the trace, and names this execution as its parent.
    ///
    /// A later attempt that asks for the same child gets the same execution, while that lives or
    /// has succeeded. A child that failed or was cancelled is enqueued anew. So a retried handler
    /// can run from its start again:
    ///
    /// ```
    /// # use jobs::{job, JobContext, JobError};
    /// # #[job(id = "charge")]
    /// # async fn charge(order: u64) -> Result<(), JobError> { let _ = order; Ok(()) }
    /// async fn fulfil(ctx: &JobContext, order: u64) -> Result<(), JobError> {
    ///     ctx.enqueue(Charge::new(order)).await?.result().await?; // charges once
    ///     // … an error here leads to another attempt …
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Children are the same if they have the same job and payload, and the same number among the
    /// equal ones of their attempt: a handler that enqueues a payload twice has two children, in
    /// each attempt. [`Enqueue::again`] asks for a new one.
    pub fn enqueue<J: Job>(&self, job: J) -> Enqueue<One<J::Output>> {
        self.child(self.0.client.enqueue(job))
    }

    /// Enqueues one child per item in one batch: all of them or none. An item is a payload, or a
    /// builder with options of its own.
    ///
    /// Each of them is looked for as by [`enqueue`](Self::enqueue).
    pub fn enqueue_all<I: EnqueueItem>(
        &self,
        items: impl IntoIterator<Item = I>,
    ) -> Enqueue<Many<I::Output>> {
        self.child(self.0.client.enqueue_all(items))
    }

    fn child<Kind>(&self, enqueue: Enqueue<Kind>) -> Enqueue<Kind> {
        enqueue.child_of(&self.0.parts, |request| self.child_number(request))
    }

    fn child_number(&self, request: &EnqueueRequest) -> ChildNumber {
        let mut hasher = DefaultHasher::new();
        request.job_id.hash(&mut hasher);
        // Equal payloads may have their members in different orders.
        hash_payload(&request.payload, &mut hasher);
        let mut children = self
            .0
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let next = children.entry(hasher.finish()).or_default();
        let number = *next;
        *next += 1;
        ChildNumber {
            attempt: self.0.attempt,
            number,
        }
    }

    /// Writes this attempt's success into the handler's transaction, with its other writes.
    ///
    /// Commit the transaction, then return the same result. The transaction must be on the store's
    /// own database, as for [`Enqueue::tx`](crate::Enqueue::tx).
    ///
    /// After the commit the execution has succeeded, even if the handler then returns an error or
    /// the process crashes. Without a commit the attempt fails, even if the handler returns `Ok`;
    /// the retry list then decides about the next attempt.
    ///
    /// ```no_run
    /// # use jobs::{JobContext, JobError};
    /// # use sqlx::SqlitePool;
    /// async fn charge(ctx: &JobContext, pool: &SqlitePool, cents: i64) -> Result<i64, JobError> {
    ///     let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    ///     sqlx::query("UPDATE accounts SET cents = cents - ?")
    ///         .bind(cents)
    ///         .execute(&mut *tx)
    ///         .await?;
    ///     ctx.succeed_in(&mut tx, &cents).await?; // an error if the lease has ended
    ///     tx.commit().await?;
    ///     Ok(cents)
    /// }
    /// ```
    ///
    /// # Errors
    /// The attempt's lease has ended, or the transaction is on another database or cannot be
    /// written to, or the job's result type cannot read `result`. Return the error with `?`, which
    /// drops the transaction and rolls it back.
    #[cfg(feature = "_sqlx")]
    pub async fn succeed_in<T: crate::Transaction, R: serde::Serialize + ?Sized>(
        &self,
        tx: &mut T,
        result: &R,
    ) -> Result<(), JobError> {
        let Some(success) = &self.0.success else {
            return Err(JobError::permanent(
                "this runtime does not write successes in transactions",
            ));
        };
        let result = serde_json::to_string(result)
            .map_err(|error| JobError::new(crate::error::Verdict::InvalidResult, error))?;
        if let Some(check) = self.0.result_check.get() {
            check(&result)?;
        }
        success.succeed_in(tx.by_ref(), result).await
    }

    /// The resource of type `T`, if this process has built one.
    ///
    /// Prefer a by-reference argument of the handler, which is checked at the start of the program.
    pub fn resource<T: ?Sized + Resource>(&self) -> Option<Arc<T>> {
        self.0.resources.get()
    }
}

/// The error of an attempt that should end early. The runtime knows the reason, and decides by it
/// what follows.
fn ended_early() -> JobError {
    JobError::cancel("cancelled")
}

impl JobContext {
    pub(crate) fn resources(&self) -> &Resources {
        &self.0.resources
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext")
            .field("job_id", &self.0.job_id)
            .field("execution_id", &self.0.execution_id)
            .field("attempt", &self.0.attempt)
            .finish_non_exhaustive()
    }
}

/// Hashes a payload without the order of its members.
fn hash_payload(text: &str, hasher: &mut impl Hasher) {
    match serde_json::from_str(text) {
        Ok(value) => hash_value(&value, hasher),
        Err(_) => text.hash(hasher),
    }
}

fn hash_value(value: &Value, hasher: &mut impl Hasher) {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().collect();
            for (name, value) in members {
                // A member that is null counts as missing, as in the digest of the payload.
                if !value.is_null() {
                    name.hash(hasher);
                    hash_value(value, hasher);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| hash_value(item, hasher)),
        value => value.to_string().hash(hasher),
    }
}
