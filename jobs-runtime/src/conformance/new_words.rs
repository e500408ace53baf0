//! New words: stored words that a newer program has written.

use super::backend::Damage;
use super::catalogue::publication;
use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, enqueue_limited};
use super::requirement::requirements;
use crate::store::EnqueueRules;

requirements! { "new-words" {
    new_words_fail_no_read: "A row with a word that this program does not know is left out of pages, lists and exports. The other rows are returned.",
    an_execution_with_new_words_is_read: "An execution whose attempt has an unknown outcome or error can be read, deleted and retried. It is not returned as a whole execution for an archive.",
    a_permit_event_of_a_new_kind_stops_no_limit: "A permit event of an unknown kind is skipped. The other events are counted.",
    an_operation_with_a_new_act_stops_no_other: "A bulk operation with an act that this program does not know waits for a program that knows it. Others are listed and executed.",
    a_limit_of_a_new_kind_stops_no_other: "A limit of an unknown kind counts as missing. Promotions and reads go on.",
}}

/// Ends an execution of `job` after a failed first attempt.
async fn fail_twice(store: &AnyStore, job: &str) -> ExecutionId {
    let first = running(store, job).await;
    let retry = settlement(&first, AttemptOutcome::Failed, Next::RetryAt(T0));
    assert_eq!(settle(store, retry).await, WriteAnswer::Settled);
    store.promote(T0, 100).await.unwrap();
    let session = session(store, "w").await;
    let claims = store.claim(claim(session, 1, &[job], 1)).await.unwrap();
    let lines = batch(&claims[0], vec![line(1, "a line")]);
    store.append_logs(vec![lines]).await.unwrap();
    let answer = settle(store, failure(&claims[0])).await;
    assert_eq!(answer, WriteAnswer::Settled);
    first.execution_id
}

async fn new_words_fail_no_read(db: Damageable) {
    let store = &db.store;
    let jobs = vec![publication("j", "x", 1), publication("k", "x", 1)];
    store.publish(jobs).await.unwrap();
    let of_new_status = fail_twice(store, "k").await;
    let of_new_words = fail_twice(store, "j").await;
    let waiting = enqueue(store, "k", 1).await[0];
    db.damage(of_new_status, Damage::NewStatus).await;
    db.damage(of_new_words, Damage::NewWords).await;

    let page = store.list_executions(ExecutionQuery::newest(9)).await;
    let listed: Vec<_> = page.unwrap().executions.iter().map(|it| it.id).collect();
    assert_eq!(listed, [waiting, of_new_words]);
    let all = vec![of_new_status, of_new_words, waiting];
    let states = store.execution_states(all.clone()).await.unwrap();
    let states: Vec<_> = states.iter().map(|state| state.execution_id).collect();
    assert_eq!(states, all[1..]);
    for id in [of_new_status, of_new_words] {
        assert_eq!(log(store, id).await.len(), 1);
    }
    let catalogue = store.catalogue().await.unwrap();
    let listed: Vec<_> = catalogue.iter().map(|job| &*job.descriptor.id).collect();
    assert_eq!(listed, ["k"]);
    assert_eq!(store.queues().await.unwrap().len(), 1);
    let processes = store.processes().await.unwrap();
    assert!(!processes.is_empty());
    assert!(processes.iter().all(|process| process.slot_caps.is_empty()));
    store.promote(t(1), 100).await.unwrap();

    if let Some(from) = store.transfer() {
        let mut exported = Vec::new();
        let mut after = None;
        loop {
            let page = from.export(after, 1).await.unwrap();
            exported.extend(page.executions.iter().map(|it| it.request.id));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(exported, [waiting]);
        assert_eq!(from.publications().await.unwrap().len(), 1);
    }
}

async fn an_execution_with_new_words_is_read(db: Damageable) {
    let store = &db.store;
    let id = fail_twice(store, "j").await;
    db.damage(id, Damage::NewWords).await;
    let read = record(store, id).await;
    assert_eq!(read.status, ExecutionStatus::Failed);
    assert_eq!(read.error.unwrap().kind, ErrorKind::Failed);
    assert_eq!(read.attempts, []);
    let retried = store
        .retry(id, None, EnqueueRules::default(), t(1))
        .await
        .unwrap();
    assert_eq!(retried, RetryAnswer::Queued);
    store.cancel(id, t(1)).await.unwrap();
    // An archive would lack the attempts.
    let expired = Expired {
        execution_id: id,
        job_id: "j".to_owned(),
        status: ExecutionStatus::Cancelled,
        finished_at: t(1),
        is_erased: false,
    };
    let whole = store.read_expired(vec![expired]).await.unwrap();
    assert!(whole.is_empty(), "{whole:?}");
    assert_eq!(store.delete(id).await.unwrap(), DeleteAnswer::Deleted);
}

async fn a_permit_event_of_a_new_kind_stops_no_limit(db: Damageable) {
    let store = &db.store;
    let mut worker = Worker::new(store).await;
    let limits = [concurrent("", 1)];
    let all = enqueue_limited(store, &limits, 2).await;
    let holder = worker.take().await;
    assert_eq!(ids(&holder), all[..1]);
    db.damage(all[0], Damage::NewPermitEvent).await;
    assert_eq!(
        settle(store, success(&holder[0])).await,
        WriteAnswer::Settled
    );
    assert_eq!(ids(&worker.take().await), all[1..]);
}

async fn an_operation_with_a_new_act_stops_no_other(db: Damageable) {
    let store = &db.store;
    let id = enqueue(store, "j", 1).await[0];
    let start = || super::bulk::start(store, BulkAct::Cancel, BulkFilter::default());
    let of_new_act = start().await;
    db.damage(id, Damage::NewAct).await;
    assert!(store.next_operation().await.unwrap().is_none());
    let known = start().await;
    let next = store.next_operation().await.unwrap().unwrap();
    assert_eq!(next.id, known.id);
    let listed = store.operations(9).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|it| &*it.id).collect();
    assert_eq!(listed, [&*known.id]);
    // It can be cancelled, although it cannot be shown.
    let cancelled = store.cancel_operation(of_new_act.id, t(1)).await.unwrap();
    assert!(cancelled.is_none());
}

async fn a_limit_of_a_new_kind_stops_no_other(db: Damageable) {
    let store = &db.store;
    let mut worker = Worker::new(store).await;
    let (new, old) = ([concurrent("new", 1)], [concurrent("old", 1)]);
    let of_new_kind = enqueue_limited(store, &new, 2).await;
    let others = enqueue_limited(store, &old, 2).await;
    let running = worker.take().await;
    assert_eq!(ids(&running), [of_new_kind[0], others[0]]);
    db.damage(of_new_kind[0], Damage::NewLimitKind).await;

    assert!(
        store
            .blocked_by(of_new_kind[1], T0)
            .await
            .unwrap()
            .is_none()
    );
    for claimed in &running {
        assert_eq!(settle(store, success(claimed)).await, WriteAnswer::Settled);
    }
    assert!(ids(&worker.take().await).contains(&others[1]));
    let page = store.list_executions(ExecutionQuery::newest(9)).await;
    assert_eq!(page.unwrap().executions.len(), 4);
}
