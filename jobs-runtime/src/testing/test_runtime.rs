//! A runtime for tests of applications: the real engine over a store in memory, on a virtual clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobs::{Client, Clock as _, ExecutionId, ExecutionStatus, Job};
#[cfg(feature = "testing")]
use jobs::{Priority, runtime::EnqueueRequest};

use super::VirtualClock;
use super::faults::{Crash, FaultyStore};
use crate::store::{DatabaseUrl, ExecutionQuery, ExecutionRecord, LogLine, LogQuery};
use crate::{Entropy, Runtime, RuntimeBuilder, StartError};

/// The largest number of executions that one list shows.
const PAGE: usize = 1_000;

/// The statuses of executions that have not ended.
const LIVE: [ExecutionStatus; 3] = [
    ExecutionStatus::Pending,
    ExecutionStatus::Queued,
    ExecutionStatus::Running,
];

/// A runtime with a store in memory, whose time passes only when the test says so.
///
/// Ids and random delays are the same in every run. Each runtime has a store of its own, so tests
/// run side by side.
///
/// ```
/// # use jobs::{job, ExecutionStatus, JobContext, JobError};
/// use jobs_runtime::testing::TestRuntime;
///
/// /// Sends a reminder, and the next one a week later.
/// #[job(id = "kit.remind", retries = ["1h"])]
/// async fn remind(
///     ctx: &JobContext,
///     to: String,
///     #[default(1)] times: u32,
/// ) -> Result<(), JobError> {
///     if ctx.attempt() == 1 {
///         return Err("the mail server is away".into());
///     }
///     if times > 1 {
///         let week = std::time::Duration::from_secs(7 * 24 * 3600);
///         ctx.enqueue(Remind::new(to).times(times - 1)).delay(week).await?;
///     }
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let test = TestRuntime::start().await?;
/// let first = test.client().enqueue(Remind::new("alice").times(2)).await?;
///
/// test.run_until_idle().await;
/// assert_eq!(test.execution(first.id()).await.status, ExecutionStatus::Pending);
///
/// test.advance("1h").await;
/// assert_eq!(test.execution(first.id()).await.status, ExecutionStatus::Succeeded);
///
/// test.run_to_end("30d").await; // the second reminder
/// let reminders = test.executions::<Remind>().await;
/// assert_eq!(reminders.len(), 2);
/// assert_eq!(reminders[1].payload.to, "alice");
/// assert_eq!(reminders[1].record.status, ExecutionStatus::Succeeded);
/// # Ok(())
/// # }
/// ```
pub struct TestRuntime {
    clock: Arc<VirtualClock>,
    faults: Arc<FaultyStore>,
    runtime: Runtime,
}

/// An execution in the store of a [`TestRuntime`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TestExecution<J> {
    /// Its payload.
    pub payload: J,
    /// The execution as it is now, without its attempts.
    pub record: ExecutionRecord,
}

