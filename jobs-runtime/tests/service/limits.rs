//! Jobs with limits, used through the typed client.

use std::time::Duration;

use jobs::runtime::EnqueueRequest;
use jobs::{Catalogue, EnqueueError, ExecutionStatus, JobError, Priority, job};
use jobs_runtime::Edit;
use jobs_runtime::store::{EditAnswer, LimitRule};

use crate::support::{linked, now, publish, service, store, stored};

/// Syncs an account, once at a time.
#[job(id = "sync", aliases = ["synchronise"], unique = (by = ["account"]))]
async fn sync_account(account: u32, full: Option<bool>) -> Result<(), JobError> {
    let _ = (account, full);
    Ok(())
}

/// Publishes a page, unless such an execution exists already.
#[job(id = "publish", unique = (on_conflict = "reject"))]
async fn publish_page(page: u32, note: Option<String>) -> Result<(), JobError> {
    drop((page, note));
    Ok(())
}

/// Indexes a page after it has been unchanged for a minute.
#[job(id = "index", debounce = ("1m", by = ["page"], at_most = "90s"))]
async fn index(page: u32, words: u32) -> Result<(), JobError> {
    let _ = (page, words);
    Ok(())
}

/// Prints a page.
#[job(id = "print", max_waiting = 2, max_concurrent = (1, per = "printer"), rate_limit = "10/s")]
async fn print(printer: String, page: u32) -> Result<(), JobError> {
    drop((printer, page));
    Ok(())
}

