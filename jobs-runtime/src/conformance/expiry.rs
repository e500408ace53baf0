//! Expiry: executions whose first attempt has not started in time.

use jobs::OnConflict;

use super::backend::Write;
use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, enqueue_limited, limited};
use super::requirement::requirements;

requirements! { "expiry" {
    an_expired_execution_is_cancelled: "A promotion cancels queued and pending executions that have expired, with the error kind `expired`. It returns the time at which the next one expires.",
    a_claim_takes_no_expired_execution: "A claim takes no execution that has expired by its own time, in any kind of claim, and takes those behind it.",
    a_started_execution_does_not_expire: "Once the first attempt has started, an execution does not expire: not while it runs, nor while it waits for a retry.",
    an_expired_execution_gives_its_permits_back: "An expired execution gives back its permits and its place at a limit.",
    a_retry_lifts_the_expiry: "An operator's retry of an expired execution does not expire.",
    an_edit_of_the_time_moves_the_expiry: "An edit of the due time moves the time of expiry by the same difference.",
    a_merge_replaces_the_expiry: "A debounced enqueue gives the waiting execution its own time of expiry, as long after the due time that holds.",
    a_replacement_expires_after_its_due_time: "A payload that replaces another one by a unique key expires as long after the due time of the waiting execution as its request says. A pending execution keeps its time of expiry.",
    expiry_is_done_in_batches: "Many executions that expire at once are cancelled by repeated promotions, each once.",
    a_poison_expiry_is_postponed: "An execution whose cancellation the database rejects is tried again after a minute. The others are cancelled.",
}}

fn expiring(at: u64) -> NewExecution {
    new_with("j", |new| new.expires_at = Some(t(at)))
}

async fn add(store: &AnyStore, new: NewExecution) -> ExecutionId {
    let id = new.id;
    store.enqueue(vec![new]).await.unwrap();
    id
}

async fn error_kind(store: &AnyStore, id: ExecutionId) -> Option<ErrorKind> {
    record(store, id).await.error.map(|error| error.kind)
}

async fn an_expired_execution_is_cancelled(store: AnyStore) {
    let mut events = store.events();
    let queued = add(&store, expiring(10)).await;
    let later = add(&store, expiring(30)).await;
    let pending = new_with("j", |new| {
        new.run_at = Some(t(60));
        new.expires_at = Some(t(10));
    });
    let pending = add(&store, pending).await;
    assert_eq!(record(&store, queued).await.expires_at, Some(t(10)));
    let promotion = store.promote(t(9), 9).await.unwrap();
    assert_eq!(promotion.next_due, Some(t(10)));
    assert_eq!(status(&store, queued).await, ExecutionStatus::Queued);

    let promotion = store.promote(t(10), 9).await.unwrap();
    assert_eq!(promotion.next_due, Some(t(30)));
    let both = [queued, pending];
    event(
        &mut events,
        |e| matches!(e, StoreEvent::Finished(ids) if both.iter().all(|id| ids.contains(id))),
    )
    .await;
    for id in both {
        let read = record(&store, id).await;
        assert_eq!(read.status, ExecutionStatus::Cancelled);
        assert_eq!(read.finished_at, Some(t(10)));
        assert_eq!((read.attempt, read.expires_at), (0, None));
        assert_eq!(read.error.unwrap().kind, ErrorKind::Expired);
    }
    assert_eq!(status(&store, later).await, ExecutionStatus::Queued);
}

