//! Unique keys, debouncing and `max_waiting`.

use std::sync::Arc;

use jobs::OnConflict;

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "uniqueness" {
    one_execution_is_live_per_unique_key: "Of concurrent enqueues with the same `unique` key, one creates. `skip`, `replace` and `reject` decide the answers of the others.",
    a_unique_key_is_free_after_the_end: "After the live execution has ended, the next enqueue with its unique key creates.",
    a_window_outlasts_its_execution: "Within the window of its rule, an ended execution counts as live.",
    live_statuses_come_from_the_rule: "If a rule counts only waiting executions as live, one execution may wait beside a running one.",
    replace_keeps_the_newest_payload: "With `replace`, the waiting execution receives the newest payload. Beside a running execution, one waits.",
    a_rejected_batch_creates_and_replaces_nothing: "A batch with a rejected execution creates nothing and replaces nothing.",
    a_debounce_restarts_its_delay: "Each further enqueue restarts the debounce delay, up to `at_most`, and the newest payload runs.",
    concurrent_enqueues_are_debounced_into_one: "Concurrent enqueues with the same debounce key create one waiting execution.",
    max_waiting_rejects_the_whole_batch: "A batch that would exceed `max_waiting` is rejected as a whole.",
    pending_and_queued_executions_count_against_max_waiting: "Pending and queued executions count against `max_waiting`, also after a retry or a release. Running and final ones do not.",
    a_key_names_the_execution_that_answered: "If a `unique` or `debounce` key answers a request, its idempotency key names that execution, also after its end.",
    a_retry_makes_no_second_live_execution: "An operator's retry is rejected while another execution is live under the unique key. Afterwards the retried one holds the key.",
    a_retry_respects_max_waiting: "An operator's retry that would exceed `max_waiting` is rejected.",
    a_preview_decides_as_an_enqueue_and_writes_nothing: "A preview of an enqueue decides by the same rules. It creates no execution, writes no key and changes no payload.",
    keys_of_a_transaction_apply_after_its_commit: "Unique keys, debounce keys and `max_waiting` of a transaction apply after its commit, and not after a rollback.",
}}

const LIVE: [ExecutionStatus; 3] = [
    ExecutionStatus::Pending,
    ExecutionStatus::Queued,
    ExecutionStatus::Running,
];

fn unique(on_conflict: OnConflict) -> UniqueKey {
    UniqueKey {
        key: "k".to_owned(),
        within_ms: None,
        on_conflict,
        live: LIVE.to_vec(),
    }
}

fn with_key(key: UniqueKey, payload: &str) -> NewExecution {
    new_with("j", |new| {
        new.rules.unique = Some(key);
        new.payload = payload.to_owned();
    })
}

/// Enqueues one execution and returns its id and the answer.
async fn enqueue_one(store: &AnyStore, new: NewExecution) -> (ExecutionId, EnqueueAnswer) {
    let id = new.id;
    let answers = store.enqueue(vec![new]).await.unwrap();
    (id, answers[0])
}

