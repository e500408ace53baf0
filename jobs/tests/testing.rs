//! The test kit, used like in an application's tests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::Verdict;
use jobs::testing::{RecordingClient, TestContext, block_on};
use jobs::{
    EnqueueError, ErrorKind, ExecutionError, JobContext, JobError, Priority, ResultError,
    assert_enqueued, assert_not_enqueued, job,
};
use serde_json::json;

const MINUTE: Duration = Duration::from_secs(60);

struct Printer(&'static str);

trait Archive: Send + Sync {
    fn shelf(&self) -> u8;
}

struct Cellar;

impl Archive for Cellar {
    fn shelf(&self) -> u8 {
        7
    }
}

#[job(id = "kit.print", rename_all = "camelCase")]
async fn print(
    ctx: &JobContext,
    printer: &Printer,
    archive: &dyn Archive,
    to_whom: String,
    #[default(1)] copies: u32,
) -> Result<String, JobError> {
    for copy in 0..copies {
        ctx.check()?;
        ctx.progress_of(u64::from(copy), u64::from(copies), "copies");
        ctx.sleep(MINUTE).await?;
    }
    tracing::info!(copies, shelf = archive.shelf(), "printed on {}", printer.0);
    tracing::debug!("below the stored level");
    if ctx.is_last_attempt() {
        tracing::warn!(target: "kit", "at last");
    }
    ctx.enqueue(Notify::new(&to_whom)).await?;
    Ok(format!("{to_whom}: attempt {}", ctx.attempt()))
}

#[job(id = "kit.notify", aliases = ["kit.tell"])]
async fn notify(to: String, #[default(None)] note: Option<String>) -> Result<u64, JobError> {
    let _ = note;
    Ok(u64::try_from(to.len())?)
}

#[job(id = "kit.hash")]
fn hash(ctx: &JobContext, text: String) -> Result<usize, JobError> {
    tracing::error!(job = ctx.job_id(), "hashing");
    Ok(text.len())
}

#[job(id = "kit.elsewhere")]
async fn elsewhere() -> Result<(), JobError>;

#[job(id = "kit.disabled", enabled = false)]
async fn disabled() -> Result<(), JobError> {
    Ok(())
}

/// A number that changes, or becomes unreadable, when it is serialised and deserialised.
#[derive(Clone, Copy, Debug, schemars::JsonSchema)]
struct Lossy(u8);

impl serde::Serialize for Lossy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => serializer.serialize_str("zero"),
            n => serializer.serialize_u8(n),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Lossy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(|n| Self(n.min(9)))
    }
}

#[job(id = "kit.lossy", payload = ReadLossy)]
async fn lossy(number: Lossy) -> Result<u8, JobError> {
    Ok(number.0)
}

fn printing() -> jobs::testing::TestContextBuilder {
    TestContext::builder()
        .resource(Printer("laser"))
        .shared_resource::<dyn Archive>(Arc::new(Cellar))
}

#[test]
fn run_calls_a_handler_as_a_worker_does() {
    let test = printing().attempt(3).last_attempt().auto_advance().build();
    let result = block_on(test.run(Print::new("alice").copies(4_u32)));
    assert_eq!(result.expect("succeeds"), "alice: attempt 3");

    let percents: Vec<u8> = test.progress().iter().map(|p| p.percent).collect();
    assert_eq!(percents, [0, 25, 50, 75]);
    let last = test.progress().pop().and_then(|progress| progress.message);
    assert_eq!(last.as_deref(), Some("3 of 4 copies"));
    assert_eq!(test.clock().elapsed(), 4 * MINUTE);
}

#[test]
fn the_log_of_a_handler_is_recorded_from_level_info() {
    let test = printing().last_attempt().auto_advance().build();
    block_on(test.run(Print::new("alice"))).expect("succeeds");
    let logs = test.logs();
    assert_eq!(logs.len(), 2, "{logs:?}");
    assert_eq!(logs[0].message, "printed on laser");
    assert_eq!(logs[0].level, tracing::Level::INFO);
    assert_eq!(logs[0].target, "testing");
    assert_eq!(logs[0].field("copies"), Some(&json!(1)));
    assert_eq!(logs[0].field("shelf"), Some(&json!(7)));
    assert_eq!(logs[0].at, test.context().now());
    assert_eq!(
        (logs[1].target.as_str(), logs[1].message.as_str()),
        ("kit", "at last")
    );
}