async fn a_claim_takes_no_expired_execution(store: AnyStore) {
    let session = session(&store, "w").await;
    let mut number = 0;
    let mut claims = |change: fn(&mut Claim, ExecutionId), only: ExecutionId| {
        number += 1;
        let mut claim = claim(session, number, &["j", "other"], 1);
        claim.now = t(10);
        change(&mut claim, only);
        claim
    };
    type Change = fn(&mut Claim, ExecutionId);
    let kinds: [(&str, Change); 5] = [
        ("all queues", |_, _| {}),
        ("one queue", |claim, _| {
            claim.queues = vec!["default".to_owned()];
        }),
        ("two queues", |claim, _| {
            claim.queues = vec!["default".to_owned(), "mail".to_owned()];
        }),
        ("slot caps", |claim, _| {
            claim.caps.queues = vec![("default".to_owned(), 1)];
        }),
        ("by id", |claim, id| claim.only = vec![id]),
    ];
    for (name, change) in kinds {
        let expired = add(&store, expiring(10)).await;
        let in_time = add(&store, expiring(11)).await;
        let nothing = store.claim(claims(change, expired)).await.unwrap();
        if name == "by id" {
            assert_eq!(ids(&nothing), [], "{name}");
            let found = store.claim(claims(change, in_time)).await.unwrap();
            assert_eq!(ids(&found), [in_time], "{name}");
        } else {
            assert_eq!(ids(&nothing), [in_time], "{name}");
        }
        assert_eq!(status(&store, expired).await, ExecutionStatus::Queued);
    }
    // A paused queue makes another kind of claim on some stores.
    store
        .pause("mail".to_owned(), QueuePause::at(t(1)))
        .await
        .unwrap();
    let in_time = add(&store, expiring(11)).await;
    let found = store.claim(claims(|_, _| {}, in_time)).await.unwrap();
    assert_eq!(ids(&found), [in_time], "with a paused queue");
}

async fn a_started_execution_does_not_expire(store: AnyStore) {
    let session = session(&store, "w").await;
    let id = add(&store, expiring(10)).await;
    let claimed = claim_one(&store, session, 1).await;
    assert_eq!(record(&store, id).await.expires_at, None);
    assert_eq!(store.promote(t(20), 9).await.unwrap().next_due, None);
    assert_eq!(status(&store, id).await, ExecutionStatus::Running);
    settle(&store, retry_at(&claimed, t(30))).await;
    store.promote(t(30), 9).await.unwrap();
    let mut claim = claim(session, 2, &["j"], 1);
    claim.now = t(30);
    assert_eq!(ids(&store.claim(claim).await.unwrap()), [id]);
}

async fn an_expired_execution_gives_its_permits_back(store: AnyStore) {
    let limits = [concurrent("", 1)];
    let mut worker = Worker::new(&store).await;
    let expires = |at| {
        let mut new = limited(&limits);
        new.expires_at = Some(t(at));
        new
    };
    let admitted = add(&store, expires(10)).await;
    let blocked = add(&store, expires(10)).await;
    let last = enqueue_limited(&store, &limits, 1).await;
    store.promote(T0, 9).await.unwrap();
    // The first has the permit, the second waits for it.
    let taken = worker.take_at(t(10), 9).await;
    let taken = if taken.is_empty() {
        worker.take_at(t(11), 9).await
    } else {
        taken
    };
    assert_eq!(ids(&taken), last);
    for id in [admitted, blocked] {
        assert_eq!(error_kind(&store, id).await, Some(ErrorKind::Expired));
    }
}

async fn a_retry_lifts_the_expiry(store: AnyStore) {
    let id = add(&store, expiring(10)).await;
    store.promote(t(10), 9).await.unwrap();
    let answer = store.retry(id, None, EnqueueRules::default(), t(20)).await;
    assert_eq!(answer.unwrap(), RetryAnswer::Queued);
    assert_eq!(store.promote(t(30), 9).await.unwrap().next_due, None);
    let session = session(&store, "w").await;
    let mut claim = claim(session, 1, &["j"], 1);
    claim.now = t(30);
    assert_eq!(ids(&store.claim(claim).await.unwrap()), [id]);
}

async fn an_edit_of_the_time_moves_the_expiry(store: AnyStore) {
    let delayed = new_with("j", |new| {
        new.run_at = Some(t(60));
        new.expires_at = Some(t(70));
    });
    let id = add(&store, delayed).await;
    let edit = |run_at| ExecutionEdit {
        run_at,
        priority: Some(60),
        payload: None,
        queue: None,
    };
    store.edit(id, edit(Some(t(100))), t(1)).await.unwrap();
    assert_eq!(record(&store, id).await.expires_at, Some(t(110)));
    store.edit(id, edit(None), t(1)).await.unwrap();
    assert_eq!(record(&store, id).await.expires_at, Some(t(110)));
}

