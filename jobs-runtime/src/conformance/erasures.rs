//! Erasures: the removal of what a final execution says, on request.

use jobs::OnConflict;

use super::fixtures::*;
use super::requirement::requirements;
use super::retention::succeeded;

requirements! { "retention" {
    an_erasure_leaves_the_record: "An erasure removes payload, results, messages, log lines and unique keys, and records its time and author once.",
    only_final_executions_are_erased: "Only final executions can be erased. An erased one cannot be retried.",
}}

async fn an_erasure_leaves_the_record(store: AnyStore) {
    let unique = UniqueKey {
        key: "ada@example.com".to_owned(),
        within_ms: Some(86_400_000),
        on_conflict: OnConflict::Reject,
        live: vec![ExecutionStatus::Queued],
    };
    let new = new_with("j", |new| {
        new.payload = r#"{"email":"ada@example.com"}"#.to_owned();
        new.rules.unique = Some(unique.clone());
        new.item_id = Some("item".to_owned());
    });
    store.enqueue(vec![new.clone()]).await.unwrap();
    let session = session(&store, "w").await;
    for number in 1..=2 {
        let claimed = claim_one(&store, session, number).await;
        let mut end = if number == 1 {
            retry_at(&claimed, t(4))
        } else {
            failure(&claimed)
        };
        end.end.progress = Some(Progress {
            percent: 40,
            message: Some("mails ada".to_owned()),
        });
        settle(&store, with_logs(end, vec![line(1, "hello ada")])).await;
        store.promote(t(5), 1).await.unwrap();
    }
    let before = record(&store, new.id).await;
    assert_eq!(before.erased, None);
    let erased = store.erase(new.id, Some("dpo".to_owned()), t(60)).await;
    let erasure = Erasure {
        at: t(60),
        by: Some("dpo".to_owned()),
    };
    assert_eq!(erased.unwrap(), EraseAnswer::Erased(erasure.clone()));
    let again = store.erase(new.id, None, t(70)).await.unwrap();
    assert_eq!(again, EraseAnswer::Erased(erasure.clone()));

    let read = record(&store, new.id).await;
    assert_eq!(read.erased, Some(erasure));
    assert_eq!(read.payload.get(), "{}");
    assert_eq!((read.progress, read.progress_message), (40, None));
    assert_eq!((read.status, read.item_id), (before.status, before.item_id));
    let message = |error: &Option<ExecutionError>| error.as_ref().map(|it| it.message.clone());
    let mut messages: Vec<_> = read
        .attempts
        .iter()
        .map(|one| message(&one.error))
        .collect();
    messages.push(message(&read.error));
    assert_eq!(messages, vec![Some("erased".to_owned()); 3]);
    assert!(log(&store, new.id).await.is_empty());
    // Nothing remains to compare a unique key with.
    let next = new_with("j", |new| new.rules.unique = Some(unique));
    let answers = store.enqueue(vec![next]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created]);

    let done = succeeded(&store, "done").await;
    store.erase(done, None, t(61)).await.unwrap();
    let read = record(&store, done).await;
    assert!(read.result.is_none(), "{read:?}");
    assert_eq!(read.status, ExecutionStatus::Succeeded);
}

async fn only_final_executions_are_erased(store: AnyStore) {
    let queued = enqueue(&store, "queued", 1).await[0];
    let claimed = running(&store, "j").await;
    for (id, answer) in [
        (queued, EraseAnswer::NotFinal(ExecutionStatus::Queued)),
        (
            claimed.execution_id,
            EraseAnswer::NotFinal(ExecutionStatus::Running),
        ),
        (id(), EraseAnswer::Unknown),
    ] {
        assert_eq!(store.erase(id, None, t(1)).await.unwrap(), answer);
    }
    assert_eq!(record(&store, queued).await.payload.get(), r#"{"n":1}"#);
    settle(&store, failure(&claimed)).await;
    store.erase(claimed.execution_id, None, t(5)).await.unwrap();
    let payload = Some("{}".to_owned());
    let retried = store
        .retry(claimed.execution_id, payload, EnqueueRules::default(), t(6))
        .await;
    assert_eq!(retried.unwrap(), RetryAnswer::Erased);
    let deleted = store.delete(claimed.execution_id).await.unwrap();
    assert_eq!(deleted, DeleteAnswer::Deleted);
}
