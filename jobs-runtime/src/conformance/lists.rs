//! Lists of executions.

use std::collections::HashSet;
use std::time::Duration;

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "lists" {
    pages_are_complete: "Pages list every execution once, newest first, and the last page has no cursor.",
    a_cursor_works_in_every_process: "A cursor is a text that works in every process.",
    every_filter_applies_and_all_combine: "Every filter works alone and combined with all others.",
    children_are_found_by_their_parent: "The executions of a parent are listed newest first, also combined with another filter.",
    executions_are_found_by_every_status: "Executions are found by every status.",
    pages_are_complete_under_concurrent_enqueues: "During concurrent enqueues, the pages list each execution that existed before exactly once.",
    pages_by_status_are_complete_under_concurrent_moves: "Pages of a status list each execution that stays in it exactly once, while others change their status.",
    a_page_examines_a_bounded_number_of_rows: "A call examines a bounded number of rows: its page may be short and carry a cursor.",
    a_page_begins_at_its_times: "A page with `since` or `until` begins at those times: the first page lists a few executions of a distant time, and has no cursor.",
    the_longest_executions_come_first: "`sort: duration` puts final executions with the longest last attempt first, newest first among equals, also combined with filters. Executions that never started are left out, and the next page continues behind all that the page has examined.",
    long_executions_are_found: "`longer_than` finds final executions by the duration of their last attempt, also combined with other filters. A page examines a bounded number of rows.",
    execution_states_follow_the_order_of_the_ids: "`execution_states` returns the states in the order of the ids, without unknown ones.",
}}

fn query(limit: usize, change: impl FnOnce(&mut ExecutionQuery)) -> ExecutionQuery {
    let mut query = ExecutionQuery::newest(limit);
    change(&mut query);
    query
}

