//! Contention of several workers, in several processes if the backend can open further handles.

use std::collections::HashSet;

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "contention" {
    concurrent_claims_do_not_overlap: "Concurrent claims lease each ready execution once.",
    claims_of_two_processes_do_not_overlap: "Eight workers in two processes lease each execution once, and no claim exceeds its limit.",
    sixteen_executions_run_sixteen_times: "Four competing workers execute sixteen executions sixteen times.",
    no_busy_error_reaches_a_caller: "No caller receives a busy error of the database while sixteen workers write at the same time.",
    one_of_many_concurrent_settlements_is_written: "Of concurrent settlements of one attempt, exactly one is written.",
    a_settlement_and_a_take_over_do_not_both_win: "Either the settlement of an attempt is written, or its lease is taken over, never both.",
    a_cancel_and_a_claim_do_not_both_win: "Either a waiting execution is cancelled, or it is leased and its worker receives a request to cancel.",
    concurrent_take_overs_do_not_overlap: "Concurrent take-overs of a session move each lease once.",
    concurrent_promotions_do_not_overlap: "Concurrent promotions make each due execution ready once.",
    one_of_many_concurrent_operator_actions_acts: "Of concurrent cancellations, retries or deletions of one execution, exactly one acts.",
}}

async fn concurrent_claims_do_not_overlap(store: AnyStore) {
    let all = enqueue(&store, "j", 200).await;
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let session = session(&store, "w").await;
                let mut found = Vec::new();
                for number in 1.. {
                    let claimed = store
                        .claim(claim(session, number, &["j"], 7))
                        .await
                        .unwrap();
                    if claimed.is_empty() {
                        return found;
                    }
                    found.extend(ids(&claimed));
                }
                found
            })
        })
        .collect();
    let mut found = Vec::new();
    for worker in workers {
        found.extend(worker.await.unwrap());
    }
    assert_eq!(found.len(), all.len());
    assert_eq!(found.into_iter().collect::<HashSet<_>>().len(), all.len());
}

async fn claims_of_two_processes_do_not_overlap(Handles(handles): Handles) {
    let all = enqueue(&handles[0], "j", 240).await;
    let found = at_once(8, |n| {
        let store = handles[n % 2].clone();
        async move {
            let session = session(&store, "w").await;
            let mut found = Vec::new();
            for number in 1.. {
                let claimed = store.claim(claim(session, number, &["j"], 5)).await;
                let claimed = claimed.unwrap();
                assert!(claimed.len() <= 5, "no claim exceeds its limit");
                if claimed.is_empty() && nothing_is_queued(&store).await {
                    break;
                }
                found.extend(ids(&claimed));
            }
            found
        }
    })
    .await
    .concat();
    assert_eq!(found.len(), all.len());
    assert_eq!(found.iter().collect::<HashSet<_>>(), all.iter().collect());
    let leased: u64 = handles[0]
        .processes()
        .await
        .unwrap()
        .iter()
        .map(|process| process.running)
        .sum();
    assert_eq!(leased, 240);
}

/// Returns `true` if no execution is queued. A claim beside others may be empty although some are.
async fn nothing_is_queued(store: &AnyStore) -> bool {
    let mut query = ExecutionQuery::newest(1);
    query.status = Some(ExecutionStatus::Queued);
    let page = store.list_executions(query).await.unwrap();
    page.executions.is_empty() && page.next_cursor.is_none()
}

