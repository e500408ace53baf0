//! An attempt without a worker.

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

/// 2026-01-01 00:00:00 UTC: the time at which tests begin, unless they say otherwise.
const START: Duration = Duration::from_secs(1_767_225_600);

/// An attempt for a handler to run in, and what became of it.
///
/// The [module](super) shows how it is used.
#[derive(Debug)]
pub struct TestContext {
    attempt: Attempt,
    context: JobContext,
    clock: ManualClock,
    recording: RecordingClient,
    logs: Logs,
}

/// What the contexts of one test have in common.
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
    /// The first of several attempts, without resources.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A context with resources, a number, a deadline.
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

    /// What a handler called by hand is given: `send_mail(test.context(), …).await`.
    pub fn context(&self) -> &JobContext {
        &self.context
    }

    /// Runs the handler of a job as a worker does: the payload is written as JSON and read again,
    /// the resources are found by their types, and so is the result.
    ///
    /// # Errors
    /// The handler's own; a permanent one if a resource is missing, or if the job is an external
    /// one, which has no handler.
    pub async fn run<J: Job>(&self, job: J) -> Result<J::Output, JobError> {
        let payload = serde_json::to_string(&job)?;
        let context = self.attempt.context(J::ID, &self.clock, &self.recording);
        let call = Call { context, payload };
        let result = match J::definition().handler {
            Handler::Async(handler) => self.logs.of(handler(call)).await,
            Handler::Blocking(handler) => self.logs.during(|| handler(call)),
            Handler::External => {
                let message = format!("`{}` is external: it has no handler to run", J::ID);
                Err(JobError::permanent(message))
            }
        }?;
        serde_json::from_str(&result).map_err(|error| JobError::new(Verdict::InvalidResult, error))
    }

    /// Awaits a handler called by hand, and keeps its log: `test.watch(send_mail(…)).await`.
    pub async fn watch<F: Future>(&self, handler: F) -> F::Output {
        self.logs.of(handler).await
    }

    /// Calls something that is not async, and keeps its log.
    pub fn watch_blocking<T>(&self, call: impl FnOnce() -> T) -> T {
        self.logs.during(call)
    }

    /// Asks the handler to stop, as an operator does.
    pub fn cancel(&self) {
        self.attempt.cancelled.cancel();
    }

    /// The handler's time.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Every report of progress, in order.
    pub fn progress(&self) -> Vec<Progress> {
        self.attempt.progress.reports()
    }

    /// What was logged by [`run`](Self::run) and [`watch`](Self::watch): events of level INFO and
    /// up, which is what a worker stores.
    pub fn logs(&self) -> Vec<LogLine> {
        self.logs.lines()
    }

    /// What the handler enqueued: look at it by [`assert_enqueued!`](crate::assert_enqueued).
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
        clock: &ManualClock,
        recording: &RecordingClient,
    ) -> JobContext {
        JobContext::new(ContextParts {
            execution_id: self.execution_id,
            job_id,
            attempt: self.number,
            last_attempt: self.last,
            deadline: self.deadline,
            correlation_id: self.correlation_id.clone(),
            clock: Arc::new(clock.clone()),
            client: recording.client(),
            resources: self.resources.clone(),
            cancelled: self.cancelled.clone(),
            progress: Arc::clone(&self.progress),
            limiter: None,
        })
    }
}

/// Makes a [`TestContext`].
#[derive(Debug)]
#[must_use = "it becomes a context by `build`"]
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
    /// Gives a resource, which handlers take as `&T`.
    pub fn resource<T: Resource>(self, value: T) -> Self {
        self.shared_resource(Arc::new(value))
    }

    /// Gives a resource that the test keeps as well, or one without a size: `&dyn Trait`.
    pub fn shared_resource<T: ?Sized + Resource>(mut self, value: Arc<T>) -> Self {
        self.resources.push(BuiltResource::new(value));
        self
    }

    /// Names the job for a handler called by hand; [`run`](TestContext::run) knows the name.
    pub fn job_id(mut self, id: &'static str) -> Self {
        self.job_id = id;
        self
    }

    /// Names the execution.
    pub fn execution_id(mut self, id: ExecutionId) -> Self {
        self.execution_id = id;
        self
    }

    /// Says which attempt this is, from 1.
    pub fn attempt(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// Makes this attempt the last one of the budget.
    pub fn last_attempt(mut self) -> Self {
        self.last = true;
        self
    }

    /// Sets a deadline, so long after the start. The handler can look at it; nothing ends it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Says what the execution belongs to; children inherit it.
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into().into());
        self
    }

    /// Starts at this time.
    pub fn now(mut self, now: SystemTime) -> Self {
        let auto_advance = self.clock.advances_itself();
        self.clock = ManualClock::new(now);
        match auto_advance {
            true => self.auto_advance(),
            false => self,
        }
    }

    /// Lets the handler's sleeps end at once, and the clock show that they have.
    pub fn auto_advance(mut self) -> Self {
        self.clock = self.clock.auto_advance();
        self
    }

    /// The context.
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
            context: attempt.context(self.job_id, &self.clock, &recording),
            logs: Logs::new(self.clock.clone()),
            attempt,
            clock: self.clock,
            recording,
        }
    }
}