#[test]
fn the_log_of_a_direct_call_is_recorded() {
    let test = TestContext::builder().job_id("by-hand").build();
    let hashed = test.watch_blocking(|| hash(test.context(), "four".to_owned()));
    assert_eq!(hashed.expect("succeeds"), 4);
    assert_eq!(test.logs()[0].field("job"), Some(&json!("by-hand")));

    let length = block_on(test.watch(notify("alice".to_owned(), None)));
    assert_eq!(length.expect("succeeds"), 5);
}

#[test]
fn blocking_jobs_run_and_external_jobs_fail() {
    let test = TestContext::new();
    assert_eq!(block_on(test.run(Hash::new("four"))).expect("succeeds"), 4);
    assert_eq!(test.logs()[0].field("job"), Some(&json!("kit.hash")));
    let error = block_on(test.run(Elsewhere::new())).expect_err("has no handler");
    assert!(error.to_string().contains("external"), "{error}");
}

#[test]
fn the_error_names_a_missing_resource() {
    let error = block_on(TestContext::new().run(Print::new("alice"))).expect_err("fails");
    assert!(error.to_string().contains("Printer"), "{error}");
}

#[test]
fn the_clock_advances_only_on_request() {
    let start = std::time::UNIX_EPOCH + 1000 * MINUTE;
    let test = printing().now(start).timeout(5 * MINUTE).build();
    assert_eq!(test.context().now(), start);
    assert_eq!(test.context().deadline(), Some(start + 5 * MINUTE));

    let handler = std::thread::scope(|scope| {
        let handler = scope.spawn(|| block_on(test.run(Print::new("alice").copies(2_u32))));
        // The handler sleeps twice. The loop advances the clock until the handler has finished.
        while !handler.is_finished() {
            test.clock().advance(MINUTE);
            std::thread::yield_now();
        }
        handler.join().expect("does not panic")
    });
    assert!(handler.is_ok());
    assert!(test.clock().elapsed() >= 2 * MINUTE);
}

#[test]
fn a_cancellation_ends_a_sleep() {
    let test = printing().build();
    let error = std::thread::scope(|scope| {
        let handler = scope.spawn(|| block_on(test.run(Print::new("alice").copies(2_u32))));
        test.cancel();
        handler.join().expect("does not panic")
    });
    assert_eq!(error.expect_err("cancelled").verdict(), Verdict::Cancel);
    assert_eq!(test.clock().elapsed(), Duration::ZERO);
}

#[test]
fn children_are_recorded_with_their_parent_with_their_parent() {
    let test = printing().correlation_id("order-7").auto_advance().build();
    block_on(test.run(Print::new("alice"))).expect("succeeds");
    let child = assert_enqueued!(
        test,
        Notify {
            to: "alice",
            note: None
        }
    );
    assert_eq!(child.request.parent_id, Some(test.context().execution_id()));
    assert_eq!(child.request.correlation_id.as_deref(), Some("order-7"));
    assert_not_enqueued!(test, Print);
}

#[test]
fn options_and_batches_are_recorded() {
    let recording = RecordingClient::new();
    let jobs = recording.client();
    block_on(async {
        let execution = jobs
            .enqueue(Notify::new("a"))
            .priority(Priority::High)
            .tag("t")
            .await?;
        assert!(execution.triggered());
        jobs.enqueue_all(["b", "c"].map(Notify::new)).await
    })
    .expect("recorded");

    let first = assert_enqueued!(recording, Notify, |notify| notify.note.is_none());
    assert_eq!(first.payload.to, "a");
    assert_eq!(first.request.priority, Some(Priority::High));
    assert_eq!(first.request.tags, ["t"]);
    assert_eq!(recording.enqueued::<Notify>().len(), 3);
    recording.clear();
    assert_not_enqueued!(recording, Notify { .. });
}

