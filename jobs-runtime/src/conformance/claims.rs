//! Claims: leasing ready executions.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "claims" {
    claims_are_ordered_by_priority_and_age: "A claim takes the executions with the highest priority first, the oldest first among equals.",
    a_new_urgent_execution_is_claimed_first: "A new execution with a higher priority is claimed before older ones.",
    several_queues_are_merged_by_priority: "A claim from several queues takes executions in the order of priority and age over all of them.",
    claims_take_only_from_named_queues: "A claim takes only from the queues that it names, and from every queue if it names none.",
    claims_take_only_named_executions: "A claim that names executions takes no others.",
    claims_take_up_to_their_limit: "A claim takes exactly `limit` executions while enough are ready.",
    claims_take_only_named_jobs: "Executions of jobs that a claim does not name stay queued.",
    a_former_id_is_claimed_by_its_alias: "An execution under a former job id is claimed by a worker that names this id. The execution keeps the id.",
    a_claimed_attempt_has_all_data_to_execute_it: "A claimed attempt comes with all the data that a worker needs to execute it.",
    a_repeated_claim_returns_the_same_leases: "A claim repeated with its number returns the leases that it still holds and takes nothing more.",
    claims_need_an_open_session: "A claim without an open session fails and leases nothing.",
}}

async fn claims_are_ordered_by_priority_and_age(store: AnyStore) {
    let priorities = [50, 100, 0, 50, 100, 75];
    let batch: Vec<_> = priorities
        .iter()
        .map(|priority| new_with("j", |new| new.priority = *priority))
        .collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    let session = session(&store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&claimed), [1, 4, 5, 0, 3, 2].map(|n: usize| all[n]));
}

async fn several_queues_are_merged_by_priority(store: AnyStore) {
    let places = [
        ("b", 50),
        ("a", 50),
        ("c", 90),
        ("a", 90),
        ("b", 10),
        ("c", 50),
    ];
    let batch: Vec<_> = places
        .iter()
        .map(|(queue, priority)| {
            new_with("j", |new| {
                new.queue = (*queue).to_owned();
                new.priority = *priority;
            })
        })
        .collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    let session = session(&store, "w").await;
    let first = store.claim(claim(session, 1, &["j"], 4)).await.unwrap();
    assert_eq!(ids(&first), [2, 3, 0, 1].map(|n: usize| all[n]));
    let rest = store.claim(claim(session, 2, &["j"], 4)).await.unwrap();
    assert_eq!(ids(&rest), [5, 4].map(|n: usize| all[n]));
}

async fn claims_take_up_to_their_limit(store: AnyStore) {
    let all = enqueue(&store, "j", 10).await;
    let session = session(&store, "w").await;
    let mut found = Vec::new();
    for (number, limit, expected) in [(1, 3, 3), (2, 0, 0), (3, 1, 1), (4, 100, 6), (5, 5, 0)] {
        let claimed = store
            .claim(claim(session, number, &["j"], limit))
            .await
            .unwrap();
        assert_eq!(claimed.len(), expected);
        assert!(claimed.iter().all(|claimed| claimed.fence.claim == number));
        found.extend(ids(&claimed));
    }
    assert_eq!(found, all);
}

async fn claims_take_only_named_jobs(store: AnyStore) {
    let unknown = enqueue(&store, "unknown", 3).await;
    let known = enqueue(&store, "known", 2).await;
    let session = session(&store, "w").await;
    let claimed = store
        .claim(claim(session, 1, &["known", "alias"], 9))
        .await
        .unwrap();
    assert_eq!(ids(&claimed), known);
    assert!(
        store
            .claim(claim(session, 2, &[], 9))
            .await
            .unwrap()
            .is_empty()
    );
    for id in unknown {
        assert_eq!(status(&store, id).await, ExecutionStatus::Queued);
    }
}

async fn claims_take_only_from_named_queues(store: AnyStore) {
    for queue in ["a", "b", "c"] {
        let batch = (0..2).map(|_| new_with("j", |new| new.queue = queue.to_owned()));
        store.enqueue(batch.collect()).await.unwrap();
    }
    let session = session(&store, "w").await;
    let mut number = 0;
    for (queues, expected) in [
        (vec!["b"], 2),
        (vec!["a", "b", "a"], 2),
        (vec!["x", "y"], 0),
    ] {
        number += 1;
        let mut claim = claim(session, number, &["j"], 9);
        claim.queues = queues.iter().map(|&queue| queue.to_owned()).collect();
        assert_eq!(
            store.claim(claim).await.unwrap().len(),
            expected,
            "{queues:?}"
        );
    }
    assert_eq!(
        store
            .claim(claim(session, 9, &["j"], 9))
            .await
            .unwrap()
            .len(),
        2
    );
}

