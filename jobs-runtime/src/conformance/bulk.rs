//! Bulk operations: matches, batches, positions, and what they leave alone.

use std::collections::BTreeMap;

use jobs::OnConflict;

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "bulk" {
    an_operation_changes_each_match_once: "The batches of an operation change every match once. A batch that was planned at another position writes nothing.",
    executions_of_later_enqueues_are_not_touched: "An operation leaves alone what is enqueued after its start.",
    a_batch_is_written_with_its_position: "The changes of a batch and the operation's position are written both or neither; a repeated batch changes nothing.",
    executions_in_another_state_are_skipped: "An execution whose state does not fit the act, or has left the status of the filter, is skipped and counted by its reason.",
    a_bulk_retry_respects_its_rules: "A retry of a batch that would break a unique key or `max_waiting` is skipped, also because of retries before it in the batch.",
    a_bulk_edit_changes_priority_time_and_queue: "An edit of a batch changes priority, time and queue of waiting executions.",
    a_cancelled_operation_changes_nothing_more: "After the cancellation of an operation, no batch of it is written.",
    matches_are_found_by_id_and_by_error: "Executions are found by their ids, and failed ones by the fingerprint of their error, page by page. A final one names the session of its last attempt.",
    ended_operations_are_swept: "A sweep deletes operations that ended before its time, and no others.",
}}

/// Starts an operation with a filter.
pub(super) async fn start(store: &AnyStore, act: BulkAct, filter: BulkFilter) -> BulkOperation {
    let new = NewOperation {
        id: id().to_string(),
        request: BulkRequest { act, filter },
        expected: 0,
        exact: true,
        created_by: Some("ada".to_owned()),
        created_at: T0,
    };
    store.start_operation(new).await.unwrap()
}

fn of_job(job: &str) -> BulkFilter {
    BulkFilter {
        job_id: Some(job.to_owned()),
        ..BulkFilter::default()
    }
}

/// Plans the next batch, with the same act for each match.
async fn plan(
    store: &AnyStore,
    operation: &BulkOperation,
    limit: usize,
    act: impl Fn(&Match) -> ItemAct,
) -> BulkBatch {
    let query = operation.filter.query(limit, Some(operation.position));
    let page = store.find_matches(query).await.unwrap();
    BulkBatch {
        operation: operation.id.clone(),
        position: operation.position,
        next: page.next,
        items: page
            .matches
            .iter()
            .map(|found| BulkItem {
                id: found.id,
                job_id: found.job_id.clone(),
                expected: operation.filter.status,
                act: act(found),
            })
            .collect(),
        now: t(9),
    }
}

/// Executes an operation to its end, `limit` executions a batch.
async fn run(
    store: &AnyStore,
    mut operation: BulkOperation,
    limit: usize,
    act: impl Fn(&Match) -> ItemAct,
) -> BulkOperation {
    while operation.status == OperationStatus::Running {
        let batch = plan(store, &operation, limit, &act).await;
        operation = store.apply_batch(batch).await.unwrap().expect("its turn");
    }
    operation
}

fn reasons(operation: &BulkOperation) -> Vec<(&str, u64)> {
    let reasons = operation.skipped_by.iter();
    reasons.map(|(reason, count)| (&**reason, *count)).collect()
}

async fn an_operation_changes_each_match_once(store: AnyStore) {
    let ids = enqueue(&store, "j", 25).await;
    let others = enqueue(&store, "other", 3).await;
    let operation = start(&store, BulkAct::Cancel, of_job("j")).await;
    assert_eq!(operation.status, OperationStatus::Running);
    assert_eq!(
        store.next_operation().await.unwrap().as_ref(),
        Some(&operation)
    );
    let stale = plan(&store, &operation, 10, |_| ItemAct::Cancel).await;
    let ended = run(&store, operation.clone(), 10, |_| ItemAct::Cancel).await;
    assert_eq!(ended.status, OperationStatus::Done);
    assert_eq!((ended.changed, ended.skipped), (25, 0));
    assert_eq!(ended.finished_at, Some(t(9)));
    assert_eq!(ended.created_by.as_deref(), Some("ada"));
    assert_eq!(store.apply_batch(stale).await.unwrap(), None);
    for id in ids {
        assert_eq!(status(&store, id).await, ExecutionStatus::Cancelled);
    }
    for id in others {
        assert_eq!(status(&store, id).await, ExecutionStatus::Queued);
    }
    assert_eq!(store.next_operation().await.unwrap(), None);
    let read = store.operation(operation.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&ended));
    assert_eq!(store.operations(9).await.unwrap(), [ended]);
    assert_eq!(store.operation("none".to_owned()).await.unwrap(), None);
}

async fn executions_of_later_enqueues_are_not_touched(store: AnyStore) {
    enqueue(&store, "j", 3).await;
    let operation = start(&store, BulkAct::Cancel, of_job("j")).await;
    let later = enqueue(&store, "j", 2).await;
    let ended = run(&store, operation, 2, |_| ItemAct::Cancel).await;
    assert_eq!(ended.changed, 3);
    for id in later {
        assert_eq!(status(&store, id).await, ExecutionStatus::Queued);
    }
}

