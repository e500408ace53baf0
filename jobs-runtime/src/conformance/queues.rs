//! Queues: pauses, claims that exclude queues, caps, ageing, and edits of waiting executions.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "queues" {
    claims_take_nothing_from_a_paused_queue: "Claims take nothing from a paused queue. After it is resumed, its executions have their old order.",
    a_pause_applies_to_every_process: "A pause applies to every process until the queue is resumed.",
    queues_are_listed_with_their_counts: "Queues are listed by name, with the numbers of their waiting and running executions.",
    counts_of_queues_that_are_lower_bounds_are_marked: "A queue's count that stops at a bound is marked as the least number. Others are exact.",
    claims_take_nothing_from_excluded_queues: "A claim takes nothing from the queues that it excludes.",
    claims_keep_to_their_caps: "A claim takes no more executions with limits, of a queue or of a job than its caps allow. The rest stays ready.",
    waiting_since_finds_old_executions: "`waiting_since` returns ready executions that became ready before a time and lack the highest priority, up to its limit.",
    an_edit_moves_a_waiting_execution: "An edit of priority or time moves a waiting execution to its new place.",
    running_and_final_executions_are_not_edited: "Running and final executions cannot be edited.",
    an_edit_releases_the_permits_of_a_limited_execution: "An edit of priority or time releases the permits of a waiting execution, which takes its new place at the limit.",
}}

async fn in_queue(store: &AnyStore, queue: &str, count: usize) -> Vec<ExecutionId> {
    let batch: Vec<_> = (0..count)
        .map(|_| new_with("j", |new| new.queue = queue.to_owned()))
        .collect();
    let ids = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    ids
}

async fn claims_take_nothing_from_a_paused_queue(store: AnyStore) {
    let mail = in_queue(&store, "mail", 3).await;
    let other = in_queue(&store, "other", 2).await;
    let session = session(&store, "w").await;
    assert!(
        store
            .pause("mail".to_owned(), QueuePause::at(t(1)))
            .await
            .unwrap()
    );
    let taken = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&taken), other);
    let mut named = claim(session, 2, &["j"], 9);
    named.queues = vec!["mail".to_owned()];
    assert!(store.claim(named).await.unwrap().is_empty());
    let mut only = claim(session, 3, &["j"], 9);
    only.only = vec![mail[1]];
    assert!(store.claim(only).await.unwrap().is_empty());
    // The paused queue is the only one left.
    let taken = store.claim(claim(session, 4, &["j"], 9)).await.unwrap();
    assert!(taken.is_empty());
    let later = in_queue(&store, "mail", 1).await;
    assert!(store.resume("mail".to_owned()).await.unwrap());
    let taken = store.claim(claim(session, 5, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&taken), [mail, later].concat());
}

async fn waiting_since_finds_old_executions(store: AnyStore) {
    let at = |priority: u8, second: u64| {
        new_with("j", |new| {
            new.priority = priority;
            new.created_at = t(second);
            new.run_at = Some(t(second));
        })
    };
    let batch = vec![
        at(0, 1),
        at(50, 2),
        at(50, 3),
        // Not returned: they are urgent, young, in another queue, or not due.
        at(100, 1),
        at(50, 8),
        new_with("j", |new| new.queue = "other".to_owned()),
        at(0, 60),
    ];
    let expected: Vec<_> = batch[..3].iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    store.promote(t(10), 100).await.unwrap();
    let waiting = |limit: usize| {
        let store = store.clone();
        async move {
            let found = store.waiting_since("default".to_owned(), t(5), limit).await;
            let mut found = found.unwrap();
            found.sort_unstable();
            found
        }
    };
    assert_eq!(waiting(9).await, expected);
    assert_eq!(waiting(2).await.len(), 2);
    let urgent = ExecutionEdit {
        priority: Some(100),
        ..ExecutionEdit::default()
    };
    store.edit(expected[0], urgent, t(10)).await.unwrap();
    assert_eq!(waiting(9).await, expected[1..]);
    let session = session(&store, "w").await;
    let first = store.claim(claim(session, 1, &["j"], 1)).await.unwrap();
    assert_eq!(ids(&first), expected[..1]);
    // Its retry is young, although the execution is old.
    settle(&store, retry_at(&first[0], t(20))).await;
    store.promote(t(20), 100).await.unwrap();
    let lower = ExecutionEdit {
        priority: Some(50),
        ..ExecutionEdit::default()
    };
    store.edit(expected[0], lower, t(20)).await.unwrap();
    assert_eq!(waiting(9).await, expected[1..]);
    let found = store.waiting_since("default".to_owned(), t(21), 9).await;
    assert!(found.unwrap().contains(&expected[0]));
}