async fn one_execution_is_live_per_unique_key(Handles(stores): Handles) {
    for on_conflict in [OnConflict::Skip, OnConflict::Reject, OnConflict::Replace] {
        let answers = at_once(32, |n| {
            let store = Arc::clone(&stores[n % 2]);
            let mut key = unique(on_conflict);
            key.key = format!("{on_conflict:?}");
            let new = with_key(key, &format!(r#"{{"n":{n}}}"#));
            async move {
                let id = new.id;
                (id, store.enqueue(vec![new]).await)
            }
        })
        .await;
        let created = |(_, answer): &&(_, Result<Vec<_>, _>)| matches!(answer, Ok(answers) if answers[0] == EnqueueAnswer::Created);
        let creators: Vec<_> = answers.iter().filter(created).collect();
        assert_eq!(creators.len(), 1, "{on_conflict:?}: {answers:?}");
        let (one, _) = creators[0];
        for (id, answer) in answers.iter().filter(|(id, _)| id != one) {
            match (on_conflict, answer) {
                (OnConflict::Skip, Ok(answers)) => {
                    assert_eq!(answers[0], EnqueueAnswer::Skipped(*one));
                }
                (OnConflict::Replace, Ok(answers)) => {
                    assert_eq!(answers[0], EnqueueAnswer::Merged(*one));
                }
                (
                    OnConflict::Reject,
                    Err(StoreError::UniqueConflict {
                        index: 0,
                        execution_id,
                    }),
                ) => {
                    assert_eq!(execution_id, one);
                }
                other => panic!("{other:?}"),
            }
            assert!(stores[0].execution(*id).await.unwrap().is_none());
        }
    }
}

async fn a_unique_key_is_free_after_the_end(store: AnyStore) {
    let (mut last, answer) = enqueue_one(&store, with_key(unique(OnConflict::Reject), "{}")).await;
    assert_eq!(answer, EnqueueAnswer::Created);
    let session = session(&store, "w").await;
    for number in 1..=3 {
        let another = with_key(unique(OnConflict::Skip), "{}");
        assert_eq!(
            enqueue_one(&store, another).await.1,
            EnqueueAnswer::Skipped(last)
        );
        let claimed = claim_one(&store, session, number).await;
        let another = with_key(unique(OnConflict::Skip), "{}");
        assert_eq!(
            enqueue_one(&store, another).await.1,
            EnqueueAnswer::Skipped(last)
        );
        let end = if number == 1 {
            success(&claimed)
        } else {
            failure(&claimed)
        };
        settle(&store, end).await;
        let (next, answer) = enqueue_one(&store, with_key(unique(OnConflict::Skip), "{}")).await;
        assert_eq!(answer, EnqueueAnswer::Created);
        last = next;
    }
    store.cancel(last, T0).await.unwrap();
    let (_, answer) = enqueue_one(&store, with_key(unique(OnConflict::Reject), "{}")).await;
    assert_eq!(answer, EnqueueAnswer::Created);
    // Unique keys are separate per job.
    let mut elsewhere = with_key(unique(OnConflict::Reject), "{}");
    elsewhere.job_id = "other".to_owned();
    assert_eq!(
        enqueue_one(&store, elsewhere).await.1,
        EnqueueAnswer::Created
    );
}

async fn a_window_outlasts_its_execution(store: AnyStore) {
    let at = |seconds| {
        let mut key = unique(OnConflict::Skip);
        key.within_ms = Some(60_000);
        let mut new = with_key(key, "{}");
        new.created_at = t(seconds);
        new
    };
    let (first, _) = enqueue_one(&store, at(0)).await;
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    settle(&store, success(&claimed)).await;
    assert_eq!(
        enqueue_one(&store, at(59)).await.1,
        EnqueueAnswer::Skipped(first)
    );
    let (second, answer) = enqueue_one(&store, at(60)).await;
    assert_eq!(answer, EnqueueAnswer::Created);
    // A live execution counts after its window as well.
    assert_eq!(
        enqueue_one(&store, at(600)).await.1,
        EnqueueAnswer::Skipped(second)
    );
}

async fn live_statuses_come_from_the_rule(store: AnyStore) {
    let waiting = || {
        let mut key = unique(OnConflict::Skip);
        key.live
            .retain(|status| *status != ExecutionStatus::Running);
        with_key(key, "{}")
    };
    let (first, _) = enqueue_one(&store, waiting()).await;
    assert_eq!(
        enqueue_one(&store, waiting()).await.1,
        EnqueueAnswer::Skipped(first)
    );
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    let (second, answer) = enqueue_one(&store, waiting()).await;
    assert_eq!(answer, EnqueueAnswer::Created);
    assert_eq!(
        enqueue_one(&store, waiting()).await.1,
        EnqueueAnswer::Skipped(second)
    );
    // The first is pending again, but the key names the second.
    settle(&store, retry_at(&claimed, t(60))).await;
    assert_eq!(
        enqueue_one(&store, waiting()).await.1,
        EnqueueAnswer::Skipped(second)
    );
}

async fn replace_keeps_the_newest_payload(store: AnyStore) {
    let newest = |payload: &str| with_key(unique(OnConflict::Replace), payload);
    let mut delayed = newest(r#"{"n":0}"#);
    delayed.run_at = Some(t(60));
    let (first, _) = enqueue_one(&store, delayed).await;
    for n in 1..4 {
        let another = newest(&format!(r#"{{"n":{n}}}"#));
        assert_eq!(
            enqueue_one(&store, another).await.1,
            EnqueueAnswer::Merged(first)
        );
    }
    let record = record(&store, first).await;
    assert_eq!(
        record.status,
        ExecutionStatus::Pending,
        "its time does not change"
    );
    assert_eq!(record.payload.get(), r#"{"n":3}"#);
    store.promote(t(60), 9).await.unwrap();
    // Two replacements in one batch: the last payload wins.
    let batch = vec![newest(r#"{"n":4}"#), newest(r#"{"n":5}"#)];
    assert_eq!(
        store.enqueue(batch).await.unwrap(),
        [EnqueueAnswer::Merged(first); 2]
    );
    let session = session(&store, "w").await;
    assert_eq!(claim_one(&store, session, 1).await.payload, r#"{"n":5}"#);
    let (second, answer) = enqueue_one(&store, newest(r#"{"n":6}"#)).await;
    assert_eq!(answer, EnqueueAnswer::Created);
    assert_eq!(
        enqueue_one(&store, newest(r#"{"n":7}"#)).await.1,
        EnqueueAnswer::Merged(second)
    );
    assert_eq!(claim_one(&store, session, 2).await.payload, r#"{"n":7}"#);
}

async fn a_rejected_batch_creates_and_replaces_nothing(store: AnyStore) {
    let keyed = |name: &str, on_conflict, payload: &str| {
        let mut key = unique(on_conflict);
        key.key = name.to_owned();
        with_key(key, payload)
    };
    let (replaced, _) = enqueue_one(&store, keyed("a", OnConflict::Replace, r#"{"n":0}"#)).await;
    let (lives, _) = enqueue_one(&store, keyed("b", OnConflict::Reject, "{}")).await;
    let batch = vec![
        keyed("c", OnConflict::Reject, "{}"),
        keyed("a", OnConflict::Replace, r#"{"n":1}"#),
        keyed("b", OnConflict::Reject, "{}"),
    ];
    let rejected: Vec<_> = batch.iter().map(|new| new.id).collect();
    match store.enqueue(batch).await {
        Err(StoreError::UniqueConflict {
            index: 2,
            execution_id,
        }) => assert_eq!(execution_id, lives),
        other => panic!("{other:?}"),
    }
    for id in rejected {
        assert!(store.execution(id).await.unwrap().is_none());
    }
    assert_eq!(record(&store, replaced).await.payload.get(), r#"{"n":0}"#);
    let (_, answer) = enqueue_one(&store, keyed("c", OnConflict::Reject, "{}")).await;
    assert_eq!(answer, EnqueueAnswer::Created, "its key is free");
}

async fn a_preview_decides_as_an_enqueue_and_writes_nothing(store: AnyStore) {
    let named = |name: &str, on_conflict| {
        let mut unique = unique(on_conflict);
        unique.key = name.to_owned();
        with_key(unique, r#"{"n":9}"#)
    };
    let keyed = |digest: &str| new_with("j", |new| new.idempotency_key = key("k", digest));
    let capped = || new_with("capped", |new| new.rules.max_waiting = Some(2));
    let (skipped, _) = enqueue_one(&store, named("skip", OnConflict::Skip)).await;
    let (rejected, _) = enqueue_one(&store, named("reject", OnConflict::Reject)).await;
    let mut waiting = named("replace", OnConflict::Replace);
    waiting.payload = r#"{"n":0}"#.to_owned();
    let (replaced, _) = enqueue_one(&store, waiting).await;
    let (merged, _) = enqueue_one(&store, debounced(0, r#"{"n":0}"#)).await;
    let (replayed, _) = enqueue_one(&store, keyed("a")).await;
    enqueue_one(&store, capped()).await;

    let batch = vec![
        new("j"),
        named("skip", OnConflict::Skip),
        named("reject", OnConflict::Reject),
        named("replace", OnConflict::Replace),
        debounced(10, r#"{"n":9}"#),
        keyed("a"),
        keyed("b"),
        capped(),
        capped(),
        named("new", OnConflict::Reject),
        named("new", OnConflict::Reject),
    ];
    let first_new = batch[9].id;
    let before = listed(&store).await;
    for _ in 0..2 {
        assert_eq!(
            store.preview_enqueue(batch.clone()).await.unwrap(),
            [
                EnqueuePreview::Created,
                EnqueuePreview::Skipped(skipped),
                EnqueuePreview::UniqueConflict(rejected),
                EnqueuePreview::Replaced(replaced),
                EnqueuePreview::Merged(merged, t(40)),
                EnqueuePreview::Replayed(replayed),
                EnqueuePreview::IdempotencyConflict(replayed),
                EnqueuePreview::Created,
                EnqueuePreview::QueueFull(2),
                EnqueuePreview::Created,
                EnqueuePreview::UniqueConflict(first_new),
            ]
        );
        assert_eq!(listed(&store).await, before);
    }
    // The keys of previewed executions are free.
    let mut fresh = named("new", OnConflict::Reject);
    fresh.idempotency_key = key("fresh", "a");
    let (_, answer) = enqueue_one(&store, fresh).await;
    assert_eq!(answer, EnqueueAnswer::Created);
}

/// Returns every execution with its payload, status and time.
async fn listed(store: &AnyStore) -> Vec<(ExecutionId, String, ExecutionStatus, Timestamp)> {
    let page = store
        .list_executions(ExecutionQuery::newest(100))
        .await
        .unwrap();
    let executions = page.executions.into_iter();
    let execution =
        |one: ExecutionRecord| (one.id, one.payload.get().to_owned(), one.status, one.run_at);
    executions.map(execution).collect()
}

/// Returns an execution with a debounce delay of 30 seconds, and two minutes at most.
fn debounced(seconds: u64, payload: &str) -> NewExecution {
    new_with("j", |new| {
        new.created_at = t(seconds);
        new.run_at = Some(t(seconds + 30));
        new.payload = payload.to_owned();
        new.rules.debounce = Some(DebounceKey {
            key: "k".to_owned(),
            delay_ms: 30_000,
            at_most_ms: Some(120_000),
        });
    })
}

async fn a_key_names_the_execution_that_answered(store: AnyStore) {
    let requests = [
        || with_key(unique(OnConflict::Skip), "{}"),
        || debounced(0, "{}"),
    ];
    for (n, request) in requests.into_iter().enumerate() {
        let (first, answer) = enqueue_one(&store, request()).await;
        assert_eq!(answer, EnqueueAnswer::Created);
        let repeated = || {
            let mut new = request();
            new.idempotency_key = key(&format!("k{n}"), "digest");
            new
        };
        // Two requests of one batch, then one after the end of the execution.
        let answers = store.enqueue(vec![repeated(), repeated()]).await.unwrap();
        let merged = [EnqueueAnswer::Skipped(first), EnqueueAnswer::Merged(first)];
        assert_eq!(answers, [merged[n], EnqueueAnswer::Replayed(first)]);
        store.cancel(first, t(1)).await.unwrap();
        let (_, answer) = enqueue_one(&store, repeated()).await;
        assert_eq!(answer, EnqueueAnswer::Replayed(first));
        let mut other = repeated();
        other.idempotency_key = key(&format!("k{n}"), "another digest");
        let conflict = store.enqueue(vec![other]).await;
        assert!(
            matches!(&conflict, Err(StoreError::IdempotencyConflict { execution_id, .. }) if *execution_id == first),
            "{conflict:?}"
        );
    }
}

async fn a_retry_makes_no_second_live_execution(store: AnyStore) {
    for (n, on_conflict) in [OnConflict::Skip, OnConflict::Reject, OnConflict::Replace]
        .into_iter()
        .enumerate()
    {
        let mut rule = unique(on_conflict);
        rule.key = format!("retried-{n}");
        let rules = EnqueueRules {
            unique: Some(rule.clone()),
            ..EnqueueRules::default()
        };
        let mut without_key = with_key(rule.clone(), "{}");
        without_key.rules = EnqueueRules::default();
        let (first, _) = enqueue_one(&store, without_key).await;
        store.cancel(first, t(1)).await.unwrap();
        let queued = store.retry(first, None, rules.clone(), t(1)).await.unwrap();
        assert_eq!(queued, RetryAnswer::Queued, "no execution has the key");
        store.cancel(first, t(1)).await.unwrap();
        let (second, answer) = enqueue_one(&store, with_key(rule.clone(), "{}")).await;
        assert_eq!(answer, EnqueueAnswer::Created);
        let rejected = store.retry(first, None, rules.clone(), t(2)).await;
        assert!(
            matches!(&rejected, Err(StoreError::UniqueConflict { execution_id, .. }) if *execution_id == second),
            "{on_conflict:?}: {rejected:?}"
        );
        let read = record(&store, first).await;
        assert_eq!(read.status, ExecutionStatus::Cancelled);

        store.cancel(second, t(3)).await.unwrap();
        let queued = store.retry(first, None, rules.clone(), t(4)).await.unwrap();
        assert_eq!(queued, RetryAnswer::Queued);
        let rejected = store.retry(second, None, rules, t(5)).await;
        assert!(
            matches!(&rejected, Err(StoreError::UniqueConflict { execution_id, .. }) if *execution_id == first),
            "{on_conflict:?}: {rejected:?}"
        );
    }
}

async fn a_retry_respects_max_waiting(store: AnyStore) {
    let rules = EnqueueRules {
        max_waiting: Some(1),
        ..EnqueueRules::default()
    };
    let capped = || new_with("capped", |new| new.rules = rules.clone());
    let (first, _) = enqueue_one(&store, capped()).await;
    store.cancel(first, t(1)).await.unwrap();
    let (second, _) = enqueue_one(&store, capped()).await;
    let rejected = store.retry(first, None, rules.clone(), t(2)).await;
    assert!(
        matches!(rejected, Err(StoreError::QueueFull { max_waiting: 1, .. })),
        "{rejected:?}"
    );
    store.cancel(second, t(3)).await.unwrap();
    let queued = store.retry(first, None, rules.clone(), t(4)).await.unwrap();
    assert_eq!(queued, RetryAnswer::Queued);
}

async fn a_debounce_restarts_its_delay(store: AnyStore) {
    let (first, answer) = enqueue_one(&store, debounced(0, r#"{"n":0}"#)).await;
    assert_eq!(answer, EnqueueAnswer::Created);
    for (seconds, due) in [(20, 50), (45, 75), (70, 100), (95, 120), (110, 120)] {
        let payload = format!(r#"{{"n":{seconds}}}"#);
        let another = enqueue_one(&store, debounced(seconds, &payload)).await;
        assert_eq!(another.1, EnqueueAnswer::Merged(first));
        let record = record(&store, first).await;
        assert_eq!(record.run_at, t(due));
        assert_eq!(record.payload.get(), payload);
        assert_eq!(store.promote(t(due - 1), 9).await.unwrap().promoted, 0);
    }
    assert_eq!(store.promote(t(120), 9).await.unwrap().promoted, 1);
    // An execution that is due is not delayed any more.
    let (second, answer) = enqueue_one(&store, debounced(121, "{}")).await;
    assert_eq!(answer, EnqueueAnswer::Created);
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    assert_eq!(
        (claimed.execution_id, &*claimed.payload),
        (first, r#"{"n":110}"#)
    );
    // An execution that waits for a retry is not debounced.
    settle(&store, retry_at(&claimed, t(500))).await;
    assert_eq!(
        enqueue_one(&store, debounced(122, "{}")).await.1,
        EnqueueAnswer::Merged(second)
    );
}

async fn concurrent_enqueues_are_debounced_into_one(Handles(stores): Handles) {
    let answers = at_once(24, |n| {
        let store = Arc::clone(&stores[n % 2]);
        let new = debounced(n as u64 % 5, &format!(r#"{{"n":{n}}}"#));
        async move { enqueue_one(&store, new).await }
    })
    .await;
    let created = answers
        .iter()
        .filter(|(_, answer)| *answer == EnqueueAnswer::Created);
    let created: Vec<_> = created.map(|(id, _)| *id).collect();
    assert_eq!(created.len(), 1, "{answers:?}");
    let page = stores[0]
        .list_executions(ExecutionQuery::newest(10))
        .await
        .unwrap();
    assert_eq!(page.executions.len(), 1);
}

fn capped(max_waiting: u32) -> NewExecution {
    new_with("j", |new| new.rules.max_waiting = Some(max_waiting))
}

async fn max_waiting_rejects_the_whole_batch(Handles(stores): Handles) {
    let store = &stores[0];
    let is_full = |answer: &Result<_, StoreError>| matches!(answer, Err(StoreError::QueueFull { max_waiting: 10, job_id, .. }) if job_id == "j");
    let answers = at_once(30, |n| {
        let store = Arc::clone(&stores[n % 2]);
        async move { store.enqueue(vec![capped(10)]).await }
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    assert_eq!(answers.iter().filter(|answer| is_full(answer)).count(), 20);
    let session = session(store, "w").await;
    assert_eq!(
        store
            .claim(claim(session, 1, &["j"], 3))
            .await
            .unwrap()
            .len(),
        3
    );
    let batch = |count| (0..count).map(|_| capped(10)).collect::<Vec<_>>();
    assert!(
        is_full(&store.enqueue(batch(4)).await),
        "the batch is rejected as a whole"
    );
    assert!(store.enqueue(batch(3)).await.is_ok());
    assert!(is_full(&store.enqueue(batch(1)).await));
    // Other jobs are not counted.
    enqueue(store, "other", 1).await;
}

async fn pending_and_queued_executions_count_against_max_waiting(store: AnyStore) {
    let is_accepted = async |expected: bool| {
        let answer = store.enqueue(vec![capped(1)]).await;
        assert_eq!(answer.is_ok(), expected, "{answer:?}");
    };
    let mut delayed = capped(1);
    delayed.run_at = Some(t(60));
    let first = delayed.id;
    store.enqueue(vec![delayed]).await.unwrap();
    is_accepted(false).await;
    store.promote(t(60), 9).await.unwrap();
    is_accepted(false).await;
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    // While it is running, another one may wait.
    let other = capped(1);
    let id = other.id;
    store.enqueue(vec![other]).await.unwrap();
    is_accepted(false).await;
    store.cancel(id, T0).await.unwrap();
    settle(&store, retry_at(&claimed, t(90))).await;
    is_accepted(false).await;
    store.promote(t(90), 9).await.unwrap();
    let claimed = claim_one(&store, session, 2).await;
    settle(
        &store,
        settlement(&claimed, AttemptOutcome::Released, Next::GiveBack),
    )
    .await;
    is_accepted(false).await;
    let claimed = claim_one(&store, session, 3).await;
    settle(&store, failure(&claimed)).await;
    assert_eq!(
        store
            .retry(first, None, EnqueueRules::default(), t(91))
            .await
            .unwrap(),
        RetryAnswer::Queued
    );
    is_accepted(false).await;
    store.cancel(first, t(91)).await.unwrap();
    is_accepted(true).await;
}

async fn keys_of_a_transaction_apply_after_its_commit(db: Transactional) {
    let store = &db.store;
    let mut tx = db.begin().await;
    let new = with_key(unique(OnConflict::Skip), "{}");
    store.enqueue_in(tx.by_ref(), vec![new]).await.unwrap();
    tx.roll_back().await.unwrap();
    let mut tx = db.begin().await;
    let new = with_key(unique(OnConflict::Skip), "{}");
    let inside = new.id;
    let answers = store.enqueue_in(tx.by_ref(), vec![new]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created]);
    let again = with_key(unique(OnConflict::Skip), "{}");
    let answers = store.enqueue_in(tx.by_ref(), vec![again]).await.unwrap();
    assert_eq!(
        answers,
        [EnqueueAnswer::Skipped(inside)],
        "it sees the rows of its transaction"
    );
    store
        .enqueue_in(tx.by_ref(), vec![debounced(0, "{}"), capped(1)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (_, answer) = enqueue_one(store, with_key(unique(OnConflict::Skip), "{}")).await;
    assert_eq!(answer, EnqueueAnswer::Skipped(inside));
    let answer = enqueue_one(store, debounced(1, "{}")).await.1;
    assert!(matches!(answer, EnqueueAnswer::Merged(_)), "{answer:?}");
    assert!(store.enqueue(vec![capped(1)]).await.is_err());
}