async fn a_batch_is_written_with_its_position(Handles(stores): Handles) {
    let store = &stores[0];
    enqueue(store, "j", 4).await;
    let operation = start(store, BulkAct::Cancel, of_job("j")).await;
    let batch = plan(store, &operation, 2, |_| ItemAct::Cancel).await;
    let answers = at_once(8, |n| {
        let (store, batch) = (stores[n % 2].clone(), batch.clone());
        async move { store.apply_batch(batch).await.unwrap() }
    })
    .await;
    let written: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(written.len(), 1, "one of equal batches is written");
    assert_eq!(written[0].changed, 2);
    let again = NewOperation {
        id: operation.id.clone(),
        request: BulkRequest {
            act: BulkAct::Delete,
            filter: of_job("other"),
        },
        expected: 1,
        exact: true,
        created_by: None,
        created_at: t(5),
    };
    let read = store.start_operation(again).await.unwrap();
    assert_eq!(read, written[0], "a repeated start changes nothing");
}

async fn executions_in_another_state_are_skipped(store: AnyStore) {
    let session = session(&store, "w").await;
    let ids = enqueue(&store, "j", 4).await;
    let failed = claim_one(&store, session, 1).await;
    settle(&store, failure(&failed)).await;
    let running = claim_one(&store, session, 2).await;
    let all = start(&store, BulkAct::Cancel, of_job("j")).await;
    let batch = plan(&store, &all, 10, |_| ItemAct::Cancel).await;
    store.cancel(ids[3], t(2)).await.unwrap();
    let ended = store.apply_batch(batch).await.unwrap().expect("its turn");
    assert_eq!((ended.changed, ended.status), (2, OperationStatus::Done));
    assert_eq!(reasons(&ended), [("final", 2)]);
    let requested = record(&store, running.execution_id).await;
    assert!(requested.cancel_requested_at.is_some());

    let retried = start(&store, BulkAct::Retry, of_job("j")).await;
    let retry = |_: &Match| ItemAct::Retry(EnqueueRules::default());
    let ended = run(&store, retried, 10, retry).await;
    assert_eq!(ended.changed, 3);
    assert_eq!(reasons(&ended), [("notRetryable", 1)]);

    let deleted = start(&store, BulkAct::Delete, of_job("j")).await;
    let ended = run(&store, deleted, 10, |_| ItemAct::Delete).await;
    assert_eq!(reasons(&ended), [("notFinal", 4)]);

    let queued = BulkFilter {
        status: Some(ExecutionStatus::Queued),
        ..of_job("j")
    };
    let operation = start(&store, BulkAct::Cancel, queued).await;
    let batch = plan(&store, &operation, 10, |_| ItemAct::Cancel).await;
    assert_eq!(batch.items.len(), 3);
    claim_one(&store, session, 3).await;
    let ended = store.apply_batch(batch).await.unwrap().expect("its turn");
    assert_eq!(ended.changed, 2);
    assert_eq!(reasons(&ended), [("statusChanged", 1)]);
}

async fn a_bulk_retry_respects_its_rules(store: AnyStore) {
    let rules = EnqueueRules {
        unique: Some(UniqueKey {
            key: "k".to_owned(),
            within_ms: None,
            on_conflict: OnConflict::Reject,
            live: vec![ExecutionStatus::Queued, ExecutionStatus::Running],
        }),
        ..EnqueueRules::default()
    };
    for _ in 0..3 {
        let one = new_with("unique", |new| new.rules = rules.clone());
        let id = one.id;
        store.enqueue(vec![one]).await.unwrap();
        store.cancel(id, T0).await.unwrap();
    }
    let operation = start(&store, BulkAct::Retry, of_job("unique")).await;
    let retry = |_: &Match| ItemAct::Retry(rules.clone());
    let ended = run(&store, operation, 10, retry).await;
    assert_eq!(ended.changed, 1);
    assert_eq!(reasons(&ended), [("uniqueConflict", 2)]);

    let capped = EnqueueRules {
        max_waiting: Some(2),
        ..EnqueueRules::default()
    };
    for _ in 0..4 {
        let one = new_with("capped", |new| new.rules = capped.clone());
        let id = one.id;
        store.enqueue(vec![one]).await.unwrap();
        store.cancel(id, T0).await.unwrap();
    }
    let operation = start(&store, BulkAct::Retry, of_job("capped")).await;
    let retry = |_: &Match| ItemAct::Retry(capped.clone());
    let ended = run(&store, operation, 10, retry).await;
    assert_eq!(ended.changed, 2);
    assert_eq!(reasons(&ended), [("queueFull", 2)]);
}

