//! What a handler can ask and tell while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::client::{Client, Enqueue, One};
use crate::resource::{Resource, Resources};
use crate::{Clock, ExecutionId, Job, JobError, ProgressCell};

/// The running attempt, as its handler sees it. Cheap to clone.
///
/// ```
/// # use jobs::{JobContext, JobError};
/// async fn resize_all(ctx: &JobContext, images: Vec<String>) -> Result<(), JobError> {
///     for (done, image) in (0..).zip(&images) {
///         ctx.check()?; // leaves when the execution is cancelled
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
    #[cfg(feature = "_sqlx")]
    success: Option<Box<dyn SucceedIn>>,
}

/// What runs the attempt, and what it knows of it.
impl std::ops::Deref for Inner {
    type Target = ContextParts;

    fn deref(&self) -> &ContextParts {
        &self.parts
    }
}

/// What a runtime puts behind a [`JobContext`].
pub struct ContextParts {
    /// The execution that is attempted.
    pub execution_id: ExecutionId,
    /// The id of the job that executes it (not a former id it may have been enqueued under).
    pub job_id: &'static str,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// Whether a failure of this attempt is the last one of the budget.
    pub last_attempt: bool,
    /// When the attempt times out.
    pub deadline: Option<SystemTime>,
    /// What the execution belongs to; its children inherit it.
    pub correlation_id: Option<Arc<str>>,
    /// The runtime's time.
    pub clock: Arc<dyn Clock>,
    /// Enqueues children.
    pub client: Client,
    /// What by-reference arguments are taken from.
    pub resources: Resources,
    /// Triggered when the attempt should end early.
    pub cancelled: CancellationToken,
    /// Where progress is reported.
    pub progress: Arc<ProgressCell>,
    /// What [`JobContext::limit`] takes starts from; without one nothing is limited.
    pub limiter: Option<Arc<dyn Limiter>>,
}

/// Rate limits that handlers ask by name.
pub trait Limiter: Send + Sync + 'static {
    /// Takes `cost` out of the limit of this name, unless that is only to be had after `latest`.
    ///
    /// # Errors
    /// A permanent one if there is no limit of this name; a failure that is retried if the limit
    /// cannot be asked.
    fn reserve<'a>(
        &'a self,
        name: &'a str,
        cost: u32,
        latest: SystemTime,
    ) -> crate::BoxFuture<'a, Result<Reserved, JobError>>;
}

/// What a [`Limiter`] has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is taken: go on then, which may be now.
    At(SystemTime),
    /// Nothing is taken: it would be then.
    TooLate(SystemTime),
}

/// How long an attempt keeps its place while it waits for a limit.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes the success of one attempt into a transaction.
#[cfg(feature = "_sqlx")]
pub trait SucceedIn: Send + Sync + 'static {
    /// Writes it, with this result as JSON text, provided that the attempt's lease holds.
    fn succeed_in<'a>(
        &'a self,
        tx: crate::TransactionRef<'a>,
        result: String,
    ) -> crate::BoxFuture<'a, Result<(), JobError>>;
}