async fn a_merge_replaces_the_expiry(store: AnyStore) {
    let debounced = |run_at, expires_at| {
        new_with("j", |new| {
            new.run_at = Some(t(run_at));
            new.expires_at = Some(t(expires_at));
            new.rules.debounce = Some(DebounceKey {
                key: "d".to_owned(),
                delay_ms: 30_000,
                at_most_ms: None,
            });
        })
    };
    let first = add(&store, debounced(30, 40)).await;
    let answer = store.enqueue(vec![debounced(50, 60)]).await.unwrap();
    assert_eq!(answer, [EnqueueAnswer::Merged(first)]);
    assert_eq!(record(&store, first).await.expires_at, Some(t(60)));

    let mut capped = debounced(90, 100);
    let debounce = capped.rules.debounce.as_mut().unwrap();
    debounce.at_most_ms = Some(70_000);
    store.enqueue(vec![capped]).await.unwrap();
    let record = record(&store, first).await;
    assert_eq!((record.run_at, record.expires_at), (t(70), Some(t(80))));
}

async fn a_replacement_expires_after_its_due_time(store: AnyStore) {
    let replacing = |key: &str, created_at, run_at: Option<u64>, expires_at| {
        new_with("j", |new| {
            new.created_at = t(created_at);
            new.run_at = run_at.map(t);
            new.expires_at = Some(t(expires_at));
            new.rules.unique = Some(UniqueKey {
                key: key.to_owned(),
                within_ms: None,
                live: vec![ExecutionStatus::Pending, ExecutionStatus::Queued],
                on_conflict: OnConflict::Replace,
            });
        })
    };
    let pending = add(&store, replacing("pending", 0, Some(60), 70)).await;
    let answer = store.enqueue(vec![replacing("pending", 1, None, 11)]).await;
    assert_eq!(answer.unwrap(), [EnqueueAnswer::Merged(pending)]);
    let found = record(&store, pending).await;
    assert_eq!((found.run_at, found.expires_at), (t(60), Some(t(70))));

    let queued = add(&store, replacing("queued", 0, None, 10)).await;
    let answer = store
        .enqueue(vec![replacing("queued", 1, Some(60), 70)])
        .await;
    assert_eq!(answer.unwrap(), [EnqueueAnswer::Merged(queued)]);
    assert_eq!(record(&store, queued).await.expires_at, Some(t(11)));
}

async fn expiry_is_done_in_batches(store: AnyStore) {
    let batch: Vec<_> = (0..450).map(|_| expiring(10)).collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    let first = store.promote(t(10), 9).await.unwrap();
    assert!(
        first.next_due.is_some_and(|at| at <= t(10)),
        "one promotion has done everything: {first:?}"
    );
    let mut promotions = 1;
    while let Some(at) = store.promote(t(10), 9).await.unwrap().next_due {
        assert!(at <= t(10), "{at}");
        promotions += 1;
        assert!(promotions < 20, "it does not end");
    }
    for id in all {
        assert_eq!(error_kind(&store, id).await, Some(ErrorKind::Expired));
    }
}

async fn a_poison_expiry_is_postponed(db: Rejecting) {
    let store = &db.store;
    let batch: Vec<_> = (0..4).map(|_| expiring(10)).collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    db.reject(all[1], Write::Outcome).await;
    let promotion = store.promote(t(10), 9).await.unwrap();
    assert_eq!(promotion.next_due, Some(t(70)));
    for (n, id) in all.iter().enumerate() {
        let expired = error_kind(store, *id).await == Some(ErrorKind::Expired);
        assert_eq!(expired, n != 1, "{n}");
    }
    db.accept(all[1], Write::Outcome).await;
    store.promote(t(70), 9).await.unwrap();
    assert_eq!(error_kind(store, all[1]).await, Some(ErrorKind::Expired));
}
