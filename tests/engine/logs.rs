//! Log lines of handlers, stored with their attempts.

use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use jobs::{ExecutionId, Job};
use jobs_runtime::health::CheckStatus;
use jobs_runtime::store::{LogLevel, LogPage, LogQuery};
use jobs_runtime::{EngineConfig, Runtime};
use tests::jobs::{Logs, LogsAndWaits, LogsMuch};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use super::support::Timed;

/// A runtime in a program whose subscriber has the log layer.
async fn logging_runtime() -> Timed {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        registry().with(jobs_runtime::layer()).init();
    });
    Timed::start().await
}

async fn log(runtime: &Runtime, execution_id: ExecutionId) -> LogPage {
    let query = LogQuery {
        execution_id,
        attempt: None,
        level: None,
        after: None,
        limit: 10_000,
    };
    let page = runtime.store().logs(query).await;
    page.expect("the store answers").expect("it exists")
}

/// Runs one execution to its end and reads its log.
async fn run<J: Job>(job: J) -> LogPage {
    let runtime = logging_runtime().await;
    let execution = runtime.enqueue(job).await;
    let _ = runtime.result(&execution).await;
    log(&runtime, execution.id()).await
}

#[tokio::test]
async fn events_are_stored_with_their_attempt() {
    let log = run(Logs::new("ada")).await;
    let lines: Vec<_> = log
        .lines
        .iter()
        .map(|one| (one.attempt, one.line.level, one.line.message.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (1, LogLevel::Info, "hello ada"),
            (1, LogLevel::Info, "from a task"),
            (1, LogLevel::Warn, "this will not go well"),
            (2, LogLevel::Info, "hello ada"),
            (2, LogLevel::Info, "from a task"),
        ]
    );
    let first = &log.lines[0].line;
    assert_eq!(first.target, "tests::jobs");
    let fields = first.fields.as_ref().map(|fields| fields.get());
    assert_eq!(fields, Some(r#"{"attempt":1,"name":"ada"}"#));
}

#[tokio::test]
async fn the_log_of_an_attempt_is_bounded_and_says_so() {
    let log = run(LogsMuch::new(1_500_u32)).await;
    assert_eq!(log.lines.len(), 1_001);
    let last = &log.lines[1_000].line;
    assert_eq!((last.line, last.level), (1_001, LogLevel::Warn));
    assert!(last.message.contains("1000 lines"), "{}", last.message);
}

#[tokio::test]
async fn log_lines_are_stored_while_the_handler_runs() {
    let runtime = logging_runtime().await;
    let execution = runtime.begin(LogsAndWaits::new()).await;
    let poll = EngineConfig::default().poll;
    runtime.clock.advance(poll / 20).await;
    assert_eq!(log(&runtime, execution.id()).await.lines.len(), 1);
    runtime.cancel(execution.id()).await;
    let log = log(&runtime, execution.id()).await;
    let lines: Vec<_> = log
        .lines
        .iter()
        .map(|one| (one.line.line, one.line.message.as_str()))
        .collect();
    assert_eq!(lines, [(1, "waiting"), (2, "asked to end")]);
}

#[tokio::test]
async fn health_says_that_logs_are_captured() {
    let runtime = logging_runtime().await;
    let report = runtime.health().report().await;
    let check = report.checks.iter().find(|c| c.name == "log capture");
    assert_eq!(check.map(|c| c.status), Some(CheckStatus::Ok));
}

#[tokio::test]
async fn a_subscriber_without_the_layer_is_reported_and_health_is_ok() {
    // Attempts of this runtime run on this thread and see this subscriber.
    let _bare = tracing::subscriber::set_default(registry());
    let runtime = Timed::start().await;
    let report = runtime.health().report().await;
    let check = report.checks.iter().find(|c| c.name == "log capture");
    let check = check.expect("it is checked");
    assert_eq!(check.status, CheckStatus::Absent);
    assert!(check.detail.contains("jobs_runtime::layer()"), "{check:?}");
    assert!(report.is_ok());
}

/// What a subscriber has printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panics").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts a runtime below a subscriber, runs an execution, and returns what was printed and the
/// messages that were stored.
async fn run_below(subscriber: impl Subscriber + Send + Sync, printed: Printed) -> Below {
    // On this thread alone: the runtime of a test has no other.
    let _guard = tracing::subscriber::set_default(subscriber);
    let runtime = Timed::start().await;
    let execution = runtime.enqueue(Logs::new("ada")).await;
    let _ = runtime.result(&execution).await;
    let log = log(&runtime, execution.id()).await;
    let bytes = printed.0.lock().expect("no writer panics").clone();
    Below {
        printed: String::from_utf8(bytes).expect("the log is text"),
        stored: log.lines.into_iter().map(|one| one.line.message).collect(),
    }
}

struct Below {
    printed: String,
    stored: Vec<String>,
}

/// The words of the warning about a filter that stands before all layers.
const ADVICE: &str = "a filter of the whole subscriber";

#[tokio::test]
async fn a_filter_of_the_whole_subscriber_is_named_at_the_start() {
    let printed = Printed::default();
    let writer = printed.clone();
    let print = fmt::layer().with_writer(move || writer.clone());
    let filtered = registry()
        .with(LevelFilter::WARN)
        .with(print)
        .with(jobs_runtime::layer());
    let below = run_below(filtered, printed).await;
    assert_eq!(
        below.printed.matches(ADVICE).count(),
        1,
        "{}",
        below.printed
    );
    assert!(!below.printed.contains("add `jobs_runtime::layer()`"));
    assert_eq!(below.stored, ["this will not go well"]);

    // As the warning says: the filter belongs to the layer that prints.
    let printed = Printed::default();
    let writer = printed.clone();
    let print = fmt::layer().with_writer(move || writer.clone());
    let split = registry()
        .with(print.with_filter(LevelFilter::WARN))
        .with(jobs_runtime::layer());
    let below = run_below(split, printed).await;
    assert!(!below.printed.contains(ADVICE), "{}", below.printed);
    assert!(
        below.stored.contains(&"hello ada".to_owned()),
        "{:?}",
        below.stored
    );
}
