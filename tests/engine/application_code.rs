//! Code of the application on the worker's threads: errors, panics, destructors, hooks and layers
//! that panic, fail or never end. The dispatcher survives all of them.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use jobs::{AttemptOutcome, BoxFuture, Clock, ExecutionStatus, JobError, job};
use jobs_runtime::store::ExecutionRecord;
use jobs_runtime::{Runtime, SystemClock};
use tests::jobs::Add;
use tower::util::MapRequestLayer;

use super::record;
use super::support::Timed;

/// The hostile behaviour of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hostility {
    DisplayPanics,
    DisplayFails,
    SourcePanics,
    SourceIsItself,
    DropPanics,
}

#[derive(Debug)]
struct Hostile(Hostility);

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Hostility::DisplayPanics => quiet_panic("no message"),
            Hostility::DisplayFails => Err(fmt::Error),
            _ => f.write_str("hostile"),
        }
    }
}

impl Error for Hostile {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.0 {
            Hostility::SourcePanics => quiet_panic("no source"),
            Hostility::SourceIsItself => Some(self),
            _ => None,
        }
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        if self.0 == Hostility::DropPanics {
            quiet_panic("not dropped");
        }
    }
}

/// A panic without the output of the panic hook.
fn quiet_panic(message: &str) -> ! {
    std::panic::resume_unwind(Box::new(message.to_owned()))
}

/// A panic payload and a value of a handler. Dropping it panics with another one.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new(Self));
    }
}

/// An error with a number of causes.
#[derive(Debug)]
struct Nested(Option<Box<Nested>>);

impl fmt::Display for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nested")
    }
}

impl Error for Nested {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|cause| cause as &dyn Error)
    }
}

fn error(how: &str) -> JobError {
    let hostility = match how {
        "display panics" => Hostility::DisplayPanics,
        "display fails" => Hostility::DisplayFails,
        "source panics" => Hostility::SourcePanics,
        "source is itself" => Hostility::SourceIsItself,
        "drop panics" => Hostility::DropPanics,
        "50,000 causes" => {
            let root = Nested(None);
            let nested = (0..50_000).fold(root, |cause, _| Nested(Some(Box::new(cause))));
            return nested.into();
        }
        other => return other.into(),
    };
    Hostile(hostility).into()
}

/// Returns a hostile error, or panics with a hostile payload.
#[job(id = "code.hostile", retries = 0)]
async fn returns_hostile(how: String) -> Result<(), JobError> {
    if how == "payload" {
        std::panic::panic_any(PanicsWhenDropped);
    }
    Err(error(&how))
}

/// Like `returns_hostile`, on the blocking pool.
#[job(id = "code.hostile-blocking", retries = 0)]
fn returns_hostile_blocking(how: String) -> Result<(), JobError> {
    if how == "payload" {
        std::panic::panic_any(PanicsWhenDropped);
    }
    Err(error(&how))
}

/// Holds a value whose destructor panics when the attempt times out.
#[job(id = "code.hostile-value", timeout = "100ms", retries = 0)]
async fn hostile_value() -> Result<(), JobError> {
    let _value = PanicsWhenDropped;
    std::future::pending().await
}

/// Returns an error whose message never ends and writes nothing.
#[job(id = "code.endless", timeout = "none", retries = 0)]
async fn returns_endless(gate: std::path::PathBuf) -> Result<(), JobError> {
    Err(Endless(gate).into())
}

/// Its message ends when the directory of the test is removed.
#[derive(Debug)]
struct Endless(std::path::PathBuf);