async fn sixteen_executions_run_sixteen_times(Handles(handles): Handles) {
    for _ in 0..4 {
        let all = enqueue(&handles[0], "j", 16).await;
        let executed = at_once(4, |n| {
            let (store, all) = (handles[n % 2].clone(), all.clone());
            async move {
                let session = session(&store, "w").await;
                let mut executed = Vec::new();
                for number in 1.. {
                    let claimed = store.claim(claim(session, number, &["j"], 2)).await;
                    let claimed = claimed.unwrap();
                    executed.extend(ids(&claimed));
                    let ends: Vec<_> = claimed.iter().map(success).collect();
                    for answer in store.settle(ends).await.unwrap() {
                        assert_eq!(answer, WriteAnswer::Settled);
                    }
                    let states = store.execution_states(all.clone()).await.unwrap();
                    if states.iter().all(|state| state.status.is_final()) {
                        break;
                    }
                }
                executed
            }
        })
        .await
        .concat();
        assert_eq!(executed.len(), 16);
        for id in all {
            let read = record(&handles[1], id).await;
            assert_eq!(read.status, ExecutionStatus::Succeeded);
            assert_eq!(read.attempts.len(), 1);
        }
    }
}

async fn no_busy_error_reaches_a_caller(Handles(handles): Handles) {
    let done = at_once(16, |n| {
        let store = handles[n % 2].clone();
        async move {
            let session = session(&store, "w").await;
            let mut done = Vec::new();
            for number in 1..=10 {
                enqueue(&store, "j", 3).await;
                let claimed = store.claim(claim(session, number, &["j"], 4)).await;
                let claimed = claimed.unwrap();
                let ends = claimed.iter().map(success).collect();
                let answers = store.settle(ends).await.unwrap();
                assert!(answers.iter().all(|answer| *answer == WriteAnswer::Settled));
                assert_eq!(store.renew(session, t(1)).await.unwrap(), Renewal::Renewed);
                store.promote(t(1), 5).await.unwrap();
                store.sessions().await.unwrap();
                done.extend(ids(&claimed));
            }
            done
        }
    })
    .await
    .concat();
    let distinct: HashSet<_> = done.iter().collect();
    assert_eq!(distinct.len(), done.len(), "nothing is executed twice");
    let page = handles[0]
        .list_executions(ExecutionQuery::newest(1_000))
        .await
        .unwrap();
    assert_eq!(page.executions.len(), 16 * 10 * 3);
    for read in page.executions {
        let expected = if distinct.contains(&read.id) {
            ExecutionStatus::Succeeded
        } else {
            ExecutionStatus::Queued
        };
        assert_eq!(read.status, expected);
    }
}

async fn one_of_many_concurrent_settlements_is_written(Handles(handles): Handles) {
    for _ in 0..5 {
        let claimed = running(&handles[0], "j").await;
        let answers = at_once(8, |n| {
            let store = handles[n % 2].clone();
            let end = match n % 3 {
                0 => success(&claimed),
                1 => failure(&claimed),
                _ => retry_at(&claimed, t(30)),
            };
            async move { settle(&store, end).await }
        })
        .await;
        let settled = answers
            .iter()
            .filter(|answer| **answer == WriteAnswer::Settled);
        assert_eq!(settled.count(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| *answer != WriteAnswer::Stale));
        let read = record(&handles[1], claimed.execution_id).await;
        assert_eq!(read.attempts.len(), 1);
    }
}

async fn a_settlement_and_a_take_over_do_not_both_win(Handles([here, there]): Handles) {
    for round in 0..12 {
        let claimed = running(&here, "j").await;
        let watched = beat(&here, claimed.fence.session).await;
        let rescuer = session(&there, "rescuer").await;
        let rescue = there.take_over(watched, claim(rescuer, 1, &[], 9));
        let end = settle(&here, success(&claimed));
        let (answer, taken) = match round % 2 {
            0 => tokio::join!(end, rescue),
            _ => {
                let (taken, answer) = tokio::join!(rescue, end);
                (answer, taken)
            }
        };
        let taken = taken.unwrap();
        match answer {
            WriteAnswer::Settled => assert!(taken.is_empty()),
            WriteAnswer::Stale => assert_eq!(ids(&taken), [claimed.execution_id]),
            other => panic!("unexpected answer: {other:?}"),
        }
    }
}