async fn a_pause_applies_to_every_process(Handles([here, there]): Handles) {
    in_queue(&here, "mail", 1).await;
    let pause = QueuePause {
        since: t(1),
        by: Some("ada".to_owned()),
        reason: Some("the disk is full \0".to_owned()),
    };
    assert!(here.pause("mail".to_owned(), pause.clone()).await.unwrap());
    assert!(
        !there
            .pause("mail".to_owned(), QueuePause::at(t(2)))
            .await
            .unwrap(),
        "it was paused already"
    );
    let session = session(&there, "w").await;
    assert!(
        there
            .claim(claim(session, 1, &["j"], 9))
            .await
            .unwrap()
            .is_empty()
    );
    let queues = there.queues().await.unwrap();
    let first = QueuePause {
        since: queues[0].paused_at.unwrap(),
        by: queues[0].paused_by.clone(),
        reason: queues[0].pause_reason.clone(),
    };
    assert_eq!(first, pause, "the first pause stays");
    assert!(there.resume("mail".to_owned()).await.unwrap());
    assert!(
        !here.resume("mail".to_owned()).await.unwrap(),
        "it was resumed already"
    );
    assert_eq!(
        here.claim(claim(session, 2, &["j"], 9))
            .await
            .unwrap()
            .len(),
        1
    );
}

async fn queues_are_listed_with_their_counts(store: AnyStore) {
    assert!(store.queues().await.unwrap().is_empty());
    in_queue(&store, "b", 3).await;
    store
        .pause("a".to_owned(), QueuePause::at(t(1)))
        .await
        .unwrap();
    let session = session(&store, "w").await;
    store.claim(claim(session, 1, &["j"], 1)).await.unwrap();
    let record = |queue: &str, paused_at, ready, running| QueueRecord {
        queue: queue.to_owned(),
        paused_at,
        paused_by: None,
        pause_reason: None,
        pending: 0,
        ready,
        blocked: 0,
        running,
        oldest_due_at: (ready > 0).then_some(T0),
        at_least: Vec::new(),
    };
    let mut expected = vec![record("a", Some(t(1)), 0, 0), record("b", None, 2, 1)];
    assert_eq!(store.queues().await.unwrap(), expected);
    let due_later = new_with("j", |new| {
        new.queue = "c".to_owned();
        new.run_at = Some(t(60));
    });
    store.enqueue(vec![due_later]).await.unwrap();
    expected.push(QueueRecord {
        pending: 1,
        ..record("c", None, 0, 0)
    });
    assert_eq!(store.queues().await.unwrap(), expected);
}

async fn counts_of_queues_that_are_lower_bounds_are_marked(store: AnyStore) {
    // No store counts more.
    const MANY: u64 = 10_001;
    for _ in 0..10 {
        in_queue(&store, "many", 1_000).await;
    }
    in_queue(&store, "few", 1).await;
    in_queue(&store, "many", 1).await;
    let queues = store.queues().await.unwrap();
    let names: Vec<_> = queues.iter().map(|it| &*it.queue).collect();
    assert_eq!(names, ["few", "many"]);
    let [few, many] = [&queues[0], &queues[1]];
    assert_eq!((few.ready, few.at_least.len()), (1, 0));
    assert_eq!(many.at_least, ["ready", "oldestDueAt"]);
    assert!((1_000..MANY).contains(&many.ready), "{many:?}");
}

async fn claims_take_nothing_from_excluded_queues(store: AnyStore) {
    in_queue(&store, "a", 2).await;
    let b = in_queue(&store, "b", 2).await;
    let session = session(&store, "w").await;
    let mut without = claim(session, 1, &["j"], 9);
    without.except = vec!["a".to_owned(), "x".to_owned()];
    assert_eq!(ids(&store.claim(without).await.unwrap()), b);
    let mut contradiction = claim(session, 2, &["j"], 9);
    contradiction.queues = vec!["a".to_owned()];
    contradiction.except = vec!["a".to_owned()];
    assert!(store.claim(contradiction).await.unwrap().is_empty());
}

async fn claims_keep_to_their_caps(store: AnyStore) {
    let limit = Limit {
        key: "j/concurrent".to_owned(),
        job_id: "j".to_owned(),
        rule: LimitRule::Concurrent { count: 100 },
    };
    let places = [
        ("j", "a", false),
        ("j", "a", false),
        ("k", "a", false),
        ("j", "b", true),
        ("j", "b", true),
        ("k", "b", false),
        ("k", "c", false),
        ("j", "c", false),
    ];
    let batch: Vec<_> = places
        .iter()
        .map(|(job, queue, limited)| {
            new_with(job, |new| {
                new.queue = (*queue).to_owned();
                if *limited {
                    new.rules.limits = vec![limit.clone()];
                }
            })
        })
        .collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    store.promote(T0, 100).await.unwrap();
    let session = session(&store, "w").await;
    let mut capped = claim(session, 1, &["j", "k"], 9);
    capped.caps = Caps {
        limited: Some(1),
        queues: vec![("a".to_owned(), 1), ("x".to_owned(), 0)],
        jobs: vec![("k".to_owned(), 1)],
    };
    let again = capped.clone();
    let taken = store.claim(capped).await.unwrap();
    assert_eq!(ids(&taken), [0, 3, 5, 7].map(|n: usize| all[n]));
    let queues: Vec<_> = taken
        .iter()
        .map(|claimed| (&*claimed.queue, claimed.limits.is_some()))
        .collect();
    assert_eq!(
        queues,
        [("a", false), ("b", true), ("b", false), ("c", false)]
    );
    assert_eq!(ids(&store.claim(again).await.unwrap()), ids(&taken));
    let rest = store
        .claim(claim(session, 2, &["j", "k"], 9))
        .await
        .unwrap();
    assert_eq!(ids(&rest), [1, 2, 4, 6].map(|n: usize| all[n]));
}