/// Returns the ids of all pages of a query, newest first.
pub(super) async fn all(store: &AnyStore, query: ExecutionQuery) -> Vec<ExecutionId> {
    let mut found = Vec::new();
    let mut cursor: Option<Cursor> = query.cursor;
    loop {
        let page = store
            .list_executions(ExecutionQuery {
                cursor,
                ..query.clone()
            })
            .await
            .unwrap();
        assert!(page.executions.len() <= query.limit);
        found.extend(page.executions.iter().map(|execution| execution.id));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

fn newest_first(mut ids: Vec<ExecutionId>) -> Vec<ExecutionId> {
    ids.reverse();
    ids
}

async fn pages_are_complete(store: AnyStore) {
    assert!(all(&store, ExecutionQuery::newest(10)).await.is_empty());
    let written = newest_first(enqueue(&store, "j", 25).await);
    for limit in [1, 7, 25, 26, 1000] {
        assert_eq!(
            all(&store, ExecutionQuery::newest(limit)).await,
            written,
            "{limit}"
        );
    }
    let page = store
        .list_executions(ExecutionQuery::newest(25))
        .await
        .unwrap();
    assert_eq!(page.next_cursor, None, "a full last page has no cursor");
    let page = store
        .list_executions(ExecutionQuery::newest(10))
        .await
        .unwrap();
    let text = page.next_cursor.unwrap().to_string();
    let rest = query(99, |query| query.cursor = Some(text.parse().unwrap()));
    assert_eq!(all(&store, rest).await, written[10..]);
    assert!(
        page.executions
            .iter()
            .all(|execution| execution.attempts.is_empty())
    );
}

async fn every_filter_applies_and_all_combine(store: AnyStore) {
    let mut written = Vec::new();
    for n in 0_u64..64 {
        let bit = |bit: u64| if n >> bit & 1 == 0 { "x" } else { "y" };
        written.push(new_with(bit(0), |new| {
            new.queue = bit(1).to_owned();
            new.item_id = Some(bit(2).to_owned());
            new.correlation_id = Some(bit(3).to_owned());
            new.created_by = Some(bit(4).to_owned());
            new.tags = vec!["all".to_owned(), bit(5).to_owned()];
            new.created_at = t(n);
        }));
    }
    store.enqueue(written.clone()).await.unwrap();
    enqueue(&store, "x", 2).await;
    let y = || Some("y".to_owned());
    type Change = fn(&mut ExecutionQuery, Option<String>);
    let filters: [Change; 6] = [
        |query, value| query.job_id = value,
        |query, value| query.queue = value,
        |query, value| query.item_id = value,
        |query, value| query.correlation_id = value,
        |query, value| query.created_by = value,
        |query, value| query.tag = value,
    ];
    for chosen in 0_u64..64 {
        let query = query(10, |query| {
            for (bit, filter) in filters.iter().enumerate() {
                if chosen >> bit & 1 == 1 {
                    filter(query, y());
                }
            }
            query.since = Some(t(8));
            query.until = Some(t(60));
        });
        let expected: Vec<_> = (8..60)
            .filter(|n| n & chosen == chosen)
            .map(|n| written[usize::try_from(n).unwrap()].id)
            .collect();
        assert_eq!(
            all(&store, query).await,
            newest_first(expected),
            "{chosen:b}"
        );
    }
}

async fn children_are_found_by_their_parent(store: AnyStore) {
    let parents = enqueue(&store, "parent", 2).await;
    let mut children = Vec::new();
    for n in 0_u64..6 {
        let job = if n < 2 { "a" } else { "b" };
        children.push(new_with(job, |new| {
            new.parent_id = Some(parents[usize::from(n == 5)]);
            new.created_at = t(n);
        }));
    }
    store.enqueue(children.clone()).await.unwrap();
    let ids = |places: &[usize]| places.iter().map(|n| children[*n].id).collect::<Vec<_>>();
    let of = |parent, job: Option<&str>| {
        query(2, |query| {
            query.parent_id = Some(parent);
            query.job_id = job.map(str::to_owned);
        })
    };
    assert_eq!(
        all(&store, of(parents[0], None)).await,
        ids(&[4, 3, 2, 1, 0])
    );
    assert_eq!(all(&store, of(parents[0], Some("a"))).await, ids(&[1, 0]));
    assert_eq!(all(&store, of(parents[1], None)).await, ids(&[5]));
    assert_eq!(all(&store, of(children[0].id, None)).await, ids(&[]));
}

async fn executions_are_found_by_every_status(store: AnyStore) {
    let session = session(&store, "w").await;
    let every = enqueue(&store, "j", 60).await;
    let claimed = store.claim(claim(session, 1, &["j"], 50)).await.unwrap();
    let settlements = claimed[..40]
        .iter()
        .enumerate()
        .map(|(n, claimed)| match n % 4 {
            0 => success(claimed),
            1 => failure(claimed),
            2 => retry_at(claimed, t(30)),
            _ => settlement(claimed, AttemptOutcome::Cancelled, Next::Cancel),
        });
    store.settle(settlements.collect()).await.unwrap();
    let expected = |n: usize| match n {
        50.. => ExecutionStatus::Queued,
        40.. => ExecutionStatus::Running,
        _ => match n % 4 {
            0 => ExecutionStatus::Succeeded,
            1 => ExecutionStatus::Failed,
            2 => ExecutionStatus::Pending,
            _ => ExecutionStatus::Cancelled,
        },
    };
    for wanted in ExecutionStatus::ALL {
        let ids = every
            .iter()
            .enumerate()
            .filter(|(n, _)| expected(*n) == *wanted);
        let ids = newest_first(ids.map(|(_, id)| *id).collect());
        assert!(!ids.is_empty());
        for job in [None, Some("j"), Some("other")] {
            let query = query(4, |query| {
                query.status = Some(*wanted);
                query.job_id = job.map(str::to_owned);
            });
            let found = all(&store, query).await;
            match job {
                Some("other") => assert!(found.is_empty()),
                _ => assert_eq!(found, ids, "{wanted}"),
            }
        }
    }
    let page = store
        .list_executions(ExecutionQuery::newest(60))
        .await
        .unwrap();
    for (n, read) in page.executions.iter().rev().enumerate() {
        assert_eq!(read.status, expected(n));
    }
}

async fn pages_are_complete_under_concurrent_enqueues(store: AnyStore) {
    let before = enqueue(&store, "j", 100).await;
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..20 {
                enqueue(&store, "j", 5).await;
            }
        }
    });
    let mut walks = 0;
    while walks < 3 || !writer.is_finished() {
        walks += 1;
        let found = all(&store, ExecutionQuery::newest(7)).await;
        let distinct: HashSet<_> = found.iter().copied().collect();
        assert_eq!(distinct.len(), found.len(), "no execution is listed twice");
        assert!(
            before.iter().all(|id| distinct.contains(id)),
            "no execution is missing"
        );
        assert!(found.is_sorted_by(|a, b| a > b));
    }
    writer.await.unwrap();
}

