//! Dispatch by a broker: unpublished entries of ready executions, and claims by execution id.

use super::fixtures::*;
use super::limit_fixtures::*;
use super::requirement::requirements;

requirements! { "broker" {
    an_entry_exists_while_its_execution_is_ready: "With dispatch on, an execution has an unpublished entry from the transaction that makes it ready until it is claimed, cancelled or deleted. Each attempt has a new one.",
    blocked_and_delayed_executions_have_no_entry: "A blocked or delayed execution gets its entry when it becomes ready.",
    merges_and_edits_keep_one_entry: "A merge and an edit of a ready execution leave one entry, with the new priority.",
    an_entry_stays_until_it_is_confirmed: "An entry stays until its publication is confirmed. One that was written again after it was read stays after that as well.",
    entries_come_in_the_order_of_claims: "Entries are returned in the order of claims, without paused queues, excluded jobs and entries before their time.",
    a_message_claims_once: "A message that is late or repeated leases its execution at most once.",
    lost_messages_are_found: "A search in pages writes an entry for each ready execution of the named jobs that has none, except in paused queues.",
    waiting_states_name_the_reason: "The state of a waiting execution says whether it is ready, paused or neither. Running, final and unknown executions have none.",
    without_dispatch_there_are_no_entries: "With dispatch off, no entry is written. Turning it off deletes all entries.",
    a_callers_transaction_writes_entries: "An enqueue in a caller's transaction writes the entry with the execution.",
}}

/// Returns the ids of the unpublished entries, in order.
async fn unpublished(store: &AnyStore) -> Vec<ExecutionId> {
    let entries = entries(store).await;
    entries.iter().map(|entry| entry.execution_id).collect()
}

async fn entries(store: &AnyStore) -> Vec<UnpublishedEntry> {
    store
        .unpublished(Vec::new(), t(1_000), 1_000)
        .await
        .unwrap()
}

async fn confirm_all(store: &AnyStore) {
    let keys = entries(store).await.into_iter().map(|entry| entry.key);
    store.confirm_published(keys.collect()).await.unwrap();
}

async fn an_entry_exists_while_its_execution_is_ready(store: AnyStore) {
    store.start_dispatch().await.unwrap();
    store.start_dispatch().await.unwrap();
    let ids = enqueue(&store, "j", 4).await;
    assert_eq!(unpublished(&store).await, ids);
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    assert_eq!(unpublished(&store).await, ids[1..]);
    settle(
        &store,
        settlement(&claimed, AttemptOutcome::Released, Next::GiveBack),
    )
    .await;
    let again = entries(&store).await;
    assert_eq!(again.len(), 4);
    assert_eq!(again[0].key.attempt, 2);
    let claimed = claim_one(&store, session, 2).await;
    settle(&store, failure(&claimed)).await;
    store.cancel(ids[1], t(1)).await.unwrap();
    assert_eq!(unpublished(&store).await, ids[2..]);
    let rules = EnqueueRules::default;
    store.retry(ids[0], None, rules(), t(2)).await.unwrap();
    store.retry(ids[1], None, rules(), t(2)).await.unwrap();
    assert_eq!(unpublished(&store).await, ids);
    // Not only a confirmed message keeps the execution ready.
    confirm_all(&store).await;
    assert_eq!(unpublished(&store).await, []);
    assert_eq!(
        store
            .claim(claim(session, 3, &["j"], 9))
            .await
            .unwrap()
            .len(),
        4
    );
}

async fn blocked_and_delayed_executions_have_no_entry(store: AnyStore) {
    store.start_dispatch().await.unwrap();
    let delayed = new_with("j", |new| new.run_at = Some(t(5)));
    let id = delayed.id;
    store.enqueue(vec![delayed]).await.unwrap();
    let limit = [concurrent("c", 1)];
    let limited = enqueue_limited(&store, &limit, 2).await;
    store.promote(t(1), 100).await.unwrap();
    assert_eq!(unpublished(&store).await, limited[..1]);
    let session = session(&store, "w").await;
    let first = claim_one(&store, session, 1).await;
    assert_eq!(unpublished(&store).await, []);
    settle(&store, success(&first)).await;
    store.promote(t(6), 100).await.unwrap();
    store.promote(t(6), 100).await.unwrap();
    let mut ready = unpublished(&store).await;
    ready.sort_unstable();
    let mut expected = vec![id, limited[1]];
    expected.sort_unstable();
    assert_eq!(ready, expected);
}

