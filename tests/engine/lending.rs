//! The loan of a slot while its attempt waits for another execution.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jobs::{ExecutionStatus, JobError};
use jobs_runtime::middleware::{AttemptRequest, AttemptService};
use jobs_runtime::{EngineConfig, Runtime};
use tests::jobs::{Add, Chain, Parent};
use tower::layer::layer_fn;
use tower::{Service, service_fn};

use super::support::Timed;

fn slots(concurrency: usize) -> EngineConfig {
    EngineConfig {
        concurrency,
        ..EngineConfig::default()
    }
}

/// A slot is lent to the awaited child, not to the next parent in the queue.
#[tokio::test]
async fn many_parents_run_no_more_than_two_attempts_a_slot() {
    const PARENTS: i64 = 300;
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
    let counting = layer_fn(move |mut inner: AttemptService| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        service_fn(move |request: AttemptRequest| {
            let attempt = inner.call(request);
            let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
            async move {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let ended: Result<String, JobError> = attempt.await;
                now.fetch_sub(1, Ordering::SeqCst);
                ended
            }
        })
    });
    let builder = Runtime::builder().engine(slots(4)).layer(counting);
    let runtime = Timed::build(builder).await;
    let parents = runtime.client().enqueue_all((0..PARENTS).map(Parent::new));
    for (n, parent) in (0..PARENTS).zip(parents.await.expect("accepted")) {
        assert_eq!(runtime.result(&parent).await.ok(), Some(n + 1));
    }
    let most = most.load(Ordering::SeqCst);
    assert!((4..=8).contains(&most), "{most} at once");
    assert_eq!(running.load(Ordering::SeqCst), 0);
}

/// One slot carries a whole chain of attempts that await each other.
#[tokio::test]
async fn a_chain_of_awaiting_attempts_completes_at_concurrency_1() {
    let runtime = Timed::with(slots(1)).await;
    let chain = runtime.enqueue(Chain::new(20_u32)).await;
    assert_eq!(runtime.result(&chain).await.ok(), Some(20));
}

/// The slot of an attempt that is cancelled while it waits is free again.
#[tokio::test]
async fn a_cancelled_parent_frees_its_slot() {
    let runtime = Timed::with(slots(1)).await;
    let parents = [
        runtime.begin(tests::jobs::AwaitsExternal::new()).await,
        runtime.enqueue(tests::jobs::AwaitsExternal::new()).await,
    ];
    for parent in &parents {
        let add = runtime.enqueue(Add::new(1, 2)).await;
        runtime.clock.settle().await;
        let status = runtime.record(add.id()).await.status;
        assert!(!status.is_final(), "the slot is lent");
        runtime.cancel(parent.id()).await;
        let status = runtime.record(parent.id()).await.status;
        assert_eq!(status, ExecutionStatus::Cancelled);
        runtime.cancel(add.id()).await;
    }
    let add = runtime.enqueue(Add::new(1, 2)).await;
    assert_eq!(runtime.result(&add).await.ok(), Some(3));
}