async fn a_page_examines_a_bounded_number_of_rows(store: AnyStore) {
    let needle = new_with("j", |new| new.tags = vec!["needle".to_owned()]);
    store.enqueue(vec![needle.clone()]).await.unwrap();
    for _ in 0..6 {
        enqueue(&store, "j", 1_000).await;
    }
    let query = query(5, |query| query.tag = Some("needle".to_owned()));
    let page = store.list_executions(query.clone()).await.unwrap();
    assert!(
        page.executions.is_empty() && page.next_cursor.is_some(),
        "the page is short and not the last"
    );
    assert_eq!(all(&store, query).await, [needle.id]);
}

async fn a_page_begins_at_its_times(store: AnyStore) {
    const APART: u64 = 600;
    let mut written = Vec::new();
    for batch in 0..6 {
        let new = |n| new_with("j", |new| new.created_at = t(n * APART));
        let batch: Vec<_> = (batch * 1_000..(batch + 1) * 1_000).map(new).collect();
        written.extend(batch.iter().map(|new| new.id));
        store.enqueue(batch).await.unwrap();
    }
    // The numbers of the executions that two bounds leave, and the pages that list them.
    let check = async |since: Option<u64>, until: Option<u64>, pages: usize| {
        for job in [None, Some("j")] {
            let mut query = query(5, |query| {
                query.job_id = job.map(str::to_owned);
                query.since = since.map(|n| t(n * APART));
                query.until = until.map(|n| t(n * APART));
            });
            let mut listed = Vec::new();
            for page in 1..=pages {
                let found = store.list_executions(query.clone()).await.unwrap();
                let matches = store.find_matches(query.clone()).await.unwrap();
                let ids: Vec<_> = found.executions.iter().map(|one| one.id).collect();
                assert!(
                    matches
                        .matches
                        .iter()
                        .map(|one| one.id)
                        .eq(ids.iter().copied())
                );
                assert_eq!(matches.next, found.next_cursor);
                listed.extend(ids);
                query.cursor = found.next_cursor;
                let is_last = query.cursor.is_none();
                assert_eq!(
                    is_last,
                    page == pages,
                    "{since:?} {until:?} {job:?}: page {page}"
                );
            }
            let (first, end) = (since.unwrap_or(0), until.unwrap_or(6_000).min(6_000));
            let expected = (first..end).map(|n| written[usize::try_from(n).unwrap()]);
            assert_eq!(listed, newest_first(expected.collect()));
        }
    };
    check(Some(1_000), Some(1_003), 1).await;
    check(Some(2_999), Some(3_010), 3).await;
    check(Some(5_991), None, 2).await;
    check(None, Some(4), 1).await;
    check(Some(0), Some(0), 1).await;
    check(Some(6_000), None, 1).await;
    check(Some(5_997), Some(9_000), 1).await;
}

async fn long_executions_are_found(store: AnyStore) {
    let session = session(&store, "w").await;
    let every = enqueue(&store, "j", 20).await;
    let claimed = store.claim(claim(session, 1, &["j"], 18)).await.unwrap();
    let settlements = (0..).zip(&claimed[..16]).map(|(n, claimed)| {
        let mut end = match n % 4 {
            0 => success(claimed),
            1 => failure(claimed),
            2 => retry_at(claimed, t(900)),
            _ => settlement(claimed, AttemptOutcome::Cancelled, Next::Cancel),
        };
        end.end.started_at = t(10);
        end.end.finished_at = t(10 + n);
        end
    });
    store.settle(settlements.collect()).await.unwrap();
    // One that never started has no duration.
    store.cancel(every[19], t(90)).await.unwrap();
    for (seconds, status, expected) in [
        (0, None, vec![0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15]),
        (9, None, vec![9, 11, 12, 13, 15]),
        (9, Some(ExecutionStatus::Failed), vec![9, 13]),
        (9, Some(ExecutionStatus::Pending), vec![]),
        (9, Some(ExecutionStatus::Running), vec![]),
        (16, None, vec![]),
    ] {
        for job in [None, Some("j")] {
            let query = query(3, |query| {
                query.longer_than = Some(Duration::from_secs(seconds));
                query.status = status;
                query.job_id = job.map(str::to_owned);
            });
            let expected = expected.iter().map(|n| claimed[*n].execution_id).collect();
            let found = all(&store, query).await;
            assert_eq!(found, newest_first(expected), "{seconds} {status:?}");
        }
    }
}

