//! Middleware around attempts, and hooks that are told of them.

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

type Seen = Arc<Mutex<Vec<String>>>;

fn seen(list: &Seen) -> Vec<String> {
    list.lock().unwrap().clone()
}

/// Notes what passes.
#[derive(Clone)]
struct Noting<S> {
    name: &'static str,
    list: Seen,
    inner: S,
}

impl<S> Service<AttemptRequest> for Noting<S>
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

fn noting<S>(name: &'static str, list: &Seen) -> impl Layer<S, Service = Noting<S>> {
    let list = Arc::clone(list);
    layer_fn(move |inner| Noting {
        name,
        list: Arc::clone(&list),
        inner,
    })
}

#[tokio::test]
async fn layers_stand_around_every_attempt_the_last_one_outermost() {
    let list = Seen::default();
    let builder = Runtime::builder()
        .layer(noting("inner", &list))
        // One of tower's own: what it makes of the result is the result.
        .layer(MapResponseLayer::new(|result: String| format!("{result}0")))
        .layer(noting("outer", &list));
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
    assert_eq!(seen(&list), expected);

    // Functions on the blocking pool as well.
    let blocking = runtime.enqueue(AddBlocking::new(1, 3)).await;
    assert_eq!(runtime.result(&blocking).await.ok(), Some(40));
    assert_eq!(seen(&list).len(), 8);
}

/// Refuses every attempt with an error of its own type.
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
async fn the_error_of_a_layer_is_the_attempts() {
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
    let list = Seen::default();
    let runtime = Timed::build(Runtime::builder().layer(noting("layer", &list))).await;
    let panics = runtime.enqueue(Panics::new("out of cheese")).await;
    let result = runtime.result(&panics).await;
    let Err(ResultError::Failed(error)) = result else {
        panic!("it failed: {result:?}");
    };
    assert_eq!(error.kind, ErrorKind::Panicked);
    assert_eq!(
        seen(&list).len(),
        2,
        "two attempts, and no answer of either"
    );
}

/// A builder whose hooks write down what they are told.
fn telling(list: &Seen) -> RuntimeBuilder {
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
async fn hooks_hear_of_every_attempt() {
    let list = Seen::default();
    let runtime = Timed::build(telling(&list)).await;
    let snoozes = runtime.enqueue(Snoozes::new()).await;
    runtime.result(&snoozes).await.expect("it succeeds");
    let panics = runtime.enqueue(Panics::new("no cheese")).await;
    assert!(runtime.result(&panics).await.is_err());
    runtime.shutdown().await;
    let (starts, ends): (Vec<_>, Vec<_>) = seen(&list)
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

#[tokio::test]
async fn a_hook_that_panics_harms_nobody() {
    let list = Seen::default();
    let builder = Runtime::builder()
        .on_start(|_| panic!("a hook"))
        .on_finish(|_| panic!("a hook"));
    let heard = Arc::clone(&list);
    let builder = builder.on_finish(move |end| {
        heard.lock().unwrap().push(end.outcome.to_string());
    });
    let runtime = Timed::build(builder).await;
    for n in 0..3 {
        let execution = runtime.enqueue(Add::new(n, 1)).await;
        assert_eq!(runtime.result(&execution).await.ok(), Some(n + 1));
    }
    runtime.shutdown().await;
    assert_eq!(seen(&list), ["succeeded"; 3]);
}

/// Whoever stops the runtime has heard of everything, from hooks that take their time as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_have_heard_of_everything_when_the_runtime_has_stopped() {
    let list = Seen::default();
    let heard = Arc::clone(&list);
    let builder = Runtime::builder().on_finish(move |end| {
        std::thread::sleep(Duration::from_millis(50));
        heard.lock().unwrap().push(end.job_id.to_string());
    });
    let runtime = Timed::build(builder).await;
    let batch = runtime
        .client()
        .enqueue_all((0..10).map(|n| Add::new(n, 1)));
    for execution in batch.await.expect("accepted") {
        runtime.result(&execution).await.expect("it succeeds");
    }
    runtime.shutdown().await;
    assert_eq!(seen(&list).len(), 10);
}

/// The end of an attempt that another worker has taken over is that worker's to tell.
#[tokio::test]
async fn hooks_do_not_hear_of_what_was_refused() {
    let list = Seen::default();
    let runtime = Timed::build(telling(&list)).await;
    let execution = runtime.begin(Nap::new(5_000_u64)).await;
    let taken = take_over(&**runtime.store()).await;
    assert_eq!(taken.len(), 1);
    // The nap ends before the worker learns by its renewal that it is another's.
    runtime.shutdown().await;
    assert_eq!(seen(&list), ["start test.nap 1 last"]);
    let record = runtime.record(execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Running);
}

/// A success that the handler's own transaction has settled is told as what it is.
#[tokio::test]
async fn hooks_hear_what_became_of_a_success_in_a_transaction() {
    let list = Seen::default();
    let application = Application::start_with(telling(&list)).await;
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
    let list = seen(&list);
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
