//! Several stores on one file, as several processes have it.

use std::collections::HashSet;
use std::sync::Arc;

use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{Answer, Store, StoreEvent};

use super::harness::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_starters_prepare_one_file() {
    let file = Arc::new(TestFile::new());
    let starters: Vec<_> = (0..4)
        .map(|_| {
            let file = Arc::clone(&file);
            tokio::spawn(async move {
                let store = SqliteStore::open(&file.url()).await?;
                store.migrate().await
            })
        })
        .collect();
    for starter in starters {
        let applied = starter.await.unwrap().unwrap();
        assert!(applied.iter().all(|step| step.applied_at.is_some()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_elsewhere_are_noticed_and_own_ones_are_not() {
    let file = TestFile::new();
    let here = file.open().await;
    let there = file.open().await;
    let mut events = here.events();
    let id = enqueue(&there, "j", 1).await[0];
    event(&mut events, |e| matches!(e, StoreEvent::Elsewhere)).await;
    record(&here, id).await;

    // Own writes say precisely what they are. The next thing heard from elsewhere was done there.
    let mut events = here.events();
    for _ in 0..50 {
        enqueue(&here, "j", 1).await;
        event(&mut events, |e| {
            assert!(!matches!(e, StoreEvent::Elsewhere));
            matches!(e, StoreEvent::Ready)
        })
        .await;
    }
    enqueue(&there, "j", 1).await;
    event(&mut events, |e| matches!(e, StoreEvent::Elsewhere)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hears_of_busy_locks() {
    let file = TestFile::new();
    let stores = [file.open().await, file.open().await];
    let tasks: Vec<_> = (0..16)
        .map(|n: usize| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                let session = session(&store, "w").await;
                let mut done = Vec::new();
                for number in 1..=12 {
                    enqueue(&store, "j", 3).await;
                    let claimed = store
                        .claim(claim(session, number, &["j"], 4))
                        .await
                        .unwrap();
                    let batch = claimed.iter().map(success).collect();
                    let answers = store.settle(batch).await.unwrap();
                    assert!(answers.iter().all(|answer| *answer == Answer::Settled));
                    store.renew(session, t(1)).await.unwrap();
                    done.extend(ids(&claimed));
                }
                done
            })
        })
        .collect();
    let mut done = Vec::new();
    for task in tasks {
        done.extend(task.await.unwrap());
    }
    let distinct: HashSet<_> = done.iter().collect();
    assert_eq!(distinct.len(), done.len(), "nothing is executed twice");
    assert_eq!(done.len(), 16 * 12 * 3);
}
