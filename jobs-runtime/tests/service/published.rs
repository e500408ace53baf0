//! Jobs that other programs have published.

use jobs::runtime::EnqueueRequest;
use jobs::{Catalogue, HandlerKind};
use serde_json::json;

use crate::support::{linked, publish, service};

#[tokio::test]
async fn a_program_without_jobs_serves_published_jobs() {
    let (store, worker) = linked().await;
    let control = service(&store, Catalogue::default());
    worker.publish().await.unwrap();

    for id in ["add", "plus"] {
        let job = control.job(id).await.unwrap();
        assert_eq!(job.id(), "add");
        assert_eq!(job.descriptor().handler, HandlerKind::Absent);
    }
    let linked = Catalogue::linked().unwrap().len();
    assert_eq!(control.jobs().await.unwrap().len(), linked);
    let request = EnqueueRequest::new("plus", r#"{"a":1}"#.to_owned());
    let enqueued = control.enqueue(vec![request]).await.unwrap();
    let record = store.execution(enqueued[0].execution_id).await.unwrap();
    let record = record.unwrap();
    assert_eq!(record.job_id, "add");
    assert_eq!(record.payload.get(), r#"{"a":1,"b":1}"#);

    let error = control.job("ad").await.unwrap_err();
    assert_eq!(error.to_string(), "no job `ad`, did you mean `add`?");
}

#[tokio::test]
async fn a_linked_definition_takes_precedence_over_a_published_one() {
    let (store, service) = linked().await;
    let mut descriptor = service.job("add").await.unwrap().descriptor().clone();
    descriptor.payload_schema = json!({"type": "object", "required": ["c"]});
    publish(&store, descriptor).await;
    let request = EnqueueRequest::new("add", r#"{"a":1}"#.to_owned());
    service.enqueue(vec![request]).await.unwrap();
    let jobs = service.jobs().await.unwrap();
    let job = jobs.iter().find(|job| job.id() == "add").unwrap();
    assert_eq!(job.descriptor().handler, HandlerKind::Linked);
}