async fn merges_and_edits_keep_one_entry(store: AnyStore) {
    store.start_dispatch().await.unwrap();
    let unique = |payload: &str| {
        new_with("j", |new| {
            new.payload = payload.to_owned();
            new.rules.unique = Some(UniqueKey {
                key: "k".to_owned(),
                within_ms: None,
                on_conflict: jobs::OnConflict::Replace,
                live: vec![ExecutionStatus::Pending, ExecutionStatus::Queued],
            });
        })
    };
    let first = unique("{}");
    let id = first.id;
    store.enqueue(vec![first]).await.unwrap();
    let merged = store.enqueue(vec![unique(r#"{"n":2}"#)]).await.unwrap();
    assert_eq!(merged, [EnqueueAnswer::Merged(id)]);
    assert_eq!(unpublished(&store).await, [id]);
    let edit = ExecutionEdit {
        priority: Some(90),
        ..ExecutionEdit::default()
    };
    store.edit(id, edit, t(1)).await.unwrap();
    let entries = entries(&store).await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].execution_id, entries[0].priority), (id, 90));
}

async fn an_entry_stays_until_it_is_confirmed(store: AnyStore) {
    store.start_dispatch().await.unwrap();
    let ids = enqueue(&store, "j", 2).await;
    let read = entries(&store).await;
    store.publish_again(vec![ids[1]], t(9)).await.unwrap();
    let keys: Vec<_> = read.into_iter().map(|entry| entry.key).collect();
    store.confirm_published(keys.clone()).await.unwrap();
    store.confirm_published(keys).await.unwrap();
    assert_eq!(unpublished(&store).await, ids[1..]);
    let before = store.unpublished(Vec::new(), t(8), 9).await.unwrap();
    assert_eq!(before, []);
}

async fn entries_come_in_the_order_of_claims(store: AnyStore) {
    store.start_dispatch().await.unwrap();
    let with = |job: &str, queue: &str, priority: u8| {
        new_with(job, |new| {
            new.queue = queue.to_owned();
            new.priority = priority;
        })
    };
    let batch = vec![
        with("a", "q", 10),
        with("b", "q", 90),
        with("a", "p", 50),
        with("b", "q", 50),
        with("c", "r", 60),
    ];
    let ids: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    let order = [ids[1], ids[4], ids[2], ids[3], ids[0]];
    assert_eq!(unpublished(&store).await, order);
    let some = |except: &[&str], limit: usize| {
        let except = except.iter().map(|&job| job.to_owned()).collect();
        let store = store.clone();
        async move {
            let entries = store.unpublished(except, t(1), limit).await.unwrap();
            entries.iter().map(|e| e.execution_id).collect::<Vec<_>>()
        }
    };
    assert_eq!(some(&[], 2).await, order[..2]);
    assert_eq!(some(&["b", "c"], 9).await, [ids[2], ids[0]]);
    store
        .pause("q".to_owned(), QueuePause::at(t(1)))
        .await
        .unwrap();
    assert_eq!(some(&[], 9).await, [ids[4], ids[2]]);
    store.resume("q".to_owned()).await.unwrap();
    assert_eq!(some(&[], 9).await, order);
}

