//! Retention: the search for expired executions, and their deletion.

use super::fixtures::*;
use super::limit_fixtures::end_all;
use super::requirement::requirements;

requirements! { "retention" {
    only_final_executions_expire: "A search for expired executions finds final ones that ended before the time for their status. It changes nothing.",
    jobs_expire_by_their_own_times: "A search finds the executions of one job, or those of all jobs except some.",
    a_search_is_bounded: "A search examines at most its limit of rows. Its cursor leads to the next page, and it ends behind the last execution that can have expired.",
    expired_executions_are_read_whole: "Expired executions are read with their attempts, log lines and keys, as an export has them. Those that are gone are left out.",
    a_read_of_expired_executions_is_bounded: "Long executions make a short answer, of the oldest ones. It has at least one.",
    an_expired_execution_leaves_nothing: "Deleting an expired execution deletes its attempts, its log lines and its keys.",
    an_execution_that_ran_again_is_kept: "An execution that an operator has retried since the search is not deleted.",
    an_execution_erased_since_the_search_is_kept: "An execution whose payload was erased since the search is not deleted: an archive has its old payload. The next search finds it.",
    expired_executions_are_deleted_once: "Several processes may delete the same executions at once: each is deleted, and reported, once. A repeated deletion deletes nothing.",
    an_idempotency_key_keeps_its_execution: "An execution does not expire before the idempotency keys that name it.",
    a_live_parent_keeps_its_children: "An execution does not expire while the execution whose handler enqueued it is live.",
}}

fn scan(at: u64, limit: usize) -> ExpiryScan {
    ExpiryScan {
        job_id: None,
        except: Vec::new(),
        cutoffs: Cutoffs {
            succeeded: t(at),
            failed: t(at),
            cancelled: t(at),
        },
        now: t(at + 100),
        after: None,
        limit,
    }
}

/// Returns what a search finds, over all of its pages.
async fn found(store: &AnyStore, mut scan: ExpiryScan) -> Vec<Expired> {
    let mut all = Vec::new();
    loop {
        let page = store.find_expired(scan.clone()).await.unwrap();
        all.extend(page.expired);
        match page.next {
            Some(next) => scan.after = Some(next),
            None => return all,
        }
    }
}

fn ids_of(expired: &[Expired]) -> Vec<ExecutionId> {
    expired.iter().map(|one| one.execution_id).collect()
}

/// Creates an execution that succeeded at `t(3)`.
pub(super) async fn succeeded(store: &AnyStore, job: &str) -> ExecutionId {
    let claimed = running(store, job).await;
    settle(store, success(&claimed)).await;
    claimed.execution_id
}

/// Creates an execution that failed at `t(3)`.
async fn failed(store: &AnyStore, job: &str) -> ExecutionId {
    let claimed = running(store, job).await;
    settle(store, failure(&claimed)).await;
    claimed.execution_id
}

async fn only_final_executions_expire(store: AnyStore) {
    let good = succeeded(&store, "good").await;
    let bad = failed(&store, "bad").await;
    let cancelled = enqueue(&store, "cancelled", 1).await[0];
    store.cancel(cancelled, t(5)).await.unwrap();
    enqueue(&store, "queued", 1).await;
    let delayed = new_with("j", |new| new.run_at = Some(t(9_000)));
    store.enqueue(vec![delayed]).await.unwrap();
    let waits = running(&store, "retry").await;
    settle(&store, retry_at(&waits, t(8_000))).await;
    running(&store, "running").await;

    let all = found(&store, scan(60, 100)).await;
    assert_eq!(ids_of(&all), [good, bad, cancelled]);
    let statuses: Vec<_> = all.iter().map(|one| one.status).collect();
    assert_eq!(
        statuses,
        [
            ExecutionStatus::Succeeded,
            ExecutionStatus::Failed,
            ExecutionStatus::Cancelled
        ]
    );
    assert_eq!((&*all[1].job_id, all[1].finished_at), ("bad", t(3)));

    let mut by_status = scan(60, 100);
    by_status.cutoffs.failed = t(3);
    by_status.cutoffs.cancelled = t(5);
    assert_eq!(ids_of(&found(&store, by_status.clone()).await), [good]);
    by_status.cutoffs.cancelled = t(6);
    let found = found(&store, by_status).await;
    assert_eq!(ids_of(&found), [good, cancelled]);
    assert_eq!(status(&store, good).await, ExecutionStatus::Succeeded);
}