async fn the_longest_executions_come_first(store: AnyStore) {
    let session = session(&store, "w").await;
    let every = enqueue(&store, "j", 8).await;
    let claimed = store.claim(claim(session, 1, &["j"], 7)).await.unwrap();
    // The sixth is retried, the seventh runs, the eighth never starts.
    let durations = [4, 9, 4, 0, 7, 99];
    let settlements = durations.iter().zip(&claimed).map(|(seconds, claimed)| {
        let mut end = match seconds {
            99 => retry_at(claimed, t(900)),
            7 => failure(claimed),
            _ => success(claimed),
        };
        end.end.started_at = t(10);
        end.end.finished_at = t(10 + seconds);
        end
    });
    store.settle(settlements.collect()).await.unwrap();
    store.cancel(every[7], t(90)).await.unwrap();
    for (limit, status, fingerprint, expected) in [
        (9, None, None, vec![1, 4, 2, 0, 3]),
        (3, None, None, vec![1, 4, 2]),
        (9, Some(ExecutionStatus::Succeeded), None, vec![1, 2, 0, 3]),
        (9, None, Some("0000000000000000"), vec![]),
    ] {
        for job in [None, Some("j")] {
            let query = query(limit, |query| {
                query.sort = ExecutionSort::Duration;
                query.status = status;
                query.job_id = job.map(str::to_owned);
                query.error_fingerprint = fingerprint.map(str::to_owned);
            });
            let page = store.list_executions(query).await.unwrap();
            let found: Vec<_> = page.executions.iter().map(|one| one.id).collect();
            let expected: Vec<_> = expected.iter().map(|n| claimed[*n].execution_id).collect();
            assert_eq!(found, expected, "{limit} {status:?} {fingerprint:?}");
            assert_eq!(page.next_cursor, None);
        }
    }
}

async fn execution_states_follow_the_order_of_the_ids(store: AnyStore) {
    let ended = running(&store, "ended").await;
    settle(&store, failure(&ended)).await;
    let busy = running(&store, "busy").await;
    let later = new_with("later", |new| new.run_at = Some(t(60)));
    store.enqueue(vec![later.clone()]).await.unwrap();
    let waiting = enqueue(&store, "waiting", 1).await[0];
    let asked = vec![
        waiting,
        ended.execution_id,
        id(),
        later.id,
        busy.execution_id,
    ];
    let states = store.execution_states(asked).await.unwrap();
    let actual: Vec<_> = states
        .iter()
        .map(|state| (state.execution_id, state.job_id.as_str(), state.status))
        .collect();
    let expected = [
        (waiting, "waiting", ExecutionStatus::Queued),
        (ended.execution_id, "ended", ExecutionStatus::Failed),
        (later.id, "later", ExecutionStatus::Pending),
        (busy.execution_id, "busy", ExecutionStatus::Running),
    ];
    assert_eq!(actual, expected);
}

async fn a_cursor_works_in_every_process(Handles([here, there]): Handles) {
    let written = newest_first(enqueue(&here, "j", 9).await);
    let page = here
        .list_executions(ExecutionQuery::newest(4))
        .await
        .unwrap();
    let text = page.next_cursor.unwrap().to_string();
    let rest = query(99, |query| query.cursor = Some(text.parse().unwrap()));
    assert_eq!(all(&there, rest).await, written[4..]);
}

async fn pages_by_status_are_complete_under_concurrent_moves(Handles([here, there]): Handles) {
    let stays = enqueue(&here, "stays", 60).await;
    let mover = tokio::spawn(async move {
        let session = session(&there, "w").await;
        for number in 1..=15 {
            enqueue(&there, "moves", 6).await;
            let claimed = there.claim(claim(session, number, &["moves"], 4)).await;
            let ends = claimed.unwrap().iter().map(success).collect();
            there.settle(ends).await.unwrap();
        }
    });
    let mut walks = 0;
    while walks < 3 || !mover.is_finished() {
        walks += 1;
        let queued = query(7, |query| query.status = Some(ExecutionStatus::Queued));
        let found = all(&here, queued).await;
        let distinct: HashSet<_> = found.iter().collect();
        assert_eq!(distinct.len(), found.len(), "no execution is listed twice");
        assert!(stays.iter().all(|id| distinct.contains(id)));
    }
    mover.await.unwrap();
}