#[test]
fn results_come_from_scripts() {
    let recording = RecordingClient::new();
    let jobs = recording.client();
    recording.answer(|notify: Notify| match notify.to.as_str() {
        "unknown" => Err(ResultError::Failed(ExecutionError {
            kind: ErrorKind::Permanent,
            message: "unknown address".to_owned(),
        })),
        to => Ok(to.len() as u64),
    });
    block_on(async {
        let alice = jobs.enqueue(Notify::new("alice")).await.expect("recorded");
        assert_eq!(alice.result().await.expect("scripted"), 5);
        let unknown = jobs.enqueue(Notify::new("unknown"));
        let unknown = unknown.await.expect("recorded");
        let error = unknown.result().await.expect_err("scripted");
        assert!(error.to_string().contains("unknown address"), "{error}");

        let hash = jobs.enqueue(Hash::new("x")).await.expect("recorded");
        let ResultError::Store(error) = hash.result().await.expect_err("not scripted") else {
            panic!("another error");
        };
        assert!(error.to_string().contains("`kit.hash`"), "{error}");
    });
}

#[test]
fn invalid_enqueues_are_rejected_as_by_a_runtime() {
    let recording = RecordingClient::new();
    let jobs = recording.client();
    block_on(async {
        let disabled = jobs.enqueue(Disabled::new()).await;
        assert!(matches!(disabled, Err(EnqueueError::Disabled { .. })));

        let unreadable = jobs.enqueue(ReadLossy::new(Lossy(0))).await;
        let error = unreadable.expect_err("serialised as a string, deserialised as a number");
        assert!(error.to_string().contains("expected u8"), "{error}");
        let changed = jobs.enqueue(ReadLossy::new(Lossy(200))).await;
        let error = changed.expect_err("deserialised as another number");
        assert!(error.to_string().contains(r#"{"number":9}"#), "{error}");

        recording.refuse(EnqueueError::PayloadTooLarge { size: 2, limit: 1 });
        let scripted = jobs.enqueue(Notify::new("a")).await;
        assert!(matches!(
            scripted,
            Err(EnqueueError::PayloadTooLarge { .. })
        ));
        assert!(jobs.enqueue(Notify::new("a")).await.is_ok());
    });
    assert_eq!(recording.all().len(), 1);
}

#[test]
fn an_idempotency_key_creates_one_execution() {
    let recording = RecordingClient::new();
    let jobs = recording.client();
    let notify = |to| jobs.enqueue(Notify::new(to)).idempotency_key("k");
    block_on(async {
        let first = notify("a").await.expect("recorded");
        let again = notify("a").await.expect("replayed");
        assert_eq!((first.id(), again.triggered()), (again.id(), false));
        let other = notify("b").await.expect_err("the key is taken");
        assert!(matches!(other, EnqueueError::IdempotencyConflict { .. }));
    });
    assert_eq!(recording.all().len(), 1);
}

fn message_of(assertion: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(assertion)).expect_err("fails");
    *panic.downcast::<String>().expect("a text")
}

#[test]
fn a_failed_assertion_lists_the_enqueued_jobs() {
    let recording = RecordingClient::new();
    let message = message_of(|| drop(assert_enqueued!(recording, Notify)));
    assert_eq!(message, "no `Notify` was enqueued; the record is empty");

    let jobs = recording.client();
    block_on(async {
        jobs.enqueue(Notify::new("alice").note(Some("hi".to_owned())))
            .await?;
        jobs.enqueue(Hash::new("x")).await?;
        Ok::<_, EnqueueError>(())
    })
    .expect("recorded");
    let message = message_of(|| {
        assert_enqueued!(
            recording,
            Notify {
                to: "bob",
                note: None
            }
        );
    });
    assert_eq!(
        message,
        "no `Notify { to: \"bob\", note: None, }` was enqueued; the enqueued jobs are:\n  \
         kit.notify {\"to\":\"alice\",\"note\":\"hi\"}\n    \
         `to` is \"alice\", not \"bob\"\n    \
         `note` is \"hi\", not null\n  \
         kit.hash {\"text\":\"x\"}"
    );
    let message = message_of(|| {
        assert_enqueued!(recording, Hash, |hash| hash.text.is_empty());
    });
    assert!(message.contains("the condition does not hold"), "{message}");
    let message = message_of(|| assert_not_enqueued!(recording, Notify { to: "alice", .. }));
    assert!(
        message.ends_with(r#"was enqueued: {"to":"alice","note":"hi"}"#),
        "{message}"
    );
}

#[test]
fn other_threads_do_not_disable_the_log_of_a_test() {
    fn say() {
        tracing::info!("once");
    }
    let test = TestContext::new();
    // `tracing` caches the interest in a call site for all threads at its first event.
    std::thread::spawn(say).join().expect("does not panic");
    test.watch_blocking(say);
    assert_eq!(test.logs().len(), 1);
}
