//! Events. A store may emit further events and repeat them; the checks wait for the required ones.

use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, end_all, enqueue_limited, limited};
use super::requirement::requirements;

requirements! { "events" {
    ready_executions_are_announced: "An event announces that executions are ready: after an enqueue, a promotion, a release or a manual retry.",
    scheduled_executions_are_announced: "An event announces the earliest time of scheduled executions.",
    final_executions_are_announced: "An event announces each execution that becomes final, whatever its outcome.",
    released_permits_are_announced: "An event announces released permits: after a settlement, a release, a cancellation, an edit or the end of a session.",
    released_permits_of_many_keys_are_announced: "An event announces the permit for which an execution waits, if a batch releases permits of many keys.",
    cancel_requests_are_announced: "An event announces a request to cancel a running execution.",
    other_processes_receive_events: "Another process receives an event after a write.",
    committed_emits_an_event: "`committed` emits an event.",
}}

async fn ready(events: &mut tokio::sync::broadcast::Receiver<StoreEvent>) {
    event(events, StoreEvent::is_ready).await;
}

async fn ready_executions_are_announced(store: AnyStore) {
    let mut events = store.events();
    enqueue(&store, "j", 1).await;
    ready(&mut events).await;
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;

    let mut events = store.events();
    let back = settlement(&claimed, AttemptOutcome::Released, Next::GiveBack);
    settle(&store, back).await;
    ready(&mut events).await;
    let claimed = claim_one(&store, session, 2).await;
    settle(&store, retry_at(&claimed, t(5))).await;

    let mut events = store.events();
    store.promote(t(5), 1).await.unwrap();
    ready(&mut events).await;
    let claimed = claim_one(&store, session, 3).await;
    settle(&store, failure(&claimed)).await;

    let mut events = store.events();
    store
        .retry(claimed.execution_id, None, EnqueueRules::default(), t(6))
        .await
        .unwrap();
    ready(&mut events).await;
}

async fn scheduled_executions_are_announced(store: AnyStore) {
    let mut events = store.events();
    let batch = [90, 60, 70].map(|at| new_with("j", |new| new.run_at = Some(t(at))));
    store.enqueue(batch.to_vec()).await.unwrap();
    let at = |at: u64| move |event: &StoreEvent| matches!(event, StoreEvent::Scheduled(time) if *time == t(at));
    event(&mut events, at(60)).await;
    let claimed = running(&store, "j").await;
    settle(&store, retry_at(&claimed, t(30))).await;
    event(&mut events, at(30)).await;
}

async fn final_executions_are_announced(store: AnyStore) {
    let mut events = store.events();
    let mut ended = Vec::new();
    for (outcome, next) in [
        (AttemptOutcome::Succeeded, Next::Succeed("1".to_owned())),
        (AttemptOutcome::Failed, Next::Fail),
        (AttemptOutcome::Cancelled, Next::Cancel),
    ] {
        let claimed = running(&store, "j").await;
        settle(&store, settlement(&claimed, outcome, next)).await;
        ended.push(claimed.execution_id);
    }
    let waiting = enqueue(&store, "j", 1).await[0];
    store.cancel(waiting, t(5)).await.unwrap();
    ended.push(waiting);
    for id in ended {
        event(
            &mut events,
            |event| matches!(event, StoreEvent::Finished(ids) if ids.contains(&id)),
        )
        .await;
    }
}

async fn released_permits_are_announced(store: AnyStore) {
    let now = |event: &StoreEvent| matches!(event, StoreEvent::Scheduled(at) if *at <= T0);
    let limits = [concurrent("", 1)];
    let mut worker = Worker::new(&store).await;
    enqueue_limited(&store, &limits, 1).await;
    let first = worker.take().await;

    // No other execution waits for the permit.
    let mut events = store.events();
    let back = settlement(&first[0], AttemptOutcome::Released, Next::GiveBack);
    settle(&store, back).await;
    event(&mut events, now).await;

    let all = enqueue_limited(&store, &limits, 5).await;
    let first = worker.take().await;
    assert!(worker.take().await.is_empty());
    let mut events = store.events();
    settle(&store, success(&first[0])).await;
    event(&mut events, now).await;

    // Cancelled and edited while it is ready and not claimed.
    store.promote(T0, 9).await.unwrap();
    let mut events = store.events();
    store.cancel(all[0], T0).await.unwrap();
    event(&mut events, now).await;

    store.promote(T0, 9).await.unwrap();
    let mut events = store.events();
    let later = ExecutionEdit {
        priority: None,
        run_at: Some(t(60)),
        payload: None,
        queue: None,
    };
    store.edit(all[1], later, T0).await.unwrap();
    event(&mut events, now).await;

    let timed_out = worker.take().await;
    assert_eq!(ids(&timed_out), all[2..3]);
    let mut end = settlement(&timed_out[0], AttemptOutcome::TimedOut, Next::Fail);
    end.permits = retained_permits(&timed_out[0]);
    settle(&store, end).await;
    assert!(worker.take().await.is_empty());
    let mut events = store.events();
    store.close_session(worker.session()).await.unwrap();
    event(&mut events, now).await;
    let mut another = Worker::new(&store).await;
    assert_eq!(ids(&another.take().await), all[3..4]);
}

async fn released_permits_of_many_keys_are_announced(store: AnyStore) {
    let mut worker = Worker::new(&store).await;
    let batch = (0..20).map(|n| limited(&[concurrent(&format!("key {n}"), 1)]));
    store.enqueue(batch.collect()).await.unwrap();
    let running = worker.take().await;
    let waits = enqueue_limited(&store, &[concurrent("key 7", 1)], 1).await;
    assert!(worker.take().await.is_empty());
    let mut events = store.events();
    end_all(&store, &running).await;
    event(
        &mut events,
        |event| matches!(event, StoreEvent::Scheduled(at) if *at <= T0),
    )
    .await;
    assert_eq!(ids(&worker.take().await), waits);
}

async fn cancel_requests_are_announced(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let mut events = store.events();
    store.cancel(claimed.execution_id, t(5)).await.unwrap();
    event(&mut events, |event| {
        matches!(event, StoreEvent::CancelRequested)
    })
    .await;
}

async fn other_processes_receive_events(TwoProcesses { here, there }: TwoProcesses) {
    let mut events = here.events();
    let id = enqueue(&there, "j", 1).await[0];
    event(&mut events, |event| {
        matches!(event, StoreEvent::Elsewhere) || event.is_ready()
    })
    .await;
    let session = session(&here, "w").await;
    let claimed = claim_one(&here, session, 1).await;
    assert_eq!(claimed.execution_id, id);
    let mut events = there.events();
    settle(&here, success(&claimed)).await;
    event(&mut events, |event| {
        matches!(event, StoreEvent::Elsewhere | StoreEvent::Finished(_))
    })
    .await;
}

async fn committed_emits_an_event(store: AnyStore) {
    let mut events = store.events();
    store.committed();
    event(&mut events, |_| true).await;
}
