//! Retention: expired executions, leftover rows, turns and erasures.

use std::time::Duration;

use jobs::OnConflict;

use super::catalogue::publication;
use super::fixtures::*;
use super::limit_fixtures::{Worker, concurrent, end_all, enqueue_limited};
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
    expired_keys_are_swept: "Expired idempotency keys are deleted; others stay in force.",
    closed_sessions_are_swept: "Sessions that were closed long ago are deleted; open ones and those with leases stay. Records of attempts remain readable.",
    unrenewed_publications_are_swept: "A publication that no program renews is deleted, unless it is the newest of a job with executions.",
    unused_limits_are_swept: "A limit is deleted once no execution names it and no permit is in use. Enqueues then create it anew.",
    a_turn_is_held_by_one_process: "The turn at a task is held by one process at a time. It ends with its time, and the task then rests.",
    an_erasure_leaves_the_record: "An erasure removes payload, results, messages, log lines and unique keys, and records its time and author once.",
    only_final_executions_are_erased: "Only final executions can be erased. An erased one cannot be retried.",
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
async fn succeeded(store: &AnyStore, job: &str) -> ExecutionId {
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

fn sweep(rows: Leftover, before: Timestamp) -> Sweep {
    Sweep {
        rows,
        before,
        limit: 2,
    }
}

/// Sweeps until nothing is left, and returns the number of rows of each call.
async fn swept(store: &AnyStore, rows: Leftover, before: Timestamp) -> Vec<u64> {
    let mut calls = Vec::new();
    loop {
        match store.sweep(sweep(rows, before)).await.unwrap() {
            0 => return calls,
            deleted => calls.push(deleted),
        }
    }
}

async fn expired_keys_are_swept(store: AnyStore) {
    let keyed = |n: u64, expires_at: Timestamp| {
        new_with("j", |new| {
            new.idempotency_key =
                key(&format!("k{n}"), "d").map(|key| IdempotencyKey { expires_at, ..key });
        })
    };
    let short: Vec<_> = (0..5).map(|n| keyed(n, t(10 + n))).collect();
    let long = keyed(9, t(500));
    store.enqueue(short.clone()).await.unwrap();
    store.enqueue(vec![long.clone()]).await.unwrap();
    let calls = swept(&store, Leftover::IdempotencyKeys, t(13)).await;
    assert_eq!(calls, [2, 2], "bounded calls; the key of t(14) stays");
    let late = |n, expires_at| NewExecution {
        created_at: t(13),
        ..keyed(n, expires_at)
    };
    let again = vec![late(0, t(500)), late(4, t(500)), late(9, t(500))];
    let answers = store.enqueue(again).await.unwrap();
    assert_eq!(
        answers,
        [
            EnqueueAnswer::Created,
            EnqueueAnswer::Replayed(short[4].id),
            EnqueueAnswer::Replayed(long.id),
        ]
    );
}

async fn closed_sessions_are_swept(store: AnyStore) {
    let done = running(&store, "done").await;
    settle(&store, success(&done)).await;
    store.close_session(done.fence.session).await.unwrap();
    let idle = session(&store, "idle").await;
    store.close_session(idle).await.unwrap();
    let open = running(&store, "open").await;
    // Its session is closed by the take-over, and its lease names it as the executor.
    let lost = running(&store, "lost").await;
    let taken = taken_over(&store, &lost).await;

    assert!(swept(&store, Leftover::Sessions, T0).await.is_empty());
    let calls = swept(&store, Leftover::Sessions, t(9_000)).await;
    assert_eq!(calls.iter().sum::<u64>(), 2, "{calls:?}");
    let read = record(&store, done.execution_id).await;
    assert_eq!(read.attempts.len(), 1, "the attempt is kept");
    assert_eq!(settle(&store, success(&open)).await, WriteAnswer::Settled);
    let worker = record(&store, lost.execution_id).await.attempts[0]
        .worker
        .clone();
    assert_eq!(worker, "worker", "the session of a running attempt is kept");
    assert_eq!(settle(&store, success(&taken)).await, WriteAnswer::Settled);
    let renewal = store.renew(done.fence.session, t(9_001)).await.unwrap();
    assert_eq!(renewal, Renewal::Lost);
}

async fn unrenewed_publications_are_swept(store: AnyStore) {
    let jobs = [
        publication("used", "old", 1),
        publication("used", "new", 2),
        publication("gone", "x", 2),
        publication("renewed", "old", 1),
        publication("renewed", "new", 2),
    ];
    for job in &jobs {
        store.publish(vec![job.clone()]).await.unwrap();
    }
    enqueue(&store, "used", 1).await;
    let renewed = ["old", "new"].map(|label| ("renewed".to_owned(), format!("renewed-{label}")));
    store
        .renew_publications(renewed.to_vec(), t(100))
        .await
        .unwrap();
    assert!(swept(&store, Leftover::Publications, t(1)).await.is_empty());
    let calls = swept(&store, Leftover::Publications, t(50)).await;
    assert_eq!(calls.iter().sum::<u64>(), 2, "{calls:?}");
    let listed = store.catalogue().await.unwrap();
    assert_eq!(
        listed,
        [jobs[4].clone(), jobs[1].clone()],
        "a renewal changes no time of publication"
    );
    let calls = swept(&store, Leftover::Publications, t(101)).await;
    assert_eq!(calls.iter().sum::<u64>(), 2, "{calls:?}");
}

async fn unused_limits_are_swept(store: AnyStore) {
    // A store may first retire a limit, and delete it in a later sweep.
    let sweeps = async |store: &AnyStore, at: u64| {
        let mut deleted = 0;
        for hours in 0..3 {
            let now = t(at).after(Duration::from_secs(hours * 7_200));
            deleted += swept(store, Leftover::Limits, now)
                .await
                .iter()
                .sum::<u64>();
        }
        deleted
    };
    let mut worker = Worker::new(&store).await;
    let limit = |key: &str| [concurrent(key, 1)];
    let first = enqueue_limited(&store, &limit("a"), 1).await;
    enqueue_limited(&store, &limit("b"), 1).await;
    assert_eq!(sweeps(&store, 10).await, 0, "permits are in use");
    let claimed = worker.take().await;
    assert_eq!(claimed.len(), 2);
    end_all(&store, &claimed).await;
    store.promote(t(5), 10).await.unwrap();
    assert_eq!(sweeps(&store, 10).await, 0, "an operator may retry them");

    assert_eq!(store.delete(first[0]).await.unwrap(), DeleteAnswer::Deleted);
    // The enqueue needs the limit, whose permits the allocator counts first.
    let second = enqueue_limited(&store, &limit("a"), 1).await;
    store.promote(t(6), 10).await.unwrap();
    assert_eq!(sweeps(&store, 10).await, 0, "a new execution names it");
    let claimed = worker.take().await;
    assert_eq!(ids(&claimed), second);
    end_all(&store, &claimed).await;
    store.delete(second[0]).await.unwrap();
    // The next execution with a limit lets the allocator count the permits that came back.
    let other = enqueue_limited(&store, &limit("b"), 1).await;
    store.promote(t(7), 10).await.unwrap();
    assert_eq!(sweeps(&store, 100_000).await, 1, "no execution names `a`");

    let third = enqueue_limited(&store, &limit("a"), 2).await;
    let claimed = worker.take().await;
    assert_eq!(ids(&claimed), [other[0], third[0]], "`a` allows one again");
}

async fn a_turn_is_held_by_one_process(Handles([here, there]): Handles) {
    let turn = |holder: &str, now: u64, urgent: bool| Turn {
        task: "retention".to_owned(),
        holder: holder.to_owned(),
        now: t(now),
        until: t(now + 60),
        latest: t(now + 10_000),
        urgent,
    };
    let answers = at_once(8, |n| {
        let store = if n % 2 == 0 { &here } else { &there }.clone();
        let turn = turn(&format!("w{n}"), 0, false);
        async move { store.take_turn(turn).await.unwrap() }
    });
    let answers = answers.await;
    let holders: Vec<_> = (0..8).filter(|&n| answers[n]).collect();
    assert_eq!(holders.len(), 1, "{answers:?}");
    let holder = format!("w{}", holders[0]);
    let take = async |turn: Turn| there.take_turn(turn).await.unwrap();
    assert!(take(turn(&holder, 30, false)).await, "it keeps its turn");
    assert!(!take(turn("x", 89, true)).await, "the turn is not over");
    let mut other = turn("x", 0, false);
    other.task = "another".to_owned();
    assert!(take(other).await, "each task has its own");
    let end = |holder: &str, until| here.end_turn("retention".into(), holder.into(), t(until));
    end("x", 0).await.unwrap();
    assert!(
        !take(turn("x", 80, true)).await,
        "another process cannot end it"
    );
    end(&holder, 500).await.unwrap();
    assert!(!take(turn("x", 499, false)).await, "the task rests");
    assert!(take(turn("x", 499, true)).await, "unless it is urgent");
    assert!(
        take(turn("y", 559, false)).await,
        "the turn of a dead process ends"
    );
    end("y", 90_000).await.unwrap();
    assert!(take(turn("z", 600, false)).await, "no rest is that long");
}

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
