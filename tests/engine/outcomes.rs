//! Outcomes of attempts, and the next step of their execution.

use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind, ExecutionId, ExecutionStatus, Job, ResultError};
use jobs_runtime::EngineConfig;
use jobs_runtime::store::{ExecutionRecord, NewExecution};
use tests::jobs::{
    Add, AddBlocking, Ends, Finishes, Flaky, Nap, Oversized, Panics, Parent, Renamed, Slow,
    SlowBlocking, Snoozes, Wait,
};

use super::runtime_with;
use super::support::{Timed, stored};

const HOUR: Duration = Duration::from_secs(3600);

/// Runs one execution to its end.
async fn run<J: Job>(job: J) -> (Result<J::Output, ResultError>, ExecutionRecord) {
    let runtime = Timed::start().await;
    let execution = runtime.enqueue(job).await;
    let result = runtime.result(&execution).await;
    (result, runtime.record(execution.id()).await)
}

fn outcomes(record: &ExecutionRecord) -> Vec<AttemptOutcome> {
    let ended = record.attempts.iter().map(|attempt| attempt.outcome);
    ended.map(|outcome| outcome.expect("it ended")).collect()
}

#[tokio::test]
async fn a_result_is_stored_and_typed() {
    let (result, record) = run(Add::new(2, 40)).await;
    assert_eq!(result.ok(), Some(42));
    assert_eq!(record.status, ExecutionStatus::Succeeded);
    assert_eq!((record.progress, record.attempt), (100, 1));
    assert_eq!(outcomes(&record), [AttemptOutcome::Succeeded]);
    assert_eq!(
        record.result.map(|json| json.get().to_owned()).as_deref(),
        Some("42")
    );
}

#[tokio::test]
async fn a_plain_function_runs_on_the_blocking_pool() {
    let (result, _) = run(AddBlocking::new(2, 40)).await;
    assert_eq!(result.ok(), Some(42));
}

#[tokio::test]
async fn a_panic_is_an_outcome_and_is_retried() {
    let (result, record) = run(Panics::new("out of cheese")).await;
    let Err(ResultError::Failed(error)) = result else {
        panic!("it failed: {result:?}");
    };
    assert_eq!(error.kind, ErrorKind::Panicked);
    assert!(error.message.contains("out of cheese"), "{error}");
    assert_eq!(outcomes(&record), [AttemptOutcome::Panicked; 2]);
}