async fn a_bulk_edit_changes_priority_time_and_queue(store: AnyStore) {
    let ids = enqueue(&store, "j", 2).await;
    let edit = BulkEdit {
        priority: Some(90),
        run_at: None,
        queue: Some("slow".to_owned()),
    };
    let operation = start(&store, BulkAct::Edit(edit.clone()), of_job("j")).await;
    assert_eq!(operation.act, BulkAct::Edit(edit));
    let to = |run_at| {
        move |_: &Match| {
            ItemAct::Edit(ExecutionEdit {
                priority: Some(90),
                queue: Some("slow".to_owned()),
                run_at,
                payload: None,
            })
        }
    };
    let ended = run(&store, operation, 1, to(None)).await;
    assert_eq!(ended.changed, 2);
    for id in &ids {
        let read = record(&store, *id).await;
        assert_eq!((read.priority, &*read.queue), (90, "slow"));
    }
    let session = session(&store, "w").await;
    let mut slow = claim(session, 1, &["j"], 1);
    slow.queues = vec!["slow".to_owned()];
    assert_eq!(store.claim(slow).await.unwrap().len(), 1);

    let operation = start(&store, BulkAct::Edit(BulkEdit::default()), of_job("j")).await;
    let ended = run(&store, operation, 10, to(Some(t(60)))).await;
    assert_eq!(ended.changed, 1);
    assert_eq!(reasons(&ended), [("notWaiting", 1)]);
    let read = record(&store, ids[1]).await;
    assert_eq!(
        (read.status, read.run_at),
        (ExecutionStatus::Pending, t(60))
    );
}

async fn a_cancelled_operation_changes_nothing_more(store: AnyStore) {
    let ids = enqueue(&store, "j", 3).await;
    let operation = start(&store, BulkAct::Cancel, of_job("j")).await;
    let batch = plan(&store, &operation, 1, |_| ItemAct::Cancel).await;
    let after = store.apply_batch(batch).await.unwrap().expect("its turn");
    let batch = plan(&store, &after, 1, |_| ItemAct::Cancel).await;
    for _ in 0..2 {
        let ended = store.cancel_operation(operation.id.clone(), t(5)).await;
        let ended = ended.unwrap().expect("it exists");
        assert_eq!(ended.status, OperationStatus::Cancelled);
        assert_eq!((ended.changed, ended.finished_at), (1, Some(t(5))));
    }
    assert_eq!(store.apply_batch(batch).await.unwrap(), None);
    assert_eq!(status(&store, ids[0]).await, ExecutionStatus::Queued);
    assert_eq!(store.next_operation().await.unwrap(), None);
    let unknown = store.cancel_operation("none".to_owned(), t(5)).await;
    assert_eq!(unknown.unwrap(), None);
}

async fn matches_are_found_by_id_and_by_error(store: AnyStore) {
    let session = session(&store, "w").await;
    let ids = enqueue(&store, "j", 6).await;
    let mut errors = BTreeMap::new();
    for n in 0..6_i64 {
        let claimed = claim_one(&store, session, n + 1).await;
        let mut failed = failure(&claimed);
        let word = if n % 2 == 0 { "order" } else { "invoice" };
        let error = failed.end.error.as_mut().unwrap();
        error.message = format!("no {word} {n}");
        errors.insert(word, error_fingerprint(error));
        settle(&store, failed).await;
    }
    let named = BulkFilter {
        ids: vec![ids[4], ids[1], id()],
        ..BulkFilter::default()
    };
    let page = store.find_matches(named.query(9, None)).await.unwrap();
    let found: Vec<_> = page.matches.iter().map(|found| found.id).collect();
    assert_eq!(found, [ids[4], ids[1]]);
    assert_eq!(page.matches[0].status, ExecutionStatus::Failed);
    assert_eq!(page.matches[0].session, Some(session));
    assert_eq!(page.next, None);

    let orders = BulkFilter {
        error_fingerprint: errors.get("order").cloned(),
        ..BulkFilter::default()
    };
    let first = store.find_matches(orders.query(2, None)).await.unwrap();
    assert_eq!(first.matches.len(), 2);
    let rest = store
        .find_matches(orders.query(2, first.next))
        .await
        .unwrap();
    let found: Vec<_> = first.matches.iter().chain(&rest.matches).collect();
    let found: Vec<_> = found.into_iter().map(|found| found.id).collect();
    assert_eq!(found, [ids[4], ids[2], ids[0]]);
    assert_eq!(rest.next, None);
    let listed = store.list_executions(orders.query(9, None)).await.unwrap();
    let listed: Vec<_> = listed.executions.iter().map(|one| one.id).collect();
    assert_eq!(listed, found);
}

async fn ended_operations_are_swept(store: AnyStore) {
    let ended = start(&store, BulkAct::Cancel, of_job("j")).await;
    store.cancel_operation(ended.id, t(5)).await.unwrap();
    let running = start(&store, BulkAct::Cancel, of_job("j")).await;
    let sweep = |before| Sweep {
        rows: Leftover::Operations,
        before,
        limit: 9,
    };
    assert_eq!(store.sweep(sweep(t(5))).await.unwrap(), 0);
    assert_eq!(store.sweep(sweep(t(6))).await.unwrap(), 1);
    assert_eq!(store.operations(9).await.unwrap(), [running]);
}