async fn jobs_expire_by_their_own_times(store: AnyStore) {
    let a = succeeded(&store, "a").await;
    let b = failed(&store, "b").await;
    let c = succeeded(&store, "c").await;
    enqueue(&store, "b", 2).await;
    let of = |job: Option<&str>, except: &[&str]| ExpiryScan {
        job_id: job.map(str::to_owned),
        except: except.iter().map(|&job| job.to_owned()).collect(),
        ..scan(60, 100)
    };
    assert_eq!(ids_of(&found(&store, of(Some("b"), &[])).await), [b]);
    assert_eq!(ids_of(&found(&store, of(None, &["b"])).await), [a, c]);
    assert_eq!(ids_of(&found(&store, of(None, &["a", "b", "c"])).await), []);
    assert_eq!(ids_of(&found(&store, of(Some("unknown"), &[])).await), []);
}

async fn a_search_is_bounded(store: AnyStore) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(succeeded(&store, "j").await);
    }
    let late = new_with("j", |new| new.created_at = t(70));
    store.enqueue(vec![late.clone()]).await.unwrap();
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    settle(&store, success(&claimed)).await;

    for job_id in [None, Some("j".to_owned())] {
        let mut pages = Vec::new();
        let mut scan = scan(60, 2);
        scan.job_id = job_id;
        loop {
            let page = store.find_expired(scan.clone()).await.unwrap();
            pages.push(ids_of(&page.expired));
            match page.next {
                Some(next) => scan.after = Some(next),
                None => break,
            }
        }
        // The third page ends with an execution that was created after every cutoff. Although it
        // is recorded as final before them, it shows that no later one can have expired.
        assert_eq!(pages.len(), 3, "{pages:?}");
        assert_eq!(pages[..2], [ids[..2].to_vec(), ids[2..4].to_vec()]);
        assert_eq!(pages[2].first(), Some(&ids[4]));
        // A time of creation in the future proves nothing: the search goes on behind it.
        let mut before = scan.clone();
        (before.after, before.now) = (None, t(65));
        before.limit = 6;
        let page = store.find_expired(before).await.unwrap();
        assert!(
            page.next.is_some(),
            "the last of six rows has a future time"
        );
    }
}

async fn expired_executions_are_read_whole(store: AnyStore) {
    let keyed = new_with("j", |new| {
        new.idempotency_key = key("signup-42", "a");
        new.tags = vec!["t".to_owned()];
    });
    store.enqueue(vec![keyed]).await.unwrap();
    let session = session(&store, "w").await;
    for attempt in 1..=2 {
        let claimed = claim_one(&store, session, attempt).await;
        let end = match attempt {
            1 => settlement(&claimed, AttemptOutcome::Released, Next::GiveBack),
            _ => failure(&claimed),
        };
        settle(&store, with_logs(end, vec![line(1, "m"), line(2, "n")])).await;
    }
    succeeded(&store, "kept").await;
    let gone = succeeded(&store, "gone").await;
    let expired = found(&store, scan(90_000, 100)).await;
    assert_eq!(expired.len(), 3);
    store.delete(gone).await.unwrap();
    let read = store.read_expired(expired).await.unwrap();
    let exported = store.transfer().unwrap().export(None, 10).await.unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", exported.executions));
    assert_eq!(
        (read.len(), read[0].logs.len(), read[0].keys.len()),
        (2, 4, 1)
    );
    assert!(store.read_expired(Vec::new()).await.unwrap().is_empty());
}

async fn a_read_of_expired_executions_is_bounded(store: AnyStore) {
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(3 << 20));
    let mut ids = Vec::new();
    for _ in 0..4 {
        let new = new_with("j", |new| new.payload.clone_from(&long));
        ids.push(new.id);
        store.enqueue(vec![new]).await.unwrap();
        let session = session(&store, "w").await;
        let claimed = claim_one(&store, session, 1).await;
        settle(&store, success(&claimed)).await;
    }
    let mut rest = found(&store, scan(60, 100)).await;
    let mut read_ids = Vec::new();
    while !rest.is_empty() {
        let read = store.read_expired(rest.clone()).await.unwrap();
        assert!((1..=2).contains(&read.len()), "{} executions", read.len());
        rest.drain(..read.len());
        read_ids.extend(read.iter().map(|one| one.request.id));
    }
    assert_eq!(read_ids, ids);
}

