//! A store, a job and a scripted worker.

use std::sync::Arc;
use std::time::Duration;

use jobs::{AttemptOutcome, Catalogue, ErrorKind, ExecutionError, JobDescriptor, JobError, job};
use jobs_runtime::fingerprint::job_fingerprint;
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{
    AttemptEnd, Caps, Claim, Claimed, ExecutionQuery, Next, Permits, PublishedJob, SessionInfo,
    Settlement, SetupStore, Store, WriteAnswer,
};
use jobs_runtime::time::Timestamp;
use jobs_runtime::{Entropy, JobService, SystemClock};

/// Adds.
#[job(id = "add", aliases = ["plus"], tags = ["arithmetic"], retries = ["1s"])]
pub(crate) async fn add(a: i32, #[default(1)] b: i32) -> Result<i32, JobError> {
    Ok(a + b)
}

pub(crate) async fn store() -> Arc<dyn Store> {
    let url = "sqlite::memory:".parse().unwrap();
    let store = SqliteStore::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

pub(crate) fn service(store: &Arc<dyn Store>, catalogue: Catalogue) -> JobService {
    JobService::new(
        store.clone(),
        Arc::new(catalogue),
        Arc::new(SystemClock::new()),
        Arc::new(Entropy::new()),
    )
    .unwrap()
}

pub(crate) async fn linked() -> (Arc<dyn Store>, JobService) {
    let store = store().await;
    let service = service(&store, Catalogue::linked().unwrap());
    (store, service)
}

pub(crate) async fn stored(store: &Arc<dyn Store>) -> usize {
    let page = store
        .list_executions(ExecutionQuery::newest(1_000))
        .await
        .unwrap();
    page.executions.len()
}

pub(crate) fn now() -> Timestamp {
    jobs::Clock::now(&SystemClock::new()).into()
}

/// Publishes a job as another program would.
pub(crate) async fn publish(store: &Arc<dyn Store>, descriptor: JobDescriptor) {
    let job = PublishedJob {
        fingerprint: job_fingerprint(&descriptor).unwrap(),
        descriptor,
        published_at: now().after(Duration::from_secs(1)),
    };
    store.publish(vec![job]).await.unwrap();
}

/// Claims and settles all ready executions.
pub(crate) async fn work(
    store: &Arc<dyn Store>,
    next: impl Fn(&Claimed) -> (AttemptOutcome, Next),
) {
    let info = SessionInfo {
        worker: "test".to_owned(),
        opened_at: now(),
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
        fingerprints: Vec::new(),
        lease: Duration::from_secs(30),
    };
    let session = store.open_session(info).await.unwrap();
    let claim = Claim {
        session,
        number: 1,
        job_ids: vec!["add".to_owned()],
        queues: Vec::new(),
        except: Vec::new(),
        only: Vec::new(),
        limit: 1_000,
        caps: Caps::default(),
        now: now(),
    };
    let claimed = store.claim(claim).await.unwrap();
    let settlements = claimed.iter().map(|claimed| {
        let (outcome, next) = next(claimed);
        Settlement {
            fence: claimed.fence,
            execution_id: claimed.execution_id,
            end: AttemptEnd {
                outcome,
                error: (next == Next::Fail).then(|| ExecutionError {
                    kind: ErrorKind::Permanent,
                    message: "overflow".to_owned(),
                }),
                started_at: now(),
                finished_at: now(),
                progress: None,
                logs: Vec::new(),
            },
            next,
            permits: claimed.limits.clone().map(Permits::released),
        }
    });
    let answers = store.settle(settlements.collect()).await.unwrap();
    assert!(answers.iter().all(|answer| *answer == WriteAnswer::Settled));
}

pub(crate) fn succeed(_: &Claimed) -> (AttemptOutcome, Next) {
    (AttemptOutcome::Succeeded, Next::Succeed("3".to_owned()))
}