impl fmt::Display for Endless {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        while self.0.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Error for Endless {}

async fn still_works(runtime: &Timed) {
    let next = runtime.enqueue(Add::new(1, 2)).await;
    assert_eq!(runtime.result(&next).await.ok(), Some(3));
}

/// Asserts that the execution failed with a message that contains `part`.
fn assert_failed(record: &ExecutionRecord, part: &str) {
    assert_eq!(record.status, ExecutionStatus::Failed, "{part}: {record:?}");
    let error = record.attempts[0].error.as_ref();
    let message = error.map_or("", |error| error.message.as_str());
    assert!(message.contains(part), "{part}: {message}");
    assert!(message.len() < 20_000, "{} bytes", message.len());
}

#[tokio::test]
async fn a_hostile_error_fails_its_own_attempt_only() {
    let runtime = Timed::start().await;
    for (how, part) in [
        ("display panics", "no message"),
        ("display fails", "cannot be formatted"),
        ("source panics", "hostile"),
        ("source is itself", "100000 causes"),
        ("drop panics", "not dropped"),
        ("50,000 causes", "nested"),
        ("payload", "a value that is not text"),
    ] {
        let execution = runtime.enqueue(ReturnsHostile::new(how)).await;
        assert!(runtime.result(&execution).await.is_err(), "{how}");
        assert_failed(&runtime.record(execution.id()).await, part);
        let execution = runtime.enqueue(ReturnsHostileBlocking::new(how)).await;
        assert!(runtime.result(&execution).await.is_err(), "{how}");
        assert_failed(&runtime.record(execution.id()).await, part);
    }
    still_works(&runtime).await;
}

#[tokio::test]
async fn a_value_that_panics_while_it_is_dropped_does_not_change_the_outcome() {
    let runtime = Timed::start().await;
    let execution = runtime.enqueue(HostileValue::new()).await;
    assert!(runtime.result(&execution).await.is_err());
    let record = runtime.record(execution.id()).await;
    assert_eq!(record.attempts[0].outcome, Some(AttemptOutcome::TimedOut));
    still_works(&runtime).await;
}

/// In real time: it is the thread of an error's message that never ends.
#[tokio::test]
async fn an_error_whose_message_never_ends_is_settled_without_it() {
    let runtime = super::runtime().await;
    let dir = tempfile::tempdir().expect("a directory");
    let endless = runtime
        .client()
        .enqueue(ReturnsEndless::new(dir.path()))
        .await;
    let endless = endless.expect("accepted");
    assert!(endless.result().await.is_err());
    let record = record(&runtime, endless.id()).await;
    assert_failed(&record, "not formatted within 5s");
}

#[tokio::test]
async fn hooks_and_layers_that_panic_change_no_other_attempt() {
    let hook = |_: &_| std::panic::panic_any(PanicsWhenDropped);
    let calls = Arc::new(AtomicBool::new(false));
    let called = Arc::clone(&calls);
    let builder = Runtime::builder()
        .on_start(hook)
        .on_finish(|_| std::panic::panic_any(PanicsWhenDropped))
        .on_finish(move |_| called.store(true, Ordering::SeqCst))
        .layer(MapRequestLayer::new(
            |request: jobs_runtime::middleware::AttemptRequest| {
                if request.context().job_id() == "code.hostile" {
                    std::panic::panic_any(PanicsWhenDropped);
                }
                request
            },
        ));
    let runtime = Timed::build(builder).await;
    let execution = runtime.enqueue(ReturnsHostile::new("x")).await;
    assert!(runtime.result(&execution).await.is_err());
    assert_failed(&runtime.record(execution.id()).await, "not text");
    still_works(&runtime).await;
    runtime.shutdown().await;
    assert!(calls.load(Ordering::SeqCst), "the later hook is called");
}

/// A clock that panics on the dispatcher's thread once it is broken.
struct Breakable {
    inner: SystemClock,
    is_broken: Arc<AtomicBool>,
}

impl Clock for Breakable {
    fn now(&self) -> SystemTime {
        self.inner.now()
    }

    fn elapsed(&self) -> Duration {
        let is_dispatcher = std::thread::current().name() == Some("jobs-dispatcher");
        if is_dispatcher && self.is_broken.load(Ordering::SeqCst) {
            quiet_panic("the clock is broken");
        }
        self.inner.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.inner.sleep(duration)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispatcher_that_dies_fails_the_runtime_and_its_readiness() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let clock = Breakable {
        inner: SystemClock::new(),
        is_broken: Arc::clone(&is_broken),
    };
    let runtime = Runtime::builder()
        .database("sqlite::memory:")
        .clock(Arc::new(clock))
        .start()
        .await
        .expect("the runtime starts");
    assert!(runtime.health().readiness().await.is_ok());
    is_broken.store(true, Ordering::SeqCst);
    let failed = tokio::time::timeout(Duration::from_secs(60), runtime.failed()).await;
    let error = failed.expect("it fails").expect_err("it has died");
    assert!(error.to_string().contains("the clock is broken"), "{error}");
    let readiness = runtime.health().readiness().await;
    assert!(!readiness.is_ok(), "{readiness:?}");
    // A shutdown does not wait for the dead.
    runtime.shutdown().await;
}