async fn a_repeated_claim_returns_the_same_leases(store: AnyStore) {
    enqueue(&store, "j", 5).await;
    let session = session(&store, "w").await;
    let first = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    let again = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    assert_eq!(ids(&again), ids(&first));
    let fences =
        |claimed: &[Claimed]| -> Vec<_> { claimed.iter().map(|claimed| claimed.fence).collect() };
    assert_eq!(fences(&again), fences(&first));
    assert_eq!(again[0].claimed_at, T0);

    // After a settlement, the claim holds the remaining leases only.
    settle(&store, success(&first[0])).await;
    let again = store.claim(claim(session, 1, &["j"], 3)).await.unwrap();
    assert_eq!(ids(&again), ids(&first)[1..]);
    assert_eq!(
        store
            .claim(claim(session, 2, &["j"], 9))
            .await
            .unwrap()
            .len(),
        2
    );
}

async fn claims_need_an_open_session(store: AnyStore) {
    let all = enqueue(&store, "j", 1).await;
    let lost = store.claim(claim(SessionId(77), 1, &["j"], 1)).await;
    assert!(matches!(lost, Err(StoreError::SessionLost)), "{lost:?}");
    assert_eq!(status(&store, all[0]).await, ExecutionStatus::Queued);
}

async fn claims_take_only_named_executions(store: AnyStore) {
    let all = enqueue(&store, "j", 5).await;
    let elsewhere = new_with("j", |new| new.queue = "mail".to_owned());
    store.enqueue(vec![elsewhere.clone()]).await.unwrap();
    let session = session(&store, "w").await;
    let mut named = claim(session, 1, &["j"], 9);
    named.only = vec![all[3], id(), elsewhere.id, all[1]];
    let claimed = store.claim(named.clone()).await.unwrap();
    assert_eq!(ids(&claimed), [all[1], all[3], elsewhere.id]);
    // The other conditions of a claim apply as well.
    (named.number, named.job_ids) = (2, vec!["other".to_owned()]);
    named.only = vec![all[0]];
    assert!(store.claim(named.clone()).await.unwrap().is_empty());
    (named.number, named.job_ids) = (3, vec!["j".to_owned()]);
    (named.only, named.limit) = (vec![all[4], all[2], all[0]], 2);
    assert_eq!(ids(&store.claim(named).await.unwrap()), [all[0], all[2]]);
}

async fn a_former_id_is_claimed_by_its_alias(store: AnyStore) {
    let former = enqueue(&store, "letters.post", 1).await[0];
    let current = enqueue(&store, "letters.send", 1).await[0];
    let session = session(&store, "w").await;
    let known = claim(session, 1, &["letters.send", "letters.post"], 9);
    let claimed = store.claim(known).await.unwrap();
    assert_eq!(ids(&claimed), [former, current]);
    assert_eq!(
        claimed[0].job_id, "letters.post",
        "the job id of the enqueue"
    );
    assert_eq!(record(&store, former).await.job_id, "letters.post");
}

async fn a_new_urgent_execution_is_claimed_first(store: AnyStore) {
    let early = enqueue(&store, "j", 2).await;
    let session = session(&store, "w").await;
    assert_eq!(claim_one(&store, session, 1).await.execution_id, early[0]);
    let urgent = new_with("j", |new| new.priority = 51);
    store.enqueue(vec![urgent.clone()]).await.unwrap();
    assert_eq!(claim_one(&store, session, 2).await.execution_id, urgent.id);
    assert_eq!(claim_one(&store, session, 3).await.execution_id, early[1]);
}

async fn a_claimed_attempt_has_all_data_to_execute_it(store: AnyStore) {
    let new = new_with("j", |new| {
        new.policy = ExecutionPolicy {
            timeout_ms: Some(1),
            max_attempts: 7,
            retry_delays_ms: vec![0, 86_400_000],
            retry_jitter: 0.5,
        };
        new.correlation_id = Some("c".to_owned());
    });
    store.enqueue(vec![new.clone()]).await.unwrap();
    let session = session(&store, "w").await;
    let mut claim = claim(session, 5, &["j"], 1);
    claim.now = t(9);
    let claimed = store.claim(claim).await.unwrap().pop().unwrap();
    let Fence {
        session: holder,
        claim: number,
        attempt,
        row: _,
    } = claimed.fence;
    assert_eq!((holder, number, attempt), (session, 5, 1));
    assert_eq!(claimed.execution_id, new.id);
    assert_eq!((claimed.job_id, claimed.payload), (new.job_id, new.payload));
    assert_eq!((claimed.policy, claimed.spent), (new.policy, 0));
    assert_eq!(claimed.correlation_id, new.correlation_id);
    assert_eq!(claimed.tags, new.tags);
    assert_eq!(claimed.claimed_at, t(9));
    assert!(!claimed.cancel_requested && claimed.unreadable.is_none());
}