async fn a_cancel_and_a_claim_do_not_both_win(Handles([here, there]): Handles) {
    let session = session(&there, "w").await;
    for number in 1..=12 {
        let id = enqueue(&here, "j", 1).await[0];
        let claim = there.claim(claim(session, number, &["j"], 1));
        let (cancelled, claimed) = tokio::join!(here.cancel(id, t(1)), claim);
        let claimed = claimed.unwrap();
        match cancelled.unwrap() {
            CancelAnswer::Cancelled => assert!(claimed.is_empty()),
            // The request may have been written before the claim.
            CancelAnswer::Requested => {
                assert_eq!(ids(&claimed), [id]);
                let asked = there.cancel_requests(session).await.unwrap();
                assert_eq!(asked, [claimed[0].fence]);
                settle(&there, success(&claimed[0])).await;
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn concurrent_take_overs_do_not_overlap(Handles(handles): Handles) {
    let dead = session(&handles[0], "dead").await;
    let all = enqueue(&handles[0], "j", 60).await;
    let claimed = handles[0].claim(claim(dead, 1, &["j"], 60)).await;
    assert_eq!(claimed.unwrap().len(), 60);
    let watched = beat(&handles[0], dead).await;
    let taken = at_once(6, |n| {
        let (store, watched) = (handles[n % 2].clone(), watched.clone());
        async move {
            let rescuer = session(&store, "rescuer").await;
            let mut taken = Vec::new();
            for number in 1.. {
                let slice = claim(rescuer, number, &[], 7);
                let slice = store.take_over(watched.clone(), slice).await.unwrap();
                assert!(slice.len() <= 7);
                if slice.is_empty() && !is_open(&store, watched.session).await {
                    break;
                }
                taken.extend(ids(&slice));
            }
            taken
        }
    })
    .await
    .concat();
    assert_eq!(taken.len(), all.len());
    assert_eq!(taken.iter().collect::<HashSet<_>>(), all.iter().collect());
}

async fn concurrent_promotions_do_not_overlap(Handles(handles): Handles) {
    let batch: Vec<_> = (0..60)
        .map(|n| new_with("j", |new| new.run_at = Some(t(1 + n % 7))))
        .collect();
    handles[0].enqueue(batch).await.unwrap();
    let promoted = at_once(6, |n| {
        let store = handles[n % 2].clone();
        async move {
            let mut promoted = 0;
            loop {
                let promotion = store.promote(t(60), 9).await.unwrap();
                assert!(promotion.promoted <= 9);
                promoted += promotion.promoted;
                if promotion.next_due.is_none() {
                    return promoted;
                }
            }
        }
    })
    .await;
    assert_eq!(promoted.iter().sum::<usize>(), 60);
    let session = session(&handles[0], "w").await;
    let claimed = handles[0].claim(claim(session, 1, &["j"], 99)).await;
    assert_eq!(claimed.unwrap().len(), 60);
}

async fn one_of_many_concurrent_operator_actions_acts(Handles(handles): Handles) {
    let waiting = enqueue(&handles[0], "j", 1).await[0];
    let answers = at_once(6, |n| {
        let store = handles[n % 2].clone();
        async move { store.cancel(waiting, t(1)).await.unwrap() }
    })
    .await;
    let first = |answer: &&CancelAnswer| **answer == CancelAnswer::Cancelled;
    assert_eq!(answers.iter().filter(first).count(), 1, "{answers:?}");
    let answers = at_once(6, |n| {
        let store = handles[n % 2].clone();
        async move {
            store
                .retry(waiting, None, EnqueueRules::default(), t(2))
                .await
                .unwrap()
        }
    })
    .await;
    let first = |answer: &&RetryAnswer| **answer == RetryAnswer::Queued;
    assert_eq!(answers.iter().filter(first).count(), 1, "{answers:?}");
    handles[1].cancel(waiting, t(3)).await.unwrap();
    let answers = at_once(6, |n| {
        let store = handles[n % 2].clone();
        async move { store.delete(waiting).await.unwrap() }
    })
    .await;
    let first = |answer: &&DeleteAnswer| **answer == DeleteAnswer::Deleted;
    assert_eq!(answers.iter().filter(first).count(), 1, "{answers:?}");
}
