//! A test's attempt: runs a handler without a worker.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use super::logs::Logs;
use super::{LogLine, ManualClock, RecordingClient};
use crate::context::ContextParts;
use crate::error::Verdict;
use crate::handler::{Call, Handler};
use crate::resource::{BuiltResource, Resource, Resources};
use crate::{ExecutionId, Job, JobContext, JobError, Progress, ProgressCell};

/// The default start time of a test: 2026-01-01 00:00:00 UTC.
const START: Duration = Duration::from_secs(1_767_225_600);

/// An attempt for a handler to run in, and a record of the handler's actions.
///
/// See the [module](super) for an example.
#[derive(Debug)]
pub struct TestContext {
    attempt: Attempt,
    context: JobContext,
    clock: ManualClock,
    recording: RecordingClient,
    logs: Logs,
}

/// What one run of a handler did.
#[derive(Debug, PartialEq)]
struct ObservedRun<S> {
    result: serde_json::Value,
    /// The id and the payload of each job.
    enqueued: Vec<(String, String)>,
    outside: S,
}

/// The parts that all contexts of one test share.
#[derive(Debug)]
struct Attempt {
    execution_id: ExecutionId,
    number: u32,
    last: bool,
    deadline: Option<SystemTime>,
    correlation_id: Option<Arc<str>>,
    resources: Resources,
    cancelled: CancellationToken,
    progress: Arc<ProgressCell>,
}

impl Default for TestContext {
    fn default() -> Self {
        Self::new()
    }
}

impl TestContext {
    /// Creates a first attempt, not the last of the budget, without resources.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Creates a builder, to set resources, the attempt's number, a deadline and more.
    pub fn builder() -> TestContextBuilder {
        TestContextBuilder {
            job_id: "test",
            execution_id: ExecutionId::from_parts(UNIX_EPOCH + START, [0; 10]),
            number: 1,
            last: false,
            timeout: None,
            correlation_id: None,
            clock: ManualClock::new(UNIX_EPOCH + START),
            resources: Vec::new(),
        }
    }

    /// The context for a direct call of a handler: `send_mail(test.context(), …).await`.
    pub fn context(&self) -> &JobContext {
        &self.context
    }

    /// Runs the handler of a job as a worker does.
    ///
    /// The payload and the result go through JSON. The resources are found by their types.
    ///
    /// # Errors
    /// The handler's own error. A permanent error if a resource is missing, or if the job is
    /// external and has no handler.
    pub async fn run<J: Job>(&self, job: J) -> Result<J::Output, JobError> {
        self.run_after(job, 0).await
    }

    /// Runs the handler as the attempt that follows `earlier` ones of this context.
    async fn run_after<J: Job>(&self, job: J, earlier: u32) -> Result<J::Output, JobError> {
        let payload = serde_json::to_string(&job)?;
        let (clock, recording) = (&self.clock, &self.recording);
        let context = self.attempt.context(J::ID, earlier, clock, recording);
        let call = Call { context, payload };
        let result = match J::definition().handler {
            Handler::Async(handler) => self.logs.collect_async(handler(call)).await,
            Handler::Blocking(handler) => self.logs.collect(|| handler(call)),
            Handler::External => {
                let message = format!("`{}` is external: it has no handler to run", J::ID);
                Err(JobError::permanent(message))
            }
        }?;
        serde_json::from_str(&result).map_err(|error| JobError::new(Verdict::InvalidResult, error))
    }

    /// Runs the handler of a job twice, as two attempts of one execution, and compares the runs.
    ///
    /// `observe` returns what the handler has changed outside, such as the rows of a fake. It must
    /// be the same after both runs. So must be the result, and the jobs that each run enqueues.
    ///
    /// ```
    /// use std::sync::Mutex;
    ///
    /// use jobs::testing::{TestContext, block_on};
    /// use jobs::{JobContext, JobError, job};
    ///
    /// #[derive(Default)]
    /// pub struct Ledger(Mutex<Vec<String>>);
    ///
    /// #[job(id = "ledger.book")]
    /// async fn book(ctx: &JobContext, ledger: &Ledger, cents: u32) -> Result<u32, JobError> {
    ///     let mut entries = ledger.0.lock().unwrap();
    ///     let entry = ctx.execution_id().to_string();
    ///     if !entries.contains(&entry) {
    ///         entries.push(entry);
    ///     }
    ///     Ok(cents)
    /// }
    ///
    /// let ledger = std::sync::Arc::new(Ledger::default());
    /// let test = TestContext::builder().shared_resource(ledger.clone()).build();
    /// let entries = || ledger.0.lock().unwrap().clone();
    /// assert_eq!(block_on(test.run_twice(Book::new(5), entries)).unwrap(), 5);
    /// ```
    ///
    /// # Errors
    /// The error of the first run, or of the second one.
    ///
    /// # Panics
    /// If the runs differ. The message shows both.
    pub async fn run_twice<J: Job, S: PartialEq + Debug>(
        &self,
        job: J,
        observe: impl Fn() -> S,
    ) -> Result<J::Output, JobError> {
        let payload = serde_json::to_string(&job)?;
        let again = serde_json::from_str::<J>(&payload)?;
        let first = self.observed_run(job, 0, &observe).await?;
        let second = self.observed_run(again, 1, &observe).await?;
        assert_eq!(first, second, "the two runs of `{}` differ", J::ID);
        serde_json::from_value(first.result).map_err(Into::into)
    }

