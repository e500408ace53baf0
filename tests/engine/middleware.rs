//! Middleware around attempts, and hooks at their start and end.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind, ExecutionStatus, ResultError};
use jobs_runtime::middleware::{AttemptRequest, Service};
use jobs_runtime::{Runtime, RuntimeBuilder};
use tests::jobs::{Add, AddBlocking, Flaky, Nap, Panics, Snoozes, Withdraw};
use tower::Layer;
use tower::layer::layer_fn;
use tower::util::MapResponseLayer;

use super::support::{Timed, take_over};
use super::transactions::Application;

type Lines = Arc<Mutex<Vec<String>>>;

fn lines(list: &Lines) -> Vec<String> {
    list.lock().unwrap().clone()
}

/// A layer that records requests and responses.
#[derive(Clone)]
struct Recording<S> {
    name: &'static str,
    list: Lines,
    inner: S,
}

impl<S> Service<AttemptRequest> for Recording<S>
where
    S: Service<AttemptRequest, Response = String, Error = jobs::JobError>,
    S::Future: Send + 'static,
{
    type Response = String;
    type Error = jobs::JobError;
    type Future = jobs::BoxFuture<'static, Result<String, jobs::JobError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: AttemptRequest) -> Self::Future {
        let (name, list) = (self.name, Arc::clone(&self.list));
        let (job, payload) = (request.context().job_id(), request.payload());
        list.lock()
            .unwrap()
            .push(format!("{name} > {job} {payload}"));
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await;
            let shown = match &response {
                Ok(result) => result.clone(),
                Err(error) => error.to_string(),
            };
            list.lock().unwrap().push(format!("{name} < {shown}"));
            response
        })
    }
}

fn recording<S>(name: &'static str, list: &Lines) -> impl Layer<S, Service = Recording<S>> {
    let list = Arc::clone(list);
    layer_fn(move |inner| Recording {
        name,
        list: Arc::clone(&list),
        inner,
    })
}

#[tokio::test]
async fn layers_wrap_every_attempt_and_the_last_one_is_outermost() {
    let list = Lines::default();
    let builder = Runtime::builder()
        .layer(recording("inner", &list))
        // A layer of `tower` itself, which changes the result.
        .layer(MapResponseLayer::new(|result: String| format!("{result}0")))
        .layer(recording("outer", &list));
    let runtime = Timed::build(builder).await;
    let execution = runtime.enqueue(Add::new(1, 3)).await;
    assert_eq!(runtime.result(&execution).await.ok(), Some(40));
    let add = r#"test.add {"a":1,"b":3}"#;
    let expected = [
        format!("outer > {add}"),
        format!("inner > {add}"),
        "inner < 4".to_owned(),
        "outer < 40".to_owned(),
    ];
    assert_eq!(lines(&list), expected);

    // Layers wrap blocking handlers too.
    let blocking = runtime.enqueue(AddBlocking::new(1, 3)).await;
    assert_eq!(runtime.result(&blocking).await.ok(), Some(40));
    assert_eq!(lines(&list).len(), 8);
}

/// A service that is never ready and fails with an error of its own type.
#[derive(Clone)]
struct Closed;

impl Service<AttemptRequest> for Closed {
    type Response = String;
    type Error = std::fmt::Error;
    type Future = std::future::Ready<Result<String, std::fmt::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Err(std::fmt::Error))
    }

    fn call(&mut self, _: AttemptRequest) -> Self::Future {
        unreachable!("it is never ready")
    }
}

#[tokio::test]
async fn the_error_of_a_layer_fails_the_attempt() {
    let runtime = Timed::build(Runtime::builder().layer(layer_fn(|_| Closed))).await;
    let execution = runtime.enqueue(Flaky::new(1_u32)).await;
    let result = runtime.result(&execution).await;
    assert!(matches!(result, Err(ResultError::Failed(_))), "{result:?}");
    let record = runtime.record(execution.id()).await;
    let outcomes: Vec<_> = record.attempts.iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [Some(AttemptOutcome::Failed); 4]);
}

#[tokio::test]
async fn a_panic_passes_through_layers() {
    let list = Lines::default();
    let runtime = Timed::build(Runtime::builder().layer(recording("layer", &list))).await;
    let panics = runtime.enqueue(Panics::new("out of cheese")).await;
    let result = runtime.result(&panics).await;
    let Err(ResultError::Failed(error)) = result else {
        panic!("it failed: {result:?}");
    };
    assert_eq!(error.kind, ErrorKind::Panicked);
    assert_eq!(lines(&list).len(), 2, "two requests and no response");
}

/// A builder whose hooks record their calls.
fn recording_hooks(list: &Lines) -> RuntimeBuilder {
    let (started, ended, exhausted) = (list.clone(), list.clone(), list.clone());
    Runtime::builder()
        .on_start(move |start| {
            let (job, attempt) = (start.job_id, start.attempt);
            let last = if start.is_last_attempt { " last" } else { "" };
            let line = format!("start {job} {attempt}{last}");
            started.lock().unwrap().push(line);
        })
        .on_finish(move |end| {
            let retry = if end.retry_at.is_some() { " again" } else { "" };
            let error = match &end.error {
                Some(error) => format!(": {}", error.message),
                None => String::new(),
            };
            let line = format!(
                "{} {} {}{retry}{error}",
                end.job_id, end.attempt, end.outcome
            );
            ended.lock().unwrap().push(line);
        })
        .on_exhausted(move |end| {
            let line = format!("exhausted {} {}", end.job_id, end.attempt);
            exhausted.lock().unwrap().push(line);
        })
}