#[tokio::test]
async fn concurrent_requests_with_one_unique_key_create_one_execution() {
    let (store, service) = linked().await;
    let client = service.client();
    let calls = (0..40).map(|n| {
        let client = client.clone();
        async move {
            client
                .enqueue(SyncAccount::new(n % 2).full(n % 3 == 0))
                .await
                .unwrap()
        }
    });
    let executions = futures_util::future::join_all(calls).await;
    let created = executions.iter().filter(|one| one.triggered()).count();
    assert_eq!((created, stored(&store).await), (2, 2));
    let mut ids: Vec<_> = executions.iter().map(|one| one.id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn a_unique_key_is_free_after_its_execution_ends() {
    let (store, service) = linked().await;
    let client = service.client();
    let first = client.enqueue(SyncAccount::new(1)).await.unwrap();
    let requests = vec![EnqueueRequest::new(
        "synchronise",
        r#"{"account":1}"#.to_owned(),
    )];
    let skipped = service.enqueue(requests).await.unwrap();
    // An alias counts as the same job.
    assert_eq!(
        (skipped[0].execution_id, skipped[0].triggered),
        (first.id(), false)
    );
    service.cancel(first.id()).await.unwrap();
    assert!(
        client
            .enqueue(SyncAccount::new(1))
            .await
            .unwrap()
            .triggered()
    );
    assert_eq!(stored(&store).await, 2);
}

#[tokio::test]
async fn a_unique_conflict_names_the_existing_execution() {
    let (store, service) = linked().await;
    let client = service.client();
    let first = client.enqueue(PublishPage::new(1)).await.unwrap();
    // The key is the whole payload; a missing field counts as `null`.
    let request = EnqueueRequest::new("publish", r#"{"page":1}"#.to_owned());
    let error = service.enqueue(vec![request]).await.unwrap_err();
    let EnqueueError::UniqueConflict {
        job_id,
        execution_id,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((job_id.as_str(), execution_id), ("publish", first.id()));
    client.enqueue(PublishPage::new(1).note("x")).await.unwrap();
    assert_eq!(stored(&store).await, 2);
}

#[tokio::test]
async fn a_debounced_execution_is_postponed_until_at_most() {
    let (store, service) = linked().await;
    let client = service.client();
    let second = Duration::from_secs(1);
    let first = client.enqueue(Index::new(1, 100)).await.unwrap();
    let run_at = async || store.execution(first.id()).await.unwrap().unwrap().run_at;
    let record = store.execution(first.id()).await.unwrap().unwrap();
    assert_eq!(record.status, ExecutionStatus::Pending);
    assert_eq!(record.run_at, record.created_at.after(60 * second));

    let later = client
        .enqueue(Index::new(1, 200))
        .delay(20 * second)
        .await
        .unwrap();
    assert_eq!((later.id(), later.triggered()), (first.id(), false));
    let postponed = run_at().await;
    assert!(
        postponed >= record.created_at.after(80 * second),
        "{postponed}"
    );
    client
        .enqueue(Index::new(1, 300))
        .delay(3_600 * second)
        .await
        .unwrap();
    assert_eq!(run_at().await, record.created_at.after(90 * second));

    let record = store.execution(first.id()).await.unwrap().unwrap();
    assert_eq!(record.payload.get(), r#"{"page":1,"words":300}"#);
    assert!(client.enqueue(Index::new(2, 1)).await.unwrap().triggered());
}

#[tokio::test]
async fn a_batch_beyond_max_waiting_is_rejected_as_a_whole() {
    let (store, service) = linked().await;
    let client = service.client();
    let error = client
        .enqueue_all((0..3).map(|page| Print::new("p", page)))
        .await
        .unwrap_err();
    let EnqueueError::QueueFull {
        job_id,
        max_waiting,
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!((job_id.as_str(), *max_waiting), ("print", 2));
    assert_eq!(stored(&store).await, 0);
    client
        .enqueue_all((0..2).map(|page| Print::new("p", page)))
        .await
        .unwrap();
    assert!(client.enqueue(Print::new("p", 2)).await.is_err());
    assert_eq!(stored(&store).await, 2);
}

#[tokio::test]
async fn the_limits_of_a_published_job_are_enforced() {
    let store = store().await;
    let catalogue = Catalogue::linked().unwrap();
    publish(&store, catalogue.get("sync").unwrap().descriptor().clone()).await;
    publish(&store, catalogue.get("print").unwrap().descriptor().clone()).await;
    let service = service(&store, Catalogue::default());
    let request = |job: &'static str, payload: &str| EnqueueRequest::new(job, payload.to_owned());
    for expected in [true, false] {
        let requests = vec![request("sync", r#"{"account":1}"#)];
        assert_eq!(
            service.enqueue(requests).await.unwrap()[0].triggered,
            expected
        );
    }

    let page = |printer: &str| request("print", &format!(r#"{{"printer":"{printer}","page":1}}"#));
    let created = service.enqueue(vec![page("a"), page("a")]).await.unwrap();
    store.promote(now(), 100).await.unwrap();
    let blocked_by = store
        .blocked_by(created[1].execution_id, now())
        .await
        .unwrap();
    let blocked_by = blocked_by.expect("a blocking limit");
    assert_eq!(blocked_by.key, "print/concurrent/\"a\"");
    assert_eq!(blocked_by.rule, LimitRule::Concurrent { count: 1 });
}

#[tokio::test]
async fn an_edit_cannot_change_the_fields_of_limits() {
    let (store, service) = linked().await;
    let execution = service.client().enqueue(Print::new("a", 1)).await.unwrap();
    let edit = |payload: &str| Edit {
        priority: Some(Priority::High),
        payload: Some(payload.to_owned()),
        due: None,
    };
    let error = service
        .edit(execution.id(), edit(r#"{"printer":"b","page":1}"#))
        .await
        .unwrap_err();
    let EnqueueError::InvalidPayload { violations, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(violations.0[0].pointer, "/printer");
    let read = async || store.execution(execution.id()).await.unwrap().unwrap();
    assert_eq!(read().await.priority, 50);
    let answer = service
        .edit(execution.id(), edit(r#"{"printer":"a","page":2}"#))
        .await
        .unwrap();
    assert_eq!(answer, EditAnswer::Changed);
    assert_eq!(read().await.payload.get(), r#"{"printer":"a","page":2}"#);

    // Neither can an operator's retry.
    service.cancel(execution.id()).await.unwrap();
    let other = Some(r#"{"printer":"b","page":2}"#.to_owned());
    assert!(service.retry(execution.id(), other).await.is_err());
    service.retry(execution.id(), None).await.unwrap();
}