async fn an_expired_execution_leaves_nothing(store: AnyStore) {
    let keyed = || {
        new_with("j", |new| {
            new.idempotency_key = key("signup-42", "a");
        })
    };
    let first = keyed();
    store.enqueue(vec![first.clone()]).await.unwrap();
    let session = session(&store, "w").await;
    for attempt in 1..=2 {
        let claimed = claim_one(&store, session, attempt).await;
        let end = match attempt {
            1 => settlement(&claimed, AttemptOutcome::Released, Next::GiveBack),
            _ => failure(&claimed),
        };
        settle(&store, with_logs(end, vec![line(1, "m")])).await;
    }
    let later = scan(90_000, 100);
    let expired = found(&store, later).await;
    assert_eq!(ids_of(&expired), [first.id]);
    let deleted = store.delete_expired(expired).await.unwrap();
    assert_eq!(deleted, [first.id]);
    assert!(store.execution(first.id).await.unwrap().is_none());
    assert!(store.logs(whole_log(first.id)).await.unwrap().is_none());
    let second = keyed();
    let answers = store.enqueue(vec![second.clone()]).await.unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created], "the key is free");
    let read = record(&store, second.id).await;
    assert_eq!((read.attempt, read.attempts.len()), (0, 0));
    assert!(log(&store, second.id).await.is_empty());
}

async fn an_execution_that_ran_again_is_kept(store: AnyStore) {
    let id = failed(&store, "j").await;
    let expired = found(&store, scan(60, 100)).await;
    store
        .retry(id, None, EnqueueRules::default(), t(9))
        .await
        .unwrap();
    assert!(
        store
            .delete_expired(expired.clone())
            .await
            .unwrap()
            .is_empty()
    );
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    let mut again = success(&claimed);
    again.end.finished_at = t(10);
    settle(&store, again).await;
    let deleted = store.delete_expired(expired).await.unwrap();
    assert_eq!(deleted, [], "it is final since another time");
    assert_eq!(status(&store, id).await, ExecutionStatus::Succeeded);
}

async fn an_execution_erased_since_the_search_is_kept(store: AnyStore) {
    let id = succeeded(&store, "j").await;
    let before = found(&store, scan(60, 100)).await;
    store.erase(id, None, t(50)).await.unwrap();
    assert!(store.delete_expired(before).await.unwrap().is_empty());
    let after = found(&store, scan(60, 100)).await;
    assert_eq!((after.len(), after[0].is_erased), (1, true));
    assert_eq!(store.delete_expired(after).await.unwrap(), [id]);
}

async fn expired_executions_are_deleted_once(Handles([here, there]): Handles) {
    let session = session(&here, "w").await;
    let mut ids = enqueue(&here, "j", 60).await;
    let claimed = here.claim(claim(session, 1, &["j"], 60)).await.unwrap();
    end_all(&here, &claimed).await;
    let expired = found(&there, scan(60, 25)).await;
    assert_eq!(expired.len(), 60);
    let stores = [here.clone(), there.clone()];
    let answers = at_once(8, |n| {
        let store = stores[n % 2].clone();
        let batch: Vec<_> = expired.chunks(15).nth(n / 2).unwrap().to_vec();
        async move { store.delete_expired(batch).await.unwrap() }
    });
    let mut deleted = answers.await.concat();
    deleted.sort_unstable();
    ids.sort_unstable();
    assert_eq!(deleted, ids);
    let again = here.delete_expired(expired).await.unwrap();
    assert_eq!(again, []);
    assert!(found(&here, scan(60, 25)).await.is_empty());
}

async fn an_idempotency_key_keeps_its_execution(store: AnyStore) {
    // The key expires after a day.
    let keyed = new_with("j", |new| new.idempotency_key = key("k", "d"));
    store.enqueue(vec![keyed.clone()]).await.unwrap();
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    settle(&store, success(&claimed)).await;
    let at = |now: u64| ExpiryScan {
        now: t(now),
        ..scan(60, 10)
    };
    assert_eq!(ids_of(&found(&store, at(86_399)).await), []);
    assert_eq!(ids_of(&found(&store, at(86_400)).await), [keyed.id]);
}

async fn a_live_parent_keeps_its_children(store: AnyStore) {
    let parent = running(&store, "parent").await;
    let child = new_with("j", |new| new.parent_id = Some(parent.execution_id));
    let orphan = new_with("j", |new| new.parent_id = Some(id()));
    store
        .enqueue(vec![child.clone(), orphan.clone()])
        .await
        .unwrap();
    let session = session(&store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 2)).await.unwrap();
    end_all(&store, &claimed).await;
    assert_eq!(ids_of(&found(&store, scan(60, 10)).await), [orphan.id]);
    settle(&store, retry_at(&parent, t(50))).await;
    assert_eq!(ids_of(&found(&store, scan(60, 10)).await), [orphan.id]);
    store.cancel(parent.execution_id, t(4)).await.unwrap();
    let all = found(&store, scan(60, 10)).await;
    assert_eq!(
        ids_of(&all),
        [parent.execution_id, child.id, orphan.id],
        "the parent is final"
    );
    // The child outlives its parent.
    store.delete_expired(vec![all[0].clone()]).await.unwrap();
    assert_eq!(
        record(&store, child.id).await.parent_id,
        Some(parent.execution_id)
    );
}
