//! Waiting for results: several waiters, other processes, races, every outcome.

use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::Finished;
use jobs::{AttemptOutcome, Catalogue, ExecutionId, ResultError};
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{Next, Store};

use crate::support::{Add, linked, service, succeed, work};

#[tokio::test]
async fn every_waiter_of_an_execution_receives_the_result() {
    let (store, service) = linked().await;
    let client = service.client();
    let executions = client.enqueue_all((0..200).map(Add::new)).await.unwrap();
    let waiters: Vec<_> = executions
        .into_iter()
        .flat_map(|execution| {
            // Two waiters for each execution.
            let again = client.execution::<Add>(execution.id());
            [execution, again]
        })
        .map(|execution| tokio::spawn(async move { execution.result().await }))
        .collect();
    tokio::task::yield_now().await;
    work(&store, succeed).await;
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().unwrap(), 3);
    }
}

#[tokio::test]
async fn the_next_waiter_takes_over_when_the_driving_one_is_dropped() {
    let (store, service) = linked().await;
    let client = service.client();
    let first = client.enqueue(Add::new(1)).await.unwrap();
    let second = client.enqueue(Add::new(2)).await.unwrap();
    let first = tokio::spawn(async move { first.result().await });
    tokio::task::yield_now().await;
    let second = tokio::spawn(async move { second.result().await });
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    work(&store, succeed).await;
    assert_eq!(second.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn an_execution_that_another_process_ends_is_noticed() {
    let folder = std::env::temp_dir().join(format!("jobs-service-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let url = format!("sqlite:{}/jobs.db", folder.display());
    let url = url.parse().unwrap();
    let here: Arc<dyn Store> = Arc::new(SqliteStore::open(&url).await.unwrap());
    here.migrate().await.unwrap();
    let there: Arc<dyn Store> = Arc::new(SqliteStore::open(&url).await.unwrap());

    let service = service(&here, Catalogue::linked().unwrap());
    let executions = service
        .client()
        .enqueue_all((0..50).map(Add::new))
        .await
        .unwrap();
    let waiters: Vec<_> = executions
        .into_iter()
        .map(|execution| tokio::spawn(async move { execution.result().await }))
        .collect();
    tokio::task::yield_now().await;
    work(&there, succeed).await;
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().unwrap(), 3);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_end_is_missed_between_read_and_event() {
    let (store, service) = linked().await;
    // This waiter always drives the reader, so no unread event can hide a missed end.
    let later = service
        .client()
        .enqueue(Add::new(1))
        .delay(Duration::from_secs(3_600));
    let later = later.await.unwrap();
    let driver = tokio::spawn(async move { later.result().await });
    for _ in 0..300 {
        let execution = service.client().enqueue(Add::new(1)).await.unwrap();
        let waiter = tokio::spawn(async move { execution.result().await });
        work(&store, succeed).await;
        assert_eq!(waiter.await.unwrap().unwrap(), 3);
    }
    driver.abort();
}

#[tokio::test]
async fn every_outcome_is_returned() {
    let (store, service) = linked().await;
    let client = service.client();
    let failed = client.enqueue(Add::new(1)).await.unwrap();
    work(&store, |_| (AttemptOutcome::Failed, Next::Fail)).await;
    match failed.result().await.unwrap_err() {
        ResultError::Failed(error) => assert_eq!(error.message, "overflow"),
        other => panic!("{other}"),
    }
    let cancelled = client.enqueue(Add::new(1)).await.unwrap();
    service.cancel(cancelled.id()).await.unwrap();
    let finished = service.finished(cancelled.id()).await.unwrap();
    assert_eq!(finished, Finished::Cancelled);
    let unknown =
        ExecutionId::from_parts(jobs::Clock::now(&jobs_runtime::SystemClock::new()), [7; 10]);
    let error = service.finished(unknown).await.unwrap_err();
    assert!(matches!(error, ResultError::Unknown(id) if id == unknown));
}