impl TestRuntime {
    /// Starts a runtime with all linked jobs.
    ///
    /// # Errors
    /// Those of [`RuntimeBuilder::start`], such as a resource that cannot be built.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_with(|builder| builder).await
    }

    /// Starts a runtime with settings of its own, such as resources that the test gives.
    ///
    /// ```standalone_crate
    /// # use jobs::{job, JobError};
    /// # use jobs_runtime::testing::TestRuntime;
    /// struct Printer(&'static str);
    ///
    /// #[job(id = "kit.print")]
    /// async fn print(printer: &Printer) -> Result<String, JobError> {
    ///     Ok(printer.0.to_owned())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let test = TestRuntime::start_with(|builder| builder.resource(Printer("fake"))).await?;
    /// let execution = test.client().enqueue(Print::new()).await?;
    /// test.run_until_idle().await;
    /// assert_eq!(execution.result().await?, "fake");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`RuntimeBuilder::start`].
    pub async fn start_with(
        configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    ) -> Result<Self, StartError> {
        let clock = VirtualClock::new();
        let store = crate::store::open(&DatabaseUrl::SqliteMemory).await?;
        let faults = FaultyStore::around(store, clock.clone());
        let builder = Runtime::builder()
            .store(faults.clone())
            .entropy(Entropy::seeded(1));
        let runtime = configure(builder).clock(clock.clone()).start().await?;
        Ok(Self {
            clock,
            faults,
            runtime,
        })
    }

    /// A client that enqueues into the store of this runtime.
    pub fn client(&self) -> Client {
        self.runtime.client()
    }

    /// The runtime itself.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The clock of the runtime.
    pub fn clock(&self) -> &Arc<VirtualClock> {
        &self.clock
    }

    /// Runs everything that is due now. No time passes.
    pub async fn run_until_idle(&self) {
        self.clock.settle().await;
    }

    /// Lets time pass, `"90s"` or `"1h"`, and runs everything that becomes due.
    ///
    /// # Panics
    /// If the text is no duration.
    pub async fn advance(&self, duration: &str) {
        self.clock.advance(parse(duration)).await;
    }

    /// Lets time pass until every execution has ended. A schedule adds executions for ever: such a
    /// test calls [`advance`](Self::advance) instead.
    ///
    /// # Panics
    /// If `at_most` is no duration, or has passed before. The message lists the executions that
    /// have not ended.
    pub async fn run_to_end(&self, at_most: &str) {
        let until = self.clock.elapsed() + parse(at_most);
        loop {
            self.clock.settle().await;
            let live = self.live().await;
            if live.is_empty() {
                return;
            }
            let has_woken = self.clock.wake_next(until);
            assert!(
                has_woken,
                "{at_most} have passed, and these executions have not ended:{}",
                live.iter().fold(String::new(), |text, one| {
                    let (id, job, status) = (one.id, &one.job_id, one.status);
                    format!(
                        "{text}\n  {id} of `{job}` is {status}, attempt {}",
                        one.attempt
                    )
                })
            );
        }
    }

    /// Ends the worker at its next settlement, as `kill -9` does: before the store has committed
    /// the end of an attempt, or after that.
    ///
    /// After [`Crash::BeforeCommit`] the attempt is lost, and the execution runs again although its
    /// handler has returned. After [`Crash::AfterCommit`] the end is stored; nothing runs again.
    /// Other attempts that run at the time are lost either way.
    ///
    /// ```
    /// # use jobs::{job, JobContext, JobError};
    /// use jobs_runtime::testing::{Crash, TestRuntime};
    ///
    /// #[job(id = "kit.charge")]
    /// async fn charge(ctx: &JobContext, cents: u32) -> Result<u32, JobError> {
    ///     // A real handler passes `ctx.execution_id()` on, so that it charges once.
    ///     Ok(ctx.attempt())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let test = TestRuntime::start().await?;
    /// test.crash_at_commit(Crash::BeforeCommit);
    /// let execution = test.client().enqueue(Charge::new(5)).await?;
    /// test.run_to_end("10m").await;
    /// assert_eq!(execution.result().await?, 2); // the second attempt
    /// # Ok(())
    /// # }
    /// ```
    pub fn crash_at_commit(&self, crash: Crash) {
        self.faults.crash_at_commit(crash);
    }

    /// Takes all leases away from the worker, as happens to a process that was suspended for too
    /// long: its handlers are dropped, and their executions run again. The worker notices at its
    /// next claim or renewal, at most ten seconds later.
    ///
    /// # Panics
    /// If the store does not answer.
    pub async fn lose_leases(&self) {
        let lost = self.faults.lose_leases().await;
        lost.expect("the store in memory answers");
    }

    /// Delays each call of the store by this much real time, from now on. The virtual clock stands
    /// still meanwhile.
    pub fn slow_store(&self, delay: Duration) {
        self.faults.slow_down(delay);
    }

    /// The executions of all jobs as a record, oldest first, at most a thousand: for the macros
    /// [`assert_enqueued!`](jobs::assert_enqueued) and
    /// [`assert_not_enqueued!`](jobs::assert_not_enqueued) (feature `testing`).
    ///
    /// ```
    /// # use jobs::{assert_enqueued, job, JobContext, JobError};
    /// # use jobs_runtime::testing::TestRuntime;
    /// #[job(id = "kit.greeting")]
    /// async fn greeting(to: String) -> Result<(), JobError> {
    /// #   drop(to);
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let test = TestRuntime::start().await?;
    /// test.client().enqueue(Greeting::new("ada")).item("signup").await?;
    /// let found = assert_enqueued!(test.enqueued().await, Greeting { to: "ada" });
    /// assert_eq!(found.request.item_id.as_deref(), Some("signup"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "testing")]
    pub async fn enqueued(&self) -> jobs::testing::RecordingClient {
        let found = self.list(ExecutionQuery::newest(PAGE)).await;
        let requests = found.into_iter().rev().map(|record| {
            let mut request = EnqueueRequest::new(record.job_id, record.payload.get().to_owned());
            request.priority = Priority::new(record.priority);
            request.correlation_id = record.correlation_id;
            request.item_id = record.item_id;
            request.created_by = record.created_by;
            request.tags = record.tags;
            request.parent_id = record.parent_id;
            (record.id, request)
        });
        requests.collect()
    }

    /// An execution with its attempts.
    ///
    /// # Panics
    /// If there is no execution with this id.
    pub async fn execution(&self, id: ExecutionId) -> ExecutionRecord {
        let found = self.runtime.store().execution(id).await;
        let found = found.expect("the store in memory answers");
        found.unwrap_or_else(|| panic!("there is no execution {id}"))
    }

    /// The executions of one job, oldest first, at most a thousand.
    ///
    /// # Panics
    /// If a payload is not one of `J`.
    pub async fn executions<J: Job>(&self) -> Vec<TestExecution<J>> {
        let mut query = ExecutionQuery::newest(PAGE);
        query.job_id = Some(J::ID.to_owned());
        let mut found = Vec::new();
        for record in self.list(query).await {
            let payload = serde_json::from_str(record.payload.get());
            let payload = payload.expect("the payload of the job is readable");
            found.push(TestExecution { payload, record });
        }
        found.reverse();
        found
    }

    /// The log lines of an execution, of all attempts, at most a thousand.
    ///
    /// The subscriber of the test has to contain [`layer`](crate::layer):
    ///
    /// ```standalone_crate
    /// # use jobs::{job, JobError};
    /// # use jobs_runtime::testing::TestRuntime;
    /// use tracing_subscriber::prelude::*;
    ///
    /// #[job(id = "kit.greet")]
    /// async fn greet(name: String) -> Result<(), JobError> {
    ///     tracing::info!("hello {name}");
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// tracing_subscriber::registry().with(jobs_runtime::layer()).init();
    /// let test = TestRuntime::start().await?;
    /// let execution = test.client().enqueue(Greet::new("ada")).await?;
    /// test.run_until_idle().await;
    /// assert_eq!(test.logs(execution.id()).await[0].message, "hello ada");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// If there is no execution with this id.
    pub async fn logs(&self, id: ExecutionId) -> Vec<LogLine> {
        let query = LogQuery {
            execution_id: id,
            attempt: None,
            level: None,
            after: None,
            limit: PAGE,
        };
        let found = self.runtime.store().logs(query).await;
        let found = found.expect("the store in memory answers");
        let page = found.unwrap_or_else(|| panic!("there is no execution {id}"));
        page.lines.into_iter().map(|record| record.line).collect()
    }

    async fn live(&self) -> Vec<ExecutionRecord> {
        let mut live = Vec::new();
        for status in LIVE {
            let mut query = ExecutionQuery::newest(10);
            query.status = Some(status);
            live.extend(self.list(query).await);
        }
        live
    }

    /// The first page that is not empty. A page examines a bounded number of rows.
    async fn list(&self, mut query: ExecutionQuery) -> Vec<ExecutionRecord> {
        loop {
            let page = self.runtime.store().list_executions(query.clone()).await;
            let page = page.expect("the store in memory answers");
            if !page.executions.is_empty() || page.next_cursor.is_none() {
                return page.executions;
            }
            query.cursor = page.next_cursor;
        }
    }
}

impl fmt::Debug for TestRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRuntime")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

fn parse(duration: &str) -> Duration {
    jobs_grammar::duration::parse(duration).unwrap_or_else(|error| panic!("{error}"))
}