#[tokio::test]
async fn errors_are_retried_by_the_list_until_one_succeeds() {
    let (result, record) = run(Flaky::new(3_u32)).await;
    assert_eq!(result.ok(), Some(3));
    use AttemptOutcome::{Failed, Succeeded};
    assert_eq!(outcomes(&record), [Failed, Failed, Succeeded]);
    let numbers: Vec<_> = record.attempts.iter().map(|a| a.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    for (attempt, delay) in record.attempts.iter().zip([50, 100]) {
        let end = attempt.finished_at.expect("it ended");
        let next = attempt.retry_at.expect("another follows");
        assert_eq!(next.since(end), Duration::from_millis(delay));
        assert_eq!(
            attempt.error.as_ref().map(|error| error.message.clone()),
            Some(format!("attempt {} fails", attempt.number))
        );
    }
    for pair in record.attempts.windows(2) {
        assert_eq!(pair[0].retry_at, Some(pair[1].started_at), "to the moment");
    }
}

#[tokio::test]
async fn the_budget_ends() {
    let (result, record) = run(Flaky::new(9_u32)).await;
    assert!(matches!(result, Err(ResultError::Failed(_))));
    assert_eq!(record.status, ExecutionStatus::Failed);
    assert_eq!(outcomes(&record), [AttemptOutcome::Failed; 4]);
}

#[tokio::test]
async fn a_handler_out_of_time_is_told_and_its_attempt_timed_out() {
    let (result, record) = run(Slow::new()).await;
    let Err(ResultError::Failed(error)) = result else {
        panic!("it failed: {result:?}");
    };
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert_eq!(outcomes(&record), [AttemptOutcome::TimedOut]);
    // It was told a tenth of its timeout of 100 ms before the end.
    let attempt = &record.attempts[0];
    let ended = attempt.finished_at.expect("it ended");
    assert_eq!(ended.since(attempt.started_at), Duration::from_millis(90));
}

#[tokio::test]
async fn a_sleep_that_ends_early_is_no_success() {
    // By its timeout of a minute.
    let (_, record) = run(Nap::new(120_000_u64)).await;
    assert_eq!(outcomes(&record), [AttemptOutcome::TimedOut]);
    // By a cancellation.
    let runtime = Timed::start().await;
    let cancelled = runtime.begin(Nap::new(50_000_u64)).await;
    runtime.cancel(cancelled.id()).await;
    let record = runtime.record(cancelled.id()).await;
    assert_eq!(outcomes(&record), [AttemptOutcome::Cancelled]);
    // By the worker that gives it back.
    let released = runtime.begin(Nap::new(50_000_u64)).await;
    runtime.shutdown().await;
    let record = runtime.record(released.id()).await;
    assert_eq!(outcomes(&record), [AttemptOutcome::Released]);
    assert_eq!(record.status, ExecutionStatus::Queued);
}

/// In real time: a virtual clock cannot see a blocked thread.
#[tokio::test]
async fn a_blocking_handler_that_does_not_listen_is_settled_after_its_grace() {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = dir.path().join("gate");
    let config = EngineConfig {
        grace: Duration::from_millis(100),
        ..EngineConfig::default()
    };
    let runtime = runtime_with(config).await;
    let blocking = SlowBlocking::new(gate.as_path());
    let execution = runtime.client().enqueue(blocking).await.expect("accepted");
    let result = execution.result().await;
    assert!(matches!(result, Err(ResultError::Failed(_))), "{result:?}");
    // The handler still waits for the gate.
    let record = super::record(&runtime, execution.id()).await;
    assert_eq!(outcomes(&record), [AttemptOutcome::TimedOut]);
    std::fs::write(gate, "").expect("written");
}

#[tokio::test]
async fn a_snooze_costs_nothing() {
    let (result, record) = run(Snoozes::new()).await;
    assert_eq!(result.ok(), Some(3));
    use AttemptOutcome::{Snoozed, Succeeded};
    assert_eq!(outcomes(&record), [Snoozed, Snoozed, Succeeded]);
    // It asked for 20 ms. Without a shortest snooze, a job could repeat without a pause.
    for attempt in &record.attempts[..2] {
        let ended = attempt.finished_at.expect("it ended");
        let next = attempt.retry_at.expect("another follows");
        assert_eq!(next.since(ended), Duration::from_secs(1));
    }
}

#[tokio::test]
async fn handlers_say_what_follows() {
    use AttemptOutcome::{Cancelled, Failed, Snoozed, Succeeded};
    use ErrorKind as Kind;
    let cases: [(&str, ExecutionStatus, &[AttemptOutcome], Kind); 4] = [
        (
            "permanent",
            ExecutionStatus::Failed,
            &[Failed],
            Kind::Permanent,
        ),
        (
            "retry-in",
            ExecutionStatus::Succeeded,
            &[Failed, Succeeded],
            Kind::Failed,
        ),
        (
            "rate-limited",
            ExecutionStatus::Succeeded,
            &[Snoozed, Succeeded],
            Kind::RateLimited,
        ),
        (
            "cancel",
            ExecutionStatus::Cancelled,
            &[Cancelled],
            Kind::Cancelled,
        ),
    ];
    for (how, status, expected, kind) in cases {
        let (_, record) = run(Ends::new(how)).await;
        assert_eq!(
            (record.status, &*outcomes(&record)),
            (status, expected),
            "{how}"
        );
        let error = record.attempts[0].error.as_ref();
        assert_eq!(error.map(|error| error.kind), Some(kind), "{how}");
    }
}

#[tokio::test]
async fn an_oversized_result_fails_without_another_attempt() {
    let (result, record) = run(Oversized::new()).await;
    let Err(ResultError::Failed(error)) = result else {
        panic!("it failed: {result:?}");
    };
    assert_eq!(error.kind, ErrorKind::InvalidResult);
    assert_eq!(outcomes(&record), [AttemptOutcome::Failed]);
}

#[tokio::test]
async fn a_payload_that_no_longer_fits_fails_at_once_and_can_be_retried() {
    let runtime = Timed::start().await;
    let jobs = runtime.client();
    // As an older program would have stored it.
    let stored = NewExecution {
        payload: r#"{"a":"one","b":2}"#.to_owned(),
        ..stored(ExecutionId::from_bytes([7; 16]), "test.add")
    };
    let id = stored.id;
    runtime
        .store()
        .enqueue(vec![stored])
        .await
        .expect("the store answers");
    let execution = jobs.execution::<Add>(id);
    let Err(ResultError::Failed(error)) = runtime.result(&execution).await else {
        panic!("it failed");
    };
    assert_eq!(error.kind, ErrorKind::InvalidPayload);
    assert_eq!(runtime.record(id).await.attempts.len(), 1);
    let mended = Some(r#"{"a":1,"b":2}"#.to_owned());
    runtime.service().retry(id, mended).await.expect("accepted");
    assert_eq!(runtime.result(&execution).await.ok(), Some(3));
    let numbers: Vec<_> = runtime
        .record(id)
        .await
        .attempts
        .iter()
        .map(|a| a.number)
        .collect();
    assert_eq!(numbers, [1, 2]);
}

#[tokio::test]
async fn a_cancelled_handler_that_finishes_has_succeeded() {
    let runtime = Timed::start().await;
    let execution = runtime.begin(Finishes::new()).await;
    runtime.cancel(execution.id()).await;
    let record = runtime.record(execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Succeeded);
    assert_eq!(outcomes(&record), [AttemptOutcome::Succeeded]);
}

#[tokio::test]
async fn a_parent_awaits_its_child() {
    let (result, record) = run(Parent::new(41)).await;
    assert_eq!(result.ok(), Some(42));
    assert_eq!(record.parent_id, None);
}

#[tokio::test]
async fn a_parent_awaits_its_child_at_concurrency_1() {
    let config = EngineConfig {
        concurrency: 1,
        ..EngineConfig::default()
    };
    let runtime = Timed::with(config).await;
    let parents = runtime.client().enqueue_all((0..3).map(Parent::new));
    for (n, parent) in (0_i64..).zip(parents.await.expect("accepted")) {
        assert_eq!(runtime.result(&parent).await.ok(), Some(n + 1));
    }
}

#[tokio::test]
async fn executions_of_a_former_id_are_executed() {
    let runtime = Timed::start().await;
    let request = jobs::runtime::EnqueueRequest::new("test.old-name", "{}".to_owned());
    let enqueued = runtime
        .service()
        .enqueue(vec![request])
        .await
        .expect("accepted");
    let execution = runtime
        .client()
        .execution::<Renamed>(enqueued[0].execution_id);
    assert_eq!(
        runtime.result(&execution).await.ok().as_deref(),
        Some("test.new-name")
    );
}

#[tokio::test]
async fn a_running_execution_is_cancelled_within_a_second() {
    let runtime = Timed::start().await;
    let execution = runtime.begin(Wait::new()).await;
    let asked = runtime.clock.passed();
    runtime.cancel(execution.id()).await;
    let result = runtime.result(&execution).await;
    assert!(matches!(result, Err(ResultError::Cancelled)), "{result:?}");
    let took = runtime.clock.passed() - asked;
    assert!(took <= Duration::from_secs(1), "{took:?}");
    let record = runtime.record(execution.id()).await;
    assert_eq!(outcomes(&record), [AttemptOutcome::Cancelled]);
    assert_eq!(
        (record.progress, record.status),
        (50, ExecutionStatus::Cancelled)
    );
}

/// One execution waits for a slot, the other for the end of its delay.
#[tokio::test]
async fn an_execution_that_waits_is_cancelled_at_once_and_never_begins() {
    let config = EngineConfig {
        concurrency: 1,
        ..EngineConfig::default()
    };
    let runtime = Timed::with(config).await;
    let running = runtime.begin(Wait::new()).await;
    let later = runtime.client().enqueue(Add::new(1, 2)).delay(HOUR);
    let waiting = [
        runtime.enqueue(Add::new(1, 2)).await.id(),
        later.await.expect("accepted").id(),
    ];
    for id in waiting {
        runtime.cancel(id).await;
        let record = runtime.record(id).await;
        assert_eq!(
            (record.status, record.attempt),
            (ExecutionStatus::Cancelled, 0)
        );
    }
    runtime.cancel(running.id()).await;
    runtime.clock.advance(2 * HOUR).await;
    for id in waiting {
        assert!(runtime.record(id).await.attempts.is_empty());
    }
}