#[tokio::test]
async fn hooks_are_called_for_every_attempt() {
    let list = Lines::default();
    let runtime = Timed::build(recording_hooks(&list)).await;
    let snoozes = runtime.enqueue(Snoozes::new()).await;
    runtime.result(&snoozes).await.expect("it succeeds");
    let panics = runtime.enqueue(Panics::new("no cheese")).await;
    assert!(runtime.result(&panics).await.is_err());
    runtime.shutdown().await;
    let (starts, ends): (Vec<_>, Vec<_>) = lines(&list)
        .into_iter()
        .partition(|line| line.starts_with("start"));
    assert_eq!(
        starts,
        [
            "start test.snooze 1 last",
            "start test.snooze 2 last",
            "start test.snooze 3 last",
            "start test.panic 1",
            "start test.panic 2 last",
        ]
    );
    assert_eq!(
        ends,
        [
            "test.snooze 1 snoozed again",
            "test.snooze 2 snoozed again",
            "test.snooze 3 succeeded",
            "test.panic 1 panicked again: no cheese",
            "test.panic 2 panicked: no cheese",
            "exhausted test.panic 2",
        ]
    );
}

/// A hook sends alerts: it is told what an alert is sorted by.
#[tokio::test]
async fn a_hook_is_told_the_queue_the_tags_and_the_correlation_id() {
    let list = Lines::default();
    let recorded = Arc::clone(&list);
    let builder = Runtime::builder().on_finish(move |end| {
        let (queue, tags, correlation) = (&end.queue, &end.tags, &end.correlation_id);
        let line = format!("{queue} {tags:?} {correlation:?}");
        recorded.lock().unwrap().push(line);
    });
    let runtime = Timed::build(builder).await;
    let labelled = runtime.client().enqueue(Add::new(1, 1));
    let labelled = labelled.tag("red").tag("hot").correlation_id("order-7");
    let labelled = labelled.await.expect("accepted");
    assert_eq!(runtime.result(&labelled).await.ok(), Some(2));
    let plain = runtime.enqueue(Add::new(1, 1)).await;
    assert_eq!(runtime.result(&plain).await.ok(), Some(2));
    runtime.shutdown().await;
    assert_eq!(
        lines(&list),
        [
            r#"default ["red", "hot"] Some("order-7")"#,
            "default [] None"
        ]
    );
}

#[tokio::test]
async fn a_hook_that_panics_affects_no_attempt_and_no_other_hook() {
    let list = Lines::default();
    let builder = Runtime::builder()
        .on_start(|_| panic!("a hook"))
        .on_finish(|_| panic!("a hook"));
    let recorded = Arc::clone(&list);
    let builder = builder.on_finish(move |end| {
        recorded.lock().unwrap().push(end.outcome.to_string());
    });
    let runtime = Timed::build(builder).await;
    for n in 0..3 {
        let execution = runtime.enqueue(Add::new(n, 1)).await;
        assert_eq!(runtime.result(&execution).await.ok(), Some(n + 1));
    }
    runtime.shutdown().await;
    assert_eq!(lines(&list), ["succeeded"; 3]);
}

/// Each hook call takes 50 ms of real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_waits_for_slow_hooks() {
    let list = Lines::default();
    let recorded = Arc::clone(&list);
    let builder = Runtime::builder().on_finish(move |end| {
        std::thread::sleep(Duration::from_millis(50));
        recorded.lock().unwrap().push(end.job_id.to_string());
    });
    let runtime = Timed::build(builder).await;
    let batch = runtime
        .client()
        .enqueue_all((0..10).map(|n| Add::new(n, 1)));
    for execution in batch.await.expect("accepted") {
        runtime.result(&execution).await.expect("it succeeds");
    }
    runtime.shutdown().await;
    assert_eq!(lines(&list).len(), 10);
}

/// Another worker has taken the attempt over and notifies its own hooks.
#[tokio::test]
async fn a_stale_settlement_calls_no_hook() {
    let list = Lines::default();
    let runtime = Timed::build(recording_hooks(&list)).await;
    let execution = runtime.begin(Nap::new(5_000_u64)).await;
    let taken = take_over(&**runtime.store()).await;
    assert_eq!(taken.len(), 1);
    // The nap ends before a renewal tells the worker that it has lost its session.
    runtime.shutdown().await;
    assert_eq!(lines(&list), ["start test.nap 1 last"]);
    let record = runtime.record(execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Running);
}

/// The hook receives the outcome that the handler's own transaction has settled.
#[tokio::test]
async fn hooks_receive_the_outcome_of_succeed_in() {
    let list = Lines::default();
    let application = Application::start_with(recording_hooks(&list)).await;
    sqlx::raw_sql("CREATE TABLE withdrawals (attempt INTEGER NOT NULL)")
        .execute(&application.pool)
        .await
        .expect("a table");
    for then in ["commit", "fail", "roll back"] {
        let withdraw = Withdraw::new(application.file(), then);
        let jobs = application.runtime.client();
        let execution = jobs.enqueue(withdraw).await.expect("accepted");
        execution.result().await.expect("it succeeds");
    }
    application.runtime.shutdown().await;
    let list = lines(&list);
    let ends: Vec<_> = list.iter().filter(|l| !l.starts_with("start")).collect();
    assert_eq!(
        ends,
        [
            "test.withdraw 1 succeeded",
            "test.withdraw 1 succeeded",
            "test.withdraw 1 failed again: the transaction given to `succeed_in` was not committed",
            "test.withdraw 2 succeeded",
        ]
    );
}