async fn a_message_claims_once(store: AnyStore) {
    store.start_dispatch().await.unwrap();
    let ids = enqueue(&store, "j", 3).await;
    confirm_all(&store).await;
    let by_id = |session, number, id| {
        let mut claim = claim(session, number, &["j"], 1);
        claim.only = vec![id];
        claim
    };
    let sessions = [session(&store, "w").await, session(&store, "v").await];
    let first = store.claim(by_id(sessions[0], 1, ids[1])).await.unwrap();
    assert_eq!(first[0].execution_id, ids[1]);
    // The same message again, here and elsewhere.
    assert!(
        store
            .claim(by_id(sessions[0], 2, ids[1]))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .claim(by_id(sessions[1], 1, ids[1]))
            .await
            .unwrap()
            .is_empty()
    );
    settle(&store, success(&first[0])).await;
    assert!(
        store
            .claim(by_id(sessions[1], 2, ids[1]))
            .await
            .unwrap()
            .is_empty()
    );
    // A claim without a message takes the others. Their messages are then late.
    let others = store.claim(claim(sessions[1], 3, &["j"], 9)).await.unwrap();
    assert_eq!(others.len(), 2);
    assert!(
        store
            .claim(by_id(sessions[0], 3, ids[0]))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(unpublished(&store).await, []);
}

async fn lost_messages_are_found(store: AnyStore) {
    let early = enqueue(&store, "j", 3).await;
    store.start_dispatch().await.unwrap();
    assert_eq!(unpublished(&store).await, []);
    let later = enqueue(&store, "j", 4).await;
    enqueue(&store, "other", 2).await;
    let paused = new_with("j", |new| new.queue = "paused".to_owned());
    store.enqueue(vec![paused]).await.unwrap();
    store
        .pause("paused".to_owned(), QueuePause::at(t(1)))
        .await
        .unwrap();
    confirm_all(&store).await;
    let (mut after, mut written, mut pages) = (None, 0, 0);
    loop {
        let page = store
            .republish(vec!["j".to_owned()], after, 3)
            .await
            .unwrap();
        written += page.written;
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!((4..=5).contains(&pages), "{pages} pages of ten executions");
    assert_eq!(written, 7);
    assert_eq!(unpublished(&store).await, [early, later].concat());
    let page = store
        .republish(vec!["j".to_owned()], None, 100)
        .await
        .unwrap();
    assert_eq!(page.written, 0, "every one of them has an entry");
    let jobs = || ["j", "other", "none"].map(str::to_owned).to_vec();
    let mut counts = store.ready_counts(jobs(), 5).await.unwrap();
    counts.sort();
    assert_eq!(counts, [("j".to_owned(), 5), ("other".to_owned(), 2)]);
}

async fn waiting_states_name_the_reason(store: AnyStore) {
    let ready = enqueue(&store, "j", 1).await[0];
    let running = running(&store, "k").await.execution_id;
    let delayed = new_with("j", |new| new.run_at = Some(t(50)));
    let paused = new_with("j", |new| new.queue = "paused".to_owned());
    let blocked = enqueue_limited(&store, &[concurrent("c", 1)], 2).await[1];
    let (delayed_id, paused_id) = (delayed.id, paused.id);
    store.enqueue(vec![delayed, paused]).await.unwrap();
    store
        .pause("paused".to_owned(), QueuePause::at(t(1)))
        .await
        .unwrap();
    let all = vec![ready, running, delayed_id, paused_id, blocked, id()];
    let states = store.waiting_states(all).await.unwrap();
    let place = |id: ExecutionId| {
        let found = states.iter().find(|state| state.execution_id == id);
        found.map(|state| state.place)
    };
    assert_eq!(states.len(), 4);
    assert_eq!(place(ready), Some(WaitingPlace::Ready));
    assert_eq!(place(paused_id), Some(WaitingPlace::Paused));
    assert_eq!(place(delayed_id), Some(WaitingPlace::NotReady));
    assert_eq!(place(blocked), Some(WaitingPlace::NotReady));
}

async fn without_dispatch_there_are_no_entries(store: AnyStore) {
    let before = enqueue(&store, "j", 1).await;
    assert!(!store.is_dispatching().await.unwrap());
    store.publish_again(before, t(0)).await.unwrap();
    assert_eq!(unpublished(&store).await, []);
    store.start_dispatch().await.unwrap();
    assert!(store.is_dispatching().await.unwrap());
    enqueue(&store, "j", 2).await;
    assert_eq!(unpublished(&store).await.len(), 2);
    store.stop_dispatch().await.unwrap();
    store.stop_dispatch().await.unwrap();
    enqueue(&store, "j", 1).await;
    assert_eq!(unpublished(&store).await, []);
}

async fn a_callers_transaction_writes_entries(db: Transactional) {
    let store = &db.store;
    store.start_dispatch().await.unwrap();
    let new = new("j");
    let mut tx = db.begin().await;
    store
        .enqueue_in(tx.by_ref(), vec![new.clone()])
        .await
        .unwrap();
    assert_eq!(unpublished(store).await, []);
    tx.commit().await.unwrap();
    assert_eq!(unpublished(store).await, [new.id]);
}