    async fn observed_run<J: Job, S>(
        &self,
        job: J,
        earlier: u32,
        observe: &impl Fn() -> S,
    ) -> Result<ObservedRun<S>, JobError> {
        let before = self.recording.all().len();
        let result = serde_json::to_value(self.run_after(job, earlier).await?)?;
        let enqueued = self.recording.all().into_iter().skip(before);
        Ok(ObservedRun {
            result,
            enqueued: enqueued
                .map(|(_, request)| (request.job_id.into_owned(), request.payload))
                .collect(),
            outside: observe(),
        })
    }

    /// Awaits a direct call of a handler and records its log: `test.watch(send_mail(…)).await`.
    pub async fn watch<F: Future>(&self, handler: F) -> F::Output {
        self.logs.collect_async(handler).await
    }

    /// Calls a plain function and records its log.
    pub fn watch_blocking<T>(&self, call: impl FnOnce() -> T) -> T {
        self.logs.collect(call)
    }

    /// Cancels the attempt, as an operator does.
    pub fn cancel(&self) {
        self.attempt.cancelled.cancel();
    }

    /// The handler's clock.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Every progress report, in order.
    pub fn progress(&self) -> Vec<Progress> {
        self.attempt.progress.reports()
    }

    /// The log lines of [`run`](Self::run), [`watch`](Self::watch) and
    /// [`watch_blocking`](Self::watch_blocking).
    ///
    /// Contains events of level INFO and above, like the log that a worker stores.
    pub fn logs(&self) -> Vec<LogLine> {
        self.logs.lines()
    }

    /// The jobs that the handler enqueued, for [`assert_enqueued!`](crate::assert_enqueued).
    pub fn recording(&self) -> &RecordingClient {
        &self.recording
    }
}

impl AsRef<RecordingClient> for TestContext {
    fn as_ref(&self) -> &RecordingClient {
        &self.recording
    }
}

impl Attempt {
    fn context(
        &self,
        job_id: &'static str,
        earlier: u32,
        clock: &ManualClock,
        recording: &RecordingClient,
    ) -> JobContext {
        JobContext::new(ContextParts {
            execution_id: self.execution_id,
            job_id,
            attempt: self.number + earlier,
            last_attempt: self.last,
            deadline: self.deadline,
            asked_to_end_at: self.deadline,
            correlation_id: self.correlation_id.clone(),
            trace_parent: None,
            clock: Arc::new(clock.clone()),
            client: recording.client(),
            resources: self.resources.clone(),
            cancelled: self.cancelled.clone(),
            progress: Arc::clone(&self.progress),
            limiter: None,
        })
    }
}

/// A builder of a [`TestContext`].
#[derive(Debug)]
#[must_use = "call `build` to get the context"]
pub struct TestContextBuilder {
    job_id: &'static str,
    execution_id: ExecutionId,
    number: u32,
    last: bool,
    timeout: Option<Duration>,
    correlation_id: Option<Arc<str>>,
    clock: ManualClock,
    resources: Vec<BuiltResource>,
}

impl TestContextBuilder {
    /// Adds a resource, which handlers receive as `&T`.
    pub fn resource<T: Resource>(self, value: T) -> Self {
        self.shared_resource(Arc::new(value))
    }

    /// Adds a shared or unsized resource: one that the test also keeps, or a `&dyn Trait`.
    pub fn shared_resource<T: ?Sized + Resource>(mut self, value: Arc<T>) -> Self {
        self.resources.push(BuiltResource::new(value));
        self
    }

    /// Sets the job's id for direct calls of a handler. [`run`](TestContext::run) sets it itself.
    pub fn job_id(mut self, id: &'static str) -> Self {
        self.job_id = id;
        self
    }

    /// Sets the execution's id.
    pub fn execution_id(mut self, id: ExecutionId) -> Self {
        self.execution_id = id;
        self
    }

    /// Sets the attempt's number, from 1.
    pub fn attempt(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// Makes this attempt the last one of the retry budget.
    pub fn last_attempt(mut self) -> Self {
        self.last = true;
        self
    }

    /// Sets a deadline, this long after the start.
    ///
    /// The handler can read the deadline. The test kit does not enforce it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the execution's correlation id, which its children inherit.
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into().into());
        self
    }

    /// Sets the time at the start of the test.
    pub fn now(mut self, now: SystemTime) -> Self {
        let auto_advance = self.clock.is_auto_advanced();
        self.clock = ManualClock::new(now);
        if auto_advance {
            self.auto_advance()
        } else {
            self
        }
    }

    /// Makes each sleep of the handler advance the clock to its end and return at once.
    pub fn auto_advance(mut self) -> Self {
        self.clock = self.clock.auto_advance();
        self
    }

    /// Builds the context.
    pub fn build(self) -> TestContext {
        let attempt = Attempt {
            execution_id: self.execution_id,
            number: self.number,
            last: self.last,
            deadline: self.timeout.map(|timeout| {
                use crate::Clock as _;
                self.clock.now() + timeout
            }),
            correlation_id: self.correlation_id,
            resources: self.resources.into_iter().collect(),
            cancelled: CancellationToken::new(),
            progress: Arc::new(ProgressCell::recording()),
        };
        let recording = RecordingClient::new();
        TestContext {
            context: attempt.context(self.job_id, 0, &self.clock, &recording),
            logs: Logs::new(self.clock.clone()),
            attempt,
            clock: self.clock,
            recording,
        }
    }
}