fn priority(priority: u8) -> ExecutionEdit {
    ExecutionEdit {
        priority: Some(priority),
        ..ExecutionEdit::default()
    }
}

fn run_at(seconds: u64) -> ExecutionEdit {
    ExecutionEdit {
        run_at: Some(t(seconds)),
        ..ExecutionEdit::default()
    }
}

async fn an_edit_moves_a_waiting_execution(store: AnyStore) {
    let all = enqueue(&store, "j", 4).await;
    let edit = async |n: usize, edit| {
        let answer = store.edit(all[n], edit, T0).await.unwrap();
        assert_eq!(answer, EditAnswer::Changed);
    };
    edit(2, priority(90)).await;
    edit(0, run_at(60)).await;
    let payload = Some(r#"{"n":9}"#.to_owned());
    edit(
        3,
        ExecutionEdit {
            payload,
            ..ExecutionEdit::default()
        },
    )
    .await;
    assert_eq!(
        record(&store, all[0]).await.status,
        ExecutionStatus::Pending
    );
    assert_eq!(record(&store, all[0]).await.run_at, t(60));
    assert_eq!(record(&store, all[2]).await.priority, 90);
    let session = session(&store, "w").await;
    let taken = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&taken), [all[2], all[1], all[3]]);
    assert_eq!(taken[2].payload, r#"{"n":9}"#);
    // A pending execution gets another priority, another time, and is due at once.
    edit(0, priority(10)).await;
    edit(0, run_at(30)).await;
    assert_eq!(store.promote(t(29), 9).await.unwrap().next_due, Some(t(30)));
    edit(0, run_at(0)).await;
    assert_eq!(status(&store, all[0]).await, ExecutionStatus::Queued);
    assert_eq!(
        ids(&store.claim(claim(session, 2, &["j"], 9)).await.unwrap()),
        all[..1]
    );
    // The attempt number and the spent budget stay.
    let claimed = taken.into_iter().next().unwrap();
    settle(&store, retry_at(&claimed, t(60))).await;
    edit(2, run_at(0)).await;
    let again = store.claim(claim(session, 3, &["j"], 9)).await.unwrap();
    assert_eq!((again[0].fence.attempt, again[0].spent), (2, 1));
}

async fn running_and_final_executions_are_not_edited(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let answer = store.edit(id, priority(1), T0).await.unwrap();
    assert_eq!(answer, EditAnswer::NotWaiting(ExecutionStatus::Running));
    settle(&store, success(&claimed)).await;
    let answer = store.edit(id, run_at(9), T0).await.unwrap();
    assert_eq!(answer, EditAnswer::NotWaiting(ExecutionStatus::Succeeded));
    assert_eq!(record(&store, id).await.priority, 50);
    let answer = store
        .edit(super::fixtures::id(), run_at(9), T0)
        .await
        .unwrap();
    assert_eq!(answer, EditAnswer::Unknown);
}

async fn an_edit_releases_the_permits_of_a_limited_execution(store: AnyStore) {
    let limit = Limit {
        key: "j/concurrent".to_owned(),
        job_id: "j".to_owned(),
        rule: LimitRule::Concurrent { count: 1 },
    };
    let batch: Vec<_> = (0..4)
        .map(|_| new_with("j", |new| new.rules.limits = vec![limit.clone()]))
        .collect();
    let all: Vec<_> = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    store.promote(T0, 100).await.unwrap();
    store.edit(all[0], run_at(60), T0).await.unwrap();
    store.edit(all[2], priority(90), T0).await.unwrap();
    let session = session(&store, "w").await;
    let mut order = Vec::new();
    for number in 1..=3 {
        store.promote(T0, 100).await.unwrap();
        let taken = store
            .claim(claim(session, number, &["j"], 9))
            .await
            .unwrap();
        assert_eq!(taken.len(), 1);
        order.extend(ids(&taken));
        settle(&store, success(&taken[0])).await;
    }
    assert_eq!(order, [all[2], all[1], all[3]]);
    store.promote(t(60), 100).await.unwrap();
    let taken = store.claim(claim(session, 4, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&taken), all[..1]);
}