/// Proof of the right to act for one attempt.
///
/// Outside systems that keep the highest token seen can refuse the writes of an attempt that has
/// been superseded. Tokens of one execution grow with its attempts.
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
    /// A context of these parts; for runtimes and test kits.
    pub fn new(parts: ContextParts) -> Self {
        Self(Arc::new(Inner {
            parts,
            #[cfg(feature = "_sqlx")]
            success: None,
        }))
    }

    /// A context of an attempt whose success can be written in a transaction; for runtimes.
    #[cfg(feature = "_sqlx")]
    pub fn with_success(parts: ContextParts, success: impl SucceedIn) -> Self {
        Self(Arc::new(Inner {
            parts,
            success: Some(Box::new(success)),
        }))
    }

    /// Names the execution; the same in every attempt, so it is the idempotency key to hand to
    /// outside systems.
    pub fn execution_id(&self) -> ExecutionId {
        self.0.execution_id
    }

    /// Names this attempt; grows with every attempt of the execution.
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

    /// Whether the execution fails for good if this attempt fails.
    pub fn is_last_attempt(&self) -> bool {
        self.0.last_attempt
    }

    /// When this attempt times out; `None` if it may take as long as it likes.
    pub fn deadline(&self) -> Option<SystemTime> {
        self.0.deadline
    }

    /// The time now, by the runtime's clock.
    pub fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    /// Waits on the runtime's clock. Ends early when the attempt is cancelled: follow it by
    /// [`check`](Self::check).
    pub async fn sleep(&self, duration: Duration) {
        let slept = self.0.clock.sleep(duration);
        self.0.cancelled.run_until_cancelled(slept).await;
    }

    /// Reports how far the work is, in percent, and what it is doing.
    ///
    /// Never waits. Reports are coalesced, clamped to 0–100 and never go back.
    pub fn progress(&self, percent: impl Into<f64>, message: impl Into<String>) {
        self.0.progress.report(percent.into(), Some(message.into()));
    }

    /// Reports `done` of `total` things, shown as "3 of 10 images".
    #[expect(clippy::cast_precision_loss, reason = "a percentage needs no more")]
    pub fn progress_of(&self, done: u64, total: u64, unit: &str) {
        let percent = match total {
            0 => 100.0,
            _ => done as f64 * 100.0 / total as f64,
        };
        let message = format!("{done} of {total} {unit}");
        self.0.progress.report(percent, Some(message));
    }

    /// Whether the attempt should end early: cancelled, out of time, or its lease lost.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.is_cancelled()
    }

    /// Completes when the attempt should end early.
    pub async fn cancelled(&self) {
        self.0.cancelled.cancelled().await;
    }

    /// Leaves the handler when the attempt should end early: `ctx.check()?` in every loop.
    ///
    /// # Errors
    /// A cancellation, once one was requested.
    pub fn check(&self) -> Result<(), JobError> {
        if self.is_cancelled() {
            return Err(JobError::cancel("cancelled"));
        }
        Ok(())
    }

    /// Waits until `cost` may be taken out of a rate limit that the whole fleet shares, such as an
    /// outside system's: `ctx.limit("zoo-api", 1).await?` before each call of it.
    ///
    /// Its rate is said where the program is put together (`limits` in `jobs.toml`, or
    /// `Runtime::builder().limit("zoo-api", 60, MINUTE)`). Those who ask get different moments,
    /// evenly spread. What would be only to be had after a minute, or after the attempt's deadline,
    /// is not waited for: the attempt ends, and the next one begins by then at no cost of the budget.
    /// A handler that was told to slow down all the same returns [`JobError::rate_limited`], which
    /// makes everybody wait who asks for what it has asked for.
    ///
    /// ```
    /// # use jobs::{JobContext, JobError};
    /// async fn feed(ctx: &JobContext, animals: Vec<String>) -> Result<(), JobError> {
    ///     for animal in animals {
    ///         ctx.limit("zoo-api", 1).await?;
    ///         // … call the zoo …
    /// #       let _ = animal;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// A snooze when the wait would be too long, a cancellation when one was requested meanwhile, a
    /// permanent error when no limit has this name.
    pub async fn limit(&self, name: &str, cost: u32) -> Result<(), JobError> {
        let Some(limiter) = &self.0.limiter else {
            return Ok(());
        };
        let now = self.now();
        let patience = now + PATIENCE;
        let latest = self
            .0
            .deadline
            .map_or(patience, |deadline| deadline.min(patience));
        let (at, taken) = match limiter.reserve(name, cost, latest).await? {
            Reserved::At(at) => (at, true),
            Reserved::TooLate(at) => (at, false),
        };
        let wait = at.duration_since(self.now()).unwrap_or_default();
        if !taken {
            return Err(JobError::snooze(wait));
        }
        if !wait.is_zero() {
            self.sleep(wait).await;
        }
        self.check()
    }

    /// Enqueues a child: it keeps this execution's correlation and names it as its parent.
    pub fn enqueue<J: Job>(&self, job: J) -> Enqueue<One<J::Output>> {
        self.0
            .client
            .enqueue(job)
            .child_of(self.0.execution_id, self.0.correlation_id.as_deref())
    }

    /// Writes this attempt's success into a transaction of the handler's, with the handler's other
    /// writes: both hold, or neither. Commit it, then return the same result.
    ///
    /// The transaction is on the store's own database, like the one for
    /// [`Enqueue::tx`](crate::Enqueue::tx). Once it is committed the execution has succeeded,
    /// whatever the handler returns and whatever becomes of this process. When it is not, the
    /// attempt has failed, and the retry list decides about the next one; so it has when the handler
    /// returns a result all the same.
    ///
    /// ```no_run
    /// # use jobs::{JobContext, JobError};
    /// async fn charge(ctx: &JobContext, pool: &sqlx::SqlitePool, cents: i64) -> Result<i64, JobError> {
    ///     let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    ///     sqlx::query("UPDATE accounts SET cents = cents - ?").bind(cents).execute(&mut *tx).await?;
    ///     ctx.succeed_in(&mut tx, &cents).await?; // refused if another worker has taken over
    ///     tx.commit().await?;
    ///     Ok(cents)
    /// }
    /// ```
    ///
    /// # Errors
    /// When the attempt may not succeed any more because its lease has ended, when the transaction
    /// is of another database, or cannot be written to. Leave with `?`, which rolls it back.
    #[cfg(feature = "_sqlx")]
    pub async fn succeed_in<T: crate::Transaction, R: serde::Serialize + ?Sized>(
        &self,
        tx: &mut T,
        result: &R,
    ) -> Result<(), JobError> {
        let Some(success) = &self.0.success else {
            return Err(JobError::permanent("this runtime joins no transactions"));
        };
        let result = serde_json::to_string(result)
            .map_err(|error| JobError::new(crate::error::Verdict::InvalidResult, error))?;
        success.succeed_in(tx.by_ref(), result).await
    }

    /// The resource of type `T`, if this process has built one.
    ///
    /// A by-reference argument of the handler is the better way: it is checked at start.
    pub fn resource<T: ?Sized + Resource>(&self) -> Option<Arc<T>> {
        self.0.resources.get()
    }
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
